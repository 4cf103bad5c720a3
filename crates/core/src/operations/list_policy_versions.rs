//! `ListPolicyVersions`: the versions of a managed policy, newest first, without their texts. Source: IAM API
//! reference, ListPolicyVersions.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::policies::{self, VersionShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::records::PolicyVersionRecord;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct ListPolicyVersions {
    policy: PolicyPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    versions: Members<VersionShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
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

impl Read for ListPolicyVersions {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Reply, Error> {
        let policy = target.existing(facts)?;
        let newest_first =
            policy.versions.iter().map(|version| (format!("{:010}", u32::MAX - version.number), version));
        let page = listing::take_sorted::<Self, _>(&self.page, facts, policy.id.as_str(), newest_first)?;
        let shown = |version: &PolicyVersionRecord| VersionShown::in_list(version, policy.default_version);
        let versions = page.items.into_iter().map(shown).collect();
        Ok(Reply { versions, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn pages() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        for _ in 0..2 {
            let document = policy(&statement("Allow", "kms:*", "*"));
            kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
        }
        for items in [1, 2, 3] {
            let body = json!({"PolicyArn": arn, "MaxItems": items});
            let ids = kms.admin().all_pages("ListPolicyVersions", "Versions", "VersionId", body);
            assert_eq!(ids, ["v3", "v2", "v1"], "{items}");
        }
    }
}
