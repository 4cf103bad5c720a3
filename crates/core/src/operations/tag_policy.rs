//! `TagPolicy`: tags are added to a customer managed policy, or get new values. Source: IAM API reference, TagPolicy.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{policies, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::records::TagRecord;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct TagPolicy {
    policy: PolicyPlace,
    tags: Vec<TagRecord>,
}

impl Operation for TagPolicy {
    const NAME: &'static str = "TagPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)?, tags: tags::from_request(fields)? })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for TagPolicy {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition(&self.tags, key)
    }
}

impl PlainCommand for TagPolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<()>, Error> {
        let policy = target.own(facts)?;
        let mut tags = policy.to_record().tags;
        tags::add(&mut tags, &self.tags)?;
        Ok(policies::edit(policy, |record| record.tags = tags).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn they_are_shown() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let tags = json!([{"Key": "a", "Value": "1"}]);
        assert_eq!(kms.ok("TagPolicy", json!({"PolicyArn": arn, "Tags": tags})), Value::Null);
        assert_eq!(kms.ok("GetPolicy", json!({"PolicyArn": arn}))["Policy"]["Tags"], tags);
        let full = json!({"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess", "Tags": tags});
        let outside = refused("AccessDenied", "Policy is outside your own account.");
        assert_eq!(kms.call("TagPolicy", full), Err(outside));
    }
}
