//! The organization in memory: the tree of units and accounts, and the control policies that hold for each account.
//!
//! An account points to the compiled policies of each level above it, so that a request of one of its principals looks
//! nothing up. Those pointers are drawn again after a commit that changed the tree, a policy or an attachment.

use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_policy::{ControlPolicies, IdentityPolicies};
use claviger_storage::Revision;
use claviger_types::{
    AccountId, ControlPolicyId, ControlPolicyType, OrganizationId, OrganizationalUnitId, ParentId, RootId, Timestamp,
    limits,
};
use imbl::{OrdMap, OrdSet};

use super::apply::{At, DamagedState};
use super::control_policies::{BUILT_IN, Compiled, ControlPolicy, Written};
use super::{Tags, View};
use crate::paths;
use crate::records::{AccountRecord, ControlPolicyRecord, OrganizationRecord, OrganizationalUnitRecord, TagRecord};

/// The organization with its root.
pub struct Organization {
    /// `o-…`.
    pub id: OrganizationId,
    /// Its root.
    pub root: RootId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Control policies attached to the root.
    pub policies: Box<[ControlPolicyId]>,
    /// When its record was written last: with each change of the tree, of a policy or of an attachment.
    pub revision: Revision,
}

/// An organizational unit.
pub struct OrganizationalUnit {
    /// `ou-…`.
    pub id: OrganizationalUnitId,
    /// Its name.
    pub name: Box<str>,
    /// What it lies in; none is the root.
    pub parent: Option<OrganizationalUnitId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Control policies attached to it.
    pub policies: Box<[ControlPolicyId]>,
    /// When its record was written last.
    pub revision: Revision,
}

/// An account.
#[derive(Clone)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was closed, if it is.
    pub closed_at: Option<Timestamp>,
    /// The unit that it lies in; none is the root.
    pub parent: Option<OrganizationalUnitId>,
    /// Tags in order of their keys.
    pub tags: Tags,
    /// Control policies attached to it.
    pub policies: Box<[ControlPolicyId]>,
    /// The name that stands for its number at sign-in.
    pub alias: Option<String>,
    /// When its record was written last.
    pub revision: Revision,
    place: Arc<Place>,
}

/// Where an account is, and what holds for it there.
#[derive(Default)]
struct Place {
    /// `o-…/r-…/ou-…/`.
    path: Box<str>,
    /// Root first; empty for the first account.
    scps: Box<[Arc<IdentityPolicies>]>,
    rcps: Box<[Arc<ControlPolicies>]>,
}

/// What the View keeps of the organization.
#[derive(Clone, Default)]
pub(super) struct OrganizationView {
    organization: Option<Arc<Organization>>,
    units: OrdMap<OrganizationalUnitId, Arc<OrganizationalUnit>>,
    policies: OrdMap<ControlPolicyId, Arc<ControlPolicy>>,
    closed: OrdSet<AccountId>,
    /// Accounts whose place must be found again; all of them if the tree changed.
    displaced: Vec<AccountId>,
    tree_changed: bool,
}

impl View {
    /// The organization; none only in a store that holds no deployment.
    pub fn organization(&self) -> Option<&Arc<Organization>> {
        self.organization.organization.as_ref()
    }

    /// A unit.
    pub fn organizational_unit(&self, id: &OrganizationalUnitId) -> Option<&Arc<OrganizationalUnit>> {
        self.organization.units.get(id)
    }

    /// All units in order of their ids.
    pub fn organizational_units(&self) -> impl Iterator<Item = &Arc<OrganizationalUnit>> {
        self.organization.units.values()
    }

    /// A control policy, built in or not.
    pub fn control_policy(&self, id: &ControlPolicyId) -> Option<&Arc<ControlPolicy>> {
        BUILT_IN.iter().find(|policy| policy.id == *id).or_else(|| self.organization.policies.get(id))
    }

    /// All control policies: those that are built in, then the others in order of their ids.
    pub fn control_policies(&self) -> impl Iterator<Item = &Arc<ControlPolicy>> {
        BUILT_IN.iter().chain(self.organization.policies.values())
    }

    /// Whether an account is closed: its principals cannot call, and its keys answer nobody.
    pub fn is_closed(&self, account: AccountId) -> bool {
        self.organization.closed.contains(&account)
    }

