//! The deployment's session key as its records have it: made, wrapped again, and how long each version lives.

use std::time::Duration;

use claviger_keyring::ClusterKey;
use claviger_types::{Timestamp, limits};

use crate::error::Error;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records::SessionKeyRecord;
use crate::view::{DeploymentSessionKey, View};

/// How long a version seals. Source: our own choice; a leaked one is of use for a day and what its tokens last.
pub const SEALS_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a version opens after its successor came: as long as its last token may last, and what clocks of nodes may
/// differ and requests may wait.
pub const OPENS_FOR: Duration = Duration::from_secs(limits::SESSION_SECONDS_MAX + 60 * 60);

/// Adds a fresh version.
pub fn make(changes: Changes, cluster: &ClusterKey, version: u32, wall_now: Timestamp) -> Result<Changes, Error> {
    let (_, wrapped) = cluster.generate_session_key(version)?;
    let record = SessionKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at: wall_now.as_millis() };
    Ok(changes.create(paths::session_key(version), &record))
}

/// The record of a version, wrapped again by `cluster`.
pub fn wrap_again(session_key: &DeploymentSessionKey, cluster: &ClusterKey) -> Result<SessionKeyRecord, Error> {
    let wrapped = cluster.wrap_session_key(&session_key.key)?;
    let created_at = session_key.created_at.as_millis();
    Ok(SessionKeyRecord { cluster_key_version: cluster.version(), wrapped, created_at })
}

/// The session key that seals.
pub fn newest(view: &View) -> Result<&DeploymentSessionKey, Error> {
    let newest = view.newest_session_key().map(|key| &**key);
    newest.ok_or_else(|| Error::Internal("the store holds no session key yet".into()))
}
