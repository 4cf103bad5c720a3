//! Every limit of the service, in one place, each with its source.
//!
//! Lengths and ranges that the public service model states are not repeated here: they are data (`models/`).

/// Aliases of one key. Source: AWS KMS resource quotas.
pub const ALIASES_PER_KEY_MAX: u64 = 50;

/// Characters of an alias name, prefix included. Source: API reference, CreateAlias.
pub const ALIAS_NAME_CHARS_MAX: usize = 256;

/// Access keys of one user. Source: IAM quotas.
pub const ACCESS_KEYS_PER_USER_MAX: usize = 2;

/// Bytes of a request body: room for an attestation document and a policy of the largest size. Source: our own
/// choice, since AWS publishes none for KMS.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Tags of an account. Source: AWS Organizations API reference, TagResource.
pub const TAGS_PER_ACCOUNT_MAX: usize = 50;

/// Characters of a control policy. Source: AWS Organizations quotas.
pub const CONTROL_POLICY_CHARS_MAX: usize = 5120;

/// Control policies of each type in the organization. Source: AWS Organizations quotas.
pub const CONTROL_POLICIES_PER_TYPE_MAX: usize = 1000;

/// Control policies of each type at the root, a unit or an account. Source: AWS Organizations quotas.
pub const CONTROL_POLICIES_PER_TARGET_MAX: usize = 5;

/// Canonical bytes of an encryption context. Source: the XKS proxy API caps additional authenticated data at
/// 8,192 bytes, so that a larger one could never be used with an external key store.
pub const ENCRYPTION_CONTEXT_BYTES_MAX: usize = 8192;

/// Pairs of a grant's encryption context constraint. Source: API reference, GrantConstraints.
pub const GRANT_CONSTRAINT_PAIRS_MAX: usize = 8;

/// Characters of a value in a grant's encryption context constraint. Source: API reference, GrantConstraints.
pub const GRANT_CONSTRAINT_VALUE_CHARS_MAX: usize = 384;

/// Grants on one key. Source: AWS KMS resource quotas.
pub const GRANTS_PER_KEY_MAX: u64 = 50_000;

/// Customer managed policies of an account. Source: IAM quotas.
pub const CUSTOMER_POLICIES_PER_ACCOUNT_MAX: u64 = 1_500;

/// Groups of an account. Source: IAM quotas.
pub const GROUPS_PER_ACCOUNT_MAX: u64 = 300;

/// Groups that one user is in. Source: IAM quotas.
pub const GROUPS_PER_USER_MAX: usize = 10;

/// Ids at AWS that one import names with those that keys have here. Source: our own choice, since the request is bounded.
/// Stated by the model too.
pub const IMPORT_KEY_IDS_MAX: usize = 500;

/// Keys that the answer to an import names as missing. Source: our own choice.
pub const IMPORT_MISSING_KEYS_MAX: usize = 100;

/// Uses that are imported in all, of all accounts. Source: our own choice.
pub const IMPORTED_USES_MAX: u64 = 10_000_000;

/// Inline policy characters of one group, all policies together, white space not counted. Source: IAM quotas.
pub const INLINE_POLICY_CHARS_PER_GROUP_MAX: usize = 5_120;

/// Inline policy characters of one role, all policies together, white space not counted. Source: IAM quotas.
pub const INLINE_POLICY_CHARS_PER_ROLE_MAX: usize = 10_240;

/// Inline policy characters of one user, all policies together, white space not counted. Source: IAM quotas.
pub const INLINE_POLICY_CHARS_PER_USER_MAX: usize = 2048;

/// Bytes of a key policy. Source: AWS KMS resource quotas.
pub const KEY_POLICY_BYTES_MAX: usize = 32_768;

/// Keys of an account in one Region, if the configuration says nothing else. Source: AWS KMS resource quotas.
pub const KEYS_PER_ACCOUNT_AND_REGION_MAX: u64 = 100_000;

/// Managed policies attached to one user, group or role. Source: IAM quotas.
pub const MANAGED_POLICIES_ATTACHED_MAX: usize = 10;

/// Characters of a managed policy, white space not counted. Source: IAM quotas.
pub const MANAGED_POLICY_CHARS_MAX: usize = 6_144;

/// Versions of a managed policy. Source: IAM quotas.
pub const MANAGED_POLICY_VERSIONS_MAX: usize = 5;

/// Bytes of an identity policy that are read at all, white space included. Source: IAM API reference, the length of
/// the type `policyDocumentType`.
pub const POLICY_DOCUMENT_BYTES_MAX: usize = 131_072;

/// Context entries of a request to explain or to simulate. Source: our own choice, more than there are condition keys.
pub const CONTEXT_ENTRIES_MAX: usize = 256;

/// Virtual MFA devices of an account. Source: our own choice, as many as users.
pub const MFA_DEVICES_PER_ACCOUNT_MAX: u64 = 5_000;

/// Enabled MFA devices of one user. Source: IAM quotas.
pub const MFA_DEVICES_PER_USER_MAX: usize = 8;

/// Bytes of a session's policy, of the ARNs of its managed policies and of its tags together. Source: our own choice, so
/// that its token is not longer than what is taken back.
pub const SESSION_PACKED_BYTES_MAX: usize = 8_192;

/// Principals through whom a session may come to be. Source: our own choice.
pub const SESSION_CHAIN_MAX: usize = 16;

/// Managed policies that limit one session. Source: STS API reference, AssumeRole.
pub const SESSION_POLICIES_MAX: usize = 10;

/// Characters of a session's policy. Source: IAM quotas.
pub const SESSION_POLICY_CHARS_MAX: usize = 2_048;

/// Seconds that a session may last which one role's session makes of another role. Source: IAM user guide, "Role
/// chaining".
pub const CHAINED_SESSION_SECONDS_MAX: i64 = 3_600;

/// Seconds that a session may last: those of GetSessionToken. Source: STS API reference, GetSessionToken.
pub const SESSION_SECONDS_MAX: u64 = 129_600;

/// Characters of a session token. Source: our own choice, half of the smallest head of a request that is read.
pub const SESSION_TOKEN_CHARS_MAX: usize = 16_384;

/// Roles of an account. Source: IAM quotas.
pub const ROLES_PER_ACCOUNT_MAX: u64 = 1_000;

/// Seconds that a session of a role may last, if the role says nothing else. Source: IAM API reference, CreateRole.
pub const ROLE_SESSION_SECONDS_DEFAULT: u32 = 3_600;

/// Tags of one user, role or managed policy. Source: IAM quotas.
pub const TAGS_PER_IDENTITY_MAX: usize = 50;

/// Look-ups of events per second, by one account in one Region. Source: CloudTrail API reference, LookupEvents.
pub const LOOKUPS_PER_SECOND_MAX: u32 = 2;

/// Events of one page of LookupEvents. Source: CloudTrail API reference, LookupEvents.
pub const LOOKUP_RESULTS_MAX: usize = 50;

/// Organizational units of the organization. Source: AWS Organizations quotas.
pub const ORGANIZATIONAL_UNITS_MAX: usize = 1000;

/// Levels of organizational units below the root. Source: AWS Organizations quotas.
pub const ORGANIZATIONAL_UNIT_DEPTH_MAX: usize = 5;

/// Tags of one key. Source: AWS KMS resource quotas.
pub const TAGS_PER_KEY_MAX: usize = 50;

/// Characters of a role's trust policy, white space not counted. Source: IAM quotas.
pub const TRUST_POLICY_CHARS_MAX: usize = 2_048;

/// Users of an account. Source: IAM quotas.
pub const USERS_PER_ACCOUNT_MAX: u64 = 5_000;
