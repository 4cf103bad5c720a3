//! Finishes rotations: what a retired domain key or an older cluster key wraps is wrapped again, then the old key goes.
//!
//! The work left is read off the state, so a rotation goes on where it was interrupted. No command can add to it: what
//! is wrapped anew is guarded by the revision of its domain key, and retiring changed that.

use std::sync::Arc;
use std::time::Duration;

use claviger_keyring::{BackingKeyBinding, DomainScope, Space};
use claviger_types::{AccessKeyId, AccountId, Timestamp};

use super::commit;
use crate::domain_keys::{self, cluster_key, wrap_again};
use crate::error::Error;
use crate::outcome::Changes;
use crate::paths;
use crate::records::{KeyRecord, UserRecord};
use crate::service::Service;
use crate::view::{Domain, Key, User, View};

/// Records re-wrapped in one transaction; each is a precondition and a write.
const BATCH_RECORDS_MAX: usize = 40;

/// How long an older cluster key stays after it wraps nothing that is stored: commands that were prepared with it, and
/// markers sealed by it, are long gone by then.
const CLUSTER_KEY_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Does all that is to do.
pub async fn run(service: &Service) -> Result<(), Error> {
    let view = service.view();
    wrap_domain_keys(service, &view).await?;
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
        commit(service, changes, "claviger:RewrapDomainKey", account, Vec::new()).await?;
    }
    Ok(())
}

/// Wraps everything under a retired domain key by its successor, then deletes it.
async fn empty(service: &Service, retired: &Domain) -> Result<(), Error> {
    let DomainScope { account, space } = *retired.key.scope();
    match space {
        Space::Global => wrap_secret_access_keys(service, retired, account).await?,
        Space::Region(_) => wrap_backing_keys(service, retired, account).await?,
    }
    let view = service.view();
    let Some(domain) = view.domain_key_version(space, account, retired.key.version()) else { return Ok(()) };
    if is_used(&view, domain) {
        return Ok(());
    }
    let changes = Changes::new(space).delete(domain_keys::path_of(domain), domain.revision);
    commit(service, changes, "claviger:DeleteDomainKey", account, Vec::new()).await
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
        resources.push(key.arn.to_string());
        if resources.len() == BATCH_RECORDS_MAX {
            let full = std::mem::replace(&mut batch, Changes::new(Space::Region(region)));
            let keys = std::mem::take(&mut resources);
            commit(service, full, "claviger:RewrapBackingKeys", account, keys).await?;
        }
    }
    if resources.is_empty() {
        return Ok(());
    }
    commit(service, batch, "claviger:RewrapBackingKeys", account, resources).await
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
        let path = paths::user(account, &user.name.folded());
        let changes = Changes::new(Space::Global).replace(path, user.revision, &record);
        commit(service, changes, "claviger:RewrapSecretAccessKeys", account, vec![user.arn().to_string()]).await?;
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
        Space::Global => view.users_after(account, "").any(|user| wraps_secret(domain, user)),
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
        let used = || view.domain_keys().any(|domain| domain.cluster_key_version == version);
        if let Some(account) = first_account.filter(|_| old && !used()) {
            let changes = Changes::new(Space::Global).delete(paths::cluster_key(version), cluster.revision);
            commit(service, changes, "claviger:DeleteClusterKey", account, Vec::new()).await?;
        }
    }
    Ok(())
}
