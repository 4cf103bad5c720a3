//! `ListRoleTags`: the tags of a role. Source: IAM API reference, ListRoleTags.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::identity::tags::{self, TagShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct ListRoleTags {
    role: RolePlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    tags: Members<TagShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListRoleTags {
    const NAME: &'static str = "ListRoleTags";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl Read for ListRoleTags {
    fn run(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Reply, Error> {
        let role = target.existing()?;
        let pairs = tags::pairs(&role.tags);
        let page = listing::take_sorted::<Self, _>(&self.page, facts, role.id.as_str(), pairs)?;
        let tags = page.items.into_iter().collect();
        Ok(Reply { tags, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn pages() {
        let kms = TestKms::new();
        kms.role("x");
        let tags: Vec<_> = ["a", "b", "c"].into_iter().map(|key| json!({"Key": key, "Value": ""})).collect();
        kms.ok("TagRole", json!({"RoleName": "x", "Tags": tags}));
        for items in [1, 2, 3] {
            let body = json!({"RoleName": "x", "MaxItems": items});
            assert_eq!(kms.admin().all_pages("ListRoleTags", "Tags", "Key", body), ["a", "b", "c"], "{items}");
        }
    }
}
