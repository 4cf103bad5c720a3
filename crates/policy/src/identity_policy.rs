//! Policies that name no principal: those of users, groups, roles and sessions, permissions boundaries, and the
//! control policies of an organization. And sets of them, arranged by action.

use std::sync::Arc;

use claviger_types::limits;

use crate::PolicyError;
use crate::actions::Action;
use crate::grammar::{self, Kind};
use crate::statement::{Effect, Question, Statement};
use crate::trace::Trace;
use crate::verdict::{Layer, StatementId, Verdict};

/// A checked policy of an identity: attached or inline, a boundary, a session policy, a service control policy.
#[derive(Debug)]
pub struct IdentityPolicy {
    statements: Box<[Statement]>,
}

/// A checked resource control policy; it speaks of everyone.
#[derive(Debug)]
pub struct ControlPolicy(Arc<IdentityPolicy>);

impl IdentityPolicy {
    /// Parses and checks a policy document. How long a principal's policies may be together is not checked here, only
    /// that this one is not too long to be read.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_as(text, Kind::Identity)
    }

    fn parse_as(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        if text.len() > limits::POLICY_DOCUMENT_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes_max: limits::POLICY_DOCUMENT_BYTES_MAX });
        }
        let statements = grammar::parse(text, kind)?;
        Ok(Self { statements: statements.into_iter().map(|(statement, _)| statement).collect() })
    }

    /// The `Sid` of a statement, counted from 0.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref()
    }

    /// What it says as the only policy of its layer.
    pub(crate) fn verdict<'p, T: Trace>(&'p self, question: &Question<'p>, layer: Layer, trace: &mut T) -> Verdict {
        let mut verdict = Verdict::default();
        self.ask(0, question, layer, &mut verdict, trace);
        verdict
    }

    fn ask<'p, T: Trace>(
        &'p self,
        policy: usize,
        question: &Question<'p>,
        layer: Layer,
        verdict: &mut Verdict,
        trace: &mut T,
    ) {
        for (statement, found) in self.statements.iter().enumerate() {
            ask(found, StatementId { policy, statement }, question, layer, verdict, trace);
        }
    }
}

impl ControlPolicy {
    /// Parses and checks a resource control policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        IdentityPolicy::parse_as(text, Kind::ResourceControl).map(|policy| Self(Arc::new(policy)))
    }
}

/// Policies that count together, arranged so that a decision sees only the statements that speak of its action.
#[derive(Debug, Default)]
pub struct IdentityPolicies {
    policies: Box<[Arc<IdentityPolicy>]>,
    /// Statements by each of the few actions that they name, sorted.
    narrow: Box<[(Action, Place)]>,
    /// Statements that name many actions: an index over these would be larger than the policies.
    broad: Box<[Place]>,
}

/// Policy and statement, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u32, u32);

/// The most actions of a statement that stands under each of them.
const NARROW_ACTIONS_MAX: usize = 8;

impl IdentityPolicies {
    /// The set of these policies. The order is that in which decisions count them.
    pub fn merge(policies: Vec<Arc<IdentityPolicy>>) -> Self {
        let (mut narrow, mut broad) = (Vec::new(), Vec::new());
        for (policy, found) in (0..).zip(&policies) {
            for (statement, found) in (0..).zip(&found.statements) {
                let place = Place(policy, statement);
                if found.actions.len() <= NARROW_ACTIONS_MAX {
                    narrow.extend(found.actions.iter().map(|action| (action, place)));
                } else {
                    broad.push(place);
                }
            }
        }
        narrow.sort_unstable();
        Self { policies: policies.into(), narrow: narrow.into(), broad: broad.into() }
    }

    /// The `Sid` of a statement.
    pub fn sid(&self, at: StatementId) -> Option<&str> {
        self.policies.get(at.policy)?.sid(at.statement)
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    pub(crate) fn verdict<'p, T: Trace>(&'p self, question: &Question<'p>, layer: Layer, trace: &mut T) -> Verdict {
        let mut verdict = Verdict::default();
        if T::ON {
            for (policy, found) in self.policies.iter().enumerate() {
                found.ask(policy, question, layer, &mut verdict, trace);
            }
            return verdict;
        }
        let start = self.narrow.partition_point(|(action, _)| *action < question.action);
        let narrow = self.narrow.get(start..).unwrap_or_default().iter();
        let narrow = narrow.take_while(|(action, _)| *action == question.action).map(|(_, place)| *place);
        for Place(policy, statement) in narrow.chain(self.broad.iter().copied()) {
            let (policy, statement) = (policy as usize, statement as usize);
            if let Some(found) = self.policies.get(policy).and_then(|policy| policy.statements.get(statement)) {
                ask(found, StatementId { policy, statement }, question, layer, &mut verdict, trace);
            }
        }
        verdict
    }
}

/// The resource control policies of one level, arranged like those of an identity.
#[derive(Debug, Default)]
pub struct ControlPolicies(IdentityPolicies);

impl ControlPolicies {
    /// The set of these policies.
    pub fn merge(policies: &[Arc<ControlPolicy>]) -> Self {
        Self(IdentityPolicies::merge(policies.iter().map(|policy| Arc::clone(&policy.0)).collect()))
    }

    /// The `Sid` of a statement.
    pub fn sid(&self, at: StatementId) -> Option<&str> {
        self.0.sid(at)
    }

    pub(crate) fn verdict<'p, T: Trace>(&'p self, question: &Question<'p>, layer: Layer, trace: &mut T) -> Verdict {
        self.0.verdict(question, layer, trace)
    }
}

fn ask<'p, T: Trace>(
    statement: &'p Statement,
    at: StatementId,
    question: &Question<'p>,
    layer: Layer,
    verdict: &mut Verdict,
    trace: &mut T,
) {
    let matches = if T::ON {
        statement.examine(question, layer, at, None, trace)
    } else if statement.effect == Effect::Allow && verdict.allow.settled_before(at) {
        return;
    } else {
        statement.matches(question)
    };
    verdict.of(statement.effect).note(at, matches);
}
