//! Policies attached to a principal.

use claviger_types::limits;

use crate::PolicyError;
use crate::grammar;
use crate::request::{Action, Target};
use crate::statement::{Effect, Statement};

/// A checked policy of a user.
pub struct IdentityPolicy {
    statements: Box<[Statement]>,
}

impl IdentityPolicy {
    /// Parses and checks a policy document. How long a user's policies may be together is not checked here, only
    /// that this one is not too long to be read.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > limits::POLICY_DOCUMENT_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes_max: limits::POLICY_DOCUMENT_BYTES_MAX });
        }
        Ok(Self { statements: grammar::identity_policy(text)?.into() })
    }

    /// The `Sid` of a statement, counted from 0.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref()
    }

    /// The first statement that denies, or else the first that allows.
    pub(crate) fn verdict(&self, action: Action, target: &Target<'_>) -> Option<(Effect, usize)> {
        let mut allow = None;
        for (index, statement) in self.statements.iter().enumerate() {
            let settled = statement.effect == Effect::Allow && allow.is_some();
            if settled || !statement.matches(action, target) {
                continue;
            }
            match statement.effect {
                Effect::Allow => allow = Some((Effect::Allow, index)),
                Effect::Deny => return Some((Effect::Deny, index)),
            }
        }
        allow
    }
}
