//! `DeleteAccessKey`: credentials go, and are refused from then on; without a user's name, the caller's. Source: IAM
//! API reference, DeleteAccessKey.

use claviger_types::{AccessKeyId, ServiceName};

use crate::error::Error;
use crate::identity::{entities, users};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteAccessKey {
    user: UserPlace,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user_or_caller(fields)?,
            access_key_id: fields.string("AccessKeyId").unwrap_or_default(),
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for DeleteAccessKey {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let (user, typed) = (target.existing()?, &self.access_key_id);
        let id = &users::find_access_key(user, typed)?.id;
        let id: AccessKeyId = id.parse().map_err(|_| Error::Internal(format!("{id} is no access key id")))?;
        let changes = entities::edit(user, |record| record.access_keys.retain(|access_key| access_key.id != *typed));
        Ok(changes.delete_any(paths::access_key(id)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::paths;
    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn its_holder_is_nobody_at_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:*", "arn:aws:iam::*:user/ann"));
        let id = ann.access_key_id.to_string();
        let path = paths::access_key(ann.access_key_id);
        let is_taken = || kms.store.records().iter().any(|(at, _)| *at == path);
        assert!(is_taken());
        assert_eq!(ann.ok("DeleteAccessKey", json!({"AccessKeyId": id})), Value::Null);
        assert_eq!(ann.call("GetCallerIdentity", json!({})), Err(refused("(unauthenticated)", "")));
        assert!(!is_taken());
    }

    /// One of another user is as good as none.
    #[test]
    fn missing() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let own = kms.admin().access_key_id.to_string();
        for id in [own.as_str(), "AKIAAAAAAAAAAAAAAAAA", "not_an_access_key"] {
            let text = format!("The Access Key with id {id} cannot be found.");
            let answer = kms.call("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": id}));
            assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
        }
    }
}
