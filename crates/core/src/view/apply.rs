//! Turning stored records into the View: all of them at start, those of one commit afterwards. One code for both.

use std::fmt;
use std::sync::Arc;

use claviger_keyring::{DomainScope, KeyMaterialId, Space};
use claviger_storage::{Commit, Revision};
use claviger_types::{AccountId, AliasName, GrantId, KeyArn, KeyId, KeySpec, KeyState, Region, Timestamp};

use super::entities::{Alias, BackingKey, Cluster, Deployment, Domain, Key};
use super::grants::Grant;
use super::{Opener, RegionView, View};
use crate::paths::{self, PathKind};
use crate::records::{
    self, AccessKeyOwnerRecord, AccountAliasRecord, AliasRecord, AuditPositionRecord, ClusterKeyRecord,
    DeploymentRecord, DevClockRecord, DomainKeyRecord, GrantRecord, KeyRecord, NamedGrantRecord, Record,
};

/// Stored state that does not parse, does not open, or refers to what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedState {
    /// Which record.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

impl DamagedState {
    pub(super) fn new(path: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { path: path.into(), problem: problem.to_string() }
    }
}

impl fmt::Display for DamagedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.problem)
    }
}

impl std::error::Error for DamagedState {}

impl View {
    /// The View after one commit.
    pub fn apply(&self, commit: &Arc<Commit>, opener: &mut Opener<'_>) -> Result<Self, DamagedState> {
        let mut next = self.clone();
        for change in &commit.changes {
            match &change.value {
                Some(value) => next.put(&change.path, value, commit.revision, opener)?,
                None => next.delete(&change.path)?,
            }
        }
        next.finish(commit.revision, Some(Arc::clone(commit)))?;
        Ok(next)
    }

    /// Notes what the View stands at, after its records were put, and draws what needs all of them.
    pub fn finish(&mut self, revision: Revision, changes: Option<Arc<Commit>>) -> Result<(), DamagedState> {
        self.revision = revision;
        self.changes = changes;
        self.place_accounts()
    }

    /// Takes in one record. A record must come after those that it refers to: in the order of the paths, or of commits.
    pub fn put(
        &mut self,
        path: &str,
        value: &[u8],
        revision: Revision,
        opener: &mut Opener<'_>,
    ) -> Result<(), DamagedState> {
        let (kind, space, rest) =
            paths::parse(path).ok_or_else(|| DamagedState::new(path, "no record has this path"))?;
        let at = At { path, space, rest, revision };
        match kind {
            PathKind::AccessKey => at.decode::<AccessKeyOwnerRecord>(value).map(drop),
            PathKind::Account => self.put_account(&at, at.decode(value)?),
            PathKind::AccountAlias => self.put_account_alias(&at, &at.decode(value)?),
            PathKind::AuditPosition => {
                self.audit_position = at.decode::<AuditPositionRecord>(value)?.settled;
                Ok(())
            }
            PathKind::Alias => self.put_alias(&at, at.decode(value)?),
            PathKind::ClusterKey => self.put_cluster_key(&at, at.decode(value)?, opener),
            PathKind::ControlPolicy => self.put_control_policy(&at, at.decode(value)?),
            PathKind::Counter | PathKind::Outbox => Ok(()),
            PathKind::CustomerPolicy => self.put_customer_policy(&at, at.decode(value)?, opener),
            PathKind::Deployment => self.put_deployment(&at, at.decode(value)?),
            PathKind::DevClock => {
                self.dev_clock_offset_millis = at.decode::<DevClockRecord>(value)?.offset_millis;
                Ok(())
            }
            PathKind::DomainKey => self.put_domain_key(&at, at.decode(value)?),
            PathKind::Grant => self.put_grant(&at, at.decode(value)?),
            PathKind::Group => self.put_group(&at, at.decode(value)?, opener),
            PathKind::Key => self.put_key(&at, at.decode(value)?, opener),
            PathKind::AuditKey => self.put_audit_key(&at, at.decode(value)?),
            PathKind::MfaDevice => self.put_mfa_device(&at, at.decode(value)?),
            PathKind::NamedGrant => self.put_named_grant(&at, &at.decode(value)?),
            PathKind::Role => self.put_role(&at, at.decode(value)?, opener),
            PathKind::SessionKey => self.put_session_key(&at, at.decode(value)?),
            PathKind::SessionRevocation => self.put_session_revocation(&at, at.decode(value)?),
            PathKind::Organization => self.put_organization(&at, at.decode(value)?),
            PathKind::OrganizationalUnit => self.put_unit(&at, at.decode(value)?),
            PathKind::User => self.put_user(&at, at.decode(value)?, opener),
        }
    }

