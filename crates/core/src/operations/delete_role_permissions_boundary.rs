//! `DeleteRolePermissionsBoundary`: nothing bounds what the policies of a role allow. Source: IAM API reference,
//! DeleteRolePermissionsBoundary.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{attachments, entities};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteRolePermissionsBoundary {
    role: RolePlace,
}

impl Operation for DeleteRolePermissionsBoundary {
    const NAME: &'static str = "DeleteRolePermissionsBoundary";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)? })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for DeleteRolePermissionsBoundary {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::delete_boundary(target.existing()?)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn once() {
        let kms = TestKms::new();
        kms.role("x");
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        kms.ok("PutRolePermissionsBoundary", json!({"RoleName": "x", "PermissionsBoundary": arn}));
        let body = json!({"RoleName": "X"});
        assert_eq!(kms.ok("DeleteRolePermissionsBoundary", body.clone()), Value::Null);
        assert!(kms.ok("GetRole", body.clone())["Role"].get("PermissionsBoundary").is_none());
        let text = "The role with name x has no permissions boundary.";
        assert_eq!(kms.call("DeleteRolePermissionsBoundary", body), Err(refused("NoSuchEntity", text)));
        kms.ok("DeletePolicy", json!({"PolicyArn": arn}));
    }
}