    /// The service control policies that hold for principals of an account, root first: each level must allow. None
    /// hold for the first account. Source: AWS Organizations user guide, "Service control policies".
    pub fn scp_levels(&self, account: AccountId) -> &[Arc<IdentityPolicies>] {
        self.account(account).map_or(&[], |account| account.scp_levels())
    }

    /// The resource control policies that hold for an account's resources, root first: each level must allow. None hold
    /// for the first account. Source: AWS Organizations user guide, "Resource control policies".
    pub fn rcp_levels(&self, account: AccountId) -> &[Arc<ControlPolicies>] {
        self.account(account).map_or(&[], |account| account.rcp_levels())
    }

    /// Every reference of the organization's records to what is not there.
    pub(crate) fn organization_damage(&self) -> Vec<DamagedState> {
        let mut damage = Vec::new();
        let mut check = |path: String, parent: Option<&OrganizationalUnitId>, policies: &[ControlPolicyId]| {
            if let Some(unit) = parent.filter(|unit| self.organizational_unit(unit).is_none()) {
                damage.push(DamagedState::new(&path, format!("lies in the unit {unit}, which is not there")));
            }
            for policy in policies.iter().filter(|policy| self.control_policy(policy).is_none()) {
                damage.push(DamagedState::new(&path, format!("the policy {policy} is not there")));
            }
        };
        if let Some(organization) = self.organization() {
            check(paths::organization(), None, &organization.policies);
        }
        for unit in self.organizational_units() {
            check(paths::organizational_unit(&unit.id), unit.parent.as_ref(), &unit.policies);
        }
        for account in self.accounts() {
            check(paths::account(account.id), account.parent.as_ref(), &account.policies);
        }
        match self.organization() {
            None if self.deployment().is_some() => {
                damage.push(DamagedState::new(paths::organization(), "missing: the deployment has no organization"));
            }
            _ => {}
        }
        damage
    }

    pub(super) fn put_account(&mut self, at: &At<'_>, record: AccountRecord) -> Result<(), DamagedState> {
        let id = at.parse("account id")?;
        let account = Account {
            id,
            name: record.name.into(),
            created_at: Timestamp::from_millis(record.created_at),
            closed_at: record.closed_at.map(Timestamp::from_millis),
            parent: parent(at, record.parent)?,
            tags: record.tags.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect(),
            policies: policy_ids(at, &record.policies)?,
            alias: record.alias,
            revision: at.revision,
            place: Arc::default(),
        };
        match account.closed_at {
            Some(_) => self.organization.closed.insert(id),
            None => self.organization.closed.remove(&id),
        };
        self.organization.displaced.push(id);
        self.accounts.insert(id, Arc::new(account));
        Ok(())
    }

    pub(super) fn put_organization(&mut self, at: &At<'_>, record: OrganizationRecord) -> Result<(), DamagedState> {
        let organization = Organization {
            id: record.id.parse().map_err(|error| at.damaged(error))?,
            root: record.root.parse().map_err(|error| at.damaged(error))?,
            created_at: Timestamp::from_millis(record.created_at),
            policies: policy_ids(at, &record.policies)?,
            revision: at.revision,
        };
        self.organization.organization = Some(Arc::new(organization));
        self.organization.tree_changed = true;
        Ok(())
    }

    pub(super) fn put_unit(&mut self, at: &At<'_>, record: OrganizationalUnitRecord) -> Result<(), DamagedState> {
        let id: OrganizationalUnitId = at.parse("organizational unit id")?;
        let unit = OrganizationalUnit {
            id: id.clone(),
            name: record.name.into(),
            parent: parent(at, record.parent)?,
            created_at: Timestamp::from_millis(record.created_at),
            policies: policy_ids(at, &record.policies)?,
            revision: at.revision,
        };
        self.organization.units.insert(id, Arc::new(unit));
        self.organization.tree_changed = true;
        Ok(())
    }

    pub(super) fn remove_unit(&mut self, at: &At<'_>) -> Result<(), DamagedState> {
        self.organization.units.remove(&at.parse::<OrganizationalUnitId>("organizational unit id")?);
        self.organization.tree_changed = true;
        Ok(())
    }

