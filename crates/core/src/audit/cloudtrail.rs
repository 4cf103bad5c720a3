//! An event as CloudTrail shows it: one JSON record for the caller's account, and one for each other account whose
//! resources it touched. Made of the event alone, so that the same event always reads the same.
//!
//! A refusal must not tell what there is in another account, and an event names what was found. So the copies of an event
//! that was refused tell less: each names resources of its own account only, and only the caller's has the message.
//!
//! Sources: CloudTrail user guide, "Record contents" and "userIdentity element"; AWS KMS developer guide, "Examples of AWS
//! KMS log entries".

mod identity;
mod members;
mod sight;
#[cfg(test)]
mod tests;
mod tls;

use claviger_tlog::Origin;
use claviger_types::{AccountId, KeyArn, ServiceName, Timestamp};
use serde::{Serialize, Serializer};

use self::identity::UserIdentity;
use self::members::Members;
pub(super) use self::sight::Sight;
pub(crate) use self::sight::recipients;
pub use self::tls::TlsDetails;
use super::event_id::EventId;
use crate::error::cloudtrail_code;
use crate::records::{BadRecord, EventKind, EventRecord, KeyUseRecord};

/// The version of the record's form. Source: CloudTrail user guide, "Record contents".
const EVENT_VERSION: &str = "1.11";

/// What stands for an operation that nobody knows.
pub(super) const UNKNOWN: &str = "Unknown";

/// What stands for an address and a User-Agent where the service itself acted.
const INTERNAL: &str = "AWS Internal";

/// A record. What has no value is left out where CloudTrail leaves it out, and null where it has null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudTrailRecord<'e> {
    event_version: &'static str,
    user_identity: UserIdentity<'e>,
    #[serde(serialize_with = "iso8601")]
    event_time: Timestamp,
    event_source: String,
    event_name: &'e str,
    aws_region: Option<&'e str>,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_agent: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'e str>,
    request_parameters: Option<Members>,
    response_elements: Option<Members>,
    #[serde(skip_serializing_if = "AdditionalEventData::is_empty")]
    additional_event_data: AdditionalEventData,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<ResourceShown>,
    event_type: &'static str,
    management_event: bool,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    recipient_account_id: Option<AccountId>,
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    shared_event_id: Option<String>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails>,
}

impl<'e> CloudTrailRecord<'e> {
    /// Whose copy it is.
    pub fn recipient(&self) -> Option<AccountId> {
        self.recipient_account_id
    }

    /// When it happened.
    pub fn time(&self) -> Timestamp {
        self.event_time
    }

    /// Where it happened; none in the global space.
    pub fn region(&self) -> Option<&str> {
        self.aws_region
    }

    /// The id of this copy.
    pub(super) fn event_id(&self) -> &str {
        &self.event_id
    }

    /// The operation.
    pub(super) fn event_name(&self) -> &'e str {
        self.event_name
    }

    /// Whose operation it is.
    pub(super) fn event_source(&self) -> &str {
        &self.event_source
    }

    /// Whether it changes nothing.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The access key that signed, of a caller of the recipient's.
    pub(super) fn access_key_id(&self) -> Option<&'e str> {
        self.user_identity.access_key_id()
    }

    /// The name of the user, or of the role's session, of a caller of the recipient's.
    pub(super) fn username(&self) -> Option<&str> {
        self.user_identity.username()
    }

    /// What was touched: type and ARN of each.
    pub(super) fn resources(&self) -> impl Iterator<Item = (Option<&'static str>, &str)> {
        self.resources.iter().map(|resource| (resource.kind, resource.arn.as_str()))
    }
}

/// What a service tells beside request and response.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalEventData {
    /// Of the grant that is retired. Source: AWS KMS developer guide, "Examples of AWS KMS log entries", RetireGrant.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_material_id: Option<String>,
    /// How many requests the event stands for, if not for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
}

/// A resource that was touched.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceShown {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(rename = "ARN")]
    arn: String,
}

/// An entry of a log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'o> {
    /// The log.
    pub origin: &'o Origin,
    /// The entry's place in it.
    pub index: u64,
}

/// The event of an entry as each of its recipients sees it; as nobody's if it has none.
pub fn render<'e>(event: &EventRecord<'e>, entry: Entry<'_>) -> Result<Vec<CloudTrailRecord<'e>>, BadRecord> {
    let recipients: Vec<_> = recipients(event)?.into_iter().map(Some).collect();
    let shared = recipients.len() > 1;
    let recipients = if recipients.is_empty() { vec![None] } else { recipients };
    (0..).zip(recipients).map(|(copy, recipient)| record(event, entry, (copy, recipient), shared)).collect()
}

