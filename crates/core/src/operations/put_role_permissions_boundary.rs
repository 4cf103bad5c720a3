//! `PutRolePermissionsBoundary`: a managed policy bounds what a role may do. Source: IAM API reference,
//! PutRolePermissionsBoundary.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::attachments::BoundaryArn;
use crate::identity::{attachments, entities, policies};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct PutRolePermissionsBoundary {
    role: RolePlace,
    policy: BoundaryArn,
}

impl Operation for PutRolePermissionsBoundary {
    const NAME: &'static str = "PutRolePermissionsBoundary";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let policy = policies::parse_arn(&fields.string("PermissionsBoundary").unwrap_or_default())?;
        Ok(Self { role: entities::named(fields)?, policy: BoundaryArn(policy) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.policy
    }
}

impl PlainCommand for PutRolePermissionsBoundary {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::set_boundary(target.existing()?, &self.policy.0, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn it_is_set_and_replaced() {
        let kms = TestKms::new();
        kms.role("x");
        let (a, b) =
            (kms.policy("a", &statement("Allow", "kms:*", "*")), kms.policy("b", &statement("Allow", "kms:*", "*")));
        for (arn, uses) in
            [(&*a, [1, 0]), (&a, [1, 0]), (&b, [0, 1]), ("arn:aws:iam::aws:policy/ReadOnlyAccess", [0, 0])]
        {
            let body = json!({"RoleName": "x", "PermissionsBoundary": arn});
            assert_eq!(kms.ok("PutRolePermissionsBoundary", body), Value::Null, "{arn}");
            let shown = json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn});
            assert_eq!(kms.ok("GetRole", json!({"RoleName": "x"}))["Role"]["PermissionsBoundary"], shown);
            for (policy, uses) in [&a, &b].into_iter().zip(uses) {
                let count =
                    &kms.ok("GetPolicy", json!({"PolicyArn": policy}))["Policy"]["PermissionsBoundaryUsageCount"];
                assert_eq!(count, uses, "{arn} {policy}");
            }
        }
        let none = "arn:aws:iam::111122223333:policy/none";
        let text = format!("Policy {none} does not exist or is not attachable.");
        let answer = kms.call("PutRolePermissionsBoundary", json!({"RoleName": "x", "PermissionsBoundary": none}));
        assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
    }
}