    pub(super) fn put_control_policy(&mut self, at: &At<'_>, record: ControlPolicyRecord) -> Result<(), DamagedState> {
        let id: ControlPolicyId = at.parse("control policy id")?;
        let kind: ControlPolicyType = record.kind.parse().map_err(|error| at.damaged(error))?;
        let compiled = Compiled::parse(kind, &record.content).map_err(|error| at.damaged(error))?;
        let policy = ControlPolicy {
            id: id.clone(),
            kind,
            name: record.name.into(),
            description: record.description.into(),
            content: record.content.into(),
            written: Some(Written {
                created_at: Timestamp::from_millis(record.created_at),
                updated_at: Timestamp::from_millis(record.updated_at),
                revision: at.revision,
            }),
            compiled,
        };
        self.organization.policies.insert(id, Arc::new(policy));
        self.organization.tree_changed = true;
        Ok(())
    }

    pub(super) fn remove_control_policy(&mut self, at: &At<'_>) -> Result<(), DamagedState> {
        self.organization.policies.remove(&at.parse::<ControlPolicyId>("control policy id")?);
        self.organization.tree_changed = true;
        Ok(())
    }

    /// Finds the places of the accounts that may have another one now. Records come in no order that would allow it
    /// earlier.
    pub(super) fn place_accounts(&mut self) -> Result<(), DamagedState> {
        let displaced = std::mem::take(&mut self.organization.displaced);
        let tree_changed = std::mem::take(&mut self.organization.tree_changed);
        let ids: Vec<AccountId> = if tree_changed { self.accounts.keys().copied().collect() } else { displaced };
        if self.organization().is_none() {
            let missing = || DamagedState::new(paths::organization(), "missing: the deployment has no organization");
            return if self.deployment.is_some() { Err(missing()) } else { Ok(()) };
        }
        let mut above = BTreeMap::new();
        for id in ids {
            let Some(account) = self.accounts.get(&id) else { continue };
            let place = Arc::new(self.place_of(account, &mut above)?);
            let placed = Account { place, ..Account::clone(account) };
            self.accounts.insert(id, Arc::new(placed));
        }
        Ok(())
    }

    fn place_of<'v>(
        &'v self,
        account: &'v Account,
        above: &mut BTreeMap<Option<OrganizationalUnitId>, Above>,
    ) -> Result<Place, DamagedState> {
        let path = paths::account(account.id);
        if !above.contains_key(&account.parent) {
            let found = self.above(account.parent.as_ref(), &path)?;
            above.insert(account.parent.clone(), found);
        }
        let above = above.get(&account.parent).cloned().unwrap_or_default();
        let mut place = Place { path: above.path.into(), ..Place::default() };
        if self.deployment.as_ref().is_some_and(|deployment| deployment.first_account == account.id) {
            return Ok(place);
        }
        let (scps, rcps) = self.level(&account.policies, &path)?;
        place.scps = above.scps.into_iter().chain([scps]).collect();
        place.rcps = above.rcps.into_iter().chain([rcps]).collect();
        Ok(place)
    }

    /// The control policies of one type at a level above an account, counted as in [`View::scp_levels`] and
    /// [`View::rcp_levels`].
    pub(crate) fn control_policies_at(
        &self,
        account: AccountId,
        kind: ControlPolicyType,
        level: usize,
    ) -> Vec<&ControlPolicy> {
        let (Some(organization), Some(account)) = (self.organization(), self.account(account)) else {
            return Vec::new();
        };
        let unit_of = |parent: &Option<OrganizationalUnitId>| self.organizational_unit(parent.as_ref()?);
        let mut attached = vec![&account.policies];
        attached.extend(
            std::iter::successors(unit_of(&account.parent), |unit| unit_of(&unit.parent)).map(|unit| &unit.policies),
        );
        attached.push(&organization.policies);
        let found = attached.into_iter().rev().nth(level).into_iter().flat_map(|attached| of_level(attached));
        found
            .filter_map(|id| self.control_policy(id))
            .map(|policy| &**policy)
            .filter(|policy| policy.kind == kind)
            .collect()
    }

    /// What accounts in a unit, or directly below the root, have in common.
    fn above(&self, parent: Option<&OrganizationalUnitId>, path: &str) -> Result<Above, DamagedState> {
        let Some(organization) = self.organization() else { return Ok(Above::default()) };
        let mut units = Vec::new();
        let mut next = parent;
        while let Some(id) = next {
            let unit = self.organizational_unit(id).filter(|_| units.len() < limits::ORGANIZATIONAL_UNIT_DEPTH_MAX);
            let unit = unit.ok_or_else(|| DamagedState::new(path, format!("the unit {id} leads to no root")))?;
            units.push(unit);
            next = unit.parent.as_ref();
        }
        let mut above = Above { path: format!("{}/{}/", organization.id, organization.root), ..Above::default() };
        above.push(self.level(&organization.policies, &paths::organization())?);
        for unit in units.into_iter().rev() {
            above.path.push_str(unit.id.as_str());
            above.path.push('/');
            above.push(self.level(&unit.policies, &paths::organizational_unit(&unit.id))?);
        }
        Ok(above)
    }

    /// The policies of one level, by type.
    fn level(&self, attached: &[ControlPolicyId], path: &str) -> Result<Level, DamagedState> {
        let (mut scps, mut rcps) = (Vec::new(), Vec::new());
        for id in of_level(attached) {
            let missing = || DamagedState::new(path, format!("the policy {id} is not there"));
            match &self.control_policy(id).ok_or_else(missing)?.compiled {
                Compiled::Service(policy) => scps.push(Arc::clone(policy)),
                Compiled::Resource(policy) => rcps.push(Arc::clone(policy)),
            }
        }
        Ok((Arc::new(IdentityPolicies::merge(scps)), Arc::new(ControlPolicies::merge(&rcps))))
    }
}

