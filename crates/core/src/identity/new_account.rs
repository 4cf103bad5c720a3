//! What an account consists of when it is made: itself, its global domain key, and a user `admin` with
//! AdministratorAccess.

use std::sync::Arc;

use claviger_keyring::{ClusterKey, DomainScope, ModuleFailed, SecretAccessKey, Space};
use claviger_types::{AccessKeyId, AccountId, Timestamp, UserId};

use crate::error::Error;
use crate::identity::service_policies::ADMINISTRATOR_ACCESS;
use crate::keys::domain_keys::{self, NewDomainKey};
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records::{AccessKeyOwnerRecord, AccessKeyRecord, AccountRecord, PoliciesRecord, UserRecord};

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
    /// The admin's access key.
    pub access_key_id: AccessKeyId,
    /// The admin's secret access key. Nothing else holds it in the clear.
    pub secret: Arc<SecretAccessKey>,
    user_id: UserId,
    wrapped_secret: Vec<u8>,
    domain_key: NewDomainKey,
}

impl NewAccount {
    /// Makes them. `access_key` stands in for a fresh one.
    pub fn prepare(
        cluster: &ClusterKey,
        id: AccountId,
        access_key: Option<(AccessKeyId, SecretAccessKey)>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (access_key_id, secret) = match access_key {
            Some(chosen) => chosen,
            None => (AccessKeyId::from_random(claviger_keyring::random()?), SecretAccessKey::generate()?),
        };
        let scope = DomainScope { account: id, space: Space::Global };
        let domain_key = domain_keys::make(cluster, scope, 1, now.as_millis())?;
        let wrapped_secret = domain_key.key().wrap_secret_access_key(&access_key_id, &secret)?;
        let user_id = UserId::from_random(claviger_keyring::random()?);
        Ok(Self { id, access_key_id, secret: Arc::new(secret), user_id, wrapped_secret, domain_key })
    }

    /// Adds the account's records.
    pub fn write(&self, changes: Changes, name: &str, now: Timestamp) -> Changes {
        let created_at = now.as_millis();
        let account = AccountRecord { name: name.to_owned(), created_at, alias: None };
        let owner = AccessKeyOwnerRecord { account: self.id.as_u64(), user: ADMIN.to_owned() };
        let changes = changes
            .create(paths::account(self.id), &account)
            .create(self.domain_key.path().to_owned(), self.domain_key.record())
            .create(paths::user(self.id, ADMIN), &self.admin(created_at))
            .create(paths::access_key(self.access_key_id), &owner);
        changes.count_user_in(self.id)
    }

    fn admin(&self, created_at: i64) -> UserRecord {
        let access_key = AccessKeyRecord {
            id: self.access_key_id.to_string(),
            created_at,
            domain_key_version: self.domain_key.key().version(),
            wrapped_secret: self.wrapped_secret.clone(),
            active: true,
        };
        UserRecord {
            id: self.user_id.to_string(),
            name: ADMIN.to_owned(),
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
