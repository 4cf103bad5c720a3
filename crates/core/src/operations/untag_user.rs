//! `UntagUser`: tags of a user go; keys of tags that are not there are no matter. Source: IAM API reference,
//! UntagUser.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct UntagUser {
    user: UserPlace,
    tag_keys: Vec<String>,
}

impl Operation for UntagUser {
    const NAME: &'static str = "UntagUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: entities::named(fields)?, tag_keys: tags::keys_from_request(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for UntagUser {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition_of_keys(&self.tag_keys, key)
    }
}

impl PlainCommand for UntagUser {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let changes = entities::edit(target.existing()?, |record| tags::remove(&mut record.tags, &self.tag_keys));
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::TestKms;

    #[test]
    fn tags_go_whatever_their_case() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "x"}));
        let tag = |key: &str| json!({"Key": key, "Value": "v"});
        kms.ok("TagUser", json!({"UserName": "x", "Tags": [tag("a"), tag("b"), tag("c")]}));
        let body = json!({"UserName": "x", "TagKeys": ["A", "none", "c"]});
        assert_eq!(kms.ok("UntagUser", body.clone()), Value::Null);
        assert_eq!(kms.ok("UntagUser", body), Value::Null);
        assert_eq!(kms.ok("ListUserTags", json!({"UserName": "x"}))["Tags"], json!([tag("b")]));
    }
}