/// What holds at a level, in the order in which decisions count it.
fn of_level(attached: &[ControlPolicyId]) -> impl Iterator<Item = &ControlPolicyId> {
    attached.iter().chain(BUILT_IN.iter().filter(|policy| policy.is_everywhere()).map(|policy| &policy.id))
}

type Level = (Arc<IdentityPolicies>, Arc<ControlPolicies>);

#[derive(Clone, Default)]
struct Above {
    path: String,
    scps: Vec<Arc<IdentityPolicies>>,
    rcps: Vec<Arc<ControlPolicies>>,
}

impl Above {
    fn push(&mut self, (scps, rcps): Level) {
        self.scps.push(scps);
        self.rcps.push(rcps);
    }
}

impl Organization {
    /// As stored.
    pub fn to_record(&self) -> OrganizationRecord {
        OrganizationRecord {
            id: self.id.to_string(),
            root: self.root.to_string(),
            created_at: self.created_at.as_millis(),
            policies: texts(&self.policies),
        }
    }

    /// A parent as the API names it.
    pub fn parent_id(&self, unit: Option<&OrganizationalUnitId>) -> ParentId {
        unit.map_or_else(|| ParentId::Root(self.root.clone()), |unit| ParentId::Unit(unit.clone()))
    }
}

impl OrganizationalUnit {
    /// As stored.
    pub fn to_record(&self) -> OrganizationalUnitRecord {
        OrganizationalUnitRecord {
            name: self.name.to_string(),
            parent: self.parent.as_ref().map(ToString::to_string),
            created_at: self.created_at.as_millis(),
            policies: texts(&self.policies),
        }
    }
}

impl Account {
    /// As stored.
    pub fn to_record(&self) -> AccountRecord {
        let tag = |(key, value): &(Box<str>, Box<str>)| TagRecord { key: key.to_string(), value: value.to_string() };
        AccountRecord {
            alias: self.alias.clone(),
            name: self.name.to_string(),
            created_at: self.created_at.as_millis(),
            parent: self.parent.as_ref().map(ToString::to_string),
            closed_at: self.closed_at.map(Timestamp::as_millis),
            tags: self.tags.iter().map(tag).collect(),
            policies: texts(&self.policies),
        }
    }

    /// Where it lies, as `aws:PrincipalOrgPaths` gives it: `o-…/r-…/ou-…/`.
    pub fn organization_path(&self) -> &str {
        &self.place.path
    }

    /// As [`View::scp_levels`].
    pub fn scp_levels(&self) -> &[Arc<IdentityPolicies>] {
        &self.place.scps
    }

    /// As [`View::rcp_levels`].
    pub fn rcp_levels(&self) -> &[Arc<ControlPolicies>] {
        &self.place.rcps
    }
}

fn texts(ids: &[ControlPolicyId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn policy_ids(at: &At<'_>, ids: &[String]) -> Result<Box<[ControlPolicyId]>, DamagedState> {
    ids.iter().map(|id| id.parse().map_err(|error| at.damaged(error))).collect()
}

fn parent(at: &At<'_>, id: Option<String>) -> Result<Option<OrganizationalUnitId>, DamagedState> {
    id.map(|id| id.parse().map_err(|error| at.damaged(error))).transpose()
}
