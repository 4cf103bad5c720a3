//! `AttachGroupPolicy`: a managed policy counts for the users of a group from now on. Source: IAM API reference,
//! AttachGroupPolicy.

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
pub struct AttachGroupPolicy {
    group: GroupPlace,
    policy: AttachedArn,
}

impl Operation for AttachGroupPolicy {
    const NAME: &'static str = "AttachGroupPolicy";
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

impl PlainCommand for AttachGroupPolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::attach(target.existing()?, &self.policy.0, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn it_counts_for_the_users_of_the_group() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "ann"}));
        assert!(ann.call("ListKeys", json!({})).is_err());
        let arn = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser";
        assert_eq!(kms.ok("AttachGroupPolicy", json!({"GroupName": "Team", "PolicyArn": arn})), Value::Null);
        ann.ok("ListKeys", json!({}));
        let missing = json!({"GroupName": "none", "PolicyArn": arn});
        let text = "The group with name none cannot be found.";
        assert_eq!(kms.call("AttachGroupPolicy", missing), Err(refused("NoSuchEntity", text)));
    }
}
