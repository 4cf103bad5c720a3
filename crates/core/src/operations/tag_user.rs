//! `TagUser`: tags are added to a user, or get new values. Source: IAM API reference, TagUser.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::records::TagRecord;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct TagUser {
    user: UserPlace,
    tags: Vec<TagRecord>,
}

impl Operation for TagUser {
    const NAME: &'static str = "TagUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: entities::named(fields)?, tags: tags::from_request(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for TagUser {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition(&self.tags, key)
    }
}

impl PlainCommand for TagUser {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        let mut tags = user.to_record().tags;
        tags::add(&mut tags, &self.tags)?;
        Ok(entities::edit(user, |record| record.tags = tags).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, TestKms, policy, refused, statement};

    /// Policies see the tags of the request, and those that the caller has.
    #[test]
    fn conditions_see_tags() {
        let kms = TestKms::new();
        let when = |operator: &str, key: &str| {
            let condition = json!({operator: {key: "blue"}});
            let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
            statement.to_string()
        };
        let requested = kms.admin().user("requested", &when("StringEquals", "aws:RequestTag/team"));
        let principal = kms.admin().user("principal", &when("StringEquals", "aws:PrincipalTag/team"));
        let tag = |value: &str| json!({"UserName": "principal", "Tags": [{"Key": "Team", "Value": value}]});
        assert!(requested.call("TagUser", tag("red")).is_err());
        assert!(principal.call("ListKeys", json!({})).is_err());
        requested.ok("TagUser", tag("blue"));
        principal.ok("ListKeys", json!({}));
    }

    /// The Kelvin sign is no `k` to conditions: so a tag with it is another tag, and does not take another's place.
    #[test]
    fn keys_that_conditions_tell_apart_are_two() {
        let kms = TestKms::new();
        let deny = json!({"Effect": "Deny", "Action": "iam:TagUser", "Resource": "*",
            "Condition": {"Null": {"aws:RequestTag/risk": "false"}}});
        let ann = kms.admin().user("ann", &format!("{},{deny}", statement("Allow", "iam:*", "*")));
        let tag = |key: &str, value: &str| json!({"UserName": "ann", "Tags": [{"Key": key, "Value": value}]});
        kms.ok("TagUser", tag("risk", "high"));
        assert!(ann.call("TagUser", tag("RISK", "low")).is_err());
        ann.ok("TagUser", tag("ris\u{212a}", "low"));
        ann.ok("UntagUser", json!({"UserName": "ann", "TagKeys": ["\u{212a}"]}));
        let tags = kms.ok("ListUserTags", json!({"UserName": "ann"}))["Tags"].clone();
        assert_eq!(tags, json!([{"Key": "risk", "Value": "high"}, {"Key": "ris\u{212a}", "Value": "low"}]));
    }

    /// Source: a refusal of CreateRole at AWS, openshift/installer#1073.
    #[test]
    fn who_may_not_tag_may_not_make_what_has_tags() {
        let kms = TestKms::new();
        let tagging = json!(["iam:TagUser", "iam:TagRole", "iam:TagPolicy"]);
        let deny = json!({"Effect": "Deny", "Action": tagging, "Resource": "*"});
        let ann = kms.admin().user("ann", &format!("{},{deny}", statement("Allow", "iam:*", "*")));
        let trust = json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"});
        for (operation, body, what) in [
            ("CreateUser", json!({"UserName": "n"}), "iam:TagUser"),
            (
                "CreateRole",
                json!({"RoleName": "n", "AssumeRolePolicyDocument": policy(&trust.to_string())}),
                "iam:TagRole",
            ),
            (
                "CreatePolicy",
                json!({"PolicyName": "n", "PolicyDocument": policy(&statement("Allow", "kms:*", "*"))}),
                "iam:TagPolicy",
            ),
        ] {
            let mut tagged = body.clone();
            tagged["Tags"] = json!([{"Key": "a", "Value": "b"}]);
            let refusal = ann.call(operation, tagged.clone()).unwrap_err();
            assert!(refusal.code == "AccessDenied" && refusal.message.contains(what), "{refusal:?}");
            let mut untagged = tagged;
            untagged["Tags"] = json!([]);
            ann.ok(operation, untagged);
        }
    }

    #[test]
    fn tags_are_added_or_get_new_values() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "x"}));
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        let put = |tags: Value| kms.call("TagUser", json!({"UserName": "x", "Tags": tags}));
        assert_eq!(put(json!([tag("b", "1"), tag("a", "")])), Ok(Value::Null));
        put(json!([tag("B", "2"), tag("c", "3")])).unwrap();
        let shown = json!([tag("B", "2"), tag("a", ""), tag("c", "3")]);
        assert_eq!(kms.ok("GetUser", json!({"UserName": "x"}))["User"]["Tags"], shown);
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
