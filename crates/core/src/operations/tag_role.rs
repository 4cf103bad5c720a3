//! `TagRole`: tags are added to a role, or get new values. Source: IAM API reference, TagRole.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::records::TagRecord;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct TagRole {
    role: RolePlace,
    tags: Vec<TagRecord>,
}

impl Operation for TagRole {
    const NAME: &'static str = "TagRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, tags: tags::from_request(fields)? })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for TagRole {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition(&self.tags, key)
    }
}

impl PlainCommand for TagRole {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        let role = target.existing()?;
        let mut tags = role.to_record().tags;
        tags::add(&mut tags, &self.tags)?;
        Ok(entities::edit(role, |record| record.tags = tags).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn tags_are_added_or_get_new_values() {
        let kms = TestKms::new();
        kms.role("x");
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        let put = |tags: Value| kms.call("TagRole", json!({"RoleName": "x", "Tags": tags}));
        assert_eq!(put(json!([tag("b", "1"), tag("a", "")])), Ok(Value::Null));
        put(json!([tag("B", "2"), tag("c", "3")])).unwrap();
        let shown = json!([tag("B", "2"), tag("a", ""), tag("c", "3")]);
        assert_eq!(kms.ok("GetRole", json!({"RoleName": "x"}))["Role"]["Tags"], shown);
        let twice = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        assert_eq!(put(json!([tag("d", "1"), tag("D", "2")])), Err(refused("InvalidInput", twice)));
        assert_eq!(put(json!([tag("Aws:x", "")])).unwrap_err().code, "InvalidInput");
        let many =
            |from: usize, to: usize| -> Value { (from..to).map(|number| tag(&number.to_string(), "")).collect() };
        put(many(0, 47)).unwrap();
        let full = "The number of tags has reached the maximum limit of 50.";
        assert_eq!(put(many(47, 48)), Err(refused("LimitExceeded", full)));
        put(json!([tag("A", "new value of one that is there")])).unwrap();
    }
}
