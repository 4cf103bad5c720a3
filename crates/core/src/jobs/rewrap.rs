//! Finishes rotations: what a retired domain key or an older cluster key wraps is wrapped again, then the old key goes.
//!
//! The work left is read off the state, so a rotation goes on where it was interrupted. No command can add to it: what
//! is wrapped anew is guarded by the revision of its domain key, and retiring changed that.

use std::sync::Arc;
use std::time::Duration;

use claviger_keyring::{BackingKeyBinding, DomainScope, Space};
use claviger_storage::BYTES_MAX;
use claviger_types::{AccessKeyId, AccountId, Timestamp};

use super::{audit_keys, commit, mfa_seeds, session_keys};
use crate::error::Error;
use crate::identity::entities::Entity;
use crate::keys::domain_keys::{self, cluster_key, wrap_again};
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records::{KeyRecord, UserRecord};
use crate::service::Service;
use crate::target::Resources;
use crate::view::{Domain, Key, User, View};

/// Records re-wrapped in one transaction; each is a precondition and a write.
const BATCH_RECORDS_MAX: usize = 40;

/// Bytes at which a batch is full: half of what a store takes, so that one more record of the largest size still fits.
const BATCH_BYTES_MAX: usize = BYTES_MAX / 2;

/// How long an older cluster key stays after it wraps nothing that is stored: commands that were prepared with it, and
/// markers sealed by it, are long gone by then.
const CLUSTER_KEY_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Does all that is to do.
pub async fn run(service: &Service) -> Result<(), Error> {
    let view = service.view();
    wrap_domain_keys(service, &view).await?;
    session_keys::wrap_again(service, &view).await?;
    audit_keys::wrap_again(service, &view).await?;
    let retired: Vec<Arc<Domain>> = view.domain_keys().filter(|domain| domain.retired).cloned().collect();
    for domain in retired {
        empty(service, &domain).await?;
    }
    delete_cluster_keys(service).await
}

/// Wraps the domain keys under older cluster keys by the newest.
async fn wrap_domain_keys(service: &Service, view: &View) -> Result<(), Error> {
    let cluster = cluster_key(view)?;
    let newest = cluster.key.version();
    for domain in view.domain_keys().filter(|domain| domain.cluster_key_version != newest) {
        let DomainScope { account, space } = *domain.key.scope();
        let record = wrap_again(domain, &cluster.key, domain.retired)?;
        let path = domain_keys::path_of(domain);
        let changes = Changes::new(space).replace(path, domain.revision, &record);
        commit(service, changes, "RewrapDomainKey", account, Resources::default()).await?;
    }
    Ok(())
}

/// Wraps everything under a retired domain key by its successor, then deletes it.
async fn empty(service: &Service, retired: &Domain) -> Result<(), Error> {
    let DomainScope { account, space } = *retired.key.scope();
    match space {
        Space::Global => {
            wrap_secret_access_keys(service, retired, account).await?;
            mfa_seeds::wrap_again(service, retired, account).await?;
        }
        Space::Region(_) => wrap_backing_keys(service, retired, account).await?,
    }
    let view = service.view();
    let Some(domain) = view.domain_key_version(space, account, retired.key.version()) else { return Ok(()) };
    if is_used(&view, domain) {
        return Ok(());
    }
    let changes = Changes::new(space).delete(domain_keys::path_of(domain), domain.revision);
    commit(service, changes, "DeleteDomainKey", account, Resources::default()).await
}

