//! `DetachRolePolicy`: a managed policy counts for a role no more. Source: IAM API reference, DetachRolePolicy.

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
pub struct DetachRolePolicy {
    role: RolePlace,
    policy: AttachedArn,
}

impl Operation for DetachRolePolicy {
    const NAME: &'static str = "DetachRolePolicy";
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

impl PlainCommand for DetachRolePolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::detach(target.existing()?, &self.policy.0)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn only_what_is_attached() {
        let kms = TestKms::new();
        kms.role("x");
        let own = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        for arn in [&*own, "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            let body = json!({"RoleName": "x", "PolicyArn": arn});
            let missing = Err(refused("NoSuchEntity", &format!("Policy {arn} was not found.")));
            assert_eq!(kms.call("DetachRolePolicy", body.clone()), missing);
            kms.ok("AttachRolePolicy", body.clone());
            assert_eq!(kms.ok("DetachRolePolicy", body.clone()), Value::Null);
            assert_eq!(kms.call("DetachRolePolicy", body), missing);
        }
        assert_eq!(kms.store.counter("counters/global/policy-uses/111122223333/p"), 0);
        kms.ok("DeletePolicy", json!({"PolicyArn": own}));
    }
}
