//! One statement, without its principals: what it matches, and what it says then.

use crate::decide::{Action, Target};
use crate::pattern::{ActionPattern, ResourcePattern};

/// What a matching statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A statement. Without actions or without resources it never matches.
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
