//! `DeleteRolePolicy`: an inline policy of a role goes. Source: IAM API reference, DeleteRolePolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteRolePolicy {
    role: RolePlace,
    policy_name: String,
}

impl Operation for DeleteRolePolicy {
    const NAME: &'static str = "DeleteRolePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for DeleteRolePolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(inline::delete(target.existing()?, &self.policy_name)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn it_is_gone() {
        let kms = TestKms::new();
        kms.role("x");
        let document = policy(&statement("Allow", "kms:ListKeys", "*"));
        kms.ok("PutRolePolicy", json!({"RoleName": "x", "PolicyName": "p", "PolicyDocument": document}));
        let body = json!({"RoleName": "x", "PolicyName": "p"});
        assert_eq!(kms.ok("DeleteRolePolicy", body.clone()), Value::Null);
        let text = "The role policy with name p cannot be found.";
        assert_eq!(kms.call("DeleteRolePolicy", body), Err(refused("NoSuchEntity", text)));
    }
}
