//! `DeleteGroup`: a group without users and policies goes. Source: IAM API reference, DeleteGroup.

use claviger_keyring::Space;
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteGroup {
    group: GroupPlace,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)? })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl PlainCommand for DeleteGroup {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
        let group = target.existing()?;
        if facts.view.member_count(group) > 0 {
            return Err(Error::DeleteConflict("Cannot delete entity, must remove users from group first.".into()));
        }
        entities::check_without_policies(group)?;
        let changes = Changes::new(Space::Global)
            .delete(group.record_path(), group.revision)
            .absent(paths::group_member_count(group.id))
            .count_out(paths::group_count(group.account));
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn only_without_users_and_policies() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let both = json!({"GroupName": "team", "UserName": "ann"});
        kms.ok("AddUserToGroup", both.clone());
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        kms.ok("AttachGroupPolicy", json!({"GroupName": "team", "PolicyArn": arn}));
        let document = policy(&statement("Allow", "kms:*", "*"));
        kms.ok("PutGroupPolicy", json!({"GroupName": "team", "PolicyName": "p", "PolicyDocument": document}));
        let delete = || kms.call("DeleteGroup", json!({"GroupName": "TEAM"}));
        let conflict =
            |what: &str| Err(refused("DeleteConflict", &format!("Cannot delete entity, must {what} first.")));
        assert_eq!(delete(), conflict("remove users from group"));
        kms.ok("RemoveUserFromGroup", both);
        assert_eq!(delete(), conflict("delete policies"));
        kms.ok("DeleteGroupPolicy", json!({"GroupName": "team", "PolicyName": "p"}));
        assert_eq!(delete(), conflict("detach all policies"));
        kms.ok("DetachGroupPolicy", json!({"GroupName": "team", "PolicyArn": arn}));
        assert_eq!(delete(), Ok(Value::Null));
        assert_eq!(delete(), Err(refused("NoSuchEntity", "The group with name TEAM cannot be found.")));
        assert_eq!(kms.store.counter("counters/global/groups/111122223333"), 0);
    }

    /// The other node does not know yet that somebody came in.
    #[test]
    fn a_user_that_comes_in_at_once() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let before = kms.view();
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "ann"}));
        let answer = kms.admin().call_on(&before, "DeleteGroup", json!({"GroupName": "team"}));
        assert_eq!(answer.unwrap_err().code, "DeleteConflict");
        kms.ok("RemoveUserFromGroup", json!({"GroupName": "team", "UserName": "ann"}));
        let before = kms.view();
        kms.ok("DeleteGroup", json!({"GroupName": "team"}));
        let body = json!({"GroupName": "team", "UserName": "ann"});
        let answer = kms.admin().call_on(&before, "AddUserToGroup", body);
        assert_eq!(answer.unwrap_err().code, "NoSuchEntity");
    }
}
