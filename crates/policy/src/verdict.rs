//! What a layer of policies says of a request, and how a refusal is told.

use crate::statement::Effect;
use crate::truth::Truth;

/// The policies that have a say in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The caller's permissions boundary.
    Boundary,
    /// The caller's identity policies.
    Identity,
    /// The key policy, or the role's trust policy.
    Resource,
    /// The resource control policies of a level above the resource's account, from 0 at the top.
    ResourceControl {
        /// Which level.
        level: usize,
    },
    /// The service control policies of a level above the caller's account, from 0 at the top.
    ServiceControl {
        /// Which level.
        level: usize,
    },
    /// The session policies.
    Session,
}

/// A statement of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StatementId {
    /// The policy's place, from 0, in the order in which the layer's policies were given.
    pub policy: usize,
    /// The statement's place in it, from 0.
    pub statement: usize,
}

/// May it be done?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Reason),
    /// No.
    Deny(Denial),
    /// It depends on something that is not known yet.
    Depends,
}

/// What allows. Where several statements would do, it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The account's root needs no identity policy.
    AccountRoot,
    /// A grant, by its place among those given.
    Grant {
        /// Its place, from 0.
        grant: usize,
    },
    /// Identity policies alone.
    Identity(StatementId),
    /// The resource's policy alone.
    Resource {
        /// The statement that allows the caller.
        statement: usize,
    },
    /// The resource's policy together with an identity policy.
    ResourceAndIdentity {
        /// The resource's statement that allows the caller or lets its account in.
        statement: usize,
        /// The statement that allows the caller.
        identity: StatementId,
    },
    /// To be the one whom the grant names: its retiring principal, or its grantee where it holds RetireGrant.
    Retiring,
}

/// What denies, as error messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// Which policies.
    pub layer: Layer,
    /// The first statement that denies explicitly; none if there is merely none that allows.
    pub statement: Option<StatementId>,
}

impl Denial {
    /// A statement denies.
    pub(crate) fn explicit(layer: Layer, statement: StatementId) -> Self {
        Self { layer, statement: Some(statement) }
    }

    /// Nothing in this layer allows.
    pub(crate) fn implicit(layer: Layer) -> Self {
        Self { layer, statement: None }
    }
}

/// The first statement that matches, and whether one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct First {
    pub(crate) certain: Option<StatementId>,
    possible: bool,
}

impl First {
    pub(crate) fn note(&mut self, at: StatementId, matches: Truth) {
        match matches {
            Truth::No => {}
            Truth::Unknown => self.possible = true,
            Truth::Yes => self.certain = Some(self.certain.map_or(at, |found| found.min(at))),
        }
    }

    pub(crate) fn truth(self) -> Truth {
        match self {
            Self { certain: Some(_), .. } => Truth::Yes,
            Self { possible: true, .. } => Truth::Unknown,
            Self { .. } => Truth::No,
        }
    }

    /// Whether a statement at this place can no longer change anything.
    pub(crate) fn settled_before(self, at: StatementId) -> bool {
        self.certain.is_some_and(|found| found < at)
    }
}

/// What the policies of a layer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    pub(crate) allow: First,
    pub(crate) deny: First,
}

impl Verdict {
    pub(crate) fn of(&mut self, effect: Effect) -> &mut First {
        match effect {
            Effect::Allow => &mut self.allow,
            Effect::Deny => &mut self.deny,
        }
    }
}
