//! What a request tells those who decide whether it is allowed: policies by their conditions, grants by their
//! constraints. Asked only when a decision needs it.

use claviger_policy::{Action, ConditionKey, GrantTerms, Values};
use claviger_types::EncryptionContext;

/// What a request tells about itself. An operation that has a member says so here; the others tell nothing.
pub trait RequestContext: Sync {
    /// What a condition key has that stands for one of the request's members, as the action asks for it. An operation
    /// without the member does not have the key.
    fn condition(&self, _: Action, _: &ConditionKey) -> Values<'_> {
        Values::Absent
    }

    /// The encryption context that belongs to an action; none if the operation takes none, an empty one if the request
    /// left it out.
    fn encryption_context(&self, _: Action) -> Option<&EncryptionContext> {
        None
    }

    /// The grant that is to be made.
    fn new_grant(&self) -> Option<&GrantTerms> {
        None
    }

    /// Whether a code of an MFA device comes with it.
    fn presents_code(&self) -> bool {
        false
    }

    /// `GrantTokens`.
    fn grant_tokens(&self) -> &[String] {
        &[]
    }
}

/// The context of operations without any of it.
pub struct NothingTold;

impl RequestContext for NothingTold {}

/// `aws:RequestTag/NAME`. Tag keys of condition keys ignore case; tags that differ in nothing else are several values.
pub fn tag_value<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>, name: &str) -> Values<'t> {
    let mut values = tags.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Values::Absent,
        (Some(value), None) => Values::text(value),
        (Some(value), Some(other)) => Values::Many([value, other].into_iter().chain(values).map(Into::into).collect()),
    }
}

/// `aws:TagKeys`.
pub fn tag_keys<'t>(keys: impl Iterator<Item = &'t str>) -> Values<'t> {
    Values::Many(keys.map(Into::into).collect())
}
