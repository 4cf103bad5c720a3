//! `UpdateAccessKey`: credentials are refused while they are inactive. Source: IAM API reference, UpdateAccessKey.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct UpdateAccessKey {
    user: UserPlace,
    access_key_id: String,
    active: bool,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let active = match fields.string("Status").unwrap_or_default().as_str() {
            "Active" => true,
            "Inactive" => false,
            other => return Err(Error::InvalidInput(format!("An access key cannot be set to {other}."))),
        };
        let user = users::named_user_or_caller(fields)?;
        Ok(Self { user, access_key_id: fields.string("AccessKeyId").unwrap_or_default(), active })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for UpdateAccessKey {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        let id = &users::find_access_key(user, &self.access_key_id)?.id;
        let changes = entities::edit(user, |record| {
            let this = record.access_keys.iter_mut().filter(|access_key| access_key.id == *id);
            this.for_each(|access_key| access_key.active = self.active);
        });
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn an_inactive_one_is_as_good_as_none() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "kms:ListKeys", "*"));
        let set = |status: &str| {
            let id = ann.access_key_id.to_string();
            kms.call("UpdateAccessKey", json!({"UserName": "ann", "AccessKeyId": id, "Status": status}))
        };
        let listed = || kms.ok("ListAccessKeys", json!({"UserName": "ann"}))["AccessKeyMetadata"][0]["Status"].clone();
        assert_eq!(set("Inactive"), Ok(Value::Null));
        assert_eq!(listed(), "Inactive");
        assert_eq!(ann.call("ListKeys", json!({})), Err(refused("(unauthenticated)", "")));
        assert_eq!(set("Active"), Ok(Value::Null));
        assert_eq!(listed(), "Active");
        ann.ok("ListKeys", json!({}));
        assert_eq!(set("Expired"), Err(refused("InvalidInput", "An access key cannot be set to Expired.")));
        let body = json!({"UserName": "ann", "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "Status": "Active"});
        let text = "The Access Key with id AKIAAAAAAAAAAAAAAAAA cannot be found.";
        assert_eq!(kms.call("UpdateAccessKey", body), Err(refused("NoSuchEntity", text)));
    }
}
