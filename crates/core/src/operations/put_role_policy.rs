//! `PutRolePolicy`: an inline policy is added to a role, or gets another text. Source: IAM API reference,
//! PutRolePolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct PutRolePolicy {
    role: RolePlace,
    policy: inline::Put,
}

impl Operation for PutRolePolicy {
    const NAME: &'static str = "PutRolePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, policy: inline::Put::parse(fields) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for PutRolePolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(self.policy.decide(target.existing()?)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    /// Source: IAM quotas, white space not counted.
    #[test]
    fn sizes() {
        let kms = TestKms::new();
        kms.role("x");
        let put = |chars: usize| {
            let shortest = policy(&statement("Allow", "kms:*", "arn:aws:kms:::"));
            let resource = format!("arn:aws:kms:::{}", "a".repeat(chars - shortest.len()));
            let document = policy(&statement("Allow", "kms:*", &resource)).replace(',', " ,\n");
            kms.call("PutRolePolicy", json!({"RoleName": "x", "PolicyName": "p", "PolicyDocument": document}))
        };
        let limit = 10240;
        assert_eq!(put(limit), Ok(Value::Null));
        let text = format!("Maximum policy size of {limit} bytes exceeded for role x");
        assert_eq!(put(limit + 1), Err(refused("LimitExceeded", &text)));
    }

    #[test]
    fn refused_documents() {
        let kms = TestKms::new();
        kms.role("x");
        let principal = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
        for document in ["{", "{}", principal] {
            let body = json!({"RoleName": "x", "PolicyName": "p", "PolicyDocument": document});
            assert_eq!(kms.call("PutRolePolicy", body).unwrap_err().code, "MalformedPolicyDocument", "{document}");
        }
        let body = json!({"RoleName": "none", "PolicyName": "p", "PolicyDocument": "{"});
        let text = "The role with name none cannot be found.";
        assert_eq!(kms.call("PutRolePolicy", body), Err(refused("NoSuchEntity", text)));
    }
}
