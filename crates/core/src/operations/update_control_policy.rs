//! `UpdateControlPolicy`: another name, description or text; what it is attached to is bound by the new text at once.
//! Source: models/claviger, UpdateControlPolicy.

use claviger_types::{ControlPolicyId, ServiceName};

use crate::error::Error;
use crate::organization::{self, control_policies};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct UpdateControlPolicy {
    id: ControlPolicyId,
    name: Option<String>,
    description: Option<String>,
    content: Option<String>,
    part: Part,
}

impl Operation for UpdateControlPolicy {
    const NAME: &'static str = "UpdateControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: ControlPolicyId = organization::required(fields, "PolicyId")?;
        Ok(Self {
            part: Part::Policy(id.clone()),
            id,
            name: fields.string("Name"),
            description: fields.string("Description"),
            content: fields.string("Content"),
        })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for UpdateControlPolicy {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let policy = organization::policy(&self.id, facts)?;
        let (revision, mut record) = organization::own_record(policy)?;
        if let Some(name) = self.name.as_ref().filter(|name| **name != record.name) {
            organization::check_policy_name(name, policy.kind, facts)?;
            record.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            record.description.clone_from(description);
        }
        if let Some(content) = &self.content {
            control_policies::accept(policy.kind, content)?;
            record.content.clone_from(content);
        }
        record.updated_at = facts.now.as_millis();
        let changes = organization::change_tree(facts, |_| {})?;
        Ok(changes.replace(paths::control_policy(&self.id), revision, &record).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{SCP, policy};
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn each_member_by_itself() {
        let kms = TestKms::new();
        let id = policy(&kms, SCP, "a");
        policy(&kms, SCP, "b");
        let everything = crate::view::control_policies::BUILT_IN[0].content.to_string();
        let mut want = kms.ok("DescribeControlPolicy", json!({"PolicyId": id}));
        for (member, value) in [("Name", "c"), ("Name", "c"), ("Description", "new"), ("Content", everything.as_str())]
        {
            kms.ok("UpdateControlPolicy", json!({"PolicyId": id, member: value}));
            let described = kms.ok("DescribeControlPolicy", json!({"PolicyId": id}));
            let place = if member == "Content" { &mut want } else { &mut want["Policy"] };
            place[member] = json!(value);
            want["Policy"]["LastUpdatedDate"] = described["Policy"]["LastUpdatedDate"].clone();
            assert_eq!(described, want, "{member}");
        }
        let text = format!("A policy of the type {SCP} named b already exists.");
        let answer = kms.call("UpdateControlPolicy", json!({"PolicyId": id, "Name": "b"}));
        assert_eq!(answer, Err(refused("AlreadyExistsException", &text)));
        let answer = kms.call("UpdateControlPolicy", json!({"PolicyId": id, "Content": "{"}));
        assert_eq!(answer.unwrap_err().code, "MalformedPolicyDocumentException");
        let answer = kms.call("UpdateControlPolicy", json!({"PolicyId": "p-FullAWSAccess", "Name": "x"}));
        let text = "The control policy p-FullAWSAccess comes with the service and cannot be changed.";
        assert_eq!(answer, Err(refused("ConstraintViolationException", text)));
    }
}
