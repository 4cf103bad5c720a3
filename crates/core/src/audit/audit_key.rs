//! The audit key as its records have it: made, wrapped again.

use claviger_keyring::{AuditKey, ClusterKey};
use claviger_types::Timestamp;

use crate::error::Error;
use crate::records::AuditKeyRecord;
use crate::view::DeploymentAuditKey;

/// A fresh key and its record.
pub fn make(cluster: &ClusterKey, version: u32, wall_now: Timestamp) -> Result<(AuditKey, AuditKeyRecord), Error> {
    let (key, wrapped) = cluster.generate_audit_key(version)?;
    let record = AuditKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at: wall_now.as_millis() };
    Ok((key, record))
}

/// The record of a version, wrapped again by `cluster`.
pub fn wrap_again(audit_key: &DeploymentAuditKey, cluster: &ClusterKey) -> Result<AuditKeyRecord, Error> {
    let wrapped = cluster.wrap_audit_key(&audit_key.key)?;
    let created_at = audit_key.created_at.as_millis();
    Ok(AuditKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at })
}
