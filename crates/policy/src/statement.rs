//! One statement: what it matches, what it says then, and of whom.

use claviger_types::{AccountId, PrincipalArn};

use crate::pattern::{ActionPattern, ResourcePattern};
use crate::request::{Action, Target};

/// What a matching statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A statement without its principals. Without actions or without resources it never matches.
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) actions: Box<[ActionPattern]>,
    pub(crate) resources: Box<[ResourcePattern]>,
}

impl Statement {
    pub(crate) fn matches(&self, action: Action, target: &Target<'_>) -> bool {
        self.actions.iter().any(|pattern| pattern.matches(action))
            && self.resources.iter().any(|pattern| pattern.matches(|| target.arn()))
    }
}

/// Whom a statement of a key policy speaks of.
pub(crate) enum Principal {
    /// An account, by its number or its root's ARN: to deny it denies all its principals, to allow it lets it
    /// delegate.
    Account(AccountId),
    /// `*`.
    Anyone,
    /// A user, by a [`PrincipalArn::User`].
    User(PrincipalArn),
}
