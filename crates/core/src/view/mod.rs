//! The whole state in memory: immutable, indexed by what requests ask for, replaced with each commit.
//!
//! A reader holds one `Arc<View>` for the whole request, so it never sees half a commit. The View knows nothing of the
//! store's files, of requests or of the wire; only [`apply`](View::apply) writes it.

mod access;
mod apply;
mod apply_identities;
mod audit_keys;
mod by_id;
pub mod control_policies;
mod entities;
mod grants;
mod identities;
mod key_counts;
mod organization;
mod policies;
mod principals;
pub mod service_policies;
mod sessions;

use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::Arc;

use claviger_keyring::{ClusterKey, RootOfTrust, Space};
use claviger_storage::{Commit, Revision};
use claviger_types::{AccountId, AliasName, KeyId, Region, Timestamp};
use imbl::{OrdMap, OrdSet};

pub use apply::DamagedState;
pub use audit_keys::DeploymentAuditKey;
pub use control_policies::ControlPolicy;
pub use entities::{Alias, BackingKey, Cluster, Deployment, Domain, Key};
pub use grants::{BoundPrincipal, Grant, GrantName, GrantPrincipal, terms};
pub use identities::Holder;
pub use key_counts::KeyCounts;
pub use organization::{Account, Organization, OrganizationalUnit};
pub use policies::PolicyInterner;
pub use principals::{
    Credential, EffectivePolicies, Group, IamPrincipal, InlinePolicy, ManagedPolicy, Policies, PolicySource, Role,
    Tags, User,
};
pub use sessions::{DeploymentSessionKey, MfaDevice};

use self::access::AccessIndex;
use self::by_id::ByKeyId;
use self::grants::GrantIndex;
use self::identities::Identities;
use self::organization::OrganizationView;
use crate::paths;

/// One version of the state.
#[derive(Clone, Default)]
pub struct View {
    revision: Revision,
    changes: Option<Arc<Commit>>,
    deployment: Option<Arc<Deployment>>,
    dev_clock_offset_millis: i64,
    audit_position: u64,
    cluster_keys: OrdMap<u32, Arc<Cluster>>,
    domain_keys: OrdMap<DomainKeyIndex, Arc<Domain>>,
    accounts: OrdMap<AccountId, Arc<Account>>,
    account_aliases: OrdMap<String, AccountId>,
    identities: Identities,
    organization: OrganizationView,
    sessions: sessions::Sessions,
    audit_keys: OrdMap<u32, Arc<DeploymentAuditKey>>,
    regions: OrdMap<Region, RegionView>,
}

/// Space, account, version.
type DomainKeyIndex = (Space, AccountId, u32);

/// What lives in one Region.
#[derive(Clone, Default)]
struct RegionView {
    keys: ByKeyId<Arc<Key>>,
    keys_by_account: OrdSet<(AccountId, KeyId)>,
    deletions: OrdSet<(Timestamp, KeyId)>,
    key_counts: KeyCounts,
    access: AccessIndex,
    aliases: OrdMap<(AccountId, AliasName), Arc<Alias>>,
    aliases_by_key: OrdSet<(KeyId, AliasName)>,
    grants: GrantIndex,
}

impl View {
    /// The revision of the last commit in it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The commit that made this View out of the one before; none for a View that was loaded.
    pub fn changes(&self) -> Option<&Arc<Commit>> {
        self.changes.as_ref()
    }

    /// What the store says of itself; none while it is empty.
    pub fn deployment(&self) -> Option<&Arc<Deployment>> {
        self.deployment.as_ref()
    }

    /// How far the development clock is ahead of the wall clock.
    pub fn dev_clock_offset_millis(&self) -> i64 {
        self.dev_clock_offset_millis
    }

    /// The audit log holds no event below this place that waits in an outbox.
    pub fn audit_position(&self) -> u64 {
        self.audit_position
    }

    /// All versions of the cluster key, oldest first. The last one wraps.
    pub fn cluster_keys(&self) -> impl DoubleEndedIterator<Item = &Arc<Cluster>> {
        self.cluster_keys.values()
    }

    /// The cluster key that wraps.
    pub fn cluster_key(&self) -> Option<&Arc<Cluster>> {
        self.cluster_keys.get_max().map(|(_, cluster)| cluster)
    }

    /// The cluster key of this version.
    pub fn cluster_key_version(&self, version: u32) -> Option<&Arc<Cluster>> {
        self.cluster_keys.get(&version)
    }

    /// The domain key that wraps for an account in a space.
    pub fn domain_key(&self, space: Space, account: AccountId) -> Option<&Arc<Domain>> {
        let versions = (space, account, 0)..=(space, account, u32::MAX);
        self.domain_keys.range(versions).next_back().map(|(_, domain)| domain)
    }

