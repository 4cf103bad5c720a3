//! `SetDefaultPolicyVersion`: another version of a managed policy counts from now on. Source: IAM API reference,
//! SetDefaultPolicyVersion.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::policies;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct SetDefaultPolicyVersion {
    policy: PolicyPlace,
    version_id: String,
}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)?, version_id: fields.string("VersionId").unwrap_or_default() })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl PlainCommand for SetDefaultPolicyVersion {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<()>, Error> {
        let policy = target.own(facts)?;
        let number = policies::find_version(policy, &self.version_id)?.number;
        let changes = policies::edit(policy, |record| {
            record.default_version = number;
            record.updated_at = facts.now.as_millis();
        });
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, TestKms, policy, refused, statement};

    #[test]
    fn forth_and_back() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}));
        let document = policy(&statement("Deny", "kms:ListKeys", "*"));
        kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
        for (version, allowed) in [("v2", false), ("v1", true)] {
            let body = json!({"PolicyArn": arn, "VersionId": version});
            assert_eq!(kms.ok("SetDefaultPolicyVersion", body), Value::Null);
            assert_eq!(ann.call("ListKeys", json!({})).is_ok(), allowed, "{version}");
            assert_eq!(kms.ok("GetPolicy", json!({"PolicyArn": arn}))["Policy"]["DefaultVersionId"], version);
        }
        let text = format!("Policy {arn} version v3 does not exist or is not attachable.");
        let answer = kms.call("SetDefaultPolicyVersion", json!({"PolicyArn": arn, "VersionId": "v3"}));
        assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
    }

    /// It bounds by the version that counts.
    #[test]
    fn a_boundary_follows() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "ann", "PermissionsBoundary": arn}));
        let document = policy(&statement("Deny", "kms:ListKeys", "*"));
        let body = json!({"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": true});
        kms.ok("CreatePolicyVersion", body);
        let view = kms.view();
        let user = view.user(HOME.parse().unwrap(), &"ann".parse().unwrap()).unwrap();
        assert_eq!(&*user.boundary.as_ref().unwrap().document.text, document);
    }
}
