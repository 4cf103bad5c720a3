//! A decision's steps, recorded only if somebody asks: each statement that was looked at, each of its conditions.
//!
//! The steps are those of the decision itself; without a recorder the compiler leaves nothing of it.

use std::borrow::Cow;

use crate::context::Values;
use crate::keys::ConditionKey;
use crate::principals::Naming;
use crate::statement::Effect;
use crate::truth::Truth;
use crate::verdict::{Decision, Denial, Layer, StatementId};

/// A recorder of steps.
pub(crate) trait Trace {
    /// Whether all is to be looked at, even where the decision could do without.
    const ON: bool;

    fn statement(&mut self, _: SeenStatement) {}

    fn grant(&mut self, _: SeenGrant) {}

    fn steps(&mut self, _taken: usize) {}
}

/// Records nothing.
pub(crate) struct Silent;

impl Trace for Silent {
    const ON: bool = false;
}

/// Records all that there is room for, and of what matches the first of each kind in any case: whatever decides is the
/// first of its kind.
#[derive(Default)]
pub(crate) struct Recorder {
    statements: Vec<SeenStatement>,
    statements_left_out: usize,
    grants: Vec<SeenGrant>,
    grants_left_out: usize,
    bytes: usize,
    work: usize,
    /// Of which layer, effect, result and way of naming the caller a statement that may match was kept.
    kept: Vec<(Layer, Effect, Truth, Option<Naming>)>,
}

/// Bytes of statements that are recorded, so that an answer that shows each twice stays under some 1 MiB.
const RECORDED_BYTES_MAX: usize = 262_144;

/// Grants that are recorded; a key has up to 50,000.
const RECORDED_GRANTS_MAX: usize = 256;

/// Bytes of a condition key's values beyond which they are not shown.
const FOUND_BYTES_MAX: usize = 1_024;

impl Recorder {
    pub(crate) fn explanation(self, decision: Decision) -> Explanation {
        let Self { statements, statements_left_out, grants, grants_left_out, work, .. } = self;
        Explanation { decision, statements, statements_left_out, grants, grants_left_out, work }
    }
}

impl Trace for Recorder {
    const ON: bool = true;

    fn statement(&mut self, seen: SeenStatement) {
        let new: Vec<_> = match seen.result {
            Truth::No => Vec::new(),
            Truth::Unknown | Truth::Yes => seen.kinds().into_iter().filter(|kind| !self.kept.contains(kind)).collect(),
        };
        let shown = seen.bytes();
        self.work = self.work.saturating_add(shown);
        let bytes = self.bytes.saturating_add(shown);
        if bytes > RECORDED_BYTES_MAX && new.is_empty() {
            self.statements_left_out += 1;
            return;
        }
        self.bytes = bytes;
        self.kept.extend(new);
        self.statements.push(seen);
    }

    fn steps(&mut self, taken: usize) {
        self.work = self.work.saturating_add(taken);
    }

    fn grant(&mut self, seen: SeenGrant) {
        let gives = seen.operation && seen.constraints == Truth::Yes;
        let first = gives && !self.grants.iter().any(|seen| seen.operation && seen.constraints == Truth::Yes);
        if self.grants.len() < RECORDED_GRANTS_MAX || first {
            self.grants.push(seen);
        } else {
            self.grants_left_out += 1;
        }
    }
}

/// A decision with all that was looked at for it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// The statements of every layer, as far as there is room.
    pub statements: Vec<SeenStatement>,
    /// How many there was no room for.
    pub statements_left_out: usize,
    /// The grants of this caller, as far as there is room.
    pub grants: Vec<SeenGrant>,
    /// How many there was no room for.
    pub grants_left_out: usize,
    /// What it took: steps of comparisons, and bytes of all that was looked at, whether or not there was room for it.
    pub work: usize,
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
    /// Values that are too long to be shown.
    TooLong,
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

