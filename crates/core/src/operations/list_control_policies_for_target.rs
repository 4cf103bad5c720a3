//! `ListControlPoliciesForTarget`: the control policies of one type that are attached to a target itself. Source:
//! models/claviger, ListControlPoliciesForTarget.

use claviger_types::{ControlPolicyType, ControlTarget, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::PolicyShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct ListControlPoliciesForTarget {
    target: ControlTarget,
    kind: ControlPolicyType,
    page: Page,
    part: Part,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policies: Vec<PolicyShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListControlPoliciesForTarget {
    const NAME: &'static str = "ListControlPoliciesForTarget";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let target: ControlTarget = organization::required(fields, "TargetId")?;
        let kind = organization::required(fields, "Type")?;
        Ok(Self { part: Part::Target(target.clone()), target, kind, page: organization::page(fields) })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl Read for ListControlPoliciesForTarget {
    fn run(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Reply, Error> {
        let attached = organization::attached(&self.target, facts)?;
        let filter = format!("{} {}", self.target, self.kind);
        let after = self.page.after::<Self>(facts, &filter)?;
        let of_type = facts.view.control_policies().filter(|policy| policy.kind == self.kind);
        let mut here: Vec<_> = of_type.filter(|policy| policy.is_among(attached)).collect();
        here.sort_by(|a, b| a.id.cmp(&b.id));
        let rest = here.into_iter().filter(|policy| after.as_deref().is_none_or(|after| policy.id.as_str() > after));
        let page = self.page.take::<Self, _>(facts, &filter, rest, |policy| policy.id.to_string())?;
        let policies = page.items.into_iter().map(|policy| PolicyShown::new(policy, facts));
        Ok(Reply { policies: policies.collect::<Result<_, _>>()?, next_token: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::organization::{RCP, SCP, listed, policy, root, unit};
    use crate::testing::test_kms::{AWAY, TestKms};

    #[test]
    fn attached_here_and_not_above() {
        let kms = TestKms::new();
        let (root, scp, rcp) = (root(&kms), policy(&kms, SCP, "a"), policy(&kms, RCP, "a"));
        let team = unit(&kms, &root, "team");
        for id in [&scp, &rcp] {
            kms.ok("AttachControlPolicy", json!({"PolicyId": id, "TargetId": team}));
        }
        let ids = |body: Value| listed(&kms, "ListControlPoliciesForTarget", "Policies", "Id", body);
        for (target, own) in [(root.as_str(), false), (team.as_str(), true), (AWAY, false)] {
            for (kind, id, always) in [(SCP, &scp, "p-FullAWSAccess"), (RCP, &rcp, "p-RCPFullAWSAccess")] {
                let mut want: Vec<&str> = if own { vec![always, id] } else { vec![always] };
                want.sort_unstable();
                for results in [1, 100] {
                    let body = json!({"TargetId": target, "Type": kind, "MaxResults": results});
                    assert_eq!(ids(body), want, "{target} {kind}");
                }
            }
        }
    }
}
