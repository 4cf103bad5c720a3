//! `ListRoles`: the roles of the account, or those below a path. Source: IAM API reference, ListRoles.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::roles::RoleShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, EntitiesBelow};
use crate::view::Role;
use crate::wire::Fields;

/// The request.
pub struct ListRoles {
    path_prefix: Box<str>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    roles: Members<RoleShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = EntitiesBelow<Role>;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let path_prefix = fields.string("PathPrefix").unwrap_or_else(|| "/".into());
        Ok(Self { path_prefix: path_prefix.into(), page: listing::page(fields) })
    }

    fn target(&self) -> &Box<str> {
        &self.path_prefix
    }
}

impl Read for ListRoles {
    fn run(&self, facts: &Facts<'_>, _: Authorized<EntitiesBelow<Role>>) -> Result<Reply, Error> {
        let page = listing::take::<Self, _, _>(&self.page, facts, &self.path_prefix, |after| {
            let all = facts.view.roles_after(facts.account(), &after);
            let below = all.filter(|role| role.path.starts_with(&*self.path_prefix));
            below.map(|role| (role.name.folded(), role))
        })?;
        let roles = page.items.into_iter().map(|role| RoleShown::in_list(role, facts.view)).collect();
        Ok(Reply { roles, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{HOME, TestKms, trust};

    #[test]
    fn pages_and_paths() {
        let kms = TestKms::new();
        for (name, path) in [("bob", "/team/"), ("Ann", "/team/a/"), ("eve", "/teams/"), ("dan", "/")] {
            kms.ok("CreateRole", json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust(HOME)}));
        }
        for items in [1, 2, 4, 5] {
            let names = |prefix: &str| {
                let body = json!({"MaxItems": items, "PathPrefix": prefix});
                kms.admin().all_pages("ListRoles", "Roles", "RoleName", body)
            };
            assert_eq!(names("/"), ["Ann", "bob", "dan", "eve"], "{items}");
            assert_eq!(names("/team/"), ["Ann", "bob"], "{items}");
            assert_eq!(names("/none/"), [""; 0], "{items}");
        }
        assert_eq!(kms.away().ok("ListRoles", json!({}))["Roles"], json!([]));
    }
}
