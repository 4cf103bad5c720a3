//! `DeleteGroupPolicy`: an inline policy of a group goes. Source: IAM API reference, DeleteGroupPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteGroupPolicy {
    group: GroupPlace,
    policy_name: String,
}

impl Operation for DeleteGroupPolicy {
    const NAME: &'static str = "DeleteGroupPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl PlainCommand for DeleteGroupPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
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
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        let document = policy(&statement("Allow", "kms:ListKeys", "*"));
        kms.ok("PutGroupPolicy", json!({"GroupName": "x", "PolicyName": "p", "PolicyDocument": document}));
        let body = json!({"GroupName": "x", "PolicyName": "p"});
        assert_eq!(kms.ok("DeleteGroupPolicy", body.clone()), Value::Null);
        let text = "The group policy with name p cannot be found.";
        assert_eq!(kms.call("DeleteGroupPolicy", body), Err(refused("NoSuchEntity", text)));
    }
}
