//! `DetachGroupPolicy`: a managed policy counts for the users of a group no more. Source: IAM API reference,
//! DetachGroupPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::attachments::AttachedArn;
use crate::identity::{attachments, entities, policies};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct DetachGroupPolicy {
    group: GroupPlace,
    policy: AttachedArn,
}

impl Operation for DetachGroupPolicy {
    const NAME: &'static str = "DetachGroupPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, policy: AttachedArn(policies::arn_from_request(fields)?) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.policy
    }
}

impl PlainCommand for DetachGroupPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
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
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        let own = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        for arn in [&*own, "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            let body = json!({"GroupName": "x", "PolicyArn": arn});
            let missing = Err(refused("NoSuchEntity", &format!("Policy {arn} was not found.")));
            assert_eq!(kms.call("DetachGroupPolicy", body.clone()), missing);
            kms.ok("AttachGroupPolicy", body.clone());
            assert_eq!(kms.ok("DetachGroupPolicy", body.clone()), Value::Null);
            assert_eq!(kms.call("DetachGroupPolicy", body), missing);
        }
        assert_eq!(kms.store.counter("counters/global/policy-uses/111122223333/p"), 0);
        kms.ok("DeletePolicy", json!({"PolicyArn": own}));
    }
}
