//! The IAM policy language: parse, check, compile, decide, and say which statement decided.
//!
//! Pure. Nothing here knows of storage, key material, the network or the time of day; who a caller is, which
//! policies are attached to it and which user stands behind an ARN is told by the one who asks.
//!
//! A policy is parsed once, when it is put: key policies by [`KeyPolicyDocument::parse`] and then
//! [`KeyPolicyDocument::compile`], which binds the users that they name to unique ids; identity policies by
//! [`IdentityPolicy::parse`]. What is not understood is refused there, so that a decision never meets it:
//! conditions, `NotPrincipal`, `NotAction`, `NotResource`, policy variables, and principals other than an account,
//! its root, a user and `*`. Source of the language: IAM user guide, "Grammar of the IAM JSON policy language".

mod decide;
mod error;
mod grammar;
mod identity_policy;
mod json;
mod key_policy;
mod pattern;
mod request;
mod statement;

pub use decide::{Decision, Denial, IdentityStatement, KeyResource, Reason, decide_by_identity, decide_on_key};
pub use error::PolicyError;
pub use identity_policy::IdentityPolicy;
pub use key_policy::{KeyPolicy, KeyPolicyDocument};
pub use request::{Action, Caller, Resource};
