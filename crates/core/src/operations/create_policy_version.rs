//! `CreatePolicyVersion`: another text for a managed policy; it counts at once if the request says so. Source: IAM API
//! reference, CreatePolicyVersion.

use claviger_types::{ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::policies::{self, VersionShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::records::PolicyVersionRecord;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct CreatePolicyVersion {
    policy: PolicyPlace,
    document: String,
    set_as_default: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_version: VersionShown,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            policy: policies::place(fields)?,
            document: fields.string("PolicyDocument").unwrap_or_default(),
            set_as_default: fields.boolean("SetAsDefault").unwrap_or(false),
        })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl PlainCommand for CreatePolicyVersion {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<Reply>, Error> {
        let policy = target.own(facts)?;
        policies::check(&self.document)?;
        if policy.versions.len() >= limits::MANAGED_POLICY_VERSIONS_MAX {
            let limit = limits::MANAGED_POLICY_VERSIONS_MAX;
            return Err(Error::LimitExceeded(format!(
                "A managed policy can have up to {limit} versions. Before you create a new version, you must delete an \
                 existing version."
            )));
        }
        let (number, now) = (policy.versions_made + 1, facts.now.as_millis());
        let version = PolicyVersionRecord { number, created_at: now, document: self.document.clone() };
        let default_version = if self.set_as_default { number } else { policy.default_version };
        let policy_version = VersionShown::in_list(&version, default_version);
        let changes = policies::edit(policy, |record| {
            record.versions.push(version);
            record.versions_made = number;
            record.default_version = default_version;
            record.updated_at = now;
        });
        Ok(changes.reply(Reply { policy_version }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn the_default_counts_for_everyone_who_has_it() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let (ann, bob) = (kms.admin().user("ann", ""), kms.admin().user("bob", ""));
        kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}));
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "bob"}));
        kms.ok("AttachGroupPolicy", json!({"GroupName": "team", "PolicyArn": arn}));
        let create = |action: &str, default: bool| {
            let document = policy(&statement("Allow", action, "*"));
            let body = json!({"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": default});
            kms.ok("CreatePolicyVersion", body)["PolicyVersion"].clone()
        };
        let version = create("kms:ListAliases", false);
        assert_eq!((&version["VersionId"], &version["IsDefaultVersion"]), (&json!("v2"), &json!(false)));
        for caller in [ann, bob] {
            caller.ok("ListKeys", json!({}));
            assert!(caller.call("ListAliases", json!({})).is_err());
        }
        let version = create("kms:ListAliases", true);
        assert_eq!((&version["VersionId"], &version["IsDefaultVersion"]), (&json!("v3"), &json!(true)));
        for caller in [ann, bob] {
            caller.ok("ListAliases", json!({}));
            assert!(caller.call("ListKeys", json!({})).is_err());
        }
    }

    /// Source: IAM quotas: five versions. A number is never given twice.
    #[test]
    fn five_at_most() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let document = policy(&statement("Allow", "kms:*", "*"));
        let create = || kms.call("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
        for number in 2..=5 {
            assert_eq!(create().unwrap()["PolicyVersion"]["VersionId"], format!("v{number}"));
        }
        let text = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                    existing version.";
        assert_eq!(create(), Err(refused("LimitExceeded", text)));
        kms.ok("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v5"}));
        assert_eq!(create().unwrap()["PolicyVersion"]["VersionId"], "v6");
    }
}
