//! The audit keys: the next one handed to the log's writer, the one before deleted, and both wrapped again by the
//! newest cluster key.

use std::sync::Arc;

use claviger_keyring::Space;

use super::commit;
use crate::audit::audit_key;
use crate::error::Error;
use crate::keys::domain_keys::cluster_key;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::service::Service;
use crate::target::Resources;
use crate::view::View;

/// Ends a rotation: what is left of it is told by the store's keys and by the one that signs the log.
pub async fn finish_rotation(service: &Service, view: &View) -> Result<(), Error> {
    let upkeep = service.audit_upkeep();
    let account = view.deployment().map(|deployment| deployment.first_account);
    let (Some(account), Some(signing)) = (account, upkeep.key_version()) else { return Ok(()) };
    for stored in view.audit_keys() {
        let version = stored.key.version();
        if version > signing {
            upkeep.sign_by(Arc::clone(stored));
        } else if version < signing {
            let changes = Changes::new(Space::Global).delete(paths::audit_key(version), stored.revision);
            commit(service, changes, "DeleteAuditKey", account, Resources::default()).await?;
        }
    }
    Ok(())
}

/// Wraps each of them again. The keys stay what they are, so the log notices nothing.
pub async fn wrap_again(service: &Service, view: &View) -> Result<(), Error> {
    let Some(account) = view.deployment().map(|deployment| deployment.first_account) else { return Ok(()) };
    let cluster = &cluster_key(view)?.key;
    for stored in view.audit_keys().filter(|stored| stored.cluster_key_version != cluster.version()) {
        let record = audit_key::wrap_again(stored, cluster)?;
        let changes = Changes::new(Space::Global);
        let changes = changes.replace(paths::audit_key(stored.key.version()), stored.revision, &record);
        commit(service, changes, "RewrapAuditKey", account, Resources::default()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Settings;
    use crate::audit::Place;
    use crate::testing::test_events::event_of;
    use crate::testing::test_kms::TestKms;
    use crate::testing::test_log::TestLog;

    /// The job hands the next key to the log's writer, and deletes the one before when the log has the next.
    #[test]
    fn a_rotation_is_ended() {
        let mut log = TestLog::new(Settings { dev_clock: true, ..Settings::default() });
        let versions =
            |log: &TestLog| log.service.view().audit_keys().map(|stored| stored.key.version()).collect::<Vec<_>>();
        let finish = |log: &TestLog| log.block_on(finish_rotation(&log.service, &log.service.view())).unwrap();
        for version in 2..5 {
            log.kms.ok("RotateAuditKey", json!({}));
            log.meet();
            let commits = log.kms.store.commits();
            finish(&log);
            assert_eq!((versions(&log), log.kms.store.commits()), (vec![version - 1, version], commits));
            log.turn();
            assert_eq!(log.service.audit_upkeep().key_version(), Some(version));
            let commits = log.kms.store.commits();
            finish(&log);
            let deleted = log.kms.store.commits_since(commits);
            assert_eq!(event_of(&deleted[0]).1.operation, Some("DeleteAuditKey"));
            assert_eq!((versions(&log), deleted.len()), (vec![version], 1));
            log.meet();
        }
        let place = Place::new(&log.service.view(), Arc::clone(&log.files)).unwrap();
        assert_eq!(place.reader().unwrap().keys().keys().count(), 4);
    }

    #[test]
    fn the_newest_cluster_key_wraps_all() {
        let kms = TestKms::new();
        let public_keys = || kms.view().audit_keys().map(|stored| stored.key.public_key()).collect::<Vec<_>>();
        let before = public_keys();
        kms.ok("RotateClusterKey", json!({}));
        let commits = kms.store.commits();
        kms.block_on(wrap_again(kms.service(), &kms.view())).unwrap();
        assert_eq!(event_of(&kms.store.commits_since(commits)[0]).1.operation, Some("RewrapAuditKey"));
        assert!(kms.view().audit_keys().all(|stored| stored.cluster_key_version == 2));
        assert_eq!((before.len(), public_keys()), (1, before));
    }
}
