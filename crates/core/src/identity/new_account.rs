//! What an account consists of when it is made: itself, its global domain key, and a user `admin` with
//! AdministratorAccess.

use std::sync::Arc;

use claviger_keyring::{ClusterKey, DomainKey, DomainScope, ModuleFailed, SecretAccessKey, Space};
use claviger_types::{AccessKeyId, AccountId, Timestamp, UserId, UserName};

use crate::error::Error;
use crate::keys::domain_keys::{self, NewDomainKey};
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records::{AccessKeyOwnerRecord, AccessKeyRecord, AccountRecord, PoliciesRecord, UserRecord};
use crate::view::control_policies::FULL_ACCESS;
use crate::view::service_policies::ADMINISTRATOR_ACCESS;

/// The user that every account begins with.
pub const ADMIN: &str = "admin";

/// A fresh number, uniform over all of twelve digits but for a bias far below one in a million.
pub fn random_account_id() -> Result<AccountId, ModuleFailed> {
    let number = u64::from_be_bytes(claviger_keyring::random()?) % 1_000_000_000_000;
    AccountId::from_u64(number).ok_or(ModuleFailed)
}

/// The random parts of an account.
pub struct NewAccount {
    /// Its number.
    pub id: AccountId,
    /// Its admin.
    pub admin: NewAdministrator,
    domain_key: NewDomainKey,
}

/// The random parts of a user who may do everything in its account.
pub struct NewAdministrator {
    /// Its access key.
    pub access_key_id: AccessKeyId,
    /// Its secret access key. Nothing else holds it in the clear.
    pub secret: Arc<SecretAccessKey>,
    name: UserName,
    user_id: UserId,
    domain_key_version: u32,
    wrapped_secret: Vec<u8>,
}

impl NewAccount {
    /// Makes them. `access_key` stands in for a fresh one.
    pub fn prepare(
        cluster: &ClusterKey,
        id: AccountId,
        access_key: Option<(AccessKeyId, SecretAccessKey)>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let scope = DomainScope { account: id, space: Space::Global };
        let domain_key = domain_keys::make(cluster, scope, 1, now.as_millis())?;
        let name = ADMIN.parse().map_err(|_| Error::Internal(format!("{ADMIN} is no user name")))?;
        let admin = NewAdministrator::prepare(name, domain_key.key(), access_key)?;
        Ok(Self { id, admin, domain_key })
    }

    /// Adds the account's records.
    pub fn write(&self, changes: Changes, name: &str, now: Timestamp) -> Changes {
        let account = AccountRecord {
            name: name.to_owned(),
            created_at: now.as_millis(),
            alias: None,
            parent: None,
            closed_at: None,
            tags: Vec::new(),
            policies: vec![FULL_ACCESS.to_owned()],
        };
        let changes = changes
            .create(paths::account(self.id), &account)
            .create(self.domain_key.path().to_owned(), self.domain_key.record());
        self.admin.write(changes, self.id, now).count_user_in(self.id)
    }
}

impl NewAdministrator {
    /// Makes them, with the secret wrapped by the account's domain key. `access_key` stands in for a fresh one.
    pub fn prepare(
        name: UserName,
        domain_key: &DomainKey,
        access_key: Option<(AccessKeyId, SecretAccessKey)>,
    ) -> Result<Self, Error> {
        let (access_key_id, secret) = match access_key {
            Some(chosen) => chosen,
            None => (AccessKeyId::from_random(claviger_keyring::random()?), SecretAccessKey::generate()?),
        };
        let wrapped_secret = domain_key.wrap_secret_access_key(&access_key_id, &secret)?;
        let user_id = UserId::from_random(claviger_keyring::random()?);
        let domain_key_version = domain_key.version();
        Ok(Self { access_key_id, secret: Arc::new(secret), name, user_id, domain_key_version, wrapped_secret })
    }

    /// Adds the user's records, but counts nobody in.
    pub fn write(&self, changes: Changes, account: AccountId, now: Timestamp) -> Changes {
        let owner = AccessKeyOwnerRecord { account: account.as_u64(), user: self.name.folded() };
        changes
            .create(paths::user(account, &self.name.folded()), &self.record(now.as_millis()))
            .create(paths::access_key(self.access_key_id), &owner)
    }

    fn record(&self, created_at: i64) -> UserRecord {
        let access_key = AccessKeyRecord {
            id: self.access_key_id.to_string(),
            created_at,
            domain_key_version: self.domain_key_version,
            wrapped_secret: self.wrapped_secret.clone(),
            active: true,
        };
        UserRecord {
            id: self.user_id.to_string(),
            name: self.name.to_string(),
            path: "/".to_owned(),
            created_at,
            policies: PoliciesRecord { inline: Vec::new(), attached: vec![ADMINISTRATOR_ACCESS.to_owned()] },
            access_keys: vec![access_key],
            groups: Vec::new(),
            boundary: None,
            tags: Vec::new(),
        }
    }
}
