//! What a decision is about, and what comes out: nothing but strings, lists, maps and JSON.

use std::collections::BTreeMap;

use serde_json::Value;

/// One request with all that bears on it.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub caller: Caller,
    /// As `kms:Encrypt`.
    pub action: String,
    pub resource: Resource,
    /// The side of the key, or of the role that is to be assumed. None: the operation has neither.
    pub key: Option<Side>,
    /// Identity policies of the user (with those of its groups) or of the role: inline and managed in one list.
    pub identity: Vec<Value>,
    pub boundary: Option<Value>,
    /// None: the session was made without session policies. Several allow together what any one of them allows.
    pub session_policies: Option<Vec<Value>>,
    /// Service control policies of the caller's account: one list for the root of the organization, one for each unit on
    /// the way down, one for the account. No list at all: the account is not limited.
    pub scp_levels: Vec<Vec<Value>>,
    /// Condition keys in lower case, the tag's name in them too. An absent key is not in the map. What follows from
    /// `encryption_context` (`kms:EncryptionContext:NAME`, `kms:EncryptionContextKeys`) is never in the map.
    pub context: BTreeMap<String, Vec<String>>,
    /// The encryption context of the request. Empty where the operation has none.
    pub encryption_context: BTreeMap<String, String>,
    /// What `kms:CreateGrant` is to make.
    pub new_grant: Option<NewGrant>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub kind: CallerKind,
    pub account: String,
    /// The ARN that calls: the root's, the user's, for a session `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: String,
    /// The same, but for a session the ARN of its role, with the path.
    pub principal_arn: String,
    /// `AIDA…` of the user, `AROA…` of the session's role, the account number of the root.
    pub unique_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    Root,
    User,
    Session,
}

#[derive(Debug, Clone)]
pub enum Resource {
    Arn(String),
    /// The operation has no resource of its own: `ListKeys`, `CreateKey` and their like.
    NoneIn {
        region: String,
    },
}

/// What has a policy of its own: a key with its key policy, or a role with its trust policy.
#[derive(Debug, Clone)]
pub struct Side {
    pub account: String,
    pub policy: Value,
    /// Each ARN of a user, role or session that the policy names, with the unique id (of the user or role) that it had
    /// when the policy was put. Account roots are not in it.
    pub bindings: BTreeMap<String, String>,
    /// Resource control policies of `account`, by level as the service control policies.
    pub rcp_levels: Vec<Vec<Value>>,
    /// Of a key. A role has none.
    pub grants: Vec<Grant>,
}

#[derive(Debug, Clone)]
pub struct Grant {
    /// A unique id (a role's covers its sessions), `AROA…:SESSION` for one session, or the root ARN of an account.
    pub grantee: String,
    /// As `Encrypt`, `ReEncryptFrom`.
    pub operations: Vec<String>,
    pub constraint: Constraint,
    /// False while it has not spread yet and its token was not presented.
    pub usable: bool,
}

/// A grant that is to be made, without its grantee.
#[derive(Debug, Clone)]
pub struct NewGrant {
    pub operations: Vec<String>,
    pub constraint: Constraint,
}

#[derive(Debug, Clone)]
pub enum Constraint {
    None,
    Equals(BTreeMap<String, String>),
    Subset(BTreeMap<String, String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Allow,
    ExplicitDeny(Layer),
    /// This layer had to allow the request, and did not.
    NoAllow(Layer),
}

/// Kinds of policies in the order in which a refusal is laid to their charge when several refuse.
///
/// The documented texts name one reason only, and do not say which goes first. This is the order in which the rules are
/// told: control policies, then the policy of the resource, then the caller's own policies from the granting to the
/// limiting ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    ServiceControl,
    ResourceControl,
    Resource,
    Identity,
    Boundary,
    Session,
}

impl Outcome {
    pub fn is_allow(self) -> bool {
        self == Outcome::Allow
    }
}
