//! `DeleteRole`: a role without policies goes. Its unique id is never given again. Source: IAM API reference,
//! DeleteRole.

use claviger_keyring::Space;
use claviger_types::{PrincipalId, ServiceName};

use crate::error::Error;
use crate::identity::attachments;
use crate::identity::entities::{self, Entity};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteRole {
    role: RolePlace,
}

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)? })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for DeleteRole {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        let role = target.existing()?;
        entities::check_without_policies(role)?;
        let changes = Changes::new(Space::Global).delete(role.record_path(), role.revision);
        let id = PrincipalId::Role(role.id);
        let mut changes = entities::without_revocation(changes, role.account, id, facts.view);
        if let Some(boundary) = &role.boundary {
            changes = attachments::count_out(changes, &boundary.arn);
        }
        Ok(changes.count_out(paths::role_count(role.account)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn only_without_policies() {
        let kms = TestKms::new();
        kms.role("x");
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        kms.ok("PutRolePermissionsBoundary", json!({"RoleName": "x", "PermissionsBoundary": arn}));
        let document = policy(&statement("Allow", "kms:*", "*"));
        kms.ok("PutRolePolicy", json!({"RoleName": "x", "PolicyName": "p", "PolicyDocument": document}));
        kms.ok("AttachRolePolicy", json!({"RoleName": "x", "PolicyArn": arn}));
        let delete = || kms.call("DeleteRole", json!({"RoleName": "X"}));
        let conflict =
            |what: &str| Err(refused("DeleteConflict", &format!("Cannot delete entity, must {what} first.")));
        assert_eq!(delete(), conflict("delete policies"));
        kms.ok("DeleteRolePolicy", json!({"RoleName": "x", "PolicyName": "p"}));
        assert_eq!(delete(), conflict("detach all policies"));
        kms.ok("DetachRolePolicy", json!({"RoleName": "x", "PolicyArn": arn}));
        assert_eq!(delete(), Ok(Value::Null));
        assert_eq!(delete(), Err(refused("NoSuchEntity", "The role with name X cannot be found.")));
        for counter in ["roles/111122223333", "policy-uses/111122223333/p"] {
            assert_eq!(kms.store.counter(&format!("counters/global/{counter}")), 0, "{counter}");
        }
    }
}
