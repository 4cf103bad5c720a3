//! A file of AWS CloudTrail: which uses of keys its records tell of. Pure; the file is a stranger's.
//!
//! Source: CloudTrail user guide, "CloudTrail record contents" and "userIdentity element"; AWS KMS developer guide,
//! "Examples of AWS KMS log entries", a page for each operation.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

use claviger_types::{AccountId, KeyArn, KeyRef, KeyRefKind, Timestamp};
use claviger_usage::{Addressed, Operation, Use};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Bytes of a file that is unpacked.
pub const UNPACKED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of a record that is read. CloudTrail makes none of more than 256 KB, and one that is read needs many times as much
/// memory as its text.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

const EVENT_SOURCE: &str = "kms.amazonaws.com";

/// A record that tells of a use.
#[derive(Debug)]
pub struct Told<'r> {
    /// The id of its event.
    pub event_id: [u8; 16],
    /// The account that the record was delivered to. Each account that an event concerns has a record of its own.
    pub recipient: Option<AccountId>,
    /// The uses: one, or the two of a ReEncrypt.
    pub uses: &'r [Use<'r>],
}

/// Why a file is not read at all.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is no gzip, or a part of it is missing or damaged.
    #[error("the file is no whole gzip file: {0}")]
    Packing(io::Error),
    /// It is something else.
    #[error("the file is none of CloudTrail's: {0}")]
    Text(serde_json::Error),
    /// It is unpacked no further than this.
    #[error("the file has more than {UNPACKED_BYTES_MAX} bytes when it is unpacked: import it in parts")]
    TooLong,
}

/// Unpacks a file, and shows each of its records: `None` for one that tells of no use of a key.
pub fn read(packed: &[u8], mut show: impl FnMut(Option<&Told<'_>>)) -> Result<(), BadFile> {
    let mut text = Vec::new();
    let most = UNPACKED_BYTES_MAX as u64 + 1;
    MultiGzDecoder::new(packed).take(most).read_to_end(&mut text).map_err(BadFile::Packing)?;
    if text.len() > UNPACKED_BYTES_MAX {
        return Err(BadFile::TooLong);
    }
    let mut reader = serde_json::Deserializer::from_slice(&text);
    let mut each = |record: &str| {
        if tell(record, &mut show).is_none() {
            show(None);
        }
    };
    File(&mut each).deserialize(&mut reader).and_then(|()| reader.end()).map_err(BadFile::Text)
}

/// `{"Records": […]}`. Its records are read one by one, each from its text.
struct File<'f>(&'f mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the member `Records`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            if name != "Records" {
                members.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut found, true) {
                return Err(A::Error::duplicate_field("Records"));
            } else {
                members.next_value_seed(Records(&mut *self.0))?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::missing_field("Records")) }
    }
}

struct Records<'f>(&'f mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Records<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while let Some(record) = records.next_element::<&RawValue>()? {
            (self.0)(record.get());
        }
        Ok(())
    }
}

/// What of a record tells of uses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'r> {
    #[serde(rename = "eventID")]
    event_id: &'r str,
    event_time: &'r str,
    event_source: &'r str,
    event_name: &'r str,
    recipient_account_id: Option<&'r str>,
    user_identity: UserIdentity<'r>,
    error_code: Option<&'r str>,
    request_parameters: Option<RequestParameters<'r>>,
    additional_event_data: Option<AdditionalEventData<'r>>,
    #[serde(borrow)]
    resources: Option<Vec<Resource<'r>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity<'r> {
    #[serde(rename = "type")]
    kind: Option<&'r str>,
    principal_id: Option<&'r str>,
    arn: Option<&'r str>,
    account_id: Option<&'r str>,
    invoked_by: Option<&'r str>,
    #[serde(borrow)]
    session_context: Option<SessionContext<'r>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'r> {
    #[serde(borrow)]
    session_issuer: Option<SessionIssuer<'r>>,
}

/// Empty, if the session was opened by a user for itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionIssuer<'r> {
    principal_id: Option<&'r str>,
    arn: Option<&'r str>,
}

