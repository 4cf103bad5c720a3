//! `GetKeyPolicy`: the policy, byte for byte as it was put, but for principals that are gone. Source: API reference, GetKeyPolicy.

use serde::Serialize;

use crate::error::Error;
use crate::identity::principals_shown;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct GetKeyPolicy {
    key_id: KeyName,
    policy_name: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy: String,
    policy_name: &'static str,
}

impl Operation for GetKeyPolicy {
    const NAME: &'static str = "GetKeyPolicy";
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let policy_name = fields.string("PolicyName").unwrap_or_else(|| "default".into());
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), policy_name })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Read for GetKeyPolicy {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        if self.policy_name != "default" {
            return Err(Error::NotFound("No such policy exists".into()));
        }
        let record = &target.0.policy.record;
        let policy = principals_shown::document(&record.document, &record.principals, facts.view);
        Ok(Reply { policy, policy_name: "default" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn byte_for_byte() {
        let kms = TestKms::new();
        let key = kms.key();
        let document = format!(" {}\n\t", kms.ok("GetKeyPolicy", json!({"KeyId": key}))["Policy"].as_str().unwrap());
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": document}));
        for name in [json!(null), json!("default")] {
            let reply = kms.ok("GetKeyPolicy", json!({"KeyId": key, "PolicyName": name}));
            assert_eq!(reply, json!({"Policy": document, "PolicyName": "default"}));
        }
        let answer = kms.call("GetKeyPolicy", json!({"KeyId": key, "PolicyName": "other"}));
        assert_eq!(answer, Err(refused("NotFoundException", "No such policy exists")));
    }
}
