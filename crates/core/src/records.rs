//! What is stored: each record's kind and version, then CBOR with explicit field numbers (docs/formats.md).
//!
//! Field numbers are never given twice, and a version that this release does not know is refused. Key material stands
//! here only wrapped.

mod audit;
mod events;
mod identities;
mod organization;
mod sessions;

use minicbor::{Decode, Encode};

pub use audit::{AuditKeyRecord, AuditPositionRecord};
pub use events::{
    Addressed, CallerKind, CallerRecord, ErrorRecord, EventHead, EventKind, EventRecord, KeyUseRecord,
    SessionContextRecord, Shown, ShownValue, TlsRecord,
};
pub use identities::{
    AccessKeyOwnerRecord, AccessKeyRecord, AccountAliasRecord, GroupRecord, InlinePolicyRecord, ManagedPolicyRecord,
    PoliciesRecord, PolicyVersionRecord, RoleRecord, TrustPolicyRecord, UserRecord,
};
pub use organization::{ControlPolicyRecord, OrganizationRecord, OrganizationalUnitRecord};
pub use sessions::{
    MfaAssignmentRecord, MfaDeviceRecord, SessionKeyRecord, SessionRecord, SessionRevocationRecord, SessionTagRecord,
};

/// A record that the store may hold.
pub trait Record: Encode<()> + for<'b> Decode<'b, ()> {
    /// The first byte. Tells a record that was put under another path.
    const KIND: u8;
    /// The second byte.
    const VERSION: u8 = 1;
}

/// The bytes are no record of the wanted kind and version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Another kind of record, or none.
    #[error("not a record of kind {wanted}")]
    Kind {
        /// The kind that was wanted.
        wanted: u8,
    },
    /// Written by another release.
    #[error("record version {found} is not one that this release reads")]
    Version {
        /// The version that the record names.
        found: u8,
    },
    /// The fields do not parse.
    #[error("damaged record: {0}")]
    Fields(String),
}

/// The record as bytes.
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let mut bytes = vec![R::KIND, R::VERSION];
    // INVARIANT: writing to a Vec cannot fail, and no record holds a value that CBOR lacks.
    let _ = minicbor::encode(record, &mut bytes);
    bytes
}

/// The record in `bytes`; all of them must belong to it.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, BadRecord> {
    let [kind, version, fields @ ..] = bytes else { return Err(BadRecord::Kind { wanted: R::KIND }) };
    if *kind != R::KIND {
        return Err(BadRecord::Kind { wanted: R::KIND });
    }
    if *version != R::VERSION {
        return Err(BadRecord::Version { found: *version });
    }
    let mut decoder = minicbor::Decoder::new(fields);
    let record = decoder.decode().map_err(|error| BadRecord::Fields(error.to_string()))?;
    if decoder.position() == fields.len() { Ok(record) } else { Err(BadRecord::Fields("trailing bytes".into())) }
}

/// What the data directory is; written once.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeploymentRecord {
    /// Which deployment: 16 random bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The account that may create others.
    #[n(1)]
    pub first_account: u64,
    /// Whether it was made by `serve --dev`.
    #[n(2)]
    pub development: bool,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
}

/// One version of the cluster key, wrapped by the root of trust.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClusterKeyRecord {
    /// Wrapped key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub created_at: i64,
    /// When a newer version took its place.
    #[n(2)]
    pub retired_at: Option<i64>,
}

/// One version of the domain key of an account in a space, wrapped by a cluster key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DomainKeyRecord {
    /// Which cluster key wraps it.
    #[n(0)]
    pub cluster_key_version: u32,
    /// Wrapped key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Milliseconds since the epoch.
    #[n(2)]
    pub created_at: i64,
    /// Whether a newer version took its place: nothing new is wrapped by it.
    #[n(3)]
    pub retired: bool,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccountRecord {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub created_at: i64,
    /// The organizational unit that it lies in; none is the root.
    #[n(2)]
    pub parent: Option<String>,
    /// When it was closed, if it is. Milliseconds since the epoch.
    #[n(3)]
    pub closed_at: Option<i64>,
    /// Tags in order of their keys.
    #[n(4)]
    pub tags: Vec<TagRecord>,
    /// Control policies attached to it.
    #[n(5)]
    pub policies: Vec<String>,
    /// The name that stands for its number at sign-in.
    #[n(6)]
    pub alias: Option<String>,
}

/// A key with all that is its own but its aliases and grants.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyRecord {
    /// Whose key.
    #[n(0)]
    pub account: u64,
    /// Key spec by its API name.
    #[n(1)]
    pub spec: String,
    /// Milliseconds since the epoch.
    #[n(2)]
    pub created_at: i64,
    /// Free text.
    #[n(3)]
    pub description: String,
    /// State.
    #[n(4)]
    pub state: KeyStateRecord,
    /// Tags in order of their keys.
    #[n(5)]
    pub tags: Vec<TagRecord>,
    /// Key policy.
    #[n(6)]
    pub policy: KeyPolicyRecord,
    /// Backing keys, oldest first; the last one encrypts.
    #[n(7)]
    pub backing_keys: Vec<BackingKeyRecord>,
}

