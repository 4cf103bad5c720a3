//! `DescribeKey`: what a key is. Source: API reference, DescribeKey.

use claviger_policy::{Action, ConditionKey, Values};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::present_state;
use crate::keys::material::current_entry;
use crate::keys::metadata::{KeyMetadata, Parts};
use crate::pipeline::call::Facts;
use crate::pipeline::members::{grant_tokens, key_name};
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct DescribeKey {
    key_id: KeyName,
    grant_tokens: Vec<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_metadata: KeyMetadata,
}

impl Operation for DescribeKey {
    const NAME: &'static str = "DescribeKey";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_name(fields, "KeyId"), grant_tokens: grant_tokens(fields) })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for DescribeKey {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsRequestAlias => self.key_id.request_alias(),
            _ => Values::Absent,
        }
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

impl Read for DescribeKey {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let key_metadata = KeyMetadata::of(&Parts {
            arn: key.arn,
            spec: key.spec,
            created_at: key.created_at,
            description: &key.description,
            state: present_state(key, facts)?,
            material_id: current_entry(key)?.material_id,
        });
        Ok(Reply { key_metadata })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn what_states_show() {
        let kms = TestKms::new();
        let key = kms.key();
        let shown = |kms: &TestKms| {
            let metadata = kms.ok("DescribeKey", json!({"KeyId": key}))["KeyMetadata"].take();
            let text = |name: &str| metadata.get(name).cloned();
            (text("KeyState"), text("Enabled"), text("DeletionDate"))
        };
        assert_eq!(shown(&kms), (Some(json!("Enabled")), Some(json!(true)), None));
        kms.ok("DisableKey", json!({"KeyId": key}));
        assert_eq!(shown(&kms), (Some(json!("Disabled")), Some(json!(false)), None));
        let scheduled = kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        let want = (Some(json!("PendingDeletion")), Some(json!(false)), Some(scheduled["DeletionDate"].clone()));
        assert_eq!(shown(&kms), want);
    }

    /// Predefined aliases of AWS services make no keys here. Source: docs/compatibility.md.
    #[test]
    fn there_are_no_aws_managed_keys() {
        let kms = TestKms::new();
        let text = "Alias arn:aws:kms:us-east-1:111122223333:alias/aws/s3 is not found.";
        let answer = kms.call("DescribeKey", json!({"KeyId": "alias/aws/s3"}));
        assert_eq!(answer, Err(refused("NotFoundException", text)));
    }
}
