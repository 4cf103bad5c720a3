//! The first records of an empty store, and the start of the development clock: what no request can do.

use std::sync::Arc;
use std::time::SystemTime;

use claviger_keyring::{ClusterKey, Deployment, RootError, RootOfTrust, SecretAccessKey, Space};
use claviger_storage::{CommitError, Store, Write};
use claviger_types::{AccessKeyId, AccountId, Timestamp};

use crate::error::Error;
use crate::identity::new_account::NewAccount;
use crate::identity::session_keys;
use crate::paths;
use crate::pipeline::event;
use crate::pipeline::outcome::Changes;
use crate::records::{ClusterKeyRecord, DeploymentRecord, DevClockRecord};
use crate::service::Service;

/// What a new deployment is to be.
pub struct NewDeployment {
    /// The first account: it may create others.
    pub account: AccountId,
    /// The first account's name.
    pub name: String,
    /// For development or for production.
    pub kind: Deployment,
    /// The first admin's access key, if it is not to be a fresh one.
    pub admin: Option<(AccessKeyId, SecretAccessKey)>,
}

/// The first admin's access key.
pub struct AdminKey {
    /// The first account.
    pub account: AccountId,
    /// The access key's id.
    pub access_key_id: AccessKeyId,
    /// Its secret. Nothing else holds it in the clear.
    pub secret: Arc<SecretAccessKey>,
}

/// A deployment could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The records were not written.
    #[error("cannot write the first records: {0}")]
    Commit(#[from] CommitError),
    /// The cryptographic module failed, or there is a bug.
    #[error("cannot make the first records: {0}")]
    Making(String),
    /// The root of trust does not work.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// Makes the cluster key, the session key and the first account in an empty store: one transaction, so it is made whole or not at all.
pub async fn create(
    store: &Arc<dyn Store>,
    root: &dyn RootOfTrust,
    new: NewDeployment,
) -> Result<AdminKey, BootstrapError> {
    let now = Timestamp::from(SystemTime::now());
    let making = |error: Error| BootstrapError::Making(format!("{error:?}"));
    let (cluster, wrapped) = ClusterKey::generate(1, root)?;
    let id = claviger_keyring::random().map_err(|error| making(error.into()))?;
    let account = NewAccount::prepare(&cluster, new.account, new.admin, now).map_err(making)?;
    let deployment = DeploymentRecord {
        id,
        first_account: new.account.as_u64(),
        development: new.kind == Deployment::Development,
        created_at: now.as_millis(),
    };
    let cluster_key = ClusterKeyRecord { wrapped, created_at: now.as_millis(), retired_at: None };
    let changes = Changes::new(Space::Global)
        .create(paths::deployment(), &deployment)
        .create(paths::cluster_key(cluster.version()), &cluster_key);
    let changes = session_keys::make(changes, &cluster, 1, now).map_err(making)?;
    commit(store.as_ref(), account.write(changes, &new.name, now), "claviger:CreateDeployment", new.account, now)
        .await?;
    Ok(AdminKey { account: new.account, access_key_id: account.access_key_id, secret: account.secret })
}

/// Sets the domain clock to `time`, from which it goes on. Only a service whose settings allow it follows.
pub async fn set_dev_clock(service: &Service, time: Timestamp) -> Result<(), BootstrapError> {
    let now = Timestamp::from(SystemTime::now());
    let offset_millis = time.as_millis().saturating_sub(now.as_millis());
    let changes = Changes::new(Space::Global).put(paths::dev_clock(), &DevClockRecord { offset_millis });
    let view = service.view();
    let account = view.deployment().map(|deployment| deployment.first_account);
    let account = account.ok_or_else(|| BootstrapError::Making("the store is empty".into()))?;
    commit(service.store().as_ref(), changes, "claviger:SetDevClock", account, now).await
}

/// Commits with an event of the service's own.
async fn commit(
    store: &dyn Store,
    changes: Changes,
    action: &str,
    account: AccountId,
    now: Timestamp,
) -> Result<(), BootstrapError> {
    let (mut transaction, _) =
        changes.into_transaction().map_err(|error| BootstrapError::Making(format!("{error:?}")))?;
    let event = event::of_job(now, action, account, paths::GLOBAL, Vec::new());
    let path = event::fresh_path(paths::GLOBAL).map_err(|error| BootstrapError::Making(format!("{error:?}")))?;
    transaction.writes.push(Write::Put { path, value: event });
    store.commit(transaction).await?;
    Ok(())
}
