//! `ListTargetsForControlPolicy`: the root, units and accounts that a control policy is attached to. Source:
//! models/claviger, ListTargetsForControlPolicy.

use claviger_types::{ControlPolicyId, ControlTarget, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct ListTargetsForControlPolicy {
    id: ControlPolicyId,
    page: Page,
    part: Part,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    targets: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the policy is attached to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    target_id: ControlTarget,
    arn: String,
}

impl Operation for ListTargetsForControlPolicy {
    const NAME: &'static str = "ListTargetsForControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: ControlPolicyId = organization::required(fields, "PolicyId")?;
        Ok(Self { part: Part::Policy(id.clone()), id, page: organization::page(fields) })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl Read for ListTargetsForControlPolicy {
    fn run(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Reply, Error> {
        let policy = organization::policy(&self.id, facts)?;
        let filter = self.id.as_str();
        let after = self.page.after::<Self>(facts, filter)?;
        let mut targets: Vec<_> = organization::targets_of(policy, facts)?.collect();
        targets.sort_by_cached_key(ToString::to_string);
        let rest =
            targets.into_iter().filter(|id| after.as_deref().is_none_or(|after| id.to_string().as_str() > after));
        let page = self.page.take::<Self, _>(facts, filter, rest, ToString::to_string)?;
        let shown = |id: ControlTarget| {
            let arn = organization::target_arn(&id, facts)?;
            Ok(Entry { target_id: id, arn })
        };
        let targets = page.items.into_iter().map(shown).collect::<Result<_, Error>>()?;
        Ok(Reply { targets, next_token: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::organization::{SCP, listed, policy, root, unit};
    use crate::testing::test_kms::{AWAY, HOME, TestKms};

    #[test]
    fn pages_of_targets() {
        let kms = TestKms::new();
        let (root, id) = (root(&kms), policy(&kms, SCP, "a"));
        let team = unit(&kms, &root, "team");
        let ids = |body: Value| listed(&kms, "ListTargetsForControlPolicy", "Targets", "TargetId", body);
        assert_eq!(ids(json!({"PolicyId": id})), [""; 0]);
        for target in [&root, &team, AWAY] {
            kms.ok("AttachControlPolicy", json!({"PolicyId": id, "TargetId": target}));
        }
        for results in [1, 2, 100] {
            assert_eq!(ids(json!({"PolicyId": id, "MaxResults": results})), [AWAY, &team, &root]);
            for everywhere in ["p-FullAWSAccess", "p-RCPFullAWSAccess"] {
                let body = json!({"PolicyId": everywhere, "MaxResults": results});
                assert_eq!(ids(body), [HOME, AWAY, &team, &root], "{everywhere}");
            }
        }
    }
}