async fn wrap_backing_keys(service: &Service, retired: &Domain, account: AccountId) -> Result<(), Error> {
    let Space::Region(region) = retired.key.scope().space else { return Ok(()) };
    let view = service.view();
    let Some(newest) = view.domain_key(Space::Region(region), account) else { return Ok(()) };
    let mut batch = Changes::new(Space::Region(region));
    let mut resources = Vec::new();
    for key in view.keys_after(region, account, None).filter(|key| wraps_backing_key(retired, key)) {
        let record = backing_keys_again(key, newest)?;
        batch = batch.replace(paths::key(region, key.arn.id), key.revision, &record);
        resources.push(&key.arn);
        if resources.len() == BATCH_RECORDS_MAX || batch.bytes() >= BATCH_BYTES_MAX {
            let full = std::mem::replace(&mut batch, Changes::new(Space::Region(region)));
            let keys = std::mem::take(&mut resources);
            commit(service, full, "RewrapBackingKeys", account, Resources::of_keys(keys)).await?;
        }
    }
    if resources.is_empty() {
        return Ok(());
    }
    commit(service, batch, "RewrapBackingKeys", account, Resources::of_keys(resources)).await
}

fn backing_keys_again(key: &Key, newest: &Domain) -> Result<KeyRecord, Error> {
    let mut record = key.to_record();
    let binding = BackingKeyBinding { key_id: key.arn.id, spec: key.spec };
    for (stored, backing) in record.backing_keys.iter_mut().zip(&key.backing_keys) {
        let from = &backing.domain.key;
        let wrapped = newest.key.rewrap_backing_key(from, binding, &backing.material_id, &backing.wrapped);
        stored.wrapped = wrapped.map_err(|error| Error::Internal(format!("{}: {error}", key.arn)))?;
        stored.domain_key_version = newest.key.version();
    }
    Ok(record)
}

async fn wrap_secret_access_keys(service: &Service, retired: &Domain, account: AccountId) -> Result<(), Error> {
    let view = service.view();
    let Some(newest) = view.domain_key(Space::Global, account) else { return Ok(()) };
    for user in view.users_after(account, "").filter(|user| wraps_secret(retired, user)) {
        let record = secrets_again(&view, user, newest)?;
        let changes = Changes::new(Space::Global).replace(user.record_path(), user.revision, &record);
        commit(service, changes, "RewrapSecretAccessKeys", account, Resources::of_arn(user.arn())).await?;
    }
    Ok(())
}

fn secrets_again(view: &View, user: &User, newest: &Domain) -> Result<UserRecord, Error> {
    let mut record = user.to_record();
    for stored in &mut record.access_keys {
        let from = view.domain_key_version(Space::Global, user.account, stored.domain_key_version);
        let from = from.ok_or_else(|| Error::Internal(format!("a domain key of {} is missing", user.arn())))?;
        let id: AccessKeyId = stored.id.parse().map_err(|_| Error::Internal(format!("{} is damaged", user.arn())))?;
        let wrapped = newest.key.rewrap_secret_access_key(&from.key, &id, &stored.wrapped_secret);
        stored.wrapped_secret = wrapped.map_err(|error| Error::Internal(format!("{}: {error}", user.arn())))?;
        stored.domain_key_version = newest.key.version();
    }
    Ok(record)
}

/// Whether a domain key still wraps anything.
fn is_used(view: &View, domain: &Domain) -> bool {
    let DomainScope { account, space } = *domain.key.scope();
    match space {
        Space::Global => {
            view.users_after(account, "").any(|user| wraps_secret(domain, user))
                || mfa_seeds::are_wrapped_by(view, domain)
        }
        Space::Region(region) => view.keys_after(region, account, None).any(|key| wraps_backing_key(domain, key)),
    }
}

fn wraps_backing_key(domain: &Domain, key: &Key) -> bool {
    key.backing_keys.iter().any(|backing| backing.domain.key.version() == domain.key.version())
}

fn wraps_secret(domain: &Domain, user: &User) -> bool {
    user.access_keys.iter().any(|access_key| access_key.domain_key_version == domain.key.version())
}

