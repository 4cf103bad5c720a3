//! `GetKeyLastUsage`: the last successful cryptographic use of a key. Source: API reference, GetKeyLastUsage.

use claviger_types::{KeyId, Timestamp};
use claviger_usage::LastUse;
use serde::Serialize;

use crate::audit::{EventId, origin};
use crate::error::Error;
use crate::pipeline::call::{Facts, RequestId};
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::view::View;
use crate::wire::Fields;

/// The request.
pub struct GetKeyLastUsage {
    key_id: KeyName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyId,
    key_last_usage: KeyLastUsageData,
    tracking_start_date: Timestamp,
    key_creation_date: Timestamp,
}

/// `KeyLastUsageData`: empty, if the key was not used since tracking began.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyLastUsageData {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_trail_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_request_id: Option<String>,
}

impl Operation for GetKeyLastUsage {
    const NAME: &'static str = "GetKeyLastUsage";
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Read for GetKeyLastUsage {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let (key, known) = (&target.0, facts.usage.known()?);
        let last_use = known.of_key(&key.arn).map(|last_use| shown(last_use, facts.view)).transpose()?;
        Ok(Reply {
            key_id: key.arn.id,
            key_last_usage: last_use.unwrap_or_default(),
            tracking_start_date: known.tracking_since(key, facts.now),
            key_creation_date: key.created_at,
        })
    }
}

/// The event is the copy that the key's account has.
fn shown(last_use: &LastUse, view: &View) -> Result<KeyLastUsageData, Error> {
    let deployment = view.deployment().ok_or_else(|| Error::Internal("there is no deployment".into()))?;
    let origin = origin(deployment).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(KeyLastUsageData {
        operation: Some(last_use.operation.api_name()),
        timestamp: Some(last_use.at),
        cloud_trail_event_id: EventId::new(&origin, last_use.entry, last_use.event_copy).map(|id| id.to_string()),
        kms_request_id: Some(RequestId::from_bytes(last_use.request_id).to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, TestKms, policy, statement};

    fn last_usage(kms: &TestKms, key: &str) -> Value {
        kms.count_usage();
        kms.ok("GetKeyLastUsage", json!({"KeyId": kms.admin().key_arn(key)}))
    }

    #[test]
    fn only_successful_uses_count() {
        let kms = TestKms::new();
        let key = kms.key();
        let created = kms.ok("DescribeKey", json!({"KeyId": key}))["KeyMetadata"]["CreationDate"].clone();
        let never = json!({
            "KeyId": key, "KeyLastUsage": {}, "TrackingStartDate": created, "KeyCreationDate": created,
        });
        assert_eq!(last_usage(&kms, &key), never);
        let dry = json!({"KeyId": key, "Plaintext": "c2VjcmV0", "DryRun": true});
        kms.call("Encrypt", dry).unwrap_err();
        kms.ok("DisableKey", json!({"KeyId": key}));
        kms.call("Encrypt", json!({"KeyId": key, "Plaintext": "c2VjcmV0"})).unwrap_err();
        kms.ok("EnableKey", json!({"KeyId": key}));
        assert_eq!(last_usage(&kms, &key), never);

        let at = kms.now();
        kms.admin().encrypt(&key, "c2VjcmV0");
        let used = last_usage(&kms, &key);
        assert_eq!(used["KeyLastUsage"]["Operation"], "Encrypt");
        let timestamp = used["KeyLastUsage"]["Timestamp"].as_f64().unwrap();
        assert!((timestamp - json!(at).as_f64().unwrap()).abs() < 10.0, "{used}");
        let event = crate::testing::test_events::parsed(
            kms.events()
                .iter()
                .rfind(|event| crate::testing::test_events::parsed(event).operation == Some("Encrypt"))
                .unwrap(),
        )
        .id;
        assert_eq!(used["KeyLastUsage"]["KmsRequestId"], uuid::Uuid::from_bytes(event).to_string());
        assert_eq!((&used["TrackingStartDate"], &used["KeyCreationDate"]), (&created, &created));

        kms.pass(Duration::from_secs(60));
        kms.ok("DescribeKey", json!({"KeyId": key}));
        assert_eq!(last_usage(&kms, &key), used);
    }

    /// Source: API reference, GetKeyLastUsage: a ReEncrypt is recorded for both keys, each with the event of its owner's
    /// account.
    #[test]
    fn a_re_encrypt_counts_for_both_keys() {
        let kms = TestKms::new();
        let (source, destination) = (kms.key(), kms.key());
        let let_in = statement("Allow", "kms:*", "*").replace(
            r#""Effect""#,
            &format!(r#""Principal":{{"AWS":["{AWAY}","{}"]}},"Effect""#, crate::testing::test_kms::HOME),
        );
        kms.ok("PutKeyPolicy", json!({"KeyId": destination, "Policy": policy(&let_in)}));
        kms.ok("PutKeyPolicy", json!({"KeyId": source, "Policy": policy(&let_in)}));
        let blob = kms.admin().encrypt(&source, "c2VjcmV0");
        let body = json!({"CiphertextBlob": blob, "DestinationKeyId": kms.admin().key_arn(&destination)});
        kms.away().ok("ReEncrypt", body.clone());
        let ids: Vec<_> =
            [&source, &destination].iter().map(|key| last_usage(&kms, key)["KeyLastUsage"].clone()).collect();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(ids[0]["Operation"], "ReEncrypt");
        let copy = |used: &Value| used["CloudTrailEventId"].as_str().unwrap().parse::<crate::EventId>().unwrap().copy();
        assert_eq!(copy(&ids[0]), 1, "the caller's account has the first copy");
        kms.ok("ReEncrypt", body);
        assert_eq!(copy(&last_usage(&kms, &source)["KeyLastUsage"]), 0);
    }

    /// Source: facts of the API: no key of another account.
    #[test]
    fn not_of_another_account() {
        let kms = TestKms::new();
        let arn = kms.admin().key_arn(&kms.key());
        assert_eq!(
            kms.away().call("GetKeyLastUsage", json!({"KeyId": arn})).unwrap_err().code,
            "AccessDeniedException"
        );
    }
}
