//! `ListPolicyTags`: the tags of a managed policy. Source: IAM API reference, ListPolicyTags.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::policies;
use crate::identity::tags::{self, TagShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct ListPolicyTags {
    policy: PolicyPlace,
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

impl Operation for ListPolicyTags {
    const NAME: &'static str = "ListPolicyTags";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { policy: policies::place(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl Read for ListPolicyTags {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Reply, Error> {
        let policy = target.existing(facts)?;
        let pairs = tags::pairs(&policy.tags);
        let page = listing::take_sorted::<Self, _>(&self.page, facts, policy.id.as_str(), pairs)?;
        let tags = page.items.into_iter().collect();
        Ok(Reply { tags, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, statement};

    #[test]
    fn pages() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        let tags: Vec<_> = ["a", "b", "c"].into_iter().map(|key| json!({"Key": key, "Value": ""})).collect();
        kms.ok("TagPolicy", json!({"PolicyArn": arn, "Tags": tags}));
        for items in [1, 2, 3] {
            let body = json!({"PolicyArn": arn, "MaxItems": items});
            assert_eq!(kms.admin().all_pages("ListPolicyTags", "Tags", "Key", body), ["a", "b", "c"], "{items}");
        }
    }
}
