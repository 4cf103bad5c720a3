//! What the View holds, parsed: each from its record, pointing to what it needs.

use std::sync::Arc;

use claviger_keyring::{ClusterKey, DomainKey, KeyMaterialId};
use claviger_storage::Revision;
use claviger_types::{AccountId, AliasName, KeyArn, KeyId, KeySpec, KeyState, StateAt, Timestamp};

use super::policies::InternedPolicy;
use crate::records::{BackingKeyRecord, ClusterKeyRecord, KeyRecord, KeyStateRecord, TagRecord};

/// What the data directory is.
#[derive(Debug)]
pub struct Deployment {
    /// Which deployment.
    pub id: [u8; 16],
    /// The account that may create others.
    pub first_account: AccountId,
    /// Whether ciphertexts are marked as made for development.
    pub kind: claviger_keyring::Deployment,
}

/// A version of the cluster key, ready for use.
pub struct Cluster {
    /// The key.
    pub key: ClusterKey,
    /// As stored.
    pub record: ClusterKeyRecord,
    /// When its record was written last.
    pub revision: Revision,
}

/// A version of a domain key, ready for use.
pub struct Domain {
    /// The key; it knows its account, space and version.
    pub key: DomainKey,
    /// The cluster key that wraps it.
    pub cluster_key_version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether nothing new may be wrapped by it.
    pub retired: bool,
    /// When its record was written last.
    pub revision: Revision,
}

/// A key.
pub struct Key {
    /// Region, account and id.
    pub arn: KeyArn,
    /// Key spec; it implies the usage.
    pub spec: KeySpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// Free text.
    pub description: Box<str>,
    /// As stored; ask [`Key::state_at`].
    pub state: KeyState,
    /// Tags in order of their keys.
    pub tags: Box<[(Box<str>, Box<str>)]>,
    /// Key policy, shared by all keys that have the same.
    pub policy: Arc<InternedPolicy>,
    /// Backing keys, oldest first; the last one encrypts.
    pub backing_keys: Box<[BackingKey]>,
    /// When its record was written last.
    pub revision: Revision,
}

/// A backing key, wrapped, with the domain key that opens it.
pub struct BackingKey {
    /// KeyMaterialId.
    pub material_id: KeyMaterialId,
    /// What wraps it.
    pub domain: Arc<Domain>,
    /// Wrapped key material.
    pub wrapped: Box<[u8]>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An alias.
#[derive(Debug)]
pub struct Alias {
    /// Whose.
    pub account: AccountId,
    /// `alias/…`.
    pub name: AliasName,
    /// The key that it points to.
    pub key_id: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was pointed to this key.
    pub updated_at: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

impl Key {
    /// The key's state at `now`.
    pub fn state_at(&self, now: Timestamp) -> StateAt {
        self.state.at(now)
    }

    /// The backing key that encrypts. Every key has one.
    pub fn current_backing_key(&self) -> Option<&BackingKey> {
        self.backing_keys.last()
    }

    /// As stored.
    pub fn to_record(&self) -> KeyRecord {
        let tag = |(key, value): &(Box<str>, Box<str>)| TagRecord { key: key.to_string(), value: value.to_string() };
        KeyRecord {
            account: self.arn.account.as_u64(),
            spec: self.spec.to_string(),
            created_at: self.created_at.as_millis(),
            description: self.description.to_string(),
            state: self.state.into(),
            tags: self.tags.iter().map(tag).collect(),
            policy: self.policy.record.clone(),
            backing_keys: self.backing_keys.iter().map(BackingKey::to_record).collect(),
        }
    }
}

impl BackingKey {
    /// As stored.
    pub fn to_record(&self) -> BackingKeyRecord {
        BackingKeyRecord {
            material_id: *self.material_id.as_bytes(),
            domain_key_version: self.domain.key.version(),
            wrapped: self.wrapped.to_vec(),
            created_at: self.created_at.as_millis(),
        }
    }
}

impl From<KeyState> for KeyStateRecord {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Disabled => Self::Disabled,
            KeyState::Enabled => Self::Enabled,
            KeyState::PendingDeletion { deletion_at } => Self::PendingDeletion { deletion_at: deletion_at.as_millis() },
        }
    }
}

impl From<KeyStateRecord> for KeyState {
    fn from(record: KeyStateRecord) -> Self {
        match record {
            KeyStateRecord::Disabled => Self::Disabled,
            KeyStateRecord::Enabled => Self::Enabled,
            KeyStateRecord::PendingDeletion { deletion_at } => {
                Self::PendingDeletion { deletion_at: Timestamp::from_millis(deletion_at) }
            }
        }
    }
}
