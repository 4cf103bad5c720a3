//! Turning the records of users, groups, roles and policies into the View's.

use std::fmt;
use std::sync::Arc;

use claviger_types::{AccountId, PolicyArn, PrincipalArn, RoleName, Timestamp, UserName};

use super::apply::{At, DamagedState};
use super::identities::Dangling;
use super::principals::{EffectivePolicies, Group, InlinePolicy, ManagedPolicy, Policies, Role, Tags, User};
use super::{Opener, View};
use crate::paths::PathKind;
use crate::records::{GroupRecord, ManagedPolicyRecord, PoliciesRecord, RoleRecord, TagRecord, UserRecord};

impl View {
    pub(super) fn put_user(
        &mut self,
        at: &At<'_>,
        record: UserRecord,
        opener: &mut Opener<'_>,
    ) -> Result<(), DamagedState> {
        let (account, folded) = at.owned()?;
        let groups = record.groups.iter().map(|id| parse(at, id)).collect::<Result<_, _>>()?;
        let (path, name): (Box<str>, UserName) = (record.path.into(), parse(at, &record.name)?);
        let arn = PrincipalArn::User { account, path: path.clone(), name: name.clone() };
        let user = User {
            account,
            id: parse(at, &record.id)?,
            name,
            path,
            arn_text: arn.to_string().into(),
            created_at: Timestamp::from_millis(record.created_at),
            policies: policies(at, record.policies, opener)?,
            access_keys: record.access_keys.into(),
            groups,
            boundary: self.boundary(at, record.boundary.as_deref())?,
            tags: tags(record.tags),
            effective: EffectivePolicies::default(),
            identity: Default::default(),
            revision: at.revision,
        };
        check_place(at, &user.name.folded(), folded)?;
        self.identities.put_user(user).map_err(|Dangling(problem)| at.damaged(problem))
    }

    pub(super) fn put_group(
        &mut self,
        at: &At<'_>,
        record: GroupRecord,
        opener: &mut Opener<'_>,
    ) -> Result<(), DamagedState> {
        let (account, folded) = at.owned()?;
        let group = Group {
            account,
            id: parse(at, &record.id)?,
            name: parse(at, &record.name)?,
            path: record.path.into(),
            created_at: Timestamp::from_millis(record.created_at),
            policies: policies(at, record.policies, opener)?,
            effective: EffectivePolicies::default(),
            revision: at.revision,
        };
        check_place(at, &group.name.folded(), folded)?;
        self.identities.put_group(group).map_err(|Dangling(problem)| at.damaged(problem))
    }

    pub(super) fn put_role(
        &mut self,
        at: &At<'_>,
        record: RoleRecord,
        opener: &mut Opener<'_>,
    ) -> Result<(), DamagedState> {
        let (account, folded) = at.owned()?;
        let (path, name): (Box<str>, RoleName) = (record.path.into(), parse(at, &record.name)?);
        let arn = PrincipalArn::Role { account, path: path.clone(), name: name.clone() };
        let role = Role {
            account,
            id: parse(at, &record.id)?,
            name,
            path,
            arn_text: arn.to_string().into(),
            created_at: Timestamp::from_millis(record.created_at),
            policies: policies(at, record.policies, opener)?,
            trust: opener.policies.intern_trust(&record.trust).map_err(|error| at.damaged(error))?,
            boundary: self.boundary(at, record.boundary.as_deref())?,
            tags: tags(record.tags),
            description: record.description.map(Into::into),
            session_seconds_max: record.session_seconds_max,
            effective: EffectivePolicies::default(),
            identity: Default::default(),
            revision: at.revision,
        };
        check_place(at, &role.name.folded(), folded)?;
        self.identities.put_role(role).map_err(|Dangling(problem)| at.damaged(problem))
    }

    pub(super) fn put_customer_policy(
        &mut self,
        at: &At<'_>,
        record: ManagedPolicyRecord,
        opener: &mut Opener<'_>,
    ) -> Result<(), DamagedState> {
        let (account, folded) = at.owned()?;
        let default = record.versions.iter().find(|version| version.number == record.default_version);
        let default = default.ok_or_else(|| at.damaged("the default version is missing"))?;
        let document = opener.policies.intern_identity(&default.document).map_err(|error| at.damaged(error))?;
        let policy = ManagedPolicy {
            arn: PolicyArn { account: Some(account), path: record.path.into(), name: parse(at, &record.name)? },
            id: parse(at, &record.id)?,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            description: record.description.map(Into::into),
            tags: tags(record.tags),
            versions: record.versions.into(),
            default_version: record.default_version,
            versions_made: record.versions_made,
            document,
            revision: at.revision,
        };
        check_place(at, &policy.arn.name.folded(), folded)?;
        self.identities.put_customer_policy(account, policy).map_err(|Dangling(problem)| at.damaged(problem))
    }

    pub(super) fn remove_identity(&mut self, at: &At<'_>, kind: PathKind) -> Result<(), DamagedState> {
        let (account, folded): (AccountId, &str) = at.owned()?;
        match kind {
            PathKind::Group => self.identities.remove_group(account, folded),
            PathKind::Role => self.identities.remove_role(account, folded),
            PathKind::User => self.identities.remove_user(account, folded),
            _ => {
                let removed = self.identities.remove_customer_policy(account, folded);
                removed.map_err(|Dangling(problem)| at.damaged(problem))?;
            }
        }
        Ok(())
    }

    fn boundary(&self, at: &At<'_>, arn: Option<&str>) -> Result<Option<Arc<ManagedPolicy>>, DamagedState> {
        let Some(arn) = arn else { return Ok(None) };
        let policy = self.identities.existing_policy(&parse(at, arn)?);
        policy.cloned().map(Some).map_err(|Dangling(problem)| at.damaged(problem))
    }
}

fn policies(at: &At<'_>, record: PoliciesRecord, opener: &mut Opener<'_>) -> Result<Arc<Policies>, DamagedState> {
    let mut inline = Vec::with_capacity(record.inline.len());
    for policy in record.inline {
        let document = opener.policies.intern_identity(&policy.document).map_err(|error| at.damaged(error))?;
        inline.push(InlinePolicy { name: policy.name.into(), document });
    }
    let attached = record.attached.iter().map(|arn| parse(at, arn)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Policies { inline: inline.into(), attached }))
}

fn tags(records: Vec<TagRecord>) -> Tags {
    records.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect()
}

fn parse<T: std::str::FromStr<Err: fmt::Display>>(at: &At<'_>, text: &str) -> Result<T, DamagedState> {
    text.parse().map_err(|error| at.damaged(format!("`{text}` is {error}")))
}

/// The record must be at the path of its name.
fn check_place(at: &At<'_>, folded_name: &str, place: &str) -> Result<(), DamagedState> {
    if folded_name == place { Ok(()) } else { Err(at.damaged("the record is another's")) }
}
