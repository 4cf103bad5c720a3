//! `ImportCloudTrail`: counts as usage what a file of AWS CloudTrail tells, for a team that moves in from there. Source:
//! models/claviger, ImportCloudTrail; docs/usage.md.

use std::collections::HashMap;

use claviger_types::{KeyArn, KeyId, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::members::required_blob;
use crate::pipeline::operation::{Import, Operation};
use crate::target::{AccountEntry, AccountName, Authorized};
use crate::usage::{Imported, Upload};
use crate::wire::{Blob, Fields};

/// The request.
pub struct ImportCloudTrail {
    account: AccountName,
    /// The ids of keys here, by those that they had at AWS.
    key_ids: HashMap<KeyId, KeyId>,
    file: Blob,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    duplicates: u64,
    events_accepted: u64,
    events_left_out: u64,
    keys: usize,
    missing_keys: Vec<KeyArn>,
}

impl Operation for ImportCloudTrail {
    const NAME: &'static str = "ImportCloudTrail";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = AccountEntry;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let account = organization::optional(fields, "AccountId")?.map_or(AccountName::Caller, AccountName::Id);
        let key_id =
            |text: String| text.parse().map_err(|_| Error::Validation("KeyIds names what is no id of a key.".into()));
        let pairs = fields.map("KeyIds").unwrap_or_default().into_iter();
        let key_ids = pairs.map(|(there, here)| Ok((key_id(there)?, key_id(here)?))).collect::<Result<_, Error>>()?;
        Ok(Self { account, key_ids, file: required_blob(fields, "Records")? })
    }

    fn target(&self) -> &AccountName {
        &self.account
    }
}

impl Import for ImportCloudTrail {
    fn upload(self, facts: &Facts<'_>, target: Authorized<AccountEntry>) -> Result<Upload, Error> {
        let account = organization::account(target.id, facts)?;
        if account.closed_at.is_some() {
            return Err(Error::ConstraintViolation(format!("The account {} is closed.", target.id)));
        }
        // Until it is known nothing is counted, so the file need not be read.
        facts.usage.known()?;
        Ok(Upload { file: self.file, account: target.id, key_ids: self.key_ids, at: facts.now })
    }