    /// The domain key of this version.
    pub fn domain_key_version(&self, space: Space, account: AccountId, version: u32) -> Option<&Arc<Domain>> {
        self.domain_keys.get(&(space, account, version))
    }

    /// All domain keys, of every space, account and version.
    pub fn domain_keys(&self) -> impl Iterator<Item = &Arc<Domain>> {
        self.domain_keys.values()
    }

    /// All accounts in order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    /// An account.
    pub fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(&id)
    }

    /// The account of an account alias.
    pub fn account_of_alias(&self, alias: &str) -> Option<AccountId> {
        self.account_aliases.get(alias).copied()
    }

    /// A key, whoever owns it. Callers ask [`Key::state_at`] whether it still exists.
    pub fn key(&self, region: Region, id: KeyId) -> Option<&Arc<Key>> {
        self.regions.get(&region)?.keys.get(&id)
    }

    /// The keys of an account in a Region in order of their ids, those after `after` if it is given.
    pub fn keys_after(
        &self,
        region: Region,
        account: AccountId,
        after: Option<KeyId>,
    ) -> impl Iterator<Item = &Arc<Key>> {
        let from = after.map_or(Included((account, KeyId::FIRST)), |id| Excluded((account, id)));
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let owned = view.keys_by_account.range((from, Unbounded)).take_while(move |(owner, _)| *owner == account);
            owned.filter_map(|(_, id)| view.keys.get(id))
        })
    }

    /// All keys of a Region, in no order.
    pub fn keys(&self, region: Region) -> impl Iterator<Item = &Arc<Key>> {
        self.regions.get(&region).into_iter().flat_map(|view| view.keys.values())
    }

    /// The keys of a Region whose deletion date is `now` or before.
    pub fn deletions_due(&self, region: Region, now: Timestamp) -> impl Iterator<Item = &Arc<Key>> {
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let due = view.deletions.iter().take_while(move |(at, _)| *at <= now);
            due.filter_map(|(_, id)| view.keys.get(id))
        })
    }

    /// The Regions that hold anything.
    pub fn regions(&self) -> impl Iterator<Item = Region> {
        self.regions.keys().copied()
    }

    /// An alias.
    pub fn alias(&self, region: Region, account: AccountId, name: &AliasName) -> Option<&Arc<Alias>> {
        self.regions.get(&region)?.aliases.get(&(account, name.clone()))
    }

    /// The aliases of an account in a Region in order of their names, those after `after` if it is given.
    pub fn aliases_after<'v>(
        &'v self,
        region: Region,
        account: AccountId,
        after: Option<&AliasName>,
    ) -> impl Iterator<Item = &'v Arc<Alias>> + use<'v> {
        let from =
            after.map_or_else(|| Included((account, AliasName::first())), |name| Excluded((account, name.clone())));
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let owned =
                view.aliases.range((from.clone(), Unbounded)).take_while(move |((owner, _), _)| *owner == account);
            owned.map(|(_, alias)| alias)
        })
    }

    /// The aliases of one key in order of their names, those after `after` if it is given.
    pub fn aliases_of_key<'v>(
        &'v self,
        region: Region,
        key: &Key,
        after: Option<&AliasName>,
    ) -> impl Iterator<Item = &'v Arc<Alias>> + use<'v> {
        let (id, account) = (key.arn.id, key.arn.account);
        let from = after.map_or_else(|| Included((id, AliasName::first())), |name| Excluded((id, name.clone())));
        self.regions.get(&region).into_iter().flat_map(move |view| {
            let names = view.alias_names(id, from.clone());
            names.filter_map(move |name| view.aliases.get(&(account, name.clone())))
        })
    }

    /// The names of a key's aliases in its own Region, in order.
    pub fn alias_names_of_key<'v>(&'v self, key: &Key) -> impl Iterator<Item = &'v AliasName> + use<'v> {
        let id = key.arn.id;
        let region = self.regions.get(&key.arn.region).into_iter();
        region.flat_map(move |view| view.alias_names(id, Included((id, AliasName::first()))))
    }
}

impl RegionView {
    fn alias_names(&self, id: KeyId, from: Bound<(KeyId, AliasName)>) -> impl Iterator<Item = &AliasName> {
        let of_key = self.aliases_by_key.range((from, Unbounded)).take_while(move |(of, _)| *of == id);
        of_key.map(|(_, name)| name)
    }
}

/// What reading records needs besides the records.
pub struct Opener<'a> {
    /// Opens cluster keys.
    pub root: &'a dyn RootOfTrust,
    /// Shares equal policies.
    pub policies: &'a mut PolicyInterner,
}

impl Opener<'_> {
    fn cluster_key(&self, version: u32, wrapped: &[u8]) -> Result<ClusterKey, DamagedState> {
        ClusterKey::unwrap(version, wrapped, self.root)
            .map_err(|error| DamagedState::new(paths::cluster_key(version), error.to_string()))
    }
}