    fn delete(&mut self, path: &str) -> Result<(), DamagedState> {
        let (kind, space, rest) =
            paths::parse(path).ok_or_else(|| DamagedState::new(path, "no record has this path"))?;
        let at = At { path, space, rest, revision: self.revision };
        match kind {
            PathKind::AccessKey | PathKind::Counter | PathKind::Outbox => {}
            PathKind::AccountAlias => drop(self.account_aliases.remove(rest)),
            PathKind::Alias => {
                let (account, name) = at.alias()?;
                self.remove_alias(at.region()?, account, &name);
            }
            PathKind::ClusterKey => drop(self.cluster_keys.remove(&at.parse::<u32>("version")?)),
            PathKind::ControlPolicy => self.remove_control_policy(&at)?,
            PathKind::DomainKey => drop(self.domain_keys.remove(&at.domain_key()?)),
            PathKind::Grant => {
                let (key, id) = at.of_key("grant id")?;
                self.grants_mut(at.region()?).remove(key, id);
            }
            PathKind::Key => self.remove_key(at.region()?, at.parse("key id")?),
            PathKind::AuditKey => drop(self.audit_keys.remove(&at.parse::<u32>("version")?)),
            PathKind::MfaDevice | PathKind::SessionKey | PathKind::SessionRevocation => {
                self.delete_of_sessions(kind, &at)?;
            }
            PathKind::NamedGrant => {
                let (key, digest) = at.named_grant()?;
                self.grants_mut(at.region()?).remove_name(key, digest);
            }
            PathKind::OrganizationalUnit => self.remove_unit(&at)?,
            PathKind::CustomerPolicy | PathKind::Group | PathKind::Role | PathKind::User => {
                self.remove_identity(&at, kind)?;
            }
            PathKind::Account
            | PathKind::AuditPosition
            | PathKind::Deployment
            | PathKind::DevClock
            | PathKind::Organization => {
                return Err(DamagedState::new(path, "this record is never deleted"));
            }
        }
        Ok(())
    }

    fn put_account_alias(&mut self, at: &At<'_>, record: &AccountAliasRecord) -> Result<(), DamagedState> {
        self.account_aliases.insert(at.rest.to_owned(), at.account(record.account)?);
        Ok(())
    }

    fn put_deployment(&mut self, at: &At<'_>, record: DeploymentRecord) -> Result<(), DamagedState> {
        let first_account = at.account(record.first_account)?;
        let kind = if record.development {
            claviger_keyring::Deployment::Development
        } else {
            claviger_keyring::Deployment::Production
        };
        self.deployment = Some(Arc::new(Deployment { id: record.id, first_account, kind }));
        Ok(())
    }

    fn put_cluster_key(
        &mut self,
        at: &At<'_>,
        record: ClusterKeyRecord,
        opener: &Opener<'_>,
    ) -> Result<(), DamagedState> {
        let version = at.parse("version")?;
        let key = opener.cluster_key(version, &record.wrapped)?;
        self.cluster_keys.insert(version, Arc::new(Cluster { key, record, revision: at.revision }));
        Ok(())
    }

