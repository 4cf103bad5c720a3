//! `UntagPolicy`: tags of a customer managed policy go; keys of tags that are not there are no matter. Source: IAM API
//! reference, UntagPolicy.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{policies, tags};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct UntagPolicy {
    policy: PolicyPlace,
    tag_keys: Vec<String>,
}

impl Operation for UntagPolicy {
    const NAME: &'static str = "UntagPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)?, tag_keys: tags::keys_from_request(fields)? })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for UntagPolicy {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition_of_keys(&self.tag_keys, key)
    }
}

impl PlainCommand for UntagPolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<()>, Error> {
        let policy = target.own(facts)?;
        Ok(policies::edit(policy, |record| tags::remove(&mut record.tags, &self.tag_keys)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, statement};

    #[test]
    fn tags_go() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let tag = |key: &str| json!({"Key": key, "Value": "v"});
        kms.ok("TagPolicy", json!({"PolicyArn": arn, "Tags": [tag("a"), tag("b")]}));
        assert_eq!(kms.ok("UntagPolicy", json!({"PolicyArn": arn, "TagKeys": ["A", "none"]})), Value::Null);
        assert_eq!(kms.ok("ListPolicyTags", json!({"PolicyArn": arn}))["Tags"], json!([tag("b")]));
    }
}
