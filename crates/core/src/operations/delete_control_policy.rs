//! `DeleteControlPolicy`: a control policy goes that is attached to nothing any more. Source: models/claviger,
//! DeleteControlPolicy.

use claviger_types::{ControlPolicyId, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct DeleteControlPolicy {
    id: ControlPolicyId,
    part: Part,
}

impl Operation for DeleteControlPolicy {
    const NAME: &'static str = "DeleteControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: ControlPolicyId = organization::required(fields, "PolicyId")?;
        Ok(Self { part: Part::Policy(id.clone()), id })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for DeleteControlPolicy {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let policy = organization::policy(&self.id, facts)?;
        let (revision, _) = organization::own_record(policy)?;
        if organization::targets_of(policy, facts)?.next().is_some() {
            return Err(Error::DeleteConflict(format!("The control policy {} is attached.", self.id)));
        }
        let changes = organization::change_tree(facts, |_| {})?;
        Ok(changes.delete(paths::control_policy(&self.id), revision).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{SCP, policy, root};
    use crate::testing::test_kms::{AWAY, TestKms, refused};

    #[test]
    fn only_when_it_is_attached_to_nothing() {
        let kms = TestKms::new();
        let id = policy(&kms, SCP, "a");
        let delete = || kms.call("DeleteControlPolicy", json!({"PolicyId": id})).err();
        let attached = Some(refused("ConflictException", &format!("The control policy {id} is attached.")));
        for target in [root(&kms).as_str(), AWAY] {
            let attachment = json!({"PolicyId": id, "TargetId": target});
            kms.ok("AttachControlPolicy", attachment.clone());
            assert_eq!(delete(), attached, "{target}");
            kms.ok("DetachControlPolicy", attachment);
        }
        assert_eq!(delete(), None);
        let gone = refused("NotFoundException", &format!("The control policy {id} does not exist."));
        assert_eq!(delete(), Some(gone));
        let answer = kms.call("DeleteControlPolicy", json!({"PolicyId": "p-RCPFullAWSAccess"}));
        let text = "The control policy p-RCPFullAWSAccess comes with the service and cannot be changed.";
        assert_eq!(answer, Err(refused("ConstraintViolationException", text)));
    }
}
