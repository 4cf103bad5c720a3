//! The first records of an empty store, and the start of the development clock: what no request can do.

use std::sync::Arc;
use std::time::SystemTime;

use claviger_keyring::{ClusterKey, Deployment, RootError, RootOfTrust, SecretAccessKey, Space};
use claviger_storage::{CommitError, Store};
use claviger_types::{AccessKeyId, AccountId, OrganizationId, PrincipalArn, RootId, Timestamp, UserName};

use crate::audit::audit_key;
use crate::error::Error;
use crate::identity::new_account::{NewAccount, NewAdministrator};
use crate::identity::session_keys;
use crate::paths;
use crate::pipeline::event;
use crate::pipeline::outcome::{Changes, Quota};
use crate::records::{ClusterKeyRecord, DeploymentRecord, DevClockRecord, OrganizationRecord};
use crate::service::Service;
use crate::view::PolicyInterner;
use crate::view::control_policies::FULL_ACCESS;
use crate::views::{self, StartError};

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

/// An administrator's access key.
pub struct AdminKey {
    /// Its account.
    pub account: AccountId,
    /// The access key's id.
    pub access_key_id: AccessKeyId,
    /// Its secret. Nothing else holds it in the clear.
    pub secret: Arc<SecretAccessKey>,
}

/// A deployment could not be made, or an account not be entered again.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The records were not written.
    #[error("cannot write the records: {0}")]
    Commit(#[from] CommitError),
    /// The cryptographic module failed, or there is a bug.
    #[error("cannot make the records: {0}")]
    Making(#[from] Error),
    /// There is nothing to recover.
    #[error("the account {0} does not exist")]
    NoAccount(AccountId),
    /// The root of trust does not work.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StartError),
    /// The name of the user to be is taken.
    #[error("the account {account} has a user {name} already: choose another name by --user-name")]
    UserExists {
        /// Whose user.
        account: AccountId,
        /// The user's name.
        name: UserName,
    },
}

/// Makes the cluster key, the session key, the audit key and the first account in an empty store: one transaction, so it
/// is made whole or not at all.
pub async fn create(
    store: &Arc<dyn Store>,
    root: &dyn RootOfTrust,
    new: NewDeployment,
) -> Result<AdminKey, BootstrapError> {
    let now = Timestamp::from(SystemTime::now());
    let (cluster, wrapped) = ClusterKey::generate(1, root)?;
    let id = claviger_keyring::random().map_err(Error::from)?;
    let account = NewAccount::prepare(&cluster, new.account, new.admin, now)?;
    let deployment = DeploymentRecord {
        id,
        first_account: new.account.as_u64(),
        development: new.kind == Deployment::Development,
        created_at: now.as_millis(),
    };
    let cluster_key = ClusterKeyRecord { wrapped, created_at: now.as_millis(), retired_at: None };
    let changes = Changes::new(Space::Global)
        .create(paths::deployment(), &deployment)
        .create(paths::organization(), &organization(now)?)
        .create(paths::cluster_key(cluster.version()), &cluster_key);
    let changes = session_keys::make(changes, &cluster, 1, now)?;
    let changes = changes.create(paths::audit_key(1), &audit_key::make(&cluster, 1, now)?.1);
    commit(store.as_ref(), account.write(changes, &new.name, now), "CreateDeployment", new.account, now).await?;
    Ok(AdminKey { account: new.account, access_key_id: account.admin.access_key_id, secret: account.admin.secret })
}

/// The organization of a new deployment, with nothing but its root.
fn organization(now: Timestamp) -> Result<OrganizationRecord, Error> {
    Ok(OrganizationRecord {
        id: OrganizationId::from_random(claviger_keyring::random()?).to_string(),
        root: RootId::from_random(claviger_keyring::random()?).to_string(),
        created_at: now.as_millis(),
        policies: vec![FULL_ACCESS.to_owned()],
    })
}

/// Makes one more user who may do everything in an account, while no server has the store open: the way back when all
/// access keys of its administrators are lost. Whoever has the store and the root of trust can read everything anyway,
/// so this gives nobody a new power.
pub async fn recover(
    store: &Arc<dyn Store>,
    root: &dyn RootOfTrust,
    account: AccountId,
    name: UserName,
) -> Result<AdminKey, BootstrapError> {
    let now = Timestamp::from(SystemTime::now());
    let view = views::load(store.as_ref(), root, &mut PolicyInterner::default())?.view;
    if view.account(account).is_none() {
        return Err(BootstrapError::NoAccount(account));
    }
    if view.user(account, &name).is_some() {
        return Err(BootstrapError::UserExists { account, name });
    }
    let domain = view.domain_key(Space::Global, account);
    let domain = domain.ok_or_else(|| Error::Internal("the account's domain key is missing".into()))?;
    let arn = PrincipalArn::User { account, path: "/".into(), name: name.clone() };
    let user = NewAdministrator::prepare(name, &domain.key, None)?;
    // No quota may lock an account.
    let changes = user.write(Changes::new(Space::Global), account, now).making(arn);
    let changes = changes.count_in(paths::user_count(account), Quota::Users, u64::MAX);
    commit(store.as_ref(), changes, "RecoverAccount", account, now).await?;
    Ok(AdminKey { account, access_key_id: user.access_key_id, secret: user.secret })
}

/// Sets the domain clock to `time`, from which it goes on. Only a service whose settings allow it follows.
pub async fn set_dev_clock(service: &Service, time: Timestamp) -> Result<(), BootstrapError> {
    let now = Timestamp::from(SystemTime::now());
    let offset_millis = time.as_millis().saturating_sub(now.as_millis());
    let changes = Changes::new(Space::Global).put(paths::dev_clock(), &DevClockRecord { offset_millis });
    let view = service.view();
    let account = view.deployment().map(|deployment| deployment.first_account);
    let account = account.ok_or_else(|| Error::Internal("the store is empty".into()))?;
    commit(service.store().as_ref(), changes, "SetDevClock", account, now).await
}

/// Commits with an event of the service's own.
async fn commit(
    store: &dyn Store,
    changes: Changes,
    operation: &str,
    account: AccountId,
    now: Timestamp,
) -> Result<(), BootstrapError> {
    let resources = changes.made().clone();
    let (mut transaction, _) = changes.into_transaction()?;
    let event = event::of_job(now, operation, account, paths::GLOBAL, &resources)?;
    transaction.writes.push(event.into_outbox(paths::GLOBAL));
    store.commit(transaction).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use claviger_storage::Write;
    use serde_json::json;

    use super::*;
    use crate::records::EventRecord;
    use crate::testing::test_kms::{AWAY, HOME, TestKms};

    #[test]
    fn an_account_without_access_keys_is_entered_again() {
        let kms = TestKms::new();
        for (session, account) in [(kms.admin(), HOME), (kms.away(), AWAY)] {
            let id = session.access_key_id.to_string();
            session.ok("DeleteAccessKey", json!({"AccessKeyId": id}));
            let store: Arc<dyn Store> = Arc::clone(&kms.store) as Arc<dyn Store>;
            let name = || "recovery".parse().unwrap();
            let root = Arc::clone(kms.service().root());
            let (view, commits) = (kms.view(), kms.store.commits());
            let key = kms.block_on(recover(&store, root.as_ref(), account.parse().unwrap(), name())).unwrap();
            kms.block_on(kms.service().newer_view(&view)).unwrap();
            // The event tells of it under the account.
            let commit = kms.store.commits_since(commits).remove(0);
            let event = commit.writes.iter().find(|write| write.path().starts_with("outbox/"));
            let Some(Write::Put { value, .. }) = event else { panic!("no event in {commit:?}") };
            let event = EventRecord::parse(value).unwrap();
            let arn = format!("arn:aws:iam::{account}:user/recovery");
            assert_eq!((event.operation, event.resources), (Some("RecoverAccount"), vec![arn.as_str()]));

            let again = kms.block_on(recover(&store, root.as_ref(), account.parse().unwrap(), name()));
            assert!(matches!(again, Err(BootstrapError::UserExists { .. })), "{account}");
            let none = kms.block_on(recover(&store, root.as_ref(), "777788889999".parse().unwrap(), name()));
            assert!(matches!(none, Err(BootstrapError::NoAccount(_))), "{account}");

            let recovered = kms.session(key.access_key_id);
            assert_eq!(recovered.ok("GetCallerIdentity", json!({}))["Arn"], arn);
            recovered.ok("CreateAccessKey", json!({"UserName": "admin"}));
        }
    }
}