/// Something that stands in the way of an Allow.
#[derive(Debug)]
pub enum Obstacle<'e> {
    /// The statement denies, or may: it must not match.
    Denies(&'e SeenStatement),
    /// No statement of the layer allows. Once one does, the next layer may refuse.
    NothingAllows {
        /// Which layer.
        layer: Layer,
        /// Its allowing statements that lack least, if it has any that lack no more than others.
        nearest: Vec<&'e SeenStatement>,
    },
}

/// What keeps a statement from matching.
#[derive(Debug)]
pub enum Lack<'e> {
    /// It does not speak of the action.
    Action,
    /// This condition does not hold, or is not known to.
    Condition(&'e SeenCondition),
    /// It does not speak of the caller.
    Principal,
    /// It does not speak of the resource, or is not known to.
    Resource,
}

impl Explanation {
    /// What would have to change for the decision to be an Allow. Nothing, if it is one.
    pub fn obstacles(&self) -> Vec<Obstacle<'_>> {
        let mut obstacles = Vec::new();
        if let Decision::Allow(_) = self.decision {
            return obstacles;
        }
        let denies = |seen: &&SeenStatement| seen.effect == Effect::Deny && seen.result != Truth::No;
        obstacles.extend(self.statements.iter().filter(denies).map(Obstacle::Denies));
        if let Decision::Deny(Denial { layer, statement: None }) = self.decision {
            obstacles.push(Obstacle::NothingAllows { layer, nearest: self.nearest(layer) });
        }
        obstacles
    }

    fn nearest(&self, layer: Layer) -> Vec<&SeenStatement> {
        let allowing = || self.statements.iter().filter(|seen| seen.layer == layer && seen.effect == Effect::Allow);
        // A statement of a resource's policy may match and yet not be enough: it lets in the account alone.
        let lacking = || allowing().map(|seen| (seen, seen.lacks().len())).filter(|(_, lacks)| *lacks > 0);
        let least = lacking().map(|(_, lacks)| lacks).min();
        lacking().filter(|(_, lacks)| Some(*lacks) == least).map(|(seen, _)| seen).collect()
    }
}

impl SeenStatement {
    /// A decision names the first statement of a kind; in a resource's policy, of each way in which it names the caller.
    fn kinds(&self) -> Vec<(Layer, Effect, Truth, Option<Naming>)> {
        let kind = |naming| (self.layer, self.effect, self.result, naming);
        match &self.namings {
            None => vec![kind(None)],
            Some(namings) => namings.iter().map(|naming| kind(Some(*naming))).collect(),
        }
    }

    /// About how long it is when it is shown.
    fn bytes(&self) -> usize {
        const FIXED: usize = 400;
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + size_of::<String>()).sum::<usize>();
        let conditions = self.conditions.iter().map(|seen| {
            let found = if let Found::Values(values) = &seen.found { texts(values) } else { 0 };
            FIXED / 2 + seen.key.to_string().len() + texts(&seen.wanted) + found
        });
        FIXED + self.sid.as_deref().map_or(0, str::len) + texts(&self.resources) + conditions.sum::<usize>()
    }

    /// What keeps it from matching.
    pub fn lacks(&self) -> Vec<Lack<'_>> {
        let mut lacks = Vec::new();
        if self.namings.as_ref().is_some_and(Vec::is_empty) {
            lacks.push(Lack::Principal);
        }
        if !self.action {
            lacks.push(Lack::Action);
        }
        if self.resource != Truth::Yes {
            lacks.push(Lack::Resource);
        }
        lacks.extend(self.conditions.iter().filter(|seen| seen.result != Truth::Yes).map(Lack::Condition));
        lacks
    }
}

impl Found {
    pub(crate) fn of(values: Values<'_>) -> Self {
        match values {
            Values::Absent => Self::Absent,
            Values::Many(values) if values.iter().map(|value| value.len() + 1).sum::<usize>() > FOUND_BYTES_MAX => {
                Self::TooLong
            }
            Values::One(value) if value.text().len() > FOUND_BYTES_MAX => Self::TooLong,
            Values::Many(values) => Self::Values(values.into_iter().map(Cow::into_owned).collect()),
            Values::One(value) => Self::Values(vec![value.into_text().into_owned()]),
            Values::Unknown => Self::Unknown,
        }
    }
}