type Pairs<'r> = BTreeMap<&'r str, &'r str>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RequestParameters<'r> {
    key_id: Option<&'r str>,
    source_key_id: Option<&'r str>,
    destination_key_id: Option<&'r str>,
    #[serde(borrow)]
    encryption_context: Option<Pairs<'r>>,
    #[serde(borrow)]
    source_encryption_context: Option<Pairs<'r>>,
    #[serde(borrow)]
    destination_encryption_context: Option<Pairs<'r>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct AdditionalEventData<'r> {
    key_material_id: Option<&'r str>,
    source_key_material_id: Option<&'r str>,
    destination_key_material_id: Option<&'r str>,
}

/// A resource of whatever type: not every record says that a key is one.
#[derive(Deserialize)]
struct Resource<'r> {
    #[serde(rename = "ARN")]
    arn: Option<&'r str>,
}

/// One of the ways in which a request names and uses a key.
struct Way<'r> {
    operation: Operation,
    named: Option<&'r str>,
    material: Option<&'r str>,
    pairs: Vec<(&'r str, &'r str)>,
}

/// Shows a record, if it tells of a use.
fn tell(text: &str, show: &mut impl FnMut(Option<&Told<'_>>)) -> Option<()> {
    let value: Value = if text.len() > RECORD_BYTES_MAX { return None } else { serde_json::from_str(text).ok()? };
    let record = Record::deserialize(&value).ok().filter(|record| record.event_source == EVENT_SOURCE)?;
    let keys = record.keys();
    let ways = record.ways();
    let (principal_id, principal) = record.user_identity.principal()?;
    let at: Timestamp = record.event_time.parse().ok()?;
    let uses: Option<Vec<_>> = with_keys(&ways, &keys)
        .map(|(way, key)| {
            Some(Use {
                at,
                key,
                operation: way.operation,
                addressed: way.addressed()?,
                backing_key: way.material.and_then(|id| const_hex::decode_to_array(id).ok()),
                principal_id,
                principal: &principal,
                source: None,
                environment: None,
                application: None,
                encryption_context: &way.pairs,
                error_code: record.error_code,
                event_copy: 0,
            })
        })
        .collect();
    let uses = uses.filter(|uses| !uses.is_empty())?;
    let event_id = Uuid::parse_str(record.event_id).ok()?.into_bytes();
    let recipient = record.recipient_account_id.map(str::parse).transpose().ok()?;
    show(Some(&Told { event_id, recipient, uses: &uses }));
    Some(())
}

/// Which key was used in which way. A record of ReEncrypt has the source and then the destination; of one key alone, as an
/// account sees it whose other key it is not, the request tells which it is.
fn with_keys<'w, 'r>(ways: &'w [Way<'r>], keys: &'w [KeyArn]) -> impl Iterator<Item = (&'w Way<'r>, KeyArn)> {
    ways.iter().enumerate().filter_map(move |(number, way)| match keys {
        [one] => (!way.names_another_than(one)).then_some((way, *one)),
        keys => Some((way, *keys.get(number)?)),
    })
}

impl<'r> Record<'r> {
    fn keys(&self) -> Vec<KeyArn> {
        let arns = self.resources.iter().flatten().filter_map(|resource| resource.arn);
        let key_arn = |arn: &str| match KeyRef::parse(arn.to_owned()).as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::KeyArn { region, account, id }) => {
                Some(KeyArn { region: *region, account: *account, id: *id })
            }
            _ => None,
        };
        arns.filter_map(key_arn).collect()
    }

    fn ways(&self) -> Vec<Way<'r>> {
        let none = (RequestParameters::default(), AdditionalEventData::default());
        let request = self.request_parameters.as_ref().unwrap_or(&none.0);
        let data = self.additional_event_data.as_ref().unwrap_or(&none.1);
        let way = |operation, named, material, pairs: &Option<Pairs<'r>>| {
            let pairs = pairs.iter().flatten().map(|(name, value)| (*name, *value)).collect();
            Way { operation, named, material, pairs }
        };
        if self.event_name == "ReEncrypt" {
            let (from, to) = (&request.source_encryption_context, &request.destination_encryption_context);
            return vec![
                way(Operation::ReEncryptFrom, request.source_key_id, data.source_key_material_id, from),
                way(Operation::ReEncryptTo, request.destination_key_id, data.destination_key_material_id, to),
            ];
        }
        let operation = Operation::from_action(self.event_name).filter(|used| used.api_name() == self.event_name);
        let pairs = &request.encryption_context;
        operation.map(|used| way(used, request.key_id, data.key_material_id, pairs)).into_iter().collect()
    }
}

