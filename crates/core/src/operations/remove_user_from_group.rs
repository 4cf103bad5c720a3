//! `RemoveUserFromGroup`: what a group may do, a user may no more. One who is not in it is no matter. Source: IAM API
//! reference, RemoveUserFromGroup.

use claviger_types::{ServiceName, UserName};

use crate::error::Error;
use crate::identity::{entities, users};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::view::User;
use crate::wire::Fields;

/// The request.
pub struct RemoveUserFromGroup {
    group: GroupPlace,
    user_name: UserName,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, user_name: entities::name::<User>(fields)? })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl PlainCommand for RemoveUserFromGroup {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
        let group = target.existing()?;
        let user = entities::find::<User>(&self.user_name, facts)?;
        if !users::is_member(user, group.id) {
            return Ok(entities::edit(user, |_| {}).reply(()));
        }
        let id = group.id.to_string();
        let changes = entities::edit(user, |record| record.groups.retain(|group| *group != id));
        Ok(changes.count_out(paths::group_member_count(group.id)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::TestKms;

    #[test]
    fn what_the_group_allowed_is_refused_at_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        kms.ok("AttachGroupPolicy", json!({"GroupName": "team", "PolicyArn": arn}));
        let body = json!({"GroupName": "team", "UserName": "ann"});
        kms.ok("AddUserToGroup", body.clone());
        ann.ok("ListKeys", json!({}));
        for _ in 0..2 {
            assert_eq!(kms.ok("RemoveUserFromGroup", body.clone()), Value::Null);
        }
        assert!(ann.call("ListKeys", json!({})).is_err());
        assert_eq!(kms.ok("GetGroup", json!({"GroupName": "team"}))["Users"], json!([]));
    }
}
