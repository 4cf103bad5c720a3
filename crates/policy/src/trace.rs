//! A decision's steps, recorded only if somebody asks: each statement that was looked at, each of its conditions.
//!
//! The steps are those of the decision itself; without a recorder the compiler leaves nothing of it.

use std::borrow::Cow;

use crate::context::Values;
use crate::keys::ConditionKey;
use crate::principals::Naming;
use crate::statement::Effect;
use crate::truth::Truth;
use crate::verdict::{Decision, Layer, StatementId};

/// A recorder of steps.
pub(crate) trait Trace {
    /// Whether all is to be looked at, even where the decision could do without.
    const ON: bool;

    fn statement(&mut self, _: SeenStatement) {}

    fn grant(&mut self, _: SeenGrant) {}
}

/// Records nothing.
pub(crate) struct Silent;

impl Trace for Silent {
    const ON: bool = false;
}

/// Records all.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) statements: Vec<SeenStatement>,
    pub(crate) grants: Vec<SeenGrant>,
}

impl Trace for Recorder {
    const ON: bool = true;

    fn statement(&mut self, seen: SeenStatement) {
        self.statements.push(seen);
    }

    fn grant(&mut self, seen: SeenGrant) {
        self.grants.push(seen);
    }
}

/// A decision with all that was looked at for it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every statement of every layer.
    pub statements: Vec<SeenStatement>,
    /// The grants of this caller.
    pub grants: Vec<SeenGrant>,
}

/// A statement that was looked at.
#[derive(Debug, Clone)]
pub struct SeenStatement {
    /// In which layer.
    pub layer: Layer,
    /// Where in it.
    pub id: StatementId,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// What it says.
    pub effect: Effect,
    /// The ways in which it speaks of the caller, none if it speaks of others only. `None` in policies that name no
    /// principal.
    pub namings: Option<Vec<Naming>>,
    /// Whether it speaks of the action.
    pub action: bool,
    /// Whether it speaks of the resource.
    pub resource: Truth,
    /// The resources that it lists.
    pub resources: Vec<String>,
    /// Its conditions.
    pub conditions: Vec<SeenCondition>,
    /// Whether it matches.
    pub result: Truth,
}

/// A condition that was looked at.
#[derive(Debug, Clone)]
pub struct SeenCondition {
    /// Its operator.
    pub operator: String,
    /// Its key.
    pub key: ConditionKey,
    /// The values that the policy wants.
    pub wanted: Vec<String>,
    /// What the request has.
    pub found: Found,
    /// Whether it holds.
    pub result: Truth,
}

/// What a request has for a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Absent,
    /// Not known yet.
    Unknown,
    /// These values.
    Values(Vec<String>),
}

/// A grant that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenGrant {
    /// Its place among those given, from 0.
    pub grant: usize,
    /// Whether it holds the operation.
    pub operation: bool,
    /// Whether its constraints are met.
    pub constraints: Truth,
}

impl Found {
    pub(crate) fn of(values: Values<'_>) -> Self {
        match values {
            Values::Absent => Self::Absent,
            Values::Many(values) => Self::Values(values.into_iter().map(Cow::into_owned).collect()),
            Values::One(value) => Self::Values(vec![value.into_owned()]),
            Values::Unknown => Self::Unknown,
        }
    }
}
