//! The IAM policy language: parse, check, compile, decide, explain.
//!
//! Pure. Nothing here knows of storage, key material, the network or the time of day; who a caller is, which
//! policies are attached to it, which principal stands behind an ARN and what a request holds ([`Context`]) is told by
//! the one who asks.
//!
//! A policy is parsed once, when it is put. Key policies and trust policies ([`KeyPolicyDocument`],
//! [`TrustPolicyDocument`]) are then compiled, which binds the principals that they name to unique ids; policies that
//! name no principal ([`IdentityPolicy`], [`ControlPolicy`]) are merged into sets, arranged by action. What is not
//! understood is refused there, so that a decision never meets it. Source of the language: IAM user guide, "Grammar
//! of the IAM JSON policy language".
//!
//! A statement names a service, a federated provider or a canonical user in vain: none of them calls here. Condition
//! keys that no request has ([`ConditionKey::Unknown`]) are absent.

mod actions;
mod caller;
mod conditions;
mod context;
mod decide;
mod error;
mod grammar;
mod grants;
mod identity_policy;
mod json;
mod keys;
mod operators;
mod pattern;
mod principals;
mod resource_policy;
mod resources;
mod statement;
mod texts;
mod trace;
mod truth;
mod values;
mod variables;
mod verdict;

pub use actions::{Action, ActionSet};
pub use caller::{Identity, Principal, Request};
pub use context::{Context, Fact, Value, Values};
pub use decide::{
    KeyResource, RetirableGrant, RoleResource, decide_by_identity, decide_on_key, decide_on_retire, decide_on_role,
    explain_by_identity, explain_on_key, explain_on_role, key_lets_in, role_lets_in,
};
pub use error::PolicyError;
pub use grants::{GrantConstraints, GrantPrincipal, GrantTerms};
pub use identity_policy::{ControlPolicies, ControlPolicy, IdentityPolicies, IdentityPolicy};
pub use keys::ConditionKey;
pub use principals::Naming;
pub use resource_policy::{KeyPolicy, KeyPolicyDocument, LetIn, TrustPolicy, TrustPolicyDocument};
pub use resources::Resource;
pub use statement::Effect;
pub use trace::{Explanation, Found, Lack, Obstacle, SeenCondition, SeenGrant, SeenStatement};
pub use truth::Truth;
pub use verdict::{Decision, Denial, Layer, Reason, StatementId};

/// How many characters of a policy count against IAM's size limits: white space does not.
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub fn counted_chars(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
