//! `DescribeControlPolicy`: a control policy with its text. Source: models/claviger, DescribeControlPolicy.

use claviger_types::{ControlPolicyId, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::PolicyShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct DescribeControlPolicy {
    id: ControlPolicyId,
    part: Part,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy: PolicyShown,
    content: String,
}

impl Operation for DescribeControlPolicy {
    const NAME: &'static str = "DescribeControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: ControlPolicyId = organization::required(fields, "PolicyId")?;
        Ok(Self { part: Part::Policy(id.clone()), id })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl Read for DescribeControlPolicy {
    fn run(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Reply, Error> {
        let policy = organization::policy(&self.id, facts)?;
        Ok(Reply { policy: PolicyShown::new(policy, facts)?, content: policy.content.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn what_is_built_in() {
        let kms = TestKms::new();
        for (id, kind) in [("p-FullAWSAccess", "service"), ("p-RCPFullAWSAccess", "resource")] {
            let described = kms.ok("DescribeControlPolicy", json!({"PolicyId": id}));
            let arn = format!("arn:aws:organizations::aws:policy/{kind}_control_policy/{id}");
            assert_eq!((&described["Policy"]["BuiltIn"], &described["Policy"]["Arn"]), (&json!(true), &json!(arn)));
            assert!(described["Policy"].get("CreationDate").is_none());
        }
        let missing = refused("NotFoundException", "The control policy p-none1234 does not exist.");
        assert_eq!(kms.call("DescribeControlPolicy", json!({"PolicyId": "p-none1234"})), Err(missing));
    }
}
