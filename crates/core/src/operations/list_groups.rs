//! `ListGroups`: the groups of the account, or those below a path. Source: IAM API reference, ListGroups.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::groups::GroupShown;
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, EntitiesBelow};
use crate::view::Group;
use crate::wire::Fields;

/// The request.
pub struct ListGroups {
    path_prefix: Box<str>,
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

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = EntitiesBelow<Group>;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let path_prefix = fields.string("PathPrefix").unwrap_or_else(|| "/".into());
        Ok(Self { path_prefix: path_prefix.into(), page: listing::page(fields) })
    }

    fn target(&self) -> &Box<str> {
        &self.path_prefix
    }
}

impl Read for ListGroups {
    fn run(&self, facts: &Facts<'_>, _: Authorized<EntitiesBelow<Group>>) -> Result<Reply, Error> {
        let page = listing::take::<Self, _, _>(&self.page, facts, &self.path_prefix, |after| {
            let all = facts.view.groups_after(facts.account(), &after);
            let below = all.filter(|group| group.path.starts_with(&*self.path_prefix));
            below.map(|group| (group.name.folded(), group))
        })?;
        let groups = page.items.into_iter().map(|group| GroupShown::from(&**group)).collect();
        Ok(Reply { groups, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn pages_and_paths() {
        let kms = TestKms::new();
        for (name, path) in [("bob", "/team/"), ("Ann", "/team/a/"), ("eve", "/teams/"), ("dan", "/")] {
            kms.ok("CreateGroup", json!({"GroupName": name, "Path": path}));
        }
        for items in [1, 2, 4, 5] {
            let names = |prefix: &str| {
                let body = json!({"MaxItems": items, "PathPrefix": prefix});
                kms.admin().all_pages("ListGroups", "Groups", "GroupName", body)
            };
            assert_eq!(names("/"), ["Ann", "bob", "dan", "eve"], "{items}");
            assert_eq!(names("/team/"), ["Ann", "bob"], "{items}");
            assert_eq!(names("/none/"), [""; 0], "{items}");
        }
        assert_eq!(kms.away().ok("ListGroups", json!({}))["Groups"], json!([]));
    }
}
