//! `AttachRolePolicy`: a managed policy counts for a role from now on. Source: IAM API reference, AttachRolePolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::attachments::AttachedArn;
use crate::identity::{attachments, entities, policies};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct AttachRolePolicy {
    role: RolePlace,
    policy: AttachedArn,
}

impl Operation for AttachRolePolicy {
    const NAME: &'static str = "AttachRolePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, policy: AttachedArn(policies::arn_from_request(fields)?) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.policy
    }
}

impl PlainCommand for AttachRolePolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::attach(target.existing()?, &self.policy.0, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, TestKms, policy, refused, statement};

    /// The role's sessions will decide by what the View has ready.
    #[test]
    fn the_role_has_it_at_once() {
        let kms = TestKms::new();
        kms.role("build");
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        assert_eq!(kms.ok("AttachRolePolicy", json!({"RoleName": "Build", "PolicyArn": arn})), Value::Null);
        let view = kms.view();
        let role = view.role(HOME.parse().unwrap(), &"build".parse().unwrap()).unwrap();
        let texts: Vec<&str> = role.effective.iter().map(|policy| &*policy.document.text).collect();
        assert_eq!(texts, [policy(&statement("Allow", "kms:ListKeys", "*"))]);
        let missing = json!({"RoleName": "none", "PolicyArn": arn});
        let text = "The role with name none cannot be found.";
        assert_eq!(kms.call("AttachRolePolicy", missing), Err(refused("NoSuchEntity", text)));
    }
}
