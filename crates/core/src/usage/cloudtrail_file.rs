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

/// Bytes of a record that is read: CloudTrail makes no longer ones, and one that is read needs many times as much memory
/// as its text.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

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
    let told = records(&text, |record| {
        if tell(record, &mut show).is_none() {
            show(None);
        }
    });
    told.map_err(BadFile::Text)
}

/// Shows the text of each record of a file that is unpacked. Whether it is a file of CloudTrail is known at its end.
pub fn records<'t>(text: &'t [u8], mut show: impl FnMut(&'t str)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    File(&mut show).deserialize(&mut reader).and_then(|()| reader.end())
}

/// `{"Records": […]}`. Its records are read one by one, each from its text.
struct File<'f, 't>(&'f mut dyn FnMut(&'t str));

impl<'de> DeserializeSeed<'de> for File<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_, 'de> {
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

struct Records<'f, 't>(&'f mut dyn FnMut(&'t str));

impl<'de> DeserializeSeed<'de> for Records<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, 'de> {
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
    // As a value first: a member that is there twice counts by its last, and what is not looked at must be sound too.
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
