//! `DeletePolicy`: a customer managed policy that nobody has goes, with its default version. Source: IAM API
//! reference, DeletePolicy.

use claviger_keyring::Space;
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::policies;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct DeletePolicy {
    policy: PolicyPlace,
}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)? })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl PlainCommand for DeletePolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Outcome<()>, Error> {
        let policy = target.own(facts)?;
        let (view, account) = (facts.view, facts.account());
        if view.attachment_count(account, &policy.arn) + view.boundary_count(account, &policy.arn) > 0 {
            return Err(Error::DeleteConflict("Cannot delete a policy attached to entities.".into()));
        }
        if policy.versions.len() > 1 {
            let text = "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                        versions. The default version is deleted with the policy.";
            return Err(Error::DeleteConflict(text.into()));
        }
        let folded = policy.arn.name.folded();
        let changes = Changes::new(Space::Global)
            .delete(policies::path_of(&policy.arn), policy.revision)
            .absent(paths::policy_use_count(account, &folded))
            .count_out(paths::customer_policy_count(account));
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn only_without_uses_and_versions() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        let body = json!({"PolicyArn": arn});
        let conflict = |text: &str| Err(refused("DeleteConflict", text));
        let delete = || kms.call("DeletePolicy", body.clone());
        kms.role("x");
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        kms.ok("CreateUser", json!({"UserName": "x"}));
        for entity in ["User", "Group", "Role"] {
            let attached = json!({format!("{entity}Name"): "x", "PolicyArn": arn});
            kms.ok(&format!("Attach{entity}Policy"), attached.clone());
            assert_eq!(delete(), conflict("Cannot delete a policy attached to entities."), "{entity}");
            kms.ok(&format!("Detach{entity}Policy"), attached);
        }
        let document = policy(&statement("Deny", "kms:*", "*"));
        kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
        let text = "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                    versions. The default version is deleted with the policy.";
        assert_eq!(delete(), conflict(text));
        kms.ok("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v2"}));
        assert_eq!(delete(), Ok(Value::Null));
        assert_eq!(delete(), Err(refused("NoSuchEntity", &format!("Policy {arn} was not found."))));
        assert_eq!(kms.store.counter("counters/global/customer-policies/111122223333"), 0);
        let full = json!({"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"});
        let outside = refused("AccessDenied", "Policy is outside your own account.");
        assert_eq!(kms.call("DeletePolicy", full), Err(outside));
    }

    /// Whoever decided before the other's commit decides again.
    #[test]
    fn attached_and_deleted_at_once() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let (delete, attach) = (json!({"PolicyArn": arn}), json!({"UserName": "ann", "PolicyArn": arn}));
        let before = kms.view();
        kms.ok("AttachUserPolicy", attach.clone());
        let refusal = kms.admin().call_on(&before, "DeletePolicy", delete.clone()).unwrap_err();
        assert_eq!(refusal.code, "DeleteConflict");
        kms.ok("DetachUserPolicy", attach.clone());
        let before = kms.view();
        kms.ok("DeletePolicy", delete);
        let refusal = kms.admin().call_on(&before, "AttachUserPolicy", attach).unwrap_err();
        assert_eq!(refusal.code, "NoSuchEntity");
    }
}