/// The event of an entry as this account sees it, if it does.
pub(super) fn render_for<'e>(
    event: &EventRecord<'e>,
    entry: Entry<'_>,
    account: AccountId,
) -> Result<Option<CloudTrailRecord<'e>>, BadRecord> {
    let recipients = recipients(event)?;
    let shared = recipients.len() > 1;
    let copy = (0..).zip(recipients).find(|(_, recipient)| *recipient == account);
    copy.map(|(copy, _)| record(event, entry, (copy, Some(account)), shared)).transpose()
}

fn event_id(entry: Entry<'_>, copy: u16) -> Result<EventId, BadRecord> {
    let id = EventId::new(entry.origin, entry.index, copy);
    id.ok_or_else(|| BadRecord::Fields(format!("entry {} has no event id", entry.index)))
}

/// One copy; `shared` says whether there are others.
fn record<'e>(
    event: &EventRecord<'e>,
    entry: Entry<'_>,
    (copy, recipient): (u16, Option<AccountId>),
    shared: bool,
) -> Result<CloudTrailRecord<'e>, BadRecord> {
    let sight = Sight::of(event, recipient);
    let additional_event_data = AdditionalEventData::of(event, sight);
    let event = &sight.of_all(event);
    let shared = shared && sight.sees_others();
    let shared_event_id = shared.then(|| event_id(entry, EventId::SHARED)).transpose()?.map(|id| id.to_string());
    let internal = matches!(event.kind, EventKind::Job);
    let source_ip = event.address().map(|address| address.to_string());
    Ok(CloudTrailRecord {
        event_version: EVENT_VERSION,
        user_identity: UserIdentity::of(event, recipient),
        event_time: Timestamp::from_millis(event.at),
        event_source: source(event.service),
        event_name: event.operation.unwrap_or(UNKNOWN),
        aws_region: event.region,
        source_ip_address: source_ip.or_else(|| internal.then(|| INTERNAL.to_owned())),
        user_agent: event.user_agent.or_else(|| internal.then_some(INTERNAL)),
        error_code: event.error.as_ref().map(|error| cloudtrail_code(error.code)),
        error_message: event.error.as_ref().and_then(|error| error.message),
        request_parameters: request(event)?,
        response_elements: response(event)?,
        additional_event_data,
        request_id: matches!(event.kind, EventKind::Call | EventKind::Unauthenticated)
            .then(|| uuid::Uuid::from_bytes(event.id).to_string()),
        event_id: event_id(entry, copy)?.to_string(),
        read_only: event.read_only,
        resources: resources(event),
        event_type: if matches!(event.kind, EventKind::Call | EventKind::Unauthenticated) {
            "AwsApiCall"
        } else {
            "AwsServiceEvent"
        },
        management_event: true,
        recipient_account_id: recipient,
        shared_event_id,
        event_category: "Management",
        tls_details: event.tls.as_ref().map(TlsDetails::of),
    })
}

/// Members of KMS requests that log entries hold even where the request left them out, with their defaults. Source: AWS
/// KMS developer guide, "Examples of AWS KMS log entries".
const DEFAULTS: &[(&str, &[(&str, &str)])] = &[
    (
        "CreateKey",
        &[
            ("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"),
            ("Description", ""),
            ("KeySpec", "SYMMETRIC_DEFAULT"),
            ("KeyUsage", "ENCRYPT_DECRYPT"),
            ("Origin", "AWS_KMS"),
        ],
    ),
    ("Decrypt", &[("EncryptionAlgorithm", "SYMMETRIC_DEFAULT")]),
    ("Encrypt", &[("EncryptionAlgorithm", "SYMMETRIC_DEFAULT")]),
    (
        "ReEncrypt",
        &[("DestinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT"), ("SourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT")],
    ),
];

/// The request's members.
fn request(event: &EventRecord<'_>) -> Result<Option<Members>, BadRecord> {
    let Some(shown) = event.parameters else { return Ok(None) };
    let mut members = Members(shown.value()?);
    let of_kms = event.service == Some(ServiceName::Kms.as_str());
    let defaults = DEFAULTS.iter().filter(|(operation, _)| of_kms && event.operation == Some(operation));
    for (name, default) in defaults.flat_map(|(_, defaults)| *defaults) {
        // Either name of a key's specification stands for both.
        let given = match *name {
            "CustomerMasterKeySpec" => members.text("KeySpec"),
            "KeySpec" => members.text("CustomerMasterKeySpec"),
            _ => None,
        };
        if !members.holds(name) {
            members.add(name, given.unwrap_or_else(|| (*default).to_owned()));
        }
    }
    // CloudTrail shows a request without members as one without parameters.
    Ok(Some(members).filter(|members| !members.is_empty()))
}

