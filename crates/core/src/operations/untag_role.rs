//! `UntagRole`: tags of a role go; keys of tags that are not there are no matter. Source: IAM API reference,
//! UntagRole.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct UntagRole {
    role: RolePlace,
    tag_keys: Vec<String>,
}

impl Operation for UntagRole {
    const NAME: &'static str = "UntagRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, tag_keys: tags::keys_from_request(fields)? })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for UntagRole {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition_of_keys(&self.tag_keys, key)
    }
}

impl PlainCommand for UntagRole {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
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
        kms.role("x");
        let tag = |key: &str| json!({"Key": key, "Value": "v"});
        kms.ok("TagRole", json!({"RoleName": "x", "Tags": [tag("a"), tag("b"), tag("c")]}));
        let body = json!({"RoleName": "x", "TagKeys": ["A", "none", "c"]});
        assert_eq!(kms.ok("UntagRole", body.clone()), Value::Null);
        assert_eq!(kms.ok("UntagRole", body), Value::Null);
        assert_eq!(kms.ok("ListRoleTags", json!({"RoleName": "x"}))["Tags"], json!([tag("b")]));
    }
}
