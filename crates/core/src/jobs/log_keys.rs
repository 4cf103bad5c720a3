//! The log keys under older cluster keys, wrapped again by the newest.

use claviger_keyring::Space;

use super::commit;
use crate::audit::log_key;
use crate::error::Error;
use crate::keys::domain_keys::cluster_key;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::service::Service;
use crate::target::Resources;
use crate::view::View;

/// Wraps each of them again. The keys stay what they are, so the log notices nothing.
pub async fn wrap_again(service: &Service, view: &View) -> Result<(), Error> {
    let Some(account) = view.deployment().map(|deployment| deployment.first_account) else { return Ok(()) };
    let cluster = &cluster_key(view)?.key;
    for stored in view.log_keys().filter(|stored| stored.cluster_key_version != cluster.version()) {
        let record = log_key::wrap_again(stored, cluster)?;
        let changes = Changes::new(Space::Global);
        let changes = changes.replace(paths::log_key(stored.key.version()), stored.revision, &record);
        commit(service, changes, "RewrapLogKey", account, Resources::default()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::test_kms::TestKms;

    #[test]
    fn the_newest_cluster_key_wraps_all() {
        let kms = TestKms::new();
        let public_keys = || kms.view().log_keys().map(|stored| stored.key.public_key()).collect::<Vec<_>>();
        let before = public_keys();
        kms.ok("RotateClusterKey", json!({}));
        kms.block_on(wrap_again(kms.service(), &kms.view())).unwrap();
        assert!(kms.view().log_keys().all(|stored| stored.cluster_key_version == 2));
        assert_eq!((before.len(), public_keys()), (1, before));
    }
}
