//! `DeletePolicyVersion`: a version of a managed policy that does not count goes. Its number is never given again.
//! Source: IAM API reference, DeletePolicyVersion.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::policies;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct DeletePolicyVersion {
    policy: PolicyPlace,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
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

impl PlainCommand for DeletePolicyVersion {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<()>, Error> {
        let policy = target.own(facts)?;
        let number = policies::find_version(policy, &self.version_id)?.number;
        if number == policy.default_version {
            return Err(Error::DeleteConflict("Cannot delete the default version of a policy.".into()));
        }
        let changes = policies::edit(policy, |record| record.versions.retain(|version| version.number != number));
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn never_the_default() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let delete = |id: &str| kms.call("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": id}));
        assert_eq!(delete("v1"), Err(refused("DeleteConflict", "Cannot delete the default version of a policy.")));
        let document = policy(&statement("Allow", "kms:*", "*"));
        kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": true}));
        assert_eq!(delete("v1"), Ok(Value::Null));
        let text = format!("Policy {arn} version v1 does not exist or is not attachable.");
        assert_eq!(delete("v1"), Err(refused("NoSuchEntity", &text)));
        assert_eq!(delete("x").unwrap_err().code, "ValidationError");
    }
}
