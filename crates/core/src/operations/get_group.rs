//! `GetGroup`: a group and the users in it. Source: IAM API reference, GetGroup.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::groups::GroupShown;
use crate::identity::listing::{self, Members};
use crate::identity::users::UserShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct GetGroup {
    group: GroupPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    group: GroupShown,
    users: Members<UserShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl Read for GetGroup {
    fn run(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Reply, Error> {
        let group = target.existing()?;
        let page = listing::take::<Self, _, _>(&self.page, facts, group.id.as_str(), |after| {
            facts.view.members_after(group, &after).map(|user| (user.name.folded(), user))
        })?;
        let users = page.items.into_iter().map(|user| UserShown::in_list(user)).collect();
        Ok(Reply { group: GroupShown::from(group), users, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn pages_of_its_users() {
        let kms = TestKms::new();
        for name in ["team", "other"] {
            kms.ok("CreateGroup", json!({"GroupName": name}));
        }
        for (name, group) in [("c", "team"), ("a", "team"), ("x", "other"), ("B", "team")] {
            kms.ok("CreateUser", json!({"UserName": name}));
            kms.ok("AddUserToGroup", json!({"GroupName": group, "UserName": name}));
        }
        for items in [1, 2, 3] {
            let body = json!({"GroupName": "team", "MaxItems": items});
            assert_eq!(kms.admin().all_pages("GetGroup", "Users", "UserName", body), ["a", "B", "c"], "{items}");
        }
        let text = "The group with name none cannot be found.";
        assert_eq!(kms.call("GetGroup", json!({"GroupName": "none"})), Err(refused("NoSuchEntity", text)));
    }
}
