//! Finding, or making on first use, the domain key that wraps for an account in a space.

use std::sync::Arc;

use claviger_keyring::{ClusterKey, DomainKey, DomainScope, Space};
use claviger_types::AccountId;

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::records::DomainKeyRecord;
use crate::view::{Cluster, Domain, View};

/// A domain key to wrap with. What it wrapped may only be written with [`WrappingKey::guard`]: if the key was retired
/// meanwhile, or somebody else made the first one, the commit meets a conflict and the wrapping is done again.
pub enum WrappingKey {
    /// In the View already.
    Known(Arc<Domain>),
    /// The account's first one in this space; its record is written along.
    New(NewDomainKey),
}

/// A domain key that no store holds yet.
pub struct NewDomainKey {
    key: DomainKey,
    record: DomainKeyRecord,
    path: String,
}

impl WrappingKey {
    /// The domain key of `account` in `space`, made if there is none.
    pub fn find_or_make(facts: &Facts<'_>, space: Space, account: AccountId) -> Result<Self, Error> {
        match facts.view.domain_key(space, account) {
            Some(domain) => Ok(Self::Known(Arc::clone(domain))),
            None => {
                let scope = DomainScope { account, space };
                make(&cluster_key(facts.view)?.key, scope, 1, facts.now.as_millis()).map(Self::New)
            }
        }
    }

    /// The key.
    pub fn key(&self) -> &DomainKey {
        match self {
            Self::Known(domain) => &domain.key,
            Self::New(new) => &new.key,
        }
    }

    /// Adds what must still hold when something wrapped by this key is written.
    pub fn guard(&self, changes: Changes) -> Changes {
        match self {
            Self::Known(domain) => changes.unchanged(path_of(domain), domain.revision),
            Self::New(new) => changes.create(new.path.clone(), &new.record),
        }
    }
}

impl NewDomainKey {
    /// The key.
    pub fn key(&self) -> &DomainKey {
        &self.key
    }

    /// Where its record goes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its record.
    pub fn record(&self) -> &DomainKeyRecord {
        &self.record
    }
}

/// Where a domain key's record is.
pub fn path_of(domain: &Domain) -> String {
    let scope = domain.key.scope();
    paths::domain_key(scope.space, scope.account, domain.key.version())
}

/// A fresh domain key of this version, wrapped by a cluster key.
pub fn make(cluster: &ClusterKey, scope: DomainScope, version: u32, created_at: i64) -> Result<NewDomainKey, Error> {
    let (key, wrapped) = cluster.generate_domain_key(scope, version)?;
    let record = DomainKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at, retired: false };
    Ok(NewDomainKey { key, record, path: paths::domain_key(scope.space, scope.account, version) })
}

/// The cluster key that wraps.
pub fn cluster_key(view: &View) -> Result<&Cluster, Error> {
    view.cluster_key().map(|cluster| &**cluster).ok_or_else(|| Error::Internal("the store holds no cluster key".into()))
}

/// Whether a conflict on this path means that something prepared was wrapped by the wrong domain key.
pub fn is_domain_key_path(path: &str) -> bool {
    matches!(paths::parse(path), Some((paths::PathKind::DomainKey, _, _)))
}

/// The record of a domain key, wrapped again by `cluster`.
pub fn wrap_again(domain: &Domain, cluster: &ClusterKey, retired: bool) -> Result<DomainKeyRecord, Error> {
    let wrapped = cluster.wrap_domain_key(&domain.key)?;
    let created_at = domain.created_at.as_millis();
    Ok(DomainKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at, retired })
}
