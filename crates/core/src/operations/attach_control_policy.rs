//! `AttachControlPolicy`: a control policy binds what lies at and below the root, a unit or an account, at once.
//! Source: models/claviger, AttachControlPolicy.

use claviger_types::{ControlPolicyId, ControlTarget, ServiceName, limits};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct AttachControlPolicy {
    id: ControlPolicyId,
    target: ControlTarget,
    part: Part,
}

impl Operation for AttachControlPolicy {
    const NAME: &'static str = "AttachControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: ControlPolicyId = organization::required(fields, "PolicyId")?;
        let target: ControlTarget = organization::required(fields, "TargetId")?;
        Ok(Self { part: Part::Attachment(id.clone(), target.clone()), id, target })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for AttachControlPolicy {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let policy = organization::policy(&self.id, facts)?;
        let attached = organization::attached(&self.target, facts)?;
        if policy.is_among(attached) {
            let text = format!("The control policy {} is attached to {} already.", self.id, self.target);
            return Err(Error::AlreadyExists(text));
        }
        if organization::attached_of_type(attached, policy.kind, facts) >= limits::CONTROL_POLICIES_PER_TARGET_MAX {
            let limit = limits::CONTROL_POLICIES_PER_TARGET_MAX;
            let text = format!("There are {limit} policies of the type {} at {} already.", policy.kind, self.target);
            return Err(Error::ConstraintViolation(text));
        }
        let changes = organization::change_attached(&self.target, facts, |ids| ids.push(self.id.to_string()))?;
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{RCP, SCP, policy, root, unit};
    use crate::testing::test_kms::{AWAY, TestKms, refused};

    #[test]
    fn five_of_each_type_once_each() {
        let kms = TestKms::new();
        let attach =
            |id: &str, target: &str| kms.call("AttachControlPolicy", json!({"PolicyId": id, "TargetId": target})).err();
        let root = root(&kms);
        for target in [root.clone(), unit(&kms, &root, "team"), AWAY.into()] {
            for kind in [SCP, RCP] {
                let ids: Vec<String> = (0..5).map(|number| policy(&kms, kind, &format!("{target} {number}"))).collect();
                // The one that is there from the beginning counts.
                ids.iter().take(4).for_each(|id| assert_eq!(attach(id, &target), None, "{target} {kind}"));
                let twice = format!("The control policy {} is attached to {target} already.", ids[0]);
                assert_eq!(attach(&ids[0], &target), Some(refused("AlreadyExistsException", &twice)));
                let full = format!("There are 5 policies of the type {kind} at {target} already.");
                assert_eq!(attach(&ids[4], &target), Some(refused("ConstraintViolationException", &full)));
            }
        }
        let everywhere = format!("The control policy p-RCPFullAWSAccess is attached to {AWAY} already.");
        assert_eq!(attach("p-RCPFullAWSAccess", AWAY), Some(refused("AlreadyExistsException", &everywhere)));
    }

    #[test]
    fn what_is_not_there() {
        let kms = TestKms::new();
        let id = policy(&kms, SCP, "a");
        for (policy, target, text) in [
            ("p-none1234", AWAY, "The control policy p-none1234 does not exist."),
            (&*id, "777788889999", "The account 777788889999 does not exist."),
            (&*id, "r-none", "The root r-none does not exist."),
            (&*id, "ou-none-12345678", "The organizational unit ou-none-12345678 does not exist."),
        ] {
            let answer = kms.call("AttachControlPolicy", json!({"PolicyId": policy, "TargetId": target}));
            assert_eq!(answer, Err(refused("NotFoundException", text)));
        }
    }
}
