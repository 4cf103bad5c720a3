//! `ListGroupsForUser`: the groups that a user is in. Source: IAM API reference, ListGroupsForUser.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::groups::GroupShown;
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ListGroupsForUser {
    user: UserPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    groups: Members<GroupShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: entities::named(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for ListGroupsForUser {
    fn run(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let groups = user.groups.iter().filter_map(|id| facts.view.group_by_id(*id));
        let named = groups.map(|group| (group.name.folded(), group));
        let page = listing::take_sorted::<Self, _>(&self.page, facts, user.id.as_str(), named)?;
        let groups = page.items.into_iter().map(|group| GroupShown::from(&**group)).collect();
        Ok(Reply { groups, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn pages() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        for name in ["b", "A", "c", "d"] {
            kms.ok("CreateGroup", json!({"GroupName": name}));
        }
        for name in ["b", "A", "d"] {
            kms.ok("AddUserToGroup", json!({"GroupName": name, "UserName": "ann"}));
        }
        for items in [1, 2, 3] {
            let body = json!({"UserName": "ann", "MaxItems": items});
            let names = kms.admin().all_pages("ListGroupsForUser", "Groups", "GroupName", body);
            assert_eq!(names, ["A", "b", "d"], "{items}");
        }
    }
}
