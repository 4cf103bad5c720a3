//! What the View knows of the audit log: the audit keys, which sign it.

use std::sync::Arc;

use claviger_keyring::AuditKey;
use claviger_storage::Revision;
use claviger_types::Timestamp;

use super::View;
use super::apply::{At, DamagedState};
use crate::records::AuditKeyRecord;

/// A version of the audit key, ready for use.
pub struct DeploymentAuditKey {
    /// The key; it knows its version.
    pub key: AuditKey,
    /// The cluster key that wraps it.
    pub cluster_key_version: u32,
    /// When it was made, by the wall clock.
    pub created_at: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

impl View {
    /// All versions of the audit key, oldest first: one, or after a rotation two until the log has the last one.
    pub fn audit_keys(&self) -> impl DoubleEndedIterator<Item = &Arc<DeploymentAuditKey>> {
        self.audit_keys.values()
    }

    pub(super) fn put_audit_key(&mut self, at: &At<'_>, record: AuditKeyRecord) -> Result<(), DamagedState> {
        let version = at.parse("version")?;
        let cluster = self
            .cluster_key_version(record.cluster_key_version)
            .ok_or_else(|| at.damaged(format!("cluster key version {} is missing", record.cluster_key_version)))?;
        let key = DeploymentAuditKey {
            key: cluster.key.unwrap_audit_key(version, &record.wrapped).map_err(|error| at.damaged(error))?,
            cluster_key_version: record.cluster_key_version,
            created_at: Timestamp::from_millis(record.created_at),
            revision: at.revision,
        };
        self.audit_keys.insert(version, Arc::new(key));
        Ok(())
    }
}
