//! `ListUserTags`: the tags of a user. Source: IAM API reference, ListUserTags.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::identity::tags::{self, TagShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ListUserTags {
    user: UserPlace,
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

impl Operation for ListUserTags {
    const NAME: &'static str = "ListUserTags";
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

impl Read for ListUserTags {
    fn run(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let pairs = tags::pairs(&user.tags);
        let page = listing::take_sorted::<Self, _>(&self.page, facts, user.id.as_str(), pairs)?;
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
        kms.ok("CreateUser", json!({"UserName": "x"}));
        let tags: Vec<_> = ["a", "b", "c"].into_iter().map(|key| json!({"Key": key, "Value": ""})).collect();
        kms.ok("TagUser", json!({"UserName": "x", "Tags": tags}));
        for items in [1, 2, 3] {
            let body = json!({"UserName": "x", "MaxItems": items});
            assert_eq!(kms.admin().all_pages("ListUserTags", "Tags", "Key", body), ["a", "b", "c"], "{items}");
        }
    }
}
