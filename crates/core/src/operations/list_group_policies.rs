//! `ListGroupPolicies`: the names of the inline policies of a group. Source: IAM API reference, ListGroupPolicies.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::{entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct ListGroupPolicies {
    group: GroupPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_names: Members<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListGroupPolicies {
    const NAME: &'static str = "ListGroupPolicies";
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

impl Read for ListGroupPolicies {
    fn run(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Reply, Error> {
        let group = target.existing()?;
        let names = inline::names(group);
        let page = listing::take_sorted::<Self, _>(&self.page, facts, group.id.as_str(), names)?;
        let policy_names = page.items.into_iter().collect();
        Ok(Reply { policy_names, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn pages() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        for name in ["c", "B", "a", "d"] {
            let document = policy(&statement("Allow", "kms:*", "*"));
            kms.ok("PutGroupPolicy", json!({"GroupName": "x", "PolicyName": name, "PolicyDocument": document}));
        }
        for items in [1, 3, 4] {
            let body = json!({"GroupName": "x", "MaxItems": items});
            let names = kms.admin().all_pages("ListGroupPolicies", "PolicyNames", "", body);
            assert_eq!(names, ["B", "a", "c", "d"], "{items}");
        }
    }
}
