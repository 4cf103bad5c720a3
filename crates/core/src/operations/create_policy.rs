//! `CreatePolicy`: a new customer managed policy, attached to nobody yet. Source: IAM API reference, CreatePolicy.

use claviger_keyring::Space;
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{PolicyId, PolicyName, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::policies::{self, PolicyShown};
use crate::identity::tags;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::pipeline::request::RequestContext;
use crate::records::{ManagedPolicyRecord, PolicyVersionRecord, TagRecord};
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct CreatePolicy {
    name: PolicyName,
    path: Box<str>,
    document: String,
    description: Option<String>,
    tags: Vec<TagRecord>,
    place: PolicyPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy: PolicyShown,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = fields.string("PolicyName").unwrap_or_default();
        let name: PolicyName =
            name.parse().map_err(|_| Error::Internal(format!("PolicyName {name} passed the constraints")))?;
        let path: Box<str> = fields.string("Path").unwrap_or_else(|| "/".into()).into();
        Ok(Self {
            place: PolicyPlace::New(name.clone(), path.clone()),
            name,
            path,
            document: fields.string("PolicyDocument").unwrap_or_default(),
            description: fields.string("Description"),
            tags: tags::from_request(fields)?,
        })
    }

    fn target(&self) -> &PolicyPlace {
        &self.place
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for CreatePolicy {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition(&self.tags, key)
    }
}

impl Command for CreatePolicy {
    type Prepared = PolicyId;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<PolicyTarget>, _: &Tools<'_>) -> Result<PolicyId, Error> {
        Ok(PolicyId::from_random(claviger_keyring::random()?))
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<PolicyTarget>,
        prepared: &PolicyId,
    ) -> Result<Outcome<Reply>, Error> {
        let (account, Self { name, document, .. }) = (facts.account(), self);
        if target.found.is_some() {
            let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return Err(Error::AlreadyExists(text));
        }
        policies::check(document)?;
        let now = facts.now.as_millis();
        let record = ManagedPolicyRecord {
            id: prepared.to_string(),
            name: name.to_string(),
            path: self.path.to_string(),
            created_at: now,
            updated_at: now,
            description: self.description.clone(),
            tags: self.tags.clone(),
            versions: vec![PolicyVersionRecord { number: 1, created_at: now, document: document.clone() }],
            default_version: 1,
            versions_made: 1,
        };
        let limit = limits::CUSTOMER_POLICIES_PER_ACCOUNT_MAX;
        let changes = Changes::new(Space::Global)
            .create(paths::customer_policy(account, &name.folded()), &record)
            .count_in(paths::customer_policy_count(account), Quota::CustomerPolicies, limit);
        Ok(changes.reply(Reply { policy: PolicyShown::new(target.arn.clone(), *prepared, &record) }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn what_is_made_is_answered() {
        let kms = TestKms::new();
        let body = json!({
            "PolicyName": "Use", "Path": "/team/", "PolicyDocument": policy(&statement("Allow", "kms:*", "*")),
            "Description": "d", "Tags": [{"Key": "a", "Value": "b"}],
        });
        let made = kms.ok("CreatePolicy", body.clone());
        assert_eq!(made["Policy"]["Arn"], "arn:aws:iam::111122223333:policy/team/Use");
        assert_eq!(
            (&made["Policy"]["DefaultVersionId"], &made["Policy"]["IsAttachable"]),
            (&json!("v1"), &json!(true))
        );
        assert!(made["Policy"]["PolicyId"].as_str().unwrap().starts_with("ANPA"));
        assert_eq!(kms.ok("GetPolicy", json!({"PolicyArn": made["Policy"]["Arn"]})), made);
        assert_eq!(kms.store.counter("counters/global/customer-policies/111122223333"), 1);
        for name in ["Use", "USE"] {
            let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
            let mut again = body.clone();
            again["PolicyName"] = json!(name);
            assert_eq!(kms.call("CreatePolicy", again), Err(refused("EntityAlreadyExists", &text)));
        }
    }

    /// Source: IAM quotas: 6,144 characters, white space not counted.
    #[test]
    fn sizes_and_bad_documents() {
        let kms = TestKms::new();
        let create = |name: &str, document: &str| {
            kms.call("CreatePolicy", json!({"PolicyName": name, "PolicyDocument": document}))
        };
        let sized = |chars: usize| {
            let shortest = policy(&statement("Allow", "kms:*", "arn:aws:kms:::"));
            let resource = format!("arn:aws:kms:::{}", "a".repeat(chars - shortest.len()));
            policy(&statement("Allow", "kms:*", &resource)).replace(',', " ,\n")
        };
        assert!(create("fits", &sized(6144)).is_ok());
        let exceeded = refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144");
        assert_eq!(create("longer", &sized(6145)), Err(exceeded));
        for document in ["{", "{}", "[]"] {
            assert_eq!(create("bad", document).unwrap_err().code, "MalformedPolicyDocument", "{document}");
        }
    }
}