impl Way<'_> {
    /// How the request named the key. None if it had to and did not.
    fn addressed(&self) -> Option<Addressed> {
        let Some(named) = self.named else {
            let may_be_unnamed = matches!(self.operation, Operation::Decrypt | Operation::ReEncryptFrom);
            return may_be_unnamed.then_some(Addressed::Ciphertext);
        };
        Some(match KeyRef::parse(named.to_owned()).ok()?.kind() {
            KeyRefKind::AliasArn { .. } => Addressed::AliasArn,
            KeyRefKind::AliasName(_) => Addressed::AliasName,
            KeyRefKind::KeyArn { .. } => Addressed::KeyArn,
            KeyRefKind::KeyId(_) => Addressed::KeyId,
        })
    }

    fn names_another_than(&self, key: &KeyArn) -> bool {
        match self.named.map(|named| KeyRef::parse(named.to_owned())) {
            Some(Ok(named)) => match named.kind() {
                KeyRefKind::KeyArn { id, .. } | KeyRefKind::KeyId(id) => *id != key.id,
                KeyRefKind::AliasArn { .. } | KeyRefKind::AliasName(_) => false,
            },
            Some(Err(_)) | None => false,
        }
    }
}

impl<'r> UserIdentity<'r> {
    /// Unique id and ARN of the user or role; a service of AWS has its name for both. Of another account's caller the
    /// account is told alone, which its root's ARN stands for.
    fn principal(&self) -> Option<(&'r str, Cow<'r, str>)> {
        let issuer = self.session_context.as_ref().and_then(|context| context.session_issuer.as_ref());
        let issued = issuer.and_then(|issuer| issuer.principal_id.zip(issuer.arn));
        let own_id = self.principal_id.map(|id| id.split_once(':').map_or(id, |(id, _)| id));
        let of_service = || self.invoked_by.map(|service| (service, Cow::Borrowed(service)));
        let (id, arn) = match (issued, self.kind, self.arn) {
            (Some((id, arn)), ..) => (id, Cow::Borrowed(arn)),
            (None, Some("AWSService"), _) => of_service()?,
            (None, _, Some(arn)) => (own_id?, role_of(arn)),
            (None, _, None) => match self.account_id.map(str::parse::<AccountId>) {
                Some(Ok(account)) => (own_id?, format!("arn:aws:iam::{account}:root").into()),
                Some(Err(_)) | None => of_service()?,
            },
        };
        // Each is one line of a text that holds both.
        let is_plain = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        (is_plain(id) && is_plain(&arn)).then_some((id, arn))
    }
}

