//! `CreateControlPolicy`: a service or resource control policy, attached to nothing yet. Source: models/claviger,
//! CreateControlPolicy.

use claviger_types::{ControlPolicyId, ControlPolicyType, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::organization::shown::PolicyShown;
use crate::organization::{self, control_policies};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::records::ControlPolicyRecord;
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct CreateControlPolicy {
    kind: ControlPolicyType,
    name: String,
    description: String,
    content: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy: PolicyShown,
}

impl Operation for CreateControlPolicy {
    const NAME: &'static str = "CreateControlPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            kind: organization::required(fields, "Type")?,
            name: organization::required(fields, "Name")?,
            description: fields.string("Description").unwrap_or_default(),
            content: organization::required(fields, "Content")?,
        })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Command for CreateControlPolicy {
    type Prepared = ControlPolicyId;

    fn prepare(
        &self,
        _: &Facts<'_>,
        _: &Authorized<target::Deployment>,
        _: &Tools<'_>,
    ) -> Result<ControlPolicyId, Error> {
        Ok(ControlPolicyId::from_random(claviger_keyring::random()?))
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        _: Authorized<target::Deployment>,
        id: &ControlPolicyId,
    ) -> Result<Outcome<Reply>, Error> {
        let of_type = facts.view.control_policies().filter(|policy| policy.kind == self.kind);
        if of_type.filter(|policy| policy.written.is_some()).count() >= limits::CONTROL_POLICIES_PER_TYPE_MAX {
            let limit = limits::CONTROL_POLICIES_PER_TYPE_MAX;
            return Err(Error::LimitExceeded(format!("There are {limit} policies of the type {} already.", self.kind)));
        }
        organization::check_policy_name(&self.name, self.kind, facts)?;
        control_policies::accept(self.kind, &self.content)?;
        let record = ControlPolicyRecord {
            kind: self.kind.to_string(),
            name: self.name.clone(),
            description: self.description.clone(),
            content: self.content.clone(),
            created_at: facts.now.as_millis(),
            updated_at: facts.now.as_millis(),
        };
        let shown = PolicyShown::made(id.clone(), self.kind, &record, facts)?;
        let changes = organization::change_tree(facts, |_| {})?.create(paths::control_policy(id), &record);
        Ok(changes.making(shown.arn()).reply(Reply { policy: shown }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{SCP, policy};
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn what_is_made_is_described() {
        let kms = TestKms::new();
        let content = crate::testing::test_kms::policy(&crate::testing::test_kms::statement("Deny", "kms:*", "*"));
        let body = json!({"Type": SCP, "Name": "No keys", "Description": "none at all", "Content": content});
        let made = kms.ok("CreateControlPolicy", body)["Policy"].clone();
        let described = kms.ok("DescribeControlPolicy", json!({"PolicyId": made["Id"]}));
        assert_eq!(described["Policy"], made);
        assert_eq!(described["Content"], content);
        let organization = kms.ok("DescribeOrganization", json!({}))["Organization"]["Id"].clone();
        let (organization, id) = (organization.as_str().unwrap(), made["Id"].as_str().unwrap());
        let arn = format!("arn:aws:organizations::111122223333:policy/{organization}/service_control_policy/{id}");
        assert_eq!(made["Arn"], arn);
    }

    #[test]
    fn refused_policies() {
        let kms = TestKms::new();
        policy(&kms, SCP, "taken");
        let everything = crate::view::control_policies::BUILT_IN[1].content.to_string();
        let taken = |name: &str| format!("A policy of the type {SCP} named {name} already exists.");
        for (name, content, code, text) in [
            ("taken", "{}", "AlreadyExistsException", taken("taken")),
            ("FullAWSAccess", "{}", "AlreadyExistsException", taken("FullAWSAccess")),
            ("x", "{", "MalformedPolicyDocumentException", String::new()),
            ("x", &everything, "MalformedPolicyDocumentException", String::new()),
        ] {
            let body = json!({"Type": SCP, "Name": name, "Content": content});
            let refusal = kms.call("CreateControlPolicy", body).unwrap_err();
            assert_eq!(refusal.code, code, "{name} {content}");
            if !text.is_empty() {
                assert_eq!(refusal, refused(code, &text));
            }
        }
        // The other type's names are its own.
        let body = json!({"Type": "RESOURCE_CONTROL_POLICY", "Name": "taken", "Content": everything});
        kms.ok("CreateControlPolicy", body);
    }
}
