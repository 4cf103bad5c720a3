//! `GetGroupPolicy`: an inline policy of a group, as it was put, percent-encoded. Source: IAM API reference,
//! GetGroupPolicy.

use claviger_types::{GroupName, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::{documents, entities, inline};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::wire::Fields;

/// The request.
pub struct GetGroupPolicy {
    group: GroupPlace,
    policy_name: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    group_name: GroupName,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetGroupPolicy {
    const NAME: &'static str = "GetGroupPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { group: entities::named(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &GroupPlace {
        &self.group
    }
}

impl Read for GetGroupPolicy {
    fn run(&self, _: &Facts<'_>, target: Authorized<GroupTarget>) -> Result<Reply, Error> {
        let group = target.existing()?;
        let policy = inline::find(group, &self.policy_name)?;
        Ok(Reply {
            group_name: group.name.clone(),
            policy_name: policy.name.to_string(),
            policy_document: documents::percent_encoded(&policy.document.text),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn as_it_was_put_percent_encoded() {
        let kms = TestKms::new();
        kms.ok("CreateGroup", json!({"GroupName": "x"}));
        let document = format!("{}\n", policy(&statement("Allow", "kms:*", "arn:aws:kms:*:*:alias/é")));
        kms.ok("PutGroupPolicy", json!({"GroupName": "x", "PolicyName": "P", "PolicyDocument": document}));
        let reply = kms.ok("GetGroupPolicy", json!({"GroupName": "X", "PolicyName": "P"}));
        assert_eq!((&reply["GroupName"], &reply["PolicyName"]), (&json!("x"), &json!("P")));
        let encoded = format!("x={}", reply["PolicyDocument"].as_str().unwrap());
        let (_, decoded) = form_urlencoded::parse(encoded.as_bytes()).next().unwrap();
        assert_eq!(decoded, document);
        let missing = kms.call("GetGroupPolicy", json!({"GroupName": "x", "PolicyName": "p"}));
        assert_eq!(missing, Err(refused("NoSuchEntity", "The group policy with name p cannot be found.")));
    }
}
