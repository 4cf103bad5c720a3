//! `CreateAccessKey`: credentials for a user; without a name, for the caller. The secret is stored wrapped and shown
//! in this one answer. Source: IAM API reference, CreateAccessKey.

use std::sync::Arc;

use claviger_keyring::{SecretAccessKey, Space};
use claviger_types::{AccessKeyId, ServiceName, Timestamp, UserName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::{entities, listing, users};
use crate::keys::domain_keys::WrappingKey;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::records::{AccessKeyOwnerRecord, AccessKeyRecord};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct CreateAccessKey {
    user: UserPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    access_key: Shown,
}

/// `AccessKey`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    user_name: UserName,
    access_key_id: AccessKeyId,
    status: &'static str,
    #[serde(serialize_with = "users::exposed")]
    secret_access_key: Arc<SecretAccessKey>,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
}

/// Id and secret of the access key to be.
pub struct Prepared {
    id: AccessKeyId,
    secret: Arc<SecretAccessKey>,
    wrapping_key: WrappingKey,
    wrapped_secret: Vec<u8>,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user_or_caller(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for CreateAccessKey {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<UserTarget>, _: &Tools<'_>) -> Result<Prepared, Error> {
        let id = AccessKeyId::from_random(claviger_keyring::random()?);
        let secret = Arc::new(SecretAccessKey::generate()?);
        let wrapping_key = WrappingKey::find_or_make(facts, Space::Global, facts.account())?;
        let wrapped_secret = wrapping_key.key().wrap_secret_access_key(&id, &secret)?;
        Ok(Prepared { id, secret, wrapping_key, wrapped_secret })
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<UserTarget>,
        prepared: &Prepared,
    ) -> Result<Outcome<Reply>, Error> {
        let user = target.existing()?;
        let limit = limits::ACCESS_KEYS_PER_USER_MAX;
        if user.access_keys.len() >= limit {
            return Err(Error::quota("AccessKeysPerUser", limit));
        }
        let access_key = AccessKeyRecord {
            id: prepared.id.to_string(),
            created_at: facts.now.as_millis(),
            domain_key_version: prepared.wrapping_key.key().version(),
            wrapped_secret: prepared.wrapped_secret.clone(),
            active: true,
        };
        let owner = AccessKeyOwnerRecord { account: user.account.as_u64(), user: user.name.folded() };
        let changes = entities::edit(user, |record| record.access_keys.push(access_key));
        let changes = prepared.wrapping_key.guard(changes).create(paths::access_key(prepared.id), &owner);
        let access_key = Shown {
            user_name: user.name.clone(),
            access_key_id: prepared.id,
            status: users::status(true),
            secret_access_key: Arc::clone(&prepared.secret),
            create_date: facts.now,
        };
        Ok(changes.reply(Reply { access_key }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use claviger_keyring::SecretAccessKey;
    use claviger_types::ServiceName;
    use serde_json::json;

    use crate::identity::caller::Signatory;
    use crate::testing::test_kms::{REGION, TestKms, refused, statement};

    /// The secret opens what it signs: the service derives the same signing key from what it has stored.
    #[test]
    fn the_secret_is_the_stored_one() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "Ann"}));
        let made = kms.ok("CreateAccessKey", json!({"UserName": "ann"}))["AccessKey"].clone();
        assert_eq!((&made["UserName"], &made["Status"]), (&json!("Ann"), &json!("Active")));
        let (secret, view) = (made["SecretAccessKey"].as_str().unwrap(), kms.view());
        assert_eq!(secret.len(), 40);
        let credential = view.credential(made["AccessKeyId"].as_str().unwrap().parse().unwrap()).unwrap();
        let credential = Signatory::AccessKey(Arc::clone(credential));
        let region = REGION.parse().unwrap();
        let stored = kms.service().signing_key(&view, &credential, "20260131", region, ServiceName::Kms).unwrap();
        let shown =
            SecretAccessKey::from_text(secret.to_owned()).unwrap().signing_key("20260131", REGION, "kms").unwrap();
        assert!(stored.verify(b"text", &shown.sign(b"text").unwrap()));
    }

    #[test]
    fn two_for_each_user() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:*", "arn:aws:iam::*:user/ann"));
        let own = ann.ok("CreateAccessKey", json!({}));
        assert_eq!(own["AccessKey"]["UserName"], "ann");
        let full = Err(refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"));
        assert_eq!(ann.call("CreateAccessKey", json!({})), full);
        ann.ok("DeleteAccessKey", json!({"AccessKeyId": own["AccessKey"]["AccessKeyId"]}));
        ann.ok("CreateAccessKey", json!({"UserName": "ann"}));
        let because = " on resource: user admin because no identity-based policy allows the iam:CreateAccessKey action";
        let answer = ann.call("CreateAccessKey", json!({"UserName": "admin"}));
        assert_eq!(answer, Err(ann.denied("iam:CreateAccessKey", because)));
        let text = "The user with name bob cannot be found.";
        assert_eq!(kms.call("CreateAccessKey", json!({"UserName": "bob"})), Err(refused("NoSuchEntity", text)));
    }
}
