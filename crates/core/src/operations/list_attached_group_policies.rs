//! `ListAttachedGroupPolicies`: the managed policies attached to a group. Source: IAM API reference,
//! ListAttachedGroupPolicies.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::attachments::{self, AttachedPolicy};
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct ListAttachedGroupPolicies {
    group: GroupPlace,
    path_prefix: String,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    attached_policies: Members<AttachedPolicy>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListAttachedGroupPolicies {
    const NAME: &'static str = "ListAttachedGroupPolicies";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let path_prefix = fields.string("PathPrefix").unwrap_or_else(|| "/".into());
        Ok(Self { group: entities::named(fields)?, path_prefix, page: listing::page(fields) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl Read for ListAttachedGroupPolicies {
    fn run(&self, facts: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Reply, Error> {
        let group = target.existing()?;
        let filter = format!("{} {}", group.id, self.path_prefix);
        let attached = attachments::shown(group, &self.path_prefix);
        let page = listing::take_sorted::<Self, _>(&self.page, facts, &filter, attached)?;
        let attached_policies = page.items.into_iter().collect();
        Ok(Reply { attached_policies, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn pages_and_paths() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        for (name, path) in [("b", "/team/"), ("a", "/"), ("c", "/team/x/")] {
            let document = policy(&statement("Allow", "kms:ListKeys", "*"));
            let body = json!({"PolicyName": name, "Path": path, "PolicyDocument": document});
            let arn = kms.ok("CreatePolicy", body)["Policy"]["Arn"].clone();
            kms.ok("AttachGroupPolicy", json!({"GroupName": "x", "PolicyArn": arn}));
        }
        for items in [1, 2, 1000] {
            let names = |prefix: &str| {
                let body = json!({"GroupName": "X", "PathPrefix": prefix, "MaxItems": items});
                kms.admin().all_pages("ListAttachedGroupPolicies", "AttachedPolicies", "PolicyName", body)
            };
            assert_eq!(names("/"), ["a", "b", "c"], "{items}");
            assert_eq!(names("/team/"), ["b", "c"], "{items}");
            assert_eq!(names("/none/"), [""; 0], "{items}");
        }
    }
}