    fn put_domain_key(&mut self, at: &At<'_>, record: DomainKeyRecord) -> Result<(), DamagedState> {
        let index @ (space, account, version) = at.domain_key()?;
        let cluster = self
            .cluster_keys
            .get(&record.cluster_key_version)
            .ok_or_else(|| at.damaged(format!("cluster key version {} is missing", record.cluster_key_version)))?;
        let scope = DomainScope { account, space };
        let key = cluster.key.unwrap_domain_key(scope, version, &record.wrapped).map_err(|error| at.damaged(error))?;
        let domain = Domain {
            key,
            cluster_key_version: record.cluster_key_version,
            created_at: Timestamp::from_millis(record.created_at),
            retired: record.retired,
            revision: at.revision,
        };
        self.domain_keys.insert(index, Arc::new(domain));
        Ok(())
    }

    fn put_key(&mut self, at: &At<'_>, record: KeyRecord, opener: &mut Opener<'_>) -> Result<(), DamagedState> {
        let (region, id) = (at.region()?, at.parse::<KeyId>("key id")?);
        let account = at.account(record.account)?;
        let backing_key = |backing: records::BackingKeyRecord| {
            let domain = self
                .domain_keys
                .get(&(Space::Region(region), account, backing.domain_key_version))
                .ok_or_else(|| at.damaged(format!("domain key version {} is missing", backing.domain_key_version)))?;
            Ok(BackingKey {
                material_id: KeyMaterialId::from_bytes(backing.material_id),
                domain: Arc::clone(domain),
                wrapped: backing.wrapped.into(),
                created_at: Timestamp::from_millis(backing.created_at),
            })
        };
        let backing_keys = record.backing_keys.into_iter().map(backing_key).collect::<Result<Box<[_]>, _>>()?;
        if backing_keys.is_empty() {
            return Err(at.damaged("the key has no backing key"));
        }
        let key = Key {
            arn: KeyArn { region, account, id },
            spec: KeySpec::from_name(&record.spec).ok_or_else(|| at.damaged("unknown key spec"))?,
            created_at: Timestamp::from_millis(record.created_at),
            description: record.description.into(),
            state: record.state.into(),
            tags: record.tags.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect(),
            policy: opener.policies.intern(record.policy).map_err(|error| at.damaged(error))?,
            backing_keys,
            revision: at.revision,
        };
        let region_view = self.regions.entry(region).or_default();
        region_view.put_key(key);
        Ok(())
    }

    fn remove_key(&mut self, region: Region, id: KeyId) {
        if let Some(region_view) = self.regions.get_mut(&region) {
            region_view.remove_key(id);
        }
    }

    fn put_grant(&mut self, at: &At<'_>, record: GrantRecord) -> Result<(), DamagedState> {
        let (region, (key, id)) = (at.region()?, at.of_key::<GrantId>("grant id")?);
        let key = KeyArn { region, account: at.account(record.key_account)?, id: key };
        let grant = Grant::from_record(key, id, record, at.revision).map_err(|error| at.damaged(error))?;
        self.grants_mut(region).put(grant);
        Ok(())
    }

    fn put_named_grant(&mut self, at: &At<'_>, record: &NamedGrantRecord) -> Result<(), DamagedState> {
        let (key, digest) = at.named_grant()?;
        let grant = record.grant_id.parse().map_err(|error| at.damaged(error))?;
        self.grants_mut(at.region()?).put_name(key, digest, grant);
        Ok(())
    }

    fn grants_mut(&mut self, region: Region) -> &mut super::grants::GrantIndex {
        &mut self.regions.entry(region).or_default().grants
    }

    fn put_alias(&mut self, at: &At<'_>, record: AliasRecord) -> Result<(), DamagedState> {
        let (account, name) = at.alias()?;
        let alias = Alias {
            account,
            name,
            key_id: record.key_id.parse().map_err(|error| at.damaged(error))?,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            revision: at.revision,
        };
        let region_view = self.regions.entry(at.region()?).or_default();
        region_view.remove_alias(account, &alias.name);
        region_view.aliases_by_key.insert((alias.key_id, alias.name.clone()));
        region_view.aliases.insert((account, alias.name.clone()), Arc::new(alias));
        Ok(())
    }

    fn remove_alias(&mut self, region: Region, account: AccountId, name: &AliasName) {
        if let Some(region_view) = self.regions.get_mut(&region) {
            region_view.remove_alias(account, name);
        }
    }
}

