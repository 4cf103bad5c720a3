//! What an event is found by: a number for each account and Region that sees it, and for each of its attributes there.
//! Of what an account may not see of an event there is no term, so nothing can be asked about it.

use std::hash::Hasher;

use claviger_types::{AccountId, KeyId};
use fnv::FnvHasher;
use uuid::Uuid;

use crate::audit::cloudtrail::{KEY, Sight, UNKNOWN, account_of, kind_of, recipients};
use crate::records::{CallerKind, EventRecord, KeyUseRecord};

/// Where events of the global space are seen. Source: CloudTrail user guide, "Global service events".
pub(super) const GLOBAL_REGION: &str = "us-east-1";

/// What ends the names of AWS's services.
const SOURCE_SUFFIX: &str = ".amazonaws.com";

/// What events can be looked up by. Source: CloudTrail API reference, LookupAttribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// The access key that signed.
    AccessKeyId,
    /// The id of the account's copy.
    EventId,
    /// The operation.
    EventName,
    /// The service, `kms.amazonaws.com`.
    EventSource,
    /// `true` or `false`.
    ReadOnly,
    /// What was touched.
    ResourceName,
    /// Its type, `AWS::KMS::Key`.
    ResourceType,
    /// The user, or the role's session.
    Username,
}

/// A number that stands for one thing to look for. Others may have the same: whatever it finds is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term(u64);

/// What an account sees in a Region.
#[derive(Clone, Copy)]
pub(super) struct Scope(u64);

impl Attribute {
    /// The attribute of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "AccessKeyId" => Self::AccessKeyId,
            "EventId" => Self::EventId,
            "EventName" => Self::EventName,
            "EventSource" => Self::EventSource,
            "ReadOnly" => Self::ReadOnly,
            "ResourceName" => Self::ResourceName,
            "ResourceType" => Self::ResourceType,
            "Username" => Self::Username,
            _ => return None,
        })
    }
}

impl Scope {
    pub(super) fn new(account: AccountId, region: &str) -> Self {
        let mut hasher = FnvHasher::default();
        hasher.write(&account.as_u64().to_be_bytes());
        hasher.write(region.as_bytes());
        Self(hasher.finish())
    }

    /// All that is seen there.
    pub(super) fn all(self) -> Term {
        Term(mixed(self.0))
    }

    /// What has this value there.
    pub(super) fn with(self, attribute: Attribute, value: &str) -> Term {
        let value = match attribute {
            Attribute::EventSource => value.strip_suffix(SOURCE_SUFFIX).unwrap_or(value),
            Attribute::ResourceName => bare(value),
            _ => value,
        };
        let mut hasher = FnvHasher::with_key(self.0);
        // No text holds this byte, so that no Region runs into it.
        hasher.write(&[0xff, attribute as u8]);
        hasher.write(value.as_bytes());
        Term(mixed(hasher.finish()))
    }
}

impl Term {
    /// Its bits: the first ones are as good as any.
    pub(super) fn bits(self) -> u64 {
        self.0
    }
}

/// Spreads what the last bytes changed over all bits: MurmurHash3's finalizer.
fn mixed(mut bits: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
        bits = (bits ^ (bits >> 33)).wrapping_mul(factor);
    }
    bits ^ (bits >> 33)
}

/// Shows every term that the event is found by.
pub(super) fn each_term(event: &EventRecord<'_>, show: &mut impl FnMut(Term)) {
    let region = event.region.unwrap_or(GLOBAL_REGION);
    // An entry that concerns too many is shown to nobody.
    for account in recipients(event).unwrap_or_default() {
        let (scope, sight) = (Scope::new(account, region), Sight::of(event, Some(account)));
        show(scope.all());
        show(scope.with(Attribute::EventName, event.operation.unwrap_or(UNKNOWN)));
        show(scope.with(Attribute::ReadOnly, read_only(event.read_only)));
        show(scope.with(Attribute::EventSource, event.service.unwrap_or_default()));
        if let Some(caller) = event.caller.as_ref().filter(|_| sight.is_callers()) {
            show(scope.with(Attribute::AccessKeyId, caller.access_key_id));
            let username = match caller.kind {
                CallerKind::User | CallerKind::UserSession => Some(caller.name),
                CallerKind::RoleSession => caller.session_name,
                CallerKind::Unknown => None,
            };
            if let Some(username) = username {
                show(scope.with(Attribute::Username, username));
            }
        }
        for key in event.keys.iter().filter(|key| sight.sees(AccountId::from_u64(key.account))) {
            show(scope.with(Attribute::ResourceType, KEY));
            with_id(key, |id| show(scope.with(Attribute::ResourceName, id)));
        }
        for arn in event.resources.iter().filter(|arn| sight.sees(account_of(arn))) {
            if let Some(kind) = kind_of(arn) {
                show(scope.with(Attribute::ResourceType, kind));
            }
            show(scope.with(Attribute::ResourceName, arn));
        }
    }
}

/// As CloudTrail writes it in its answers.
pub(super) fn read_only(read_only: bool) -> &'static str {
    if read_only { "true" } else { "false" }
}

/// A resource's name without what stands before the last `/`: of an ARN, the name within its type and path.
pub(super) fn bare(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, bare)| bare)
}

/// Most ids are of one form, and need no memory.
fn with_id(key: &KeyUseRecord, take: impl FnOnce(&str)) {
    if key.multi_region {
        take(&KeyId::multi_region(key.id).to_string());
    } else {
        take(Uuid::from_bytes(key.id).hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}
