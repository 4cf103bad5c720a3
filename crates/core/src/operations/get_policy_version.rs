//! `GetPolicyVersion`: a version of a managed policy, as it was put, percent-encoded. Source: IAM API reference,
//! GetPolicyVersion.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::policies::{self, VersionShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct GetPolicyVersion {
    policy: PolicyPlace,
    version_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_version: VersionShown,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)?, version_id: fields.string("VersionId").unwrap_or_default() })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl Read for GetPolicyVersion {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Reply, Error> {
        let policy = target.existing(facts)?;
        let version = policies::find_version(policy, &self.version_id)?;
        Ok(Reply { policy_version: VersionShown::whole(version, policy.default_version) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn as_it_was_put_percent_encoded() {
        let kms = TestKms::new();
        let document = format!(" {}\n", policy(&statement("Allow", "kms:*", "*")));
        let made = kms.ok("CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": document}));
        let arn = made["Policy"]["Arn"].as_str().unwrap();
        let get = |id: &str| kms.call("GetPolicyVersion", json!({"PolicyArn": arn, "VersionId": id}));
        let version = get("v1").unwrap()["PolicyVersion"].clone();
        assert_eq!(version["Document"], crate::identity::documents::percent_encoded(&document));
        assert_eq!((&version["VersionId"], &version["IsDefaultVersion"]), (&json!("v1"), &json!(true)));
        let text = format!("Policy {arn} version v2 does not exist or is not attachable.");
        assert_eq!(get("v2"), Err(refused("NoSuchEntity", &text)));
        let full = json!({"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess", "VersionId": "v1"});
        assert!(kms.ok("GetPolicyVersion", full)["PolicyVersion"]["Document"].is_string());
    }
}
