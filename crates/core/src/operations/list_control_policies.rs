//! `ListControlPolicies`: the control policies of one type. Source: models/claviger, ListControlPolicies.

use claviger_types::{ControlPolicyType, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::PolicyShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ListControlPolicies {
    kind: ControlPolicyType,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policies: Vec<PolicyShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListControlPolicies {
    const NAME: &'static str = "ListControlPolicies";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { kind: organization::required(fields, "Type")?, page: organization::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListControlPolicies {
    fn run(&self, facts: &Facts<'_>, _: Authorized<target::Deployment>) -> Result<Reply, Error> {
        let filter = self.kind.as_str();
        let after = self.page.after::<Self>(facts, filter)?;
        let mut all: Vec<_> = facts.view.control_policies().filter(|policy| policy.kind == self.kind).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let rest = all.into_iter().filter(|policy| after.as_deref().is_none_or(|after| policy.id.as_str() > after));
        let page = self.page.take::<Self, _>(facts, filter, rest, |policy| policy.id.to_string())?;
        let policies = page.items.into_iter().map(|policy| PolicyShown::new(policy, facts));
        Ok(Reply { policies: policies.collect::<Result<_, _>>()?, next_token: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::organization::{RCP, SCP, listed, policy};
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn pages_of_one_type() {
        let kms = TestKms::new();
        let mut scps: Vec<String> = ["a", "b", "c"].iter().map(|name| policy(&kms, SCP, name)).collect();
        scps.push("p-FullAWSAccess".into());
        scps.sort();
        let ids = |body: Value| listed(&kms, "ListControlPolicies", "Policies", "Id", body);
        for results in [1, 2, 4, 100] {
            assert_eq!(ids(json!({"Type": SCP, "MaxResults": results})), scps, "{results}");
        }
        assert_eq!(ids(json!({"Type": RCP})), ["p-RCPFullAWSAccess"]);
        let token = kms.ok("ListControlPolicies", json!({"Type": SCP, "MaxResults": 1}))["NextToken"].clone();
        let invalid = refused("InvalidMarkerException", "The marker is not valid for this request.");
        assert_eq!(kms.call("ListControlPolicies", json!({"Type": RCP, "NextToken": token})), Err(invalid));
    }
}