    fn reply(imported: Imported) -> Reply {
        let Imported { accepted, duplicates, left_out, keys, missing_keys } = imported;
        Reply {
            duplicates,
            events_accepted: accepted,
            events_left_out: left_out,
            keys,
            missing_keys: missing_keys.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use claviger_types::limits;

    use crate::records::EventRecord;
    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused, statement};
    use crate::usage::cloudtrail_file_tests::{decrypt_of, file_of};

    /// A file with one use of this key.
    fn file(key_arn: &str) -> Value {
        json!(STANDARD.encode(file_of(&[decrypt_of(key_arn)])))
    }

    /// Nobody counts here: what is read is left out, and told is which keys are missing.
    #[test]
    fn keys_of_ones_own_account_and_for_the_first_account_of_any() {
        let kms = TestKms::new();
        let (own, away) = (kms.admin().key_arn(&kms.key()), kms.away().key_arn(&kms.away().key("SYMMETRIC_DEFAULT")));
        let gone = format!("{}{}", &own[..own.len() - 1], if own.ends_with('0') { '1' } else { '0' });
        let missing = |reply: &Value| (reply["EventsLeftOut"].clone(), reply["MissingKeys"].clone());
        for (reply, keys) in [
            (kms.ok("ImportCloudTrail", json!({"Records": file(&own)})), json!([])),
            (kms.ok("ImportCloudTrail", json!({"Records": file(&gone)})), json!([gone])),
            (kms.ok("ImportCloudTrail", json!({"Records": file(&away)})), json!([])),
            (kms.ok("ImportCloudTrail", json!({"Records": file(&away), "AccountId": AWAY})), json!([])),
            (kms.away().ok("ImportCloudTrail", json!({"Records": file(&away), "AccountId": AWAY})), json!([])),
        ] {
            assert_eq!(missing(&reply), (json!(1), keys), "{reply}");
        }
        let ids = |there: &str, here: &str| json!({"Records": file(&gone), "KeyIds": {there: here}});
        let (id, gone_id) = (own.rsplit_once('/').unwrap().1, gone.rsplit_once('/').unwrap().1);
        assert_eq!(kms.ok("ImportCloudTrail", ids(gone_id, id))["MissingKeys"], json!([]));
        assert_eq!(kms.ok("ImportCloudTrail", ids(id, id))["MissingKeys"], json!([gone]));

        let refusal =
            kms.away().call("ImportCloudTrail", json!({"Records": file(&own), "AccountId": HOME})).unwrap_err();
        assert!(refusal.message.ends_with("because only the deployment's first account may do this"), "{refusal:?}");
        let arn = format!("arn:aws:iam::{AWAY}:root");
        let ann = kms.admin().user("ann", &statement("Allow", "claviger:ImportCloudTrail", &arn));
        ann.ok("ImportCloudTrail", json!({"Records": file(&away), "AccountId": AWAY}));
        let refusal = ann.call("ImportCloudTrail", json!({"Records": file(&own)})).unwrap_err();
        assert_eq!(refusal.code, "AccessDeniedException");
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        let key = kms.admin().key_arn(&kms.key());
        let invalid = |text: &str| refused("ValidationException", text);
        let many: serde_json::Map<_, _> =
            (0..=limits::IMPORT_KEY_IDS_MAX).map(|number| (number.to_string(), json!("x"))).collect();
        let no_gzip = "the file is no whole gzip file: invalid gzip header";
        for (body, want) in [
            (json!({"Records": "AAAAAAAAAAAAAAAAAAAAAAAA"}), invalid(no_gzip)),
            (
                json!({"Records": file(&key), "KeyIds": {"alias/a": "x"}}),
                invalid("KeyIds names what is no id of a key."),
            ),
            (
                json!({"Records": file(&key), "KeyIds": many}),
                invalid(&format!(
                    "1 validation error detected: Value at 'keyIds' failed to satisfy constraint: Member must have \
                     length less than or equal to {}",
                    limits::IMPORT_KEY_IDS_MAX
                )),
            ),
            (
                json!({"Records": file(&key), "AccountId": "777788889999"}),
                refused("NotFoundException", "The account 777788889999 does not exist."),
            ),
        ] {
            assert_eq!(kms.call("ImportCloudTrail", body.clone()), Err(want), "{body}");
        }
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        let refusal = kms.call("ImportCloudTrail", json!({"Records": file(&key), "AccountId": AWAY}));
        assert_eq!(refusal, Err(refused("ConstraintViolationException", &format!("The account {AWAY} is closed."))));
        // After a start usage is not known for a while.
        kms.service().usage().put(None);
        let refusal = kms.call("ImportCloudTrail", json!({"Records": file(&key)})).unwrap_err();
        assert_eq!(refusal.code, "ThrottlingException");
    }

    /// It is recorded whatever comes of it, and changes something.
    #[test]
    fn each_request_has_its_event() {
        let kms = TestKms::new();
        let key = kms.admin().key_arn(&kms.key());
        for (records, code) in [(file(&key), None), (json!("AAAA"), Some("ValidationException"))] {
            let _ = kms.call("ImportCloudTrail", json!({"Records": records}));
            let event = kms.events().pop().unwrap();
            let event = EventRecord::parse(&event).unwrap();
            assert_eq!((event.operation, event.error.map(|error| error.code)), (Some("ImportCloudTrail"), code));
            assert!(!event.read_only);
        }
        let before = kms.events().len();
        kms.admin().hang_up("ImportCloudTrail", &json!({"Records": file(&key)}));
        let events = kms.events().split_off(before);
        let [event] = &events[..] else { panic!("{}", events.len()) };
        let error = EventRecord::parse(event).unwrap().error.map(|error| error.code.to_owned());
        assert_eq!(error.as_deref(), Some("KMSInternalException"), "nobody was there to be answered");
    }
}