/// A key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum KeyStateRecord {
    /// Disabled.
    #[n(0)]
    Disabled,
    /// Enabled.
    #[n(1)]
    Enabled,
    /// Waiting for deletion.
    #[n(2)]
    PendingDeletion {
        /// Milliseconds since the epoch.
        #[n(0)]
        deletion_at: i64,
    },
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TagRecord {
    /// Its key.
    #[n(0)]
    pub key: String,
    /// Its value.
    #[n(1)]
    pub value: String,
}

/// A key policy, with the unique ids of the users that it named when it was put.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct KeyPolicyRecord {
    /// The text, byte for byte as put.
    #[n(0)]
    pub document: String,
    /// ARN and unique id of each user and role in it, for a session its role's.
    #[n(1)]
    pub principals: Vec<(String, String)>,
}

/// A backing key, wrapped by the account's domain key of the Region.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BackingKeyRecord {
    /// KeyMaterialId.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub material_id: [u8; 32],
    /// Which version of the domain key wraps it.
    #[n(1)]
    pub domain_key_version: u32,
    /// Wrapped key material.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
}

/// An alias.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AliasRecord {
    /// The key that it points to.
    #[n(0)]
    pub key_id: String,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub created_at: i64,
    /// When it was pointed there.
    #[n(2)]
    pub updated_at: i64,
}

/// A grant on a key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GrantRecord {
    /// The key's account.
    #[n(0)]
    pub key_account: u64,
    /// Who gets the permissions.
    #[n(1)]
    pub grantee: GrantPrincipalRecord,
    /// Who may retire it.
    #[n(2)]
    pub retiring: Option<GrantPrincipalRecord>,
    /// Operations by their API names.
    #[n(3)]
    pub operations: Vec<String>,
    /// What it demands of encryption contexts.
    #[n(4)]
    pub constraint: Option<GrantConstraintRecord>,
    /// The name that makes its creation idempotent.
    #[n(5)]
    pub name: Option<GrantNameRecord>,
    /// The account that made it.
    #[n(6)]
    pub issuing_account: u64,
    /// Milliseconds since the epoch.
    #[n(7)]
    pub created_at: i64,
}

/// A principal that a grant names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GrantPrincipalRecord {
    /// Its ARN when the grant was made.
    #[n(0)]
    pub arn: String,
    /// Its unique id; none if it is an account.
    #[n(1)]
    pub id: Option<String>,
}

/// What a grant demands of encryption contexts: pairs in order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum GrantConstraintRecord {
    /// These pairs and no others.
    #[n(0)]
    Equals(#[n(0)] Vec<(String, String)>),
    /// These pairs, and any others.
    #[n(1)]
    Subset(#[n(0)] Vec<(String, String)>),
}

/// A grant's name, with the digest that stands for it and for all that the grant was made with.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GrantNameRecord {
    /// As given.
    #[n(0)]
    pub name: String,
    /// SHA-256; names the record of the [`NamedGrantRecord`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

/// Which grant was made with a name and everything else of a request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NamedGrantRecord {
    /// The grant's id.
    #[n(0)]
    pub grant_id: String,
}

/// The development clock.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DevClockRecord {
    /// Milliseconds ahead of the wall clock.
    #[n(0)]
    pub offset_millis: i64,
}

/// One list, so that no kind is given twice: two of one number do not compile. 10 is an event's.
macro_rules! kinds {
    ($($name:ident = $kind:literal $(version $version:literal)?),+ $(,)?) => {
        $(impl Record for $name {
            const KIND: u8 = $kind;
            $(const VERSION: u8 = $version;)?
        })+

        /// Each of them, once.
        #[expect(dead_code, clippy::enum_variant_names, reason = "that it compiles is the check")]
        enum Kind { $($name = $kind),+ }
    };
}

kinds! {
    DeploymentRecord = 1,
    ClusterKeyRecord = 2,
    DomainKeyRecord = 3,
    AccountRecord = 4,
    UserRecord = 5,
    AccessKeyOwnerRecord = 6,
    KeyRecord = 7,
    AliasRecord = 8,
    DevClockRecord = 9,
    AuditPositionRecord = 11 version 2,
    GrantRecord = 12,
    NamedGrantRecord = 13,
    AuditKeyRecord = 14,
    SessionKeyRecord = 20,
    SessionRevocationRecord = 21,
    MfaDeviceRecord = 22,
    SessionRecord = 23,
    GroupRecord = 30,
    RoleRecord = 31,
    ManagedPolicyRecord = 32,
    AccountAliasRecord = 33,
    OrganizationRecord = 40,
    OrganizationalUnitRecord = 41,
    ControlPolicyRecord = 42,
}
