//! What is stored of users, groups, roles and policies: each with everything that is its own in one record, so that
//! one precondition guards all of it.

use minicbor::{Decode, Encode};

use super::TagRecord;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UserRecord {
    /// Unique id, `AIDA…`.
    #[n(0)]
    pub id: String,
    /// Name as given.
    #[n(1)]
    pub name: String,
    /// IAM path, `/` or `/…/`.
    #[n(2)]
    pub path: String,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
    /// Policies inside and attached.
    #[n(4)]
    pub policies: PoliciesRecord,
    /// Access keys.
    #[n(5)]
    pub access_keys: Vec<AccessKeyRecord>,
    /// Unique ids of the groups that the user is in, in the order in which it came in.
    #[n(6)]
    pub groups: Vec<String>,
    /// ARN of the managed policy that is its permissions boundary.
    #[n(7)]
    pub boundary: Option<String>,
    /// Tags in order of their keys.
    #[n(8)]
    pub tags: Vec<TagRecord>,
}

/// A group. Who is in it stands in the users' records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GroupRecord {
    /// Unique id, `AGPA…`.
    #[n(0)]
    pub id: String,
    /// Name as given.
    #[n(1)]
    pub name: String,
    /// IAM path, `/` or `/…/`.
    #[n(2)]
    pub path: String,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
    /// Policies inside and attached.
    #[n(4)]
    pub policies: PoliciesRecord,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RoleRecord {
    /// Unique id, `AROA…`.
    #[n(0)]
    pub id: String,
    /// Name as given.
    #[n(1)]
    pub name: String,
    /// IAM path, `/` or `/…/`.
    #[n(2)]
    pub path: String,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
    /// Policies inside and attached.
    #[n(4)]
    pub policies: PoliciesRecord,
    /// Who may assume it.
    #[n(5)]
    pub trust: TrustPolicyRecord,
    /// ARN of the managed policy that is its permissions boundary.
    #[n(6)]
    pub boundary: Option<String>,
    /// Tags in order of their keys.
    #[n(7)]
    pub tags: Vec<TagRecord>,
    /// Free text.
    #[n(8)]
    pub description: Option<String>,
    /// How long a session may last.
    #[n(9)]
    pub session_seconds_max: u32,
}

/// What allows and denies a user, a group or a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct PoliciesRecord {
    /// Inline policies in order of their names.
    #[n(0)]
    pub inline: Vec<InlinePolicyRecord>,
    /// ARNs of the managed policies that are attached, in the order in which they were.
    #[n(1)]
    pub attached: Vec<String>,
}

/// A policy inside a user, a group or a role.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InlinePolicyRecord {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its text, as put.
    #[n(1)]
    pub document: String,
}

/// A role's trust policy, with the unique ids of the users and roles that it named when it was put.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct TrustPolicyRecord {
    /// The text, byte for byte as put.
    #[n(0)]
    pub document: String,
    /// ARN and unique id of each user and role in it.
    #[n(1)]
    pub principals: Vec<(String, String)>,
}

/// A customer managed policy with its versions.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ManagedPolicyRecord {
    /// Unique id, `ANPA…`.
    #[n(0)]
    pub id: String,
    /// Name as given.
    #[n(1)]
    pub name: String,
    /// IAM path, `/` or `/…/`.
    #[n(2)]
    pub path: String,
    /// Milliseconds since the epoch.
    #[n(3)]
    pub created_at: i64,
    /// When a version was added or made the default.
    #[n(4)]
    pub updated_at: i64,
    /// Free text.
    #[n(5)]
    pub description: Option<String>,
    /// Tags in order of their keys.
    #[n(6)]
    pub tags: Vec<TagRecord>,
    /// Versions, oldest first.
    #[n(7)]
    pub versions: Vec<PolicyVersionRecord>,
    /// The version that counts.
    #[n(8)]
    pub default_version: u32,
    /// How many versions there ever were: no number is given twice.
    #[n(9)]
    pub versions_made: u32,
}

/// One version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolicyVersionRecord {
    /// From 1; shown as `v1`.
    #[n(0)]
    pub number: u32,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub created_at: i64,
    /// Its text, as put.
    #[n(2)]
    pub document: String,
}

/// An access key of a user; its secret is wrapped by the account's domain key of the global space.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccessKeyRecord {
    /// `AKIA…`.
    #[n(0)]
    pub id: String,
    /// Milliseconds since the epoch.
    #[n(1)]
    pub created_at: i64,
    /// Which version of the domain key wraps the secret.
    #[n(2)]
    pub domain_key_version: u32,
    /// Wrapped secret access key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub wrapped_secret: Vec<u8>,
    /// Whether it may sign requests.
    #[n(4)]
    pub active: bool,
}

/// Whose access key id it is: the id is taken over all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccessKeyOwnerRecord {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// The user's name in lower case.
    #[n(1)]
    pub user: String,
}

/// Whose account alias it is: the alias is taken over all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AccountAliasRecord {
    /// Whose.
    #[n(0)]
    pub account: u64,
}
