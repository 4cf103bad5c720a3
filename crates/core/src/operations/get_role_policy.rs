//! `GetRolePolicy`: an inline policy of a role, as it was put, percent-encoded. Source: IAM API reference,
//! GetRolePolicy.

use claviger_types::{RoleName, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::{documents, entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct GetRolePolicy {
    role: RolePlace,
    policy_name: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    role_name: RoleName,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetRolePolicy {
    const NAME: &'static str = "GetRolePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl Read for GetRolePolicy {
    fn run(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Reply, Error> {
        let role = target.existing()?;
        let policy = inline::find(role, &self.policy_name)?;
        Ok(Reply {
            role_name: role.name.clone(),
            policy_name: policy.name.to_string(),
            policy_document: documents::percent_encoded(&policy.document.text),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn as_it_was_put_percent_encoded() {
        let kms = TestKms::new();
        kms.role("x");
        let document = format!("{}\n", policy(&statement("Allow", "kms:*", "arn:aws:kms:*:*:alias/é")));
        kms.ok("PutRolePolicy", json!({"RoleName": "x", "PolicyName": "P", "PolicyDocument": document}));
        let reply = kms.ok("GetRolePolicy", json!({"RoleName": "X", "PolicyName": "P"}));
        assert_eq!((&reply["RoleName"], &reply["PolicyName"]), (&json!("x"), &json!("P")));
        let encoded = format!("x={}", reply["PolicyDocument"].as_str().unwrap());
        let (_, decoded) = form_urlencoded::parse(encoded.as_bytes()).next().unwrap();
        assert_eq!(decoded, document);
        let missing = kms.call("GetRolePolicy", json!({"RoleName": "x", "PolicyName": "p"}));
        assert_eq!(missing, Err(refused("NoSuchEntity", "The role policy with name p cannot be found.")));
    }
}
