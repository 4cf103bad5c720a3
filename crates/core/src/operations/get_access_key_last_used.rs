//! `GetAccessKeyLastUsed`: when and for what an access key was used last, whatever came of it. Source: IAM API reference,
//! GetAccessKeyLastUsed.

use claviger_types::{ServiceName, Timestamp, UserName};
use claviger_usage::AccessKeyUse;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{AccessKeyTarget, Authorized};
use crate::wire::Fields;

/// What stands for service and Region of an access key that was not used. Source: IAM API reference, AccessKeyLastUsed.
const NOT_USED: &str = "N/A";

/// The request.
pub struct GetAccessKeyLastUsed {
    access_key_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user_name: UserName,
    access_key_last_used: AccessKeyLastUsed,
}

/// `AccessKeyLastUsed`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyLastUsed {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    last_used_date: Option<Timestamp>,
    service_name: String,
    region: String,
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = AccessKeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { access_key_id: fields.string("AccessKeyId").unwrap_or_default() })
    }

    fn target(&self) -> &String {
        &self.access_key_id
    }
}

impl Read for GetAccessKeyLastUsed {
    fn run(&self, facts: &Facts<'_>, target: Authorized<AccessKeyTarget>) -> Result<Reply, Error> {
        let credential = target.existing(&self.access_key_id)?;
        let known = facts.usage.known()?;
        let used = known.of_access_key(&credential.access_key_id);
        Ok(Reply { user_name: credential.user.name.clone(), access_key_last_used: AccessKeyLastUsed::of(used) })
    }
}

impl AccessKeyLastUsed {
    fn of(used: Option<&AccessKeyUse>) -> Self {
        let text = |of: fn(&AccessKeyUse) -> &str| used.map_or(NOT_USED, of).to_owned();
        Self {
            last_used_date: used.map(|used| used.at),
            service_name: text(|used| used.service.as_str()),
            region: text(|used| used.region.as_str()),
        }
    }
}

fn shown<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => listing::iso_8601(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, Session, TestKms, refused, statement};

    fn last_used(by: Session<'_>, of: Session<'_>) -> Value {
        by.kms.count_usage();
        by.ok("GetAccessKeyLastUsed", json!({"AccessKeyId": of.access_key_id.to_string()}))
    }

    #[test]
    fn whatever_came_of_it() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let never = json!({"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}});
        assert_eq!(last_used(kms.admin(), ann), never);
        ann.in_region("eu-west-1").call("ListKeys", json!({})).unwrap_err();
        let used = last_used(kms.admin(), ann);
        assert_eq!(used["AccessKeyLastUsed"]["ServiceName"], "kms");
        assert_eq!(used["AccessKeyLastUsed"]["Region"], "eu-west-1");
        let seconds = used["AccessKeyLastUsed"]["LastUsedDate"].as_i64().unwrap();
        assert!((kms.now().as_millis() / 1000 - seconds).abs() < 10, "{used}");
        ann.ok("GetCallerIdentity", json!({}));
        assert_eq!(last_used(kms.admin(), ann)["AccessKeyLastUsed"]["ServiceName"], "sts");
    }

    /// A refusal tells neither whether there is such an access key nor whose it is.
    #[test]
    fn whose_it_is_is_for_those_who_may_know() {
        let kms = TestKms::new();
        let bob = kms.admin().user("bob", "");
        let ann = kms.admin().user("ann", &statement("Allow", "iam:*", &format!("arn:aws:iam::{HOME}:user/ann")));
        let ask = |by: Session<'_>, id: &str| by.call("GetAccessKeyLastUsed", json!({"AccessKeyId": id}));
        assert_eq!(last_used(ann, ann)["UserName"], "ann");
        let missing = "AKIA7777777777777777";
        for id in [bob.access_key_id.as_str(), kms.away().access_key_id.as_str(), missing, "ASIA7777777777777777"] {
            let rest = format!(
                " on resource: access key {id} because no identity-based policy allows the iam:GetAccessKeyLastUsed action"
            );
            assert_eq!(ask(ann, id), Err(ann.denied("iam:GetAccessKeyLastUsed", &rest)), "{id}");
        }
        for id in [kms.away().access_key_id.as_str(), missing] {
            let text = format!("The Access Key with id {id} cannot be found.");
            assert_eq!(ask(kms.admin(), id), Err(refused("NoSuchEntity", &text)), "{id}");
        }
    }
}
