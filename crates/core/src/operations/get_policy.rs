//! `GetPolicy`: what a managed policy is, and how often it is used. Source: IAM API reference, GetPolicy.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::policies::{self, PolicyShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct GetPolicy {
    policy: PolicyPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy: PolicyShown,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)? })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl Read for GetPolicy {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Reply, Error> {
        Ok(Reply { policy: PolicyShown::whole(target.existing(facts)?, facts) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn of_the_service_of_the_account_and_of_another() {
        let kms = TestKms::new();
        let full = "arn:aws:iam::aws:policy/AdministratorAccess";
        let shown = kms.ok("GetPolicy", json!({"PolicyArn": full}))["Policy"].clone();
        // The admin has it.
        assert_eq!((&shown["Arn"], &shown["AttachmentCount"]), (&json!(full), &json!(1)));
        let none = "arn:aws:iam::111122223333:policy/none";
        let answer = kms.call("GetPolicy", json!({"PolicyArn": none}));
        assert_eq!(answer, Err(refused("NoSuchEntity", &format!("Policy {none} was not found."))));
        let away = kms.away();
        let document = policy(&statement("Allow", "kms:*", "*"));
        away.ok("CreatePolicy", json!({"PolicyName": "theirs", "PolicyDocument": document}));
        for name in ["theirs", "none"] {
            let body = json!({"PolicyArn": format!("arn:aws:iam::444455556666:policy/{name}")});
            let outside = refused("AccessDenied", "Policy is outside your own account.");
            assert_eq!(kms.call("GetPolicy", body), Err(outside), "{name}");
        }
    }

    #[test]
    fn nobody_learns_of_policies_without_permission() {
        let kms = TestKms::new();
        let there = kms.policy("there", &statement("Allow", "kms:*", "*"));
        let caller = kms.admin().user("caller", &statement("Allow", "iam:GetPolicy", "arn:aws:iam::aws:policy/*"));
        for arn in [&*there, "arn:aws:iam::111122223333:policy/none"] {
            let rest =
                format!(" on resource: policy {arn} because no identity-based policy allows the iam:GetPolicy action");
            let answer = caller.call("GetPolicy", json!({"PolicyArn": arn}));
            assert_eq!(answer, Err(caller.denied("iam:GetPolicy", &rest)), "{arn}");
        }
        caller.ok("GetPolicy", json!({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}));
    }
}
