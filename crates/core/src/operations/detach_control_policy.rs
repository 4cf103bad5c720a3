//! `DetachControlPolicy`: a control policy does not bind a target any more; one service control policy must stay.
//! Source: models/claviger, DetachControlPolicy.

use claviger_types::{ControlPolicyId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct DetachControlPolicy {
    id: ControlPolicyId,
    target: ControlTarget,
    part: Part,
}

impl Operation for DetachControlPolicy {
    const NAME: &'static str = "DetachControlPolicy";
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

impl PlainCommand for DetachControlPolicy {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let policy = organization::policy(&self.id, facts)?;
        let attached = organization::attached(&self.target, facts)?;
        if policy.is_everywhere() {
            return Err(Error::ConstraintViolation(format!("The control policy {} cannot be detached.", self.id)));
        }
        if !policy.is_among(attached) {
            let text = format!("The control policy {} is not attached to {}.", self.id, self.target);
            return Err(Error::NotFound(text));
        }
        if organization::attached_of_type(attached, policy.kind, facts) <= 1 {
            let text = format!("{} must keep one policy of the type {}.", self.target, policy.kind);
            return Err(Error::ConstraintViolation(text));
        }
        let id = self.id.as_str();
        let changes = organization::change_attached(&self.target, facts, |ids| ids.retain(|attached| attached != id))?;
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{RCP, SCP, policy};
    use crate::testing::test_kms::{AWAY, TestKms, refused};

    #[test]
    fn one_must_stay() {
        let kms = TestKms::new();
        let (scp, rcp) = (policy(&kms, SCP, "a"), policy(&kms, RCP, "a"));
        let detach = |id: &str| kms.call("DetachControlPolicy", json!({"PolicyId": id, "TargetId": AWAY})).err();
        let not_attached = format!("The control policy {scp} is not attached to {AWAY}.");
        assert_eq!(detach(&scp), Some(refused("NotFoundException", &not_attached)));
        let last = format!("{AWAY} must keep one policy of the type {SCP}.");
        let last = Some(refused("ConstraintViolationException", &last));
        assert_eq!(detach("p-FullAWSAccess"), last);
        kms.ok("AttachControlPolicy", json!({"PolicyId": scp, "TargetId": AWAY}));
        assert_eq!(detach("p-FullAWSAccess"), None);
        assert_eq!(detach(&scp), last);
        kms.ok("AttachControlPolicy", json!({"PolicyId": rcp, "TargetId": AWAY}));
        assert_eq!(detach(&rcp), None);
        let everywhere = "The control policy p-RCPFullAWSAccess cannot be detached.";
        assert_eq!(detach("p-RCPFullAWSAccess"), Some(refused("ConstraintViolationException", everywhere)));
    }
}