/// The role of `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, whose path is not told; any other ARN as it is.
fn role_of(arn: &str) -> Cow<'_, str> {
    let session = arn.strip_prefix("arn:aws:sts::").and_then(|rest| rest.split_once(":assumed-role/"));
    match session.and_then(|(account, rest)| Some((account, rest.split_once('/')?.0))) {
        Some((account, role)) => format!("arn:aws:iam::{account}:role/{role}").into(),
        None => arn.into(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;
    use crate::table::{self, KINDS};
    use crate::testing::every_operation::World;
    use crate::testing::renderings::record_of;
    use crate::testing::test_events::parsed;
    use crate::usage::entries;

    const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
    const MATERIAL: &str = "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    /// A file of these records.
    pub(crate) fn file_of(records: &[Value]) -> Vec<u8> {
        packed(json!({"Records": records}).to_string().as_bytes())
    }

    /// A line for each use, an empty one for a record without.
    fn told(file: &[u8]) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        let shown = read(file, |told| match told {
            None => lines.push(String::new()),
            Some(told) => lines.extend(told.uses.iter().map(line)),
        });
        shown.map(|()| lines).map_err(|bad| bad.to_string())
    }

    fn line(used: &Use<'_>) -> String {
        let Use { operation, key, addressed, principal_id, principal, encryption_context, error_code, .. } = used;
        let material = used.backing_key.map_or_else(|| "-".into(), |id| const_hex::encode(&id[..2]));
        format!(
            "{operation:?} {} by {addressed:?} {material} as {principal_id} {principal} {encryption_context:?} {error_code:?}",
            key.id
        )
    }

    /// Source: developer guide, "Decrypt": the record of a successful request.
    fn decrypt() -> Value {
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDACKCEVSQ6C2EXAMPLE",
                "arn": "arn:aws:iam::111122223333:user/Alice", "accountId": "111122223333",
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "Alice",
            },
            "eventTime": "2025-05-20T20:45:00Z", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
            "awsRegion": "us-west-2", "sourceIPAddress": "192.0.2.0", "userAgent": "AWS Internal",
            "requestParameters": {
                "encryptionAlgorithm": "SYMMETRIC_DEFAULT", "keyId": KEY,
                "encryptionContext": {"Project": "Alpha", "Department": "Engineering"},
            },
            "responseElements": null, "additionalEventData": {"keyMaterialId": MATERIAL},
            "requestID": "12345126-30d5-4b28-98b9-9153da559963", "eventID": "abcde202-ba1a-467c-b4ba-f729d45ae521",
            "readOnly": true,
            "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY}],
            "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333",
            "eventCategory": "Management",
        })
    }

    /// The same of another key, to the account that has it.
    pub(crate) fn decrypt_of(arn: &str) -> Value {
        let account = arn.split(':').nth(4).unwrap();
        changed(json!({"resources": [{"ARN": arn}], "requestParameters": {}, "recipientAccountId": account}))
    }

    fn changed(changes: Value) -> Value {
        let mut record = decrypt();
        let Value::Object(changes) = changes else { panic!("no object") };
        record.as_object_mut().unwrap().extend(changes);
        record
    }

    #[test]
    fn who_used_a_key_and_how() {
        const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
        const ALICE: &str = "AIDACKCEVSQ6C2EXAMPLE arn:aws:iam::111122223333:user/Alice";
        const CONTEXT: &str = r#"[("Department", "Engineering"), ("Project", "Alpha")]"#;
        let identity = |identity: Value| json!({"userIdentity": identity});
        let role = |issuer: Value| {
            let arn = "arn:aws:sts::111122223333:assumed-role/app/i-1";
            identity(json!({"type": "AssumedRole", "principalId": "AROAEXAMPLE:i-1", "arn": arn,
                "accountId": "111122223333", "sessionContext": {"sessionIssuer": issuer}}))
        };
        let whole_issuer = json!({"type": "Role", "principalId": "AROAISSUER",
            "arn": "arn:aws:iam::111122223333:role/service/app", "accountId": "111122223333", "userName": "app"});
        let as_alice = |by: &str| format!("Decrypt {ID} by {by} 1234 as {ALICE} {CONTEXT} None");
        let by = |who: &str| format!("Decrypt {ID} by KeyArn 1234 as {who} {CONTEXT} None");
        for (changes, want) in [
            (json!({}), as_alice("KeyArn")),
            (
                json!({"requestParameters": {"keyId": ID, "encryptionContext": {"a": "b"}}}),
                format!(r#"Decrypt {ID} by KeyId 1234 as {ALICE} [("a", "b")] None"#),
            ),
            (
                json!({"requestParameters": {"keyId": "alias/a"}}),
                format!("Decrypt {ID} by AliasName 1234 as {ALICE} [] None"),
            ),
            (
                json!({"requestParameters": {"keyId": "arn:aws:kms:us-west-2:111122223333:alias/a"}, "eventName": "Encrypt"}),
                format!("Encrypt {ID} by AliasArn 1234 as {ALICE} [] None"),
            ),
            (
                json!({"requestParameters": null, "additionalEventData": null}),
                format!("Decrypt {ID} by Ciphertext - as {ALICE} [] None"),
            ),
            (
                json!({"errorCode": "DisabledException", "errorMessage": "x", "additionalEventData": {}}),
                format!("Decrypt {ID} by KeyArn - as {ALICE} {CONTEXT} Some(\"DisabledException\")"),
            ),
            // Not each page of the guide shows a type.
            (json!({"resources": [{"ARN": KEY, "accountId": "111122223333"}]}), as_alice("KeyArn")),
            (role(whole_issuer), by("AROAISSUER arn:aws:iam::111122223333:role/service/app")),
            (role(json!({})), by("AROAEXAMPLE arn:aws:iam::111122223333:role/app")),
            (
                identity(
                    json!({"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root",
                "accountId": "111122223333"}),
                ),
                by("111122223333 arn:aws:iam::111122223333:root"),
            ),
            (
                identity(json!({"type": "AWSService", "invokedBy": "secretsmanager.amazonaws.com"})),
                by("secretsmanager.amazonaws.com secretsmanager.amazonaws.com"),
            ),
            (
                identity(json!({"accountId": "AWS Internal", "invokedBy": "AWS Internal"})),
                by("AWS Internal AWS Internal"),
            ),
            (
                identity(json!({"type": "AWSAccount", "principalId": "AROAOTHER:s", "accountId": "444455556666"})),
                by("AROAOTHER arn:aws:iam::444455556666:root"),
            ),
        ] {
            assert_eq!(told(&file_of(&[changed(changes.clone())])), Ok(vec![want]), "{changes}");
        }
    }

    /// Source: developer guide, "ReEncrypt": two resources, the source key and the destination key, in that order.
    #[test]
    fn re_encrypt_is_two_uses() {
        let of = |resources: &[&str], request: Value| {
            let resources: Vec<_> = resources.iter().map(|arn| json!({"ARN": arn})).collect();
            let data = json!({"sourceKeyMaterialId": MATERIAL, "destinationKeyMaterialId": "ff".repeat(32)});
            let record = json!({"eventName": "ReEncrypt", "requestParameters": request, "resources": resources,
                "additionalEventData": data});
            let lines = told(&file_of(&[changed(record)])).unwrap();
            lines.iter().map(|line| line.split(" as ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (from, to) =
            ("ReEncryptFrom 1234abcd-12ab-34cd-56ef-1234567890ab", "ReEncryptTo 0987dcba-09fe-87dc-65ba-ab0987654321");
        let destination = |id: &str| json!({"destinationKeyId": id, "sourceEncryptionContext": {"a": "b"}});
        let both = [format!("{from} by Ciphertext 1234"), format!("{to} by KeyArn ffff")];
        assert_eq!(of(&[KEY, OTHER], destination(OTHER)), both);
        // One key alone, as the account of either key sees it, or used for both.
        assert_eq!(of(&[KEY], destination(OTHER)), both[..1]);
        assert_eq!(of(&[OTHER], json!({"destinationKeyId": OTHER, "sourceKeyId": KEY})), both[1..]);
        let same = of(&[KEY], destination(KEY));
        assert_eq!(same, [both[0].clone(), both[1].replace(&OTHER[39..], &KEY[39..])]);
    }

    #[test]
    fn what_tells_of_no_use() {
        for changes in [
            json!({"eventSource": "s3.amazonaws.com"}),
            json!({"eventName": "DescribeKey"}),
            json!({"eventName": "ReEncryptFrom"}),
            json!({"eventName": "GenerateRandom", "resources": null}),
            json!({"resources": []}),
            json!({"resources": [{"ARN": "arn:aws:s3:::b"}, {"accountId": "1"}]}),
            json!({"resources": "none"}),
            json!({"eventID": "x"}),
            json!({"eventID": null}),
            json!({"eventTime": "yesterday"}),
            json!({"recipientAccountId": "me"}),
            json!({"userIdentity": null}),
            json!({"userIdentity": {}}),
            json!({"userIdentity": {"principalId": "A\nB", "arn": "arn"}}),
            json!({"userIdentity": {"principalId": "", "arn": "arn"}}),
            json!({"requestParameters": {"keyId": "??"}}),
            json!({"requestParameters": {"encryptionContext": {"a": 1}}}),
            json!({"requestParameters": {}, "eventName": "Encrypt"}),
        ] {
            let record = changed(changes.clone());
            assert_eq!(told(&file_of(&[record, decrypt()])).unwrap().first(), Some(&String::new()), "{changes}");
        }
        let (deep, long) =
            ("[".repeat(500) + &"]".repeat(500), changed(json!({"noise": "x".repeat(RECORD_BYTES_MAX)})));
        let others = format!(r#"{{"Records": [1, null, {deep}, 1e999, {long}]}}"#);
        assert_eq!(told(&packed(others.as_bytes())), Ok(vec![String::new(); 5]));
        assert_eq!(told(&file_of(&[])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_file_of_cloudtrail() {
        let whole = file_of(&[decrypt()]);
        let twice = packed(br#"{"Records": [], "Records": []}"#);
        for (name, file, want) in [
            ("plain", br#"{"Records": []}"#.to_vec(), "the file is no whole gzip file: invalid gzip header"),
            ("cut", whole[..whole.len() - 9].to_vec(), "the file is no whole gzip file"),
            ("more", [&whole[..], b"x"].concat(), "the file is no whole gzip file"),
            ("empty", Vec::new(), "the file is no whole gzip file"),
            ("text", packed(b"x"), "the file is none of CloudTrail's: expected value at line 1 column 1"),
            ("list", packed(b"[]"), "the file is none of CloudTrail's: invalid type: sequence"),
            ("digest", packed(br#"{"logFiles": []}"#), "the file is none of CloudTrail's: missing field `Records`"),
            ("records", packed(br#"{"Records": {}}"#), "the file is none of CloudTrail's: invalid type: map"),
            ("twice", twice, "the file is none of CloudTrail's: duplicate field `Records`"),
            ("two", packed(br#"{"Records": []}{"Records": []}"#), "the file is none of CloudTrail's: trailing"),
            ("open", packed(br#"{"Records": [1"#), "the file is none of CloudTrail's: EOF"),
            ("bomb", packed(&vec![b' '; UNPACKED_BYTES_MAX + 1]), "the file has more than 33554432 bytes"),
        ] {
            let refusal = told(&file).unwrap_err();
            assert!(refusal.starts_with(want), "{name}: {refusal}");
        }
        let longest = format!("{}{{\"Records\": []}}", " ".repeat(UNPACKED_BYTES_MAX - 15));
        assert_eq!(told(&packed(longest.as_bytes())), Ok(Vec::new()));
        let members = [packed(br#"{"Records": "#), packed(b"[1]}")].concat();
        assert_eq!(told(&members), Ok(vec![String::new()]), "a file may be packed in parts");
    }

    /// Our own records have CloudTrail's form, and tell the same of usage as the events that they show.
    #[test]
    fn records_of_our_own() {
        let world = World::new();
        for (_, name) in KINDS.iter().filter(|(kind, name)| *kind == "use_material" && *name != "GenerateRandom") {
            let row = table::rows().iter().find(|row| row.name == *name).unwrap();
            let record = record_of(&world, row, world.sample(name));
            let event = world.kms.events().pop().unwrap();
            let mut want = Vec::new();
            entries::told_by(&parsed(&event), 0, |entry| want.extend(entry.uses.iter().map(line))).unwrap();
            assert_eq!(told(&file_of(&[record.into()])), Ok(want), "{name}");
        }
    }
}
