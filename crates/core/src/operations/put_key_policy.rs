//! `PutKeyPolicy`: another key policy. Source: API reference, PutKeyPolicy.

use crate::error::Error;
use crate::keys::edits::edit;
use crate::keys::policies::{self, LockoutCheck};
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;
use claviger_policy::{Action, ConditionKey, Values};

/// The request.
pub struct PutKeyPolicy {
    key_id: KeyName,
    policy: String,
    lockout: LockoutCheck,
}

impl Operation for PutKeyPolicy {
    const NAME: &'static str = "PutKeyPolicy";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let policy_name = fields.string("PolicyName").unwrap_or_else(|| "default".into());
        match policy_name.as_str() {
            "default" => {}
            "AWS_RAM" => {
                return Err(Error::Validation("The AWS_RAM policy can only be managed by the RAM service".into()));
            }
            other => return Err(Error::Validation(format!("A key has one policy, default, and none named {other}"))),
        }
        let bypass = fields.boolean("BypassPolicyLockoutSafetyCheck").unwrap_or(false);
        Ok(Self {
            key_id: key_id_or_arn(fields, "KeyId"),
            policy: fields.string("Policy").unwrap_or_default(),
            lockout: if bypass { LockoutCheck::Bypassed } else { LockoutCheck::Made },
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for PutKeyPolicy {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsBypassPolicyLockoutSafetyCheck => self.lockout.condition(),
            _ => Values::Absent,
        }
    }
}

impl PlainCommand for PutKeyPolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        let policy = policies::accept(&self.policy, target.0.arn, self.lockout, facts)?;
        Ok(edit(&target.0, |record| record.policy = policy).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{self, HOME, TestKms, policy, statement, validation};

    fn naming(user: &str) -> String {
        policy(&format!(
            r#"{{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{{"AWS":"arn:aws:iam::{HOME}:user/{user}"}}}}"#
        ))
    }

    /// Source of the texts: observed at AWS; API reference, BypassPolicyLockoutSafetyCheck.
    #[test]
    fn refused() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann", "Path": "/team/"}));
        let key = kms.key();
        let malformed = |text: &str| test_kms::refused("MalformedPolicyDocumentException", text);
        let lockout = malformed("The new key policy will not allow you to update the key policy in the future.");
        let principals = malformed("Policy contains a statement with one or more invalid principals.");
        let long = format!("{}{}", naming("admin"), " ".repeat(32_769));
        for (document, want) in [
            (naming("team/ann"), lockout),
            (naming("nobody"), principals.clone()),
            (naming("ann"), principals),
            (long, test_kms::refused("LimitExceededException", "The policy is longer than 32768 bytes.")),
        ] {
            let answer = kms.call("PutKeyPolicy", json!({"KeyId": key, "Policy": document}));
            assert_eq!(answer, Err(want), "{}", &document[..100]);
        }
        for document in [
            "",
            "{}",
            "[]",
            r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Akcion": "a:b", "Resource": "*"}]}"#,
        ] {
            let answer = kms.call("PutKeyPolicy", json!({"KeyId": key, "Policy": document}));
            let code = answer.unwrap_err().code;
            let want = if document.is_empty() { "ValidationException" } else { "MalformedPolicyDocumentException" };
            assert_eq!(code, want, "{document}");
        }
        let ram = validation("The AWS_RAM policy can only be managed by the RAM service");
        let other = validation("A key has one policy, default, and none named other");
        for (name, want) in [("AWS_RAM", ram), ("other", other)] {
            let body = json!({"KeyId": key, "Policy": naming("admin"), "PolicyName": name});
            assert_eq!(kms.call("PutKeyPolicy", body), Err(want), "{name}");
        }
        assert_eq!(
            kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": naming("admin"), "PolicyName": "default"})),
            Value::Null
        );
    }

    /// The key policy is the root of trust: whoever locks itself out, knowingly, is out.
    #[test]
    fn the_bypass() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let key = kms.key();
        let body = json!({"KeyId": key, "Policy": naming("ann"), "BypassPolicyLockoutSafetyCheck": true});
        kms.ok("PutKeyPolicy", body.clone());
        let rest = format!(
            " on resource: {} because no resource-based policy allows the kms:PutKeyPolicy action",
            kms.admin().key_arn(&key)
        );
        assert_eq!(kms.call("PutKeyPolicy", body), Err(kms.admin().denied("kms:PutKeyPolicy", &rest)));
        ann.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": naming("ann")}));
    }

    /// Source: IAM user guide, "Principal": a policy that names a user holds its unique id.
    #[test]
    fn a_user_of_the_same_name_is_not_the_same_user() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let key = kms.key();
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": naming("ann"), "BypassPolicyLockoutSafetyCheck": true}));
        ann.ok("DescribeKey", json!({"KeyId": key}));
        kms.ok("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": ann.access_key_id.to_string()}));
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        assert_eq!(ann.call("DescribeKey", json!({"KeyId": key})).unwrap_err().code, "(unauthenticated)");
        let successor = kms.admin().user("ann", &statement("Allow", "kms:*", "*"));
        let refusal = successor.call("DescribeKey", json!({"KeyId": key})).unwrap_err();
        assert!(
            refusal.message.ends_with("because no resource-based policy allows the kms:DescribeKey action"),
            "{refusal:?}"
        );
    }
}
