//! The log key as its records have it: made, wrapped again.

use claviger_keyring::{ClusterKey, LogKey};
use claviger_types::Timestamp;

use crate::error::Error;
use crate::records::LogKeyRecord;
use crate::view::DeploymentLogKey;

/// A fresh key and its record.
pub fn make(cluster: &ClusterKey, version: u32, wall_now: Timestamp) -> Result<(LogKey, LogKeyRecord), Error> {
    let (key, wrapped) = cluster.generate_log_key(version)?;
    let record = LogKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at: wall_now.as_millis() };
    Ok((key, record))
}

/// The record of a version, wrapped again by `cluster`.
pub fn wrap_again(log_key: &DeploymentLogKey, cluster: &ClusterKey) -> Result<LogKeyRecord, Error> {
    let wrapped = cluster.wrap_log_key(&log_key.key)?;
    let created_at = log_key.created_at.as_millis();
    Ok(LogKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at })
}
