//! `SimulatePrincipalPolicy`: what the policies of a user, a group or a role, and those of the request beside them, say
//! of actions. Source: IAM API reference, SimulatePrincipalPolicy; docs/compatibility.md.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::explain::owner::Owner;
use crate::explain::simulation::{self, Simulation};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, PolicyOwnerName, PolicyOwnerTarget};
use crate::wire::Fields;

/// The request.
pub struct SimulatePrincipalPolicy {
    source: PolicyOwnerName,
    simulation: Simulation,
}

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyOwnerTarget;
    type Reply = simulation::Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let arn = fields.string("PolicySourceArn").unwrap_or_default();
        let invalid = || Error::InvalidInput(format!("{arn} is no ARN of a user, a group or a role."));
        let source = arn.parse().map_err(|_| invalid())?;
        if !is_source(&source) {
            return Err(invalid());
        }
        Ok(Self { source, simulation: Simulation::parse(fields)? })
    }

    fn target(&self) -> &PolicyOwnerName {
        &self.source
    }
}

impl Read for SimulatePrincipalPolicy {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyOwnerTarget>) -> Result<Self::Reply, Error> {
        let owner = Owner::new(target.existing()?.clone())?;
        self.simulation.run::<Self>(Some(&owner), facts)
    }
}

/// A root has no policies, and a session's are its role's.
fn is_source(name: &PolicyOwnerName) -> bool {
    use claviger_types::PrincipalArn::{Role, User};
    matches!(name, PolicyOwnerName::Group(_) | PolicyOwnerName::Principal(Role { .. } | User { .. }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, HOME, TestKms, policy, refused, statement};

    fn arn(what: &str) -> String {
        format!("arn:aws:iam::{HOME}:{what}")
    }

    fn simulated(kms: &TestKms, source: &str, action: &str) -> Value {
        let body = json!({"PolicySourceArn": arn(source), "ActionNames": [action]});
        kms.ok("SimulatePrincipalPolicy", body)["EvaluationResults"][0].clone()
    }

    /// So do the texts of policies that are there already, with each of the values that the request supposes.
    #[test]
    fn pages_weigh_what_the_policies_hold() {
        let kms = TestKms::new();
        kms.admin().user("ann", &statement("Allow", "kms:Encrypt", "*"));
        let texts: Vec<_> = (0..450).map(|number| format!("b{number}")).collect();
        let like = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"ForAnyValue:StringEqualsIgnoreCase": {"kms:EncryptionContextKeys": texts}}});
        for number in 0..9 {
            let arn = kms.policy(&format!("p{number}"), &like.to_string());
            kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}));
        }
        let results = |values: usize| {
            let entry = json!({"ContextKeyName": "kms:EncryptionContextKeys", "ContextKeyType": "stringList",
                "ContextKeyValues": vec!["a"; values]});
            let body = json!({"PolicySourceArn": arn("user/ann"), "ActionNames": vec!["kms:Encrypt"; 200],
                "ContextEntries": [entry], "MaxItems": 200});
            let reply = kms.ok("SimulatePrincipalPolicy", body);
            reply["EvaluationResults"].as_array().unwrap().len()
        };
        let (few, many) = (results(1), results(100));
        assert!((5..50).contains(&few) && (1..4).contains(&many), "{few} results, and {many} of many values");
    }

    /// Whose policy it is, and what kind of policy.
    #[test]
    fn policies_of_users_groups_and_roles() {
        let kms = TestKms::new();
        kms.admin().user("ann", &statement("Allow", "kms:Encrypt", "*"));
        kms.ok("CreateGroup", json!({"GroupName": "g"}));
        let of_group = policy(&statement("Allow", "kms:Decrypt", "*"));
        kms.ok("PutGroupPolicy", json!({"GroupName": "g", "PolicyName": "of-g", "PolicyDocument": of_group}));
        kms.ok("AddUserToGroup", json!({"GroupName": "g", "UserName": "ann"}));
        kms.role("r");
        let managed = kms.policy("m", &statement("Allow", "kms:Sign", "*"));
        kms.ok("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": managed}));
        let reading = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
        kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": reading}));
        for (source, action, id, kind) in [
            ("user/ann", "kms:Encrypt", "p", "user"),
            ("user/ann", "kms:Decrypt", "of-g", "group"),
            ("user/ann", "iam:GetUser", "IAMReadOnlyAccess", "aws-managed"),
            ("group/g", "kms:Decrypt", "of-g", "group"),
            ("role/r", "kms:Sign", "m", "user-managed"),
        ] {
            let result = simulated(&kms, source, action);
            assert_eq!(result["EvalDecision"], "allowed", "{source} {action}");
            let matched = &result["MatchedStatements"][0];
            assert_eq!(
                (&matched["SourcePolicyId"], &matched["SourcePolicyType"]),
                (&json!(id), &json!(kind)),
                "{source}"
            );
        }
        assert_eq!(simulated(&kms, "group/g", "kms:Encrypt")["EvalDecision"], "implicitDeny");
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "ann", "PermissionsBoundary": managed}));
        let result = simulated(&kms, "user/ann", "kms:Encrypt");
        assert_eq!(result["EvalDecision"], "implicitDeny");
        assert_eq!(result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"], false);
    }

    /// Conditions see the tags of whose policies are asked about.
    #[test]
    fn a_deny_by_tags_holds() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "bob", "Tags": [{"Key": "secret", "Value": "yes"}]}));
        let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/secret": "yes"}}});
        let ann = kms.admin().user("ann", &format!("{},{deny}", statement("Allow", "*", "*")));
        for (name, allowed) in [("ann", true), ("bob", false)] {
            let arn = arn(&format!("user/{name}"));
            let simulated =
                ann.call("SimulatePrincipalPolicy", json!({"PolicySourceArn": arn, "ActionNames": ["kms:Sign"]}));
            let explained = ann.call("ExplainAccess", json!({"PrincipalArn": arn, "Action": "kms:ListKeys"}));
            assert_eq!((simulated.is_ok(), explained.is_ok()), (allowed, allowed), "{name}");
        }
    }

    #[test]
    fn who_is_not_there() {
        let kms = TestKms::new();
        let call = |arn: &str| {
            kms.call("SimulatePrincipalPolicy", json!({"PolicySourceArn": arn, "ActionNames": ["kms:Sign"]}))
        };
        for what in ["user/none", "group/none", "role/none", "user/path/admin"] {
            let want = refused("NoSuchEntity", &format!("The principal {} does not exist.", arn(what)));
            assert_eq!(call(&arn(what)), Err(want), "{what}");
        }
        let away = call(&format!("arn:aws:iam::{AWAY}:user/admin"));
        assert_eq!(away.unwrap_err().code, "AccessDenied");
        assert_eq!(call(&arn("policy/p-name")).unwrap_err().code, "InvalidInput");
        assert_eq!(call(&arn("root:twenty-characters")).unwrap_err().code, "InvalidInput");
    }
}