async fn delete_cluster_keys(service: &Service) -> Result<(), Error> {
    let view = service.view();
    let now = service.now(&view);
    let first_account = view.deployment().map(|deployment| deployment.first_account);
    for cluster in view.cluster_keys() {
        let version = cluster.key.version();
        let old = cluster.record.retired_at.is_some_and(|at| Timestamp::from_millis(at) + CLUSTER_KEY_GRACE <= now);
        let used = || {
            view.domain_keys().any(|domain| domain.cluster_key_version == version)
                || view.session_keys().any(|key| key.cluster_key_version == version)
                || view.audit_keys().any(|key| key.cluster_key_version == version)
        };
        if let Some(account) = first_account.filter(|_| old && !used()) {
            let changes = Changes::new(Space::Global).delete(paths::cluster_key(version), cluster.revision);
            commit(service, changes, "DeleteClusterKey", account, Resources::default()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::caller::Signatory;
    use crate::testing::test_events::event_of;
    use crate::testing::test_kms::{HOME, REGION, TestKms};

    fn versions(kms: &TestKms, space: Space) -> Vec<u32> {
        let account: AccountId = HOME.parse().unwrap();
        let view = kms.view();
        let own = view.domain_keys().filter(|domain| *domain.key.scope() == DomainScope { account, space });
        own.map(|domain| domain.key.version()).collect()
    }

    /// Ciphertexts, MACs and credentials outlive each rotation, and the old keys go.
    #[test]
    fn rotations_finish_and_change_nothing_else() {
        let kms = TestKms::new();
        let (key, region) = (kms.key(), Space::Region(REGION.parse().unwrap()));
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        let user = kms.admin().user("ann", "");
        for round in 2..4 {
            kms.ok("RotateDomainKeys", json!({}));
            kms.ok("RotateDomainKeys", json!({"Space": "GLOBAL"}));
            kms.ok("RotateClusterKey", json!({}));
            assert_eq!((versions(&kms, region).len(), versions(&kms, Space::Global).len()), (2, 2));
            // Between a rotation and its end, everything works, under old keys and new.
            kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext}));
            kms.key();
            kms.block_on(run(kms.service())).unwrap();
            assert_eq!((versions(&kms, region), versions(&kms, Space::Global)), (vec![round], vec![round]));
            assert_eq!(kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext}))["Plaintext"], "AAAA");
            let view = kms.view();
            let credential = view.credential(user.access_key_id).unwrap();
            assert_eq!(credential.domain_key_version, round);
            let signing_key = kms.service().signing_key(
                &view,
                &Signatory::AccessKey(Arc::clone(credential)),
                "20260131",
                REGION.parse().unwrap(),
                claviger_types::ServiceName::Kms,
            );
            assert!(signing_key.is_ok());
            assert!(view.domain_keys().all(|domain| domain.cluster_key_version == round));
        }
        assert_eq!(kms.view().cluster_keys().count(), 3);
        kms.pass(CLUSTER_KEY_GRACE);
        kms.block_on(run(kms.service())).unwrap();
        assert_eq!(kms.view().cluster_keys().count(), 1);
        let commits = kms.store.commits_since(0);
        commits.iter().for_each(|commit| drop(event_of(commit)));
        kms.block_on(run(kms.service())).unwrap();
        assert_eq!(kms.store.commits(), commits.len(), "a job that has nothing to do commits nothing");
    }

    /// Records of the largest size must not make a transaction that no store takes.
    #[test]
    fn large_records_are_wrapped_again_in_smaller_batches() {
        let kms = TestKms::new();
        let policy = crate::keys::policies::default_document(HOME.parse().unwrap());
        let policy = format!("{policy}{}", " ".repeat(claviger_types::limits::KEY_POLICY_BYTES_MAX - policy.len()));
        for _ in 0..42 {
            kms.ok("CreateKey", json!({"Policy": policy}));
        }
        kms.ok("RotateDomainKeys", json!({}));
        kms.block_on(run(kms.service())).unwrap();
        assert_eq!(versions(&kms, Space::Region(REGION.parse().unwrap())), [2]);
    }
}
