//! The session key's life, by the wall clock: a new version each day, the old one gone when its last token is.

use claviger_keyring::Space;
use claviger_types::Timestamp;

use super::commit;
use crate::error::Error;
use crate::identity::session_keys::{self, OPENS_FOR, SEALS_FOR};
use crate::keys::domain_keys::cluster_key;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::service::Service;
use crate::target::Resources;
use crate::view::{DeploymentSessionKey, View};

/// Wraps the versions under older cluster keys by the newest.
pub async fn wrap_again(service: &Service, view: &View) -> Result<(), Error> {
    let Some(account) = view.deployment().map(|deployment| deployment.first_account) else { return Ok(()) };
    let cluster = &cluster_key(view)?.key;
    for session_key in view.session_keys().filter(|key| key.cluster_key_version != cluster.version()) {
        let record = session_keys::wrap_again(session_key, cluster)?;
        let path = paths::session_key(session_key.key.version());
        let changes = Changes::new(Space::Global).replace(path, session_key.revision, &record);
        commit(service, changes, "RewrapSessionKey", account, Resources::default()).await?;
    }
    Ok(())
}

/// Makes and deletes what is due at `wall_now`.
pub async fn rotate(service: &Service, wall_now: Timestamp) -> Result<(), Error> {
    let view = service.view();
    let Some(account) = view.deployment().map(|deployment| deployment.first_account) else { return Ok(()) };
    let cluster = &cluster_key(&view)?.key;
    let newest = view.newest_session_key();
    if newest.is_none_or(|key| key.created_at + SEALS_FOR <= wall_now) {
        let version = newest.map_or(1, |key| key.key.version().saturating_add(1));
        let changes = session_keys::make(Changes::new(Space::Global), cluster, version, wall_now)?;
        commit(service, changes, "RotateSessionKey", account, Resources::default()).await?;
    }
    let view = service.view();
    for (old, successor) in view.session_keys().zip(view.session_keys().skip(1)) {
        if successor.created_at + OPENS_FOR <= wall_now {
            let changes = delete(old);
            commit(service, changes, "DeleteSessionKey", account, Resources::default()).await?;
        }
    }
    Ok(())
}

fn delete(old: &DeploymentSessionKey) -> Changes {
    Changes::new(Space::Global).delete(paths::session_key(old.key.version()), old.revision)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::test_events::event_of;
    use crate::testing::test_kms::TestKms;

    fn versions(kms: &TestKms) -> Vec<u32> {
        kms.view().session_keys().map(|key| key.key.version()).collect()
    }

    /// A version seals for a day, and opens for as long as its last token may last.
    #[test]
    fn one_a_day_and_two_or_three_at_a_time() {
        let kms = TestKms::new();
        let start = kms.view().newest_session_key().unwrap().created_at;
        let hour = 60 * 60 * 1000;
        for (hours, want) in [
            (0, vec![1]),
            (23, vec![1]),
            (24, vec![1, 2]),
            (47, vec![1, 2]),
            (48, vec![1, 2, 3]),
            (60, vec![1, 2, 3]),
            (61, vec![2, 3]),
            (72, vec![2, 3, 4]),
            (200, vec![4, 5]),
            (300, vec![5, 6]),
        ] {
            let now = start.offset_by(hours * hour);
            kms.block_on(rotate(kms.service(), now)).unwrap();
            assert_eq!(versions(&kms), want, "{hours} h");
            let commits = kms.store.commits();
            kms.block_on(rotate(kms.service(), now)).unwrap();
            assert_eq!(kms.store.commits(), commits, "{hours} h: nothing is left to do");
        }
        kms.store.commits_since(0).iter().for_each(|commit| drop(event_of(commit)));
    }

    #[test]
    fn the_newest_cluster_key_wraps_all() {
        let kms = TestKms::new();
        kms.ok("RotateClusterKey", json!({}));
        kms.block_on(wrap_again(kms.service(), &kms.view())).unwrap();
        assert!(kms.view().session_keys().all(|key| key.cluster_key_version == 2));
        assert_eq!(versions(&kms), [1]);
    }
}