impl RegionView {
    fn put_key(&mut self, key: Key) {
        let (id, key) = (key.arn.id, Arc::new(key));
        if let Some(former) = self.keys.insert(id, Arc::clone(&key)) {
            self.forget(&former);
        }
        if let KeyState::PendingDeletion { deletion_at } = key.state {
            self.deletions.insert((deletion_at, id));
        }
        self.key_counts.add(key.state);
        self.keys_by_account.insert((key.arn.account, id));
        self.access.put(&key);
    }

    fn remove_key(&mut self, id: KeyId) {
        if let Some(key) = self.keys.remove(&id) {
            self.forget(&key);
            self.keys_by_account.remove(&(key.arn.account, id));
        }
    }

    /// Takes a version of a key out of the indexes that depend on more than its id and account.
    fn forget(&mut self, key: &Key) {
        if let KeyState::PendingDeletion { deletion_at } = key.state {
            self.deletions.remove(&(deletion_at, key.arn.id));
        }
        self.key_counts.remove(key.state);
        self.access.remove(key);
    }

    fn remove_alias(&mut self, account: AccountId, name: &AliasName) {
        if let Some(alias) = self.aliases.remove(&(account, name.clone())) {
            self.aliases_by_key.remove(&(alias.key_id, name.clone()));
        }
    }
}

/// A record's place, for parsing what the path says and for naming the record when it is damaged.
pub(super) struct At<'a> {
    path: &'a str,
    space: &'a str,
    rest: &'a str,
    pub(super) revision: Revision,
}

impl<'a> At<'a> {
    pub(super) fn damaged(&self, problem: impl fmt::Display) -> DamagedState {
        DamagedState::new(self.path, problem)
    }

    fn decode<R: Record>(&self, value: &[u8]) -> Result<R, DamagedState> {
        records::decode(value).map_err(|error| self.damaged(error))
    }

    pub(super) fn parse<T: std::str::FromStr>(&self, what: &str) -> Result<T, DamagedState> {
        self.rest.parse().map_err(|_| self.damaged(format!("the path holds no {what}")))
    }

    fn region(&self) -> Result<Region, DamagedState> {
        self.space.parse().map_err(|error| self.damaged(error))
    }

    fn account(&self, number: u64) -> Result<AccountId, DamagedState> {
        AccountId::from_u64(number).ok_or_else(|| self.damaged("not an account number"))
    }

    /// `<account>/<what it owns>`.
    pub(super) fn owned(&self) -> Result<(AccountId, &'a str), DamagedState> {
        let (account, owned) = self.rest.split_once('/').ok_or_else(|| self.damaged("the path names no account"))?;
        Ok((account.parse().map_err(|error| self.damaged(error))?, owned))
    }

    /// `<key id>/<what it has>`.
    fn of_key<T: std::str::FromStr>(&self, what: &str) -> Result<(KeyId, T), DamagedState> {
        let (key, own) = self.rest.split_once('/').ok_or_else(|| self.damaged("the path names no key"))?;
        let own = own.parse().map_err(|_| self.damaged(format!("the path holds no {what}")))?;
        Ok((key.parse().map_err(|error| self.damaged(error))?, own))
    }

    fn named_grant(&self) -> Result<(KeyId, [u8; 32]), DamagedState> {
        let (key, digest) = self.of_key::<String>("digest")?;
        let digest = const_hex::decode(digest).ok().and_then(|bytes| bytes.try_into().ok());
        Ok((key, digest.ok_or_else(|| self.damaged("the path holds no digest"))?))
    }

    fn alias(&self) -> Result<(AccountId, AliasName), DamagedState> {
        let (account, name) = self.owned()?;
        Ok((account, name.parse().map_err(|error| self.damaged(error))?))
    }

    fn domain_key(&self) -> Result<(Space, AccountId, u32), DamagedState> {
        let (account, version) = self.owned()?;
        let space = paths::space_from_name(self.space).map_err(|error| self.damaged(error))?;
        let version = version.parse().map_err(|_| self.damaged("the path holds no version"))?;
        Ok((space, account, version))
    }
}
