//! What is stored for sessions and MFA devices, and what a session's token says of it. A session itself is stored nowhere.

use minicbor::{Decode, Encode};

/// One version of the deployment's session key, wrapped by a cluster key. Its times are the wall clock's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionKeyRecord {
    /// Which cluster key wraps it.
    #[n(0)]
    pub cluster_key_version: u32,
    /// Wrapped key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Milliseconds since the epoch.
    #[n(2)]
    pub created_at: i64,
}

/// Sessions of a principal that were issued until this moment are dead.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionRevocationRecord {
    /// Milliseconds since the epoch, by the wall clock.
    #[n(0)]
    pub issued_until: i64,
}

/// A virtual MFA device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MfaDeviceRecord {
    /// What its seed is bound to: 16 random bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Name as given.
    #[n(1)]
    pub name: String,
    /// IAM path, `/` or `/…/`.
    #[n(2)]
    pub path: String,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
    /// Which version of the account's global domain key wraps the seed.
    #[n(4)]
    pub domain_key_version: u32,
    /// Wrapped seed.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub wrapped_seed: Vec<u8>,
    /// The 30-second interval of the last code that was used, by the device's clock: no code up to it is taken again,
    /// whoever has the device then.
    #[n(6)]
    pub last_step: i64,
    /// Whose it is, once it was enabled.
    #[n(7)]
    pub assignment: Option<MfaAssignmentRecord>,
}

/// An MFA device in use.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MfaAssignmentRecord {
    /// Unique id of the user, `AIDA…`.
    #[n(0)]
    pub user: String,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub enabled_at: i64,
    /// How many 30-second intervals the device's clock is ahead of the wall clock.
    #[n(2)]
    pub drift_steps: i64,
}

/// What a session's token says, sealed. All times are the wall clock's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionRecord {
    /// The principal's account.
    #[n(0)]
    pub account: u64,
    /// Unique id of the user or role, `AIDA…` or `AROA…`.
    #[n(1)]
    pub principal: String,
    /// The name of a role's session.
    #[n(2)]
    pub role_session_name: Option<String>,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub issued_at: i64,
    /// Milliseconds since the epoch.
    #[n(4)]
    pub expires_at: i64,
    /// When a code of an MFA device was presented, if one was. Milliseconds since the epoch.
    #[n(5)]
    pub mfa_at: Option<i64>,
    /// Who is behind the session, as whoever assumed the role said.
    #[n(6)]
    pub source_identity: Option<String>,
    /// Session tags.
    #[n(7)]
    pub tags: Vec<SessionTagRecord>,
    /// Session policy.
    #[n(8)]
    pub policy: Option<String>,
    /// ARNs of managed policies that serve as session policies.
    #[n(9)]
    pub policy_arns: Vec<String>,
    /// Unique ids of those through whom the session came to be, the first one first: the session dies with any of them.
    #[n(10)]
    pub assumed_through: Vec<String>,
}

/// A tag of a session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionTagRecord {
    /// Its key.
    #[n(0)]
    pub key: String,
    /// Its value.
    #[n(1)]
    pub value: String,
    /// Whether sessions that this one makes have it too.
    #[n(2)]
    pub transitive: bool,
}
