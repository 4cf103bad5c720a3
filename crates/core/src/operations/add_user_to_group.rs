//! `AddUserToGroup`: what a group may do, a user in it may from now on. Source: IAM API reference, AddUserToGroup.

use claviger_types::{ServiceName, UserName, limits};

use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::identity::users;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::view::User;
use crate::wire::Fields;

/// The request.
pub struct AddUserToGroup {
    group: GroupPlace,
    user_name: UserName,
}

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";
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

impl PlainCommand for AddUserToGroup {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Outcome<()>, Error> {
        let group = target.existing()?;
        let user = entities::find::<User>(&self.user_name, facts)?;
        if users::is_member(user, group.id) {
            return Ok(entities::edit(user, |_| {}).reply(()));
        }
        if user.groups.len() >= limits::GROUPS_PER_USER_MAX {
            return Err(Error::quota("GroupsPerUser", limits::GROUPS_PER_USER_MAX));
        }
        let changes = entities::edit(user, |record| record.groups.push(group.id.to_string()))
            .unchanged(group.record_path(), group.revision)
            .count_in_unbounded(paths::group_member_count(group.id));
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn ten_groups_at_most() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let add = |name: &str| {
            kms.ok("CreateGroup", json!({"GroupName": name}));
            kms.call("AddUserToGroup", json!({"GroupName": name, "UserName": "ANN"}))
        };
        for number in 0..10 {
            assert_eq!(add(&format!("g{number}")), Ok(Value::Null), "{number}");
        }
        assert_eq!(add("more"), Err(refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")));
        // Once more into the same group is no more.
        kms.ok("AddUserToGroup", json!({"GroupName": "g0", "UserName": "ann"}));
        let id = kms.ok("GetGroup", json!({"GroupName": "g0"}))["Group"]["GroupId"].clone();
        let counter = format!("counters/global/group-members/{}", id.as_str().unwrap());
        assert_eq!(kms.store.counter(&counter), 1);
    }

    #[test]
    fn missing() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        for (group, user, text) in [
            ("none", "admin", "The group with name none cannot be found."),
            ("team", "none", "The user with name none cannot be found."),
        ] {
            let answer = kms.call("AddUserToGroup", json!({"GroupName": group, "UserName": user}));
            assert_eq!(answer, Err(refused("NoSuchEntity", text)));
        }
    }
}
