//! What operations on the organization share: members of requests, finding its parts, changing them. Source: AWS
//! Organizations API reference, whose notions these are; the operations are our own (models/claviger).

pub mod control_policies;
pub mod shown;

use std::str::FromStr;

use claviger_keyring::Space;
use claviger_storage::Revision;
use claviger_types::{
    AccountId, ControlPolicyId, ControlPolicyType, ControlTarget, OrganizationalUnitId, ParentId, PrincipalArn, limits,
};

use crate::error::Error;
use crate::keys::tags;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::pipeline::page::Page;
use crate::records::{AccountRecord, ControlPolicyRecord, OrganizationRecord, TagRecord};
use crate::view::{Account, ControlPolicy, Organization, OrganizationalUnit};
use crate::wire::Fields;

const RESULTS_MAX: usize = 100;

/// A member that the constraints demand and check.
pub fn required<T: FromStr>(fields: &mut Fields, member: &str) -> Result<T, Error> {
    optional(fields, member)?.ok_or_else(|| Error::Internal(format!("{member} passed the constraints and is missing")))
}

/// A member that the constraints check, if it is there.
pub fn optional<T: FromStr>(fields: &mut Fields, member: &str) -> Result<Option<T>, Error> {
    let parse =
        |text: String| text.parse().map_err(|_| Error::Internal(format!("{member} {text} passed the constraints")));
    fields.string(member).map(parse).transpose()
}

/// `MaxResults` and `NextToken`.
pub fn page(fields: &mut Fields) -> Page {
    Page::new(fields.integer("MaxResults"), fields.string("NextToken"), RESULTS_MAX, RESULTS_MAX)
}

/// `Tags` with `Key` and `Value`, in order of their keys: no key twice, none that begins with `aws:`.
pub fn tags(fields: &mut Fields) -> Result<Vec<TagRecord>, Error> {
    let tag = |mut fields: Fields| TagRecord {
        key: fields.string("Key").unwrap_or_default(),
        value: fields.string("Value").unwrap_or_default(),
    };
    let mut tags: Vec<TagRecord> = fields.structures("Tags").unwrap_or_default().into_iter().map(tag).collect();
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    tags.iter().try_for_each(|tag| tags::check_key(&tag.key))?;
    if tags.windows(2).any(|pair| matches!(pair, [a, b] if a.key == b.key)) {
        return Err(Error::Tag("Duplicate tag keys"));
    }
    check_tag_count(tags.len()).map(|()| tags)
}

/// Not more than an account can have.
pub fn check_tag_count(tags: usize) -> Result<(), Error> {
    if tags > limits::TAGS_PER_ACCOUNT_MAX { Err(Error::Tag("Too many tags")) } else { Ok(()) }
}

/// The organization.
pub fn organization<'v>(facts: &Facts<'v>) -> Result<&'v Organization, Error> {
    let organization = facts.view.organization().map(|organization| &**organization);
    organization.ok_or_else(|| Error::Internal("the store holds no organization".into()))
}

/// An account of this number.
pub fn account<'v>(id: AccountId, facts: &Facts<'v>) -> Result<&'v Account, Error> {
    let account = facts.view.account(id).map(|account| &**account);
    account.ok_or_else(|| Error::NotFound(format!("The account {id} does not exist.")))
}

/// A unit of this id.
pub fn unit<'v>(id: &OrganizationalUnitId, facts: &Facts<'v>) -> Result<&'v OrganizationalUnit, Error> {
    let unit = facts.view.organizational_unit(id).map(|unit| &**unit);
    unit.ok_or_else(|| Error::NotFound(format!("The organizational unit {id} does not exist.")))
}

/// A control policy of this id.
pub fn policy<'v>(id: &ControlPolicyId, facts: &Facts<'v>) -> Result<&'v ControlPolicy, Error> {
    let policy = facts.view.control_policy(id).map(|policy| &**policy);
    policy.ok_or_else(|| Error::NotFound(format!("The control policy {id} does not exist.")))
}

/// The unit that a parent's id names; none is the root.
pub fn parent<'v>(id: &ParentId, facts: &Facts<'v>) -> Result<Option<&'v OrganizationalUnit>, Error> {
    match id {
        ParentId::Root(root) if *root == organization(facts)?.root => Ok(None),
        ParentId::Root(root) => Err(Error::NotFound(format!("The root {root} does not exist."))),
        ParentId::Unit(id) => unit(id, facts).map(Some),
    }
}

/// What is attached to a target, but for what is attached everywhere.
pub fn attached<'v>(target: &ControlTarget, facts: &Facts<'v>) -> Result<&'v [ControlPolicyId], Error> {
    match target {
        ControlTarget::Account(id) => account(*id, facts).map(|account| &*account.policies),
        ControlTarget::Parent(id) => match parent(id, facts)? {
            Some(unit) => Ok(&unit.policies),
            None => Ok(&organization(facts)?.policies),
        },
    }
}

/// How many policies of a type are attached where `attached` is attached.
pub fn attached_of_type(attached: &[ControlPolicyId], kind: ControlPolicyType, facts: &Facts<'_>) -> usize {
    facts.view.control_policies().filter(|policy| policy.kind == kind && policy.is_among(attached)).count()
}