/// The response's members of what changed something. KMS adds the ARN of the key that was changed where the response
/// does not hold it. Source: AWS KMS developer guide, "Logging AWS KMS API calls with AWS CloudTrail".
fn response(event: &EventRecord<'_>) -> Result<Option<Members>, BadRecord> {
    let shown = event.response.map(|shown| shown.value().map(Members)).transpose()?;
    let changed = event.error.is_none() && !event.read_only;
    let of_kms = event.service == Some(ServiceName::Kms.as_str());
    let Some(key) = event.keys.first().filter(|_| changed && of_kms) else { return Ok(shown) };
    let mut members = shown.unwrap_or_default();
    if !members.holds("KeyId") && !members.holds("KeyMetadata") {
        members.add("KeyId", arn_of(key, event.region));
    }
    Ok(Some(members))
}

impl AdditionalEventData {
    /// By the places of the keys in the event, of which some may not be seen.
    fn of(event: &EventRecord<'_>, sight: Sight) -> Self {
        let seen = |key: &&KeyUseRecord| sight.sees(AccountId::from_u64(key.account));
        let key = |place: usize| event.keys.get(place).filter(seen);
        let material = |place: usize| key(place)?.material.map(const_hex::encode);
        let grant_id = key(0).and_then(|key| key.grant).map(const_hex::encode);
        let common = Self { grant_id, requests: event.requests, ..Self::default() };
        if event.operation == Some("ReEncrypt") {
            let (source_key_material_id, destination_key_material_id) = (material(0), material(1));
            return Self { source_key_material_id, destination_key_material_id, ..common };
        }
        Self { key_material_id: material(0), ..common }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn resources(event: &EventRecord<'_>) -> Vec<ResourceShown> {
    let account = |account: Option<AccountId>| account.map(|account| account.to_string());
    let keys = event.keys.iter().map(|key| ResourceShown {
        account_id: account(AccountId::from_u64(key.account)),
        kind: Some(KEY),
        arn: arn_of(key, event.region),
    });
    let others = event.resources.iter().map(|arn| ResourceShown {
        account_id: account(account_of(arn)),
        kind: kind_of(arn),
        arn: (*arn).to_owned(),
    });
    keys.chain(others).collect()
}

fn arn_of(key: &KeyUseRecord, region: Option<&str>) -> String {
    let id = key.key_id();
    let arn = region.and_then(|region| region.parse().ok()).zip(AccountId::from_u64(key.account));
    arn.map_or_else(|| id.to_string(), |(region, account)| KeyArn { region, account, id }.to_string())
}

/// `arn:partition:service:region:ACCOUNT:…`.
pub(super) fn account_of(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4)?.parse().ok()
}

/// The type of a key, and of an alias: to records it is one.
pub(super) const KEY: &str = "AWS::KMS::Key";

/// The type of a resource, as CloudFormation calls it.
pub(super) fn kind_of(arn: &str) -> Option<&'static str> {
    let mut parts = arn.splitn(6, ':');
    let (service, resource) = (parts.nth(2)?, parts.nth(2)?);
    Some(match (service, resource.split(['/', ':']).next()?) {
        ("kms", "key" | "alias") => KEY,
        ("iam", "user") => "AWS::IAM::User",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "group") => "AWS::IAM::Group",
        ("iam", "policy") => "AWS::IAM::ManagedPolicy",
        ("iam", "mfa") => "AWS::IAM::VirtualMFADevice",
        ("sts", "assumed-role") => "AWS::STS::AssumedRole",
        _ => return None,
    })
}

/// AWS's services as `kms.amazonaws.com`; our own, which is not Amazon's, by its bare name.
fn source(service: Option<&str>) -> String {
    match service {
        Some(service) if service == ServiceName::Claviger.as_str() => service.to_owned(),
        Some(service) => format!("{service}.amazonaws.com"),
        None => "unknown".to_owned(),
    }
}

fn shown<S: Serializer>(account: &Option<AccountId>, serializer: S) -> Result<S::Ok, S::Error> {
    account.as_ref().map(AccountId::to_string).serialize(serializer)
}

fn iso8601<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_iso8601())
}
