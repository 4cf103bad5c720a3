//! `PutGroupPolicy`: an inline policy is added to a group, or gets another text. Source: IAM API reference,
//! PutGroupPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct PutGroupPolicy {
    group: GroupPlace,
    policy: inline::Put,
}

impl Operation for PutGroupPolicy {
    const NAME: &'static str = "PutGroupPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, policy: inline::Put::parse(fields) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl PlainCommand for PutGroupPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
        Ok(self.policy.decide(target.existing()?)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn it_counts_for_the_users_of_the_group() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "ann"}));
        let document = policy(&statement("Allow", "kms:ListKeys", "*"));
        assert!(ann.call("ListKeys", json!({})).is_err());
        let body = json!({"GroupName": "TEAM", "PolicyName": "p", "PolicyDocument": document});
        assert_eq!(kms.ok("PutGroupPolicy", body), Value::Null);
        ann.ok("ListKeys", json!({}));
        let denied = policy(&statement("Deny", "kms:ListKeys", "*"));
        kms.ok("PutGroupPolicy", json!({"GroupName": "team", "PolicyName": "p", "PolicyDocument": denied}));
        assert!(ann.call("ListKeys", json!({})).is_err());
    }

    /// Source: IAM quotas, white space not counted.
    #[test]
    fn sizes() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        let put = |chars: usize| {
            let shortest = policy(&statement("Allow", "kms:*", "arn:aws:kms:::"));
            let resource = format!("arn:aws:kms:::{}", "a".repeat(chars - shortest.len()));
            let document = policy(&statement("Allow", "kms:*", &resource)).replace(',', " ,\n");
            kms.call("PutGroupPolicy", json!({"GroupName": "x", "PolicyName": "p", "PolicyDocument": document}))
        };
        let limit = 5120;
        assert_eq!(put(limit), Ok(Value::Null));
        let text = format!("Maximum policy size of {limit} bytes exceeded for group x");
        assert_eq!(put(limit + 1), Err(refused("LimitExceeded", &text)));
    }

    #[test]
    fn refused_documents() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        let principal = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
        for document in ["{", "{}", principal] {
            let body = json!({"GroupName": "x", "PolicyName": "p", "PolicyDocument": document});
            assert_eq!(kms.call("PutGroupPolicy", body).unwrap_err().code, "MalformedPolicyDocument", "{document}");
        }
        let body = json!({"GroupName": "none", "PolicyName": "p", "PolicyDocument": "{"});
        let text = "The group with name none cannot be found.";
        assert_eq!(kms.call("PutGroupPolicy", body), Err(refused("NoSuchEntity", text)));
    }
}