/// Everything that a control policy is attached to.
pub fn targets_of<'v>(
    policy: &'v ControlPolicy,
    facts: &Facts<'v>,
) -> Result<impl Iterator<Item = ControlTarget> + use<'v>, Error> {
    let (organization, view) = (organization(facts)?, facts.view);
    let root = policy.is_among(&organization.policies).then(|| ParentId::Root(organization.root.clone()));
    let units = view.organizational_units().filter(|unit| policy.is_among(&unit.policies));
    let parents = root.into_iter().chain(units.map(|unit| ParentId::Unit(unit.id.clone())));
    let accounts = view.accounts().filter(|account| policy.is_among(&account.policies));
    Ok(parents.map(ControlTarget::Parent).chain(accounts.map(|account| ControlTarget::Account(account.id))))
}

/// The record of a policy that may be changed, with its revision.
pub fn own_record(policy: &ControlPolicy) -> Result<(Revision, ControlPolicyRecord), Error> {
    policy.to_record().ok_or_else(|| {
        let id = &policy.id;
        Error::ConstraintViolation(format!("The control policy {id} comes with the service and cannot be changed."))
    })
}

/// No other unit of the parent may have the name.
pub fn check_unit_name(name: &str, parent: Option<&OrganizationalUnitId>, facts: &Facts<'_>) -> Result<(), Error> {
    let mut siblings = facts.view.organizational_units().filter(|unit| unit.parent.as_ref() == parent);
    if siblings.any(|unit| *unit.name == *name) {
        let parent = organization(facts)?.parent_id(parent);
        return Err(Error::AlreadyExists(format!("An organizational unit named {name} already exists in {parent}.")));
    }
    Ok(())
}

/// No other policy of the type may have the name.
pub fn check_policy_name(name: &str, kind: ControlPolicyType, facts: &Facts<'_>) -> Result<(), Error> {
    let mut of_type = facts.view.control_policies().filter(|policy| policy.kind == kind);
    if of_type.any(|policy| *policy.name == *name) {
        return Err(Error::AlreadyExists(format!("A policy of the type {kind} named {name} already exists.")));
    }
    Ok(())
}

/// A change of the tree, of a policy or of an attachment. Each writes the organization's record over the revision that
/// was decided on: of two that met, one is decided again, so no unit is deleted under a new child, no policy under a
/// new attachment, and no name is given twice.
pub fn change_tree(facts: &Facts<'_>, change: impl FnOnce(&mut OrganizationRecord)) -> Result<Changes, Error> {
    let organization = organization(facts)?;
    let mut record = organization.to_record();
    change(&mut record);
    Ok(Changes::new(Space::Global).replace(paths::organization(), organization.revision, &record))
}

/// One change of what is attached to a target.
pub fn change_attached(
    target: &ControlTarget,
    facts: &Facts<'_>,
    change: impl FnOnce(&mut Vec<String>),
) -> Result<Changes, Error> {
    match target {
        ControlTarget::Account(id) => {
            let account = account(*id, facts)?;
            Ok(write_account(change_tree(facts, |_| {})?, account, |record| change(&mut record.policies)))
        }
        ControlTarget::Parent(id) => match parent(id, facts)? {
            None => change_tree(facts, |record| change(&mut record.policies)),
            Some(unit) => {
                let mut record = unit.to_record();
                change(&mut record.policies);
                let path = paths::organizational_unit(&unit.id);
                Ok(change_tree(facts, |_| {})?.replace(path, unit.revision, &record))
            }
        },
    }
}

/// One change of an account that touches nothing else.
pub fn edit_account(account: &Account, change: impl FnOnce(&mut AccountRecord)) -> Changes {
    write_account(Changes::new(Space::Global), account, change)
}

/// Adds one change of an account.
pub fn write_account(changes: Changes, account: &Account, change: impl FnOnce(&mut AccountRecord)) -> Changes {
    let mut record = account.to_record();
    change(&mut record);
    changes.replace(paths::account(account.id), account.revision, &record)
}

/// The ARN of an account, a unit or the root.
pub fn target_arn(target: &ControlTarget, facts: &Facts<'_>) -> Result<String, Error> {
    Ok(match target {
        ControlTarget::Account(id) => PrincipalArn::Root(*id).to_string(),
        ControlTarget::Parent(ParentId::Root(id)) => arn("root", id.as_str(), facts)?,
        ControlTarget::Parent(ParentId::Unit(id)) => arn("ou", id.as_str(), facts)?,
    })
}

/// The ARN of a control policy. Source: service authorization reference, AWS Organizations, resource types.
pub fn policy_arn(policy: &ControlPolicy, facts: &Facts<'_>) -> Result<String, Error> {
    match policy.written {
        Some(_) => own_policy_arn(&policy.id, policy.kind, facts),
        None => Ok(format!("arn:aws:organizations::aws:policy/{}/{}", lower_case(policy.kind), policy.id)),
    }
}

/// The ARN of a control policy that does not come with the service.
pub fn own_policy_arn(id: &ControlPolicyId, kind: ControlPolicyType, facts: &Facts<'_>) -> Result<String, Error> {
    arn("policy", &format!("{}/{id}", lower_case(kind)), facts)
}

fn lower_case(kind: ControlPolicyType) -> String {
    kind.as_str().to_ascii_lowercase()
}

fn arn(kind: &str, rest: &str, facts: &Facts<'_>) -> Result<String, Error> {
    let first = facts.view.deployment().map(|deployment| deployment.first_account);
    let first = first.ok_or_else(|| Error::Internal("the store is empty".into()))?;
    Ok(format!("arn:aws:organizations::{first}:{kind}/{}/{rest}", organization(facts)?.id))
}
