//! Policies of resources: as they are put, naming principals by ARN, and as they are decided with, naming them by
//! unique id. Keys have key policies, roles have trust policies.

use std::collections::BTreeSet;

use claviger_types::{AccountId, PrincipalArn, PrincipalId, limits};

use crate::PolicyError;
use crate::caller::Principal;
use crate::grammar::{self, Kind};
use crate::principals::{Naming, Principals, Speaks};
use crate::statement::{Effect, Question, Statement};
use crate::trace::Trace;
use crate::truth::Truth;
use crate::verdict::{First, Layer, StatementId};

macro_rules! resource_policy {
    ($document:ident, $policy:ident, $kind:expr, $bytes_max:expr, $what:literal) => {
        #[doc = concat!("A ", $what, " whose grammar was checked, but not whether the principals that it names exist.")]
        #[derive(Debug)]
        pub struct $document(Document);

        #[doc = concat!("A ", $what, ", arranged so that a decision sees only the statements that speak of the caller.")]
        pub struct $policy(ResourcePolicy);

        impl $document {
            /// Parses and checks a policy document.
            pub fn parse(text: &str) -> Result<Self, PolicyError> {
                if text.len() > $bytes_max {
                    return Err(PolicyError::TooLong { bytes_max: $bytes_max });
                }
                Document::parse(text, $kind).map(Self)
            }

            /// The users, roles and sessions that the policy names, each once.
            pub fn principals(&self) -> impl Iterator<Item = &PrincipalArn> {
                self.0.arns.iter()
            }

            /// Whom it may let in, as far as statements that allow anything tell; what they allow, and when, is not asked.
            pub fn lets_in(&self) -> LetIn {
                self.0.lets_in()
            }

            /// Makes the policy that decisions are made with; `ids` holds the unique id of each of
            /// [`Self::principals`], for a session its role's.
            pub fn compile(self, ids: &[(PrincipalArn, PrincipalId)]) -> Result<$policy, PolicyError> {
                self.0.compile(ids).map($policy)
            }
        }

        impl $policy {
            /// The `Sid` of a statement, counted from 0.
            pub fn sid(&self, statement: usize) -> Option<&str> {
                self.0.statements.get(statement)?.sid.as_deref()
            }

            pub(crate) fn inner(&self) -> &ResourcePolicy {
                &self.0
            }
        }
    };
}

resource_policy!(KeyPolicyDocument, KeyPolicy, Kind::Key, limits::KEY_POLICY_BYTES_MAX, "key policy");
resource_policy!(
    TrustPolicyDocument,
    TrustPolicy,
    Kind::Trust,
    limits::POLICY_DOCUMENT_BYTES_MAX,
    "role's trust policy"
);

#[derive(Debug)]
struct Document {
    statements: Vec<(Statement, Speaks)>,
    arns: BTreeSet<PrincipalArn>,
}

impl Document {
    fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        let statements = grammar::parse(text, kind)?;
        let arns = statements.iter().flat_map(|(_, speaks)| &speaks.listed().arns).cloned().collect();
        Ok(Self { statements, arns })
    }

    fn lets_in(&self) -> LetIn {
        let mut lets_in = LetIn::default();
        for (_, speaks) in self.statements.iter().filter(|(statement, _)| statement.effect == Effect::Allow) {
            match speaks {
                Speaks::Of(listed) => {
                    lets_in.anyone |= listed.anyone;
                    lets_in.accounts.extend(&listed.accounts);
                    lets_in.accounts.extend(listed.arns.iter().map(PrincipalArn::account));
                }
                Speaks::OfAllBut(_) => lets_in.anyone = true,
            }
        }
        lets_in
    }

    fn compile(self, ids: &[(PrincipalArn, PrincipalId)]) -> Result<ResourcePolicy, PolicyError> {
        let principals = Principals::bind(self.statements.iter().map(|(_, speaks)| speaks), ids)?;
        let statements = self.statements.into_iter().map(|(statement, _)| statement).collect();
        Ok(ResourcePolicy { statements, principals })
    }
}

/// Whose principals a policy may let in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LetIn {
    /// The accounts that a statement names, themselves or by a principal of theirs.
    pub accounts: BTreeSet<AccountId>,
    /// Whether a statement names anyone, or all but some.
    pub anyone: bool,
}

/// Statements, and of whom they speak.
pub(crate) struct ResourcePolicy {
    statements: Box<[Statement]>,
    principals: Principals,
}

/// What a resource's policy says of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ResourceVerdict {
    /// It denies the caller, its role, its account, or anyone.
    pub(crate) deny: First,
    /// It allows the caller itself, or anyone.
    pub(crate) allow_itself: First,
    /// It allows the caller's role.
    pub(crate) allow_role: First,
    /// It allows the caller's account, which may then delegate.
    pub(crate) allow_account: First,
}

impl ResourcePolicy {
    pub(crate) fn verdict<'p, T: Trace>(
        &'p self,
        caller: &Principal<'_>,
        question: &Question<'p>,
        trace: &mut T,
    ) -> ResourceVerdict {
        let mut verdict = ResourceVerdict::default();
        let effect_of = |at: u32| self.statements.get(at as usize).map(|statement| statement.effect);
        let speaking = self.principals.of(caller, effect_of);
        if T::ON {
            let speaking: BTreeSet<(u32, Naming)> = speaking.collect();
            for (at, statement) in (0..).zip(&self.statements) {
                let namings: Vec<_> = speaking.range((at, Naming::Account)..=(at, Naming::Role)).collect();
                let namings: Vec<Naming> = namings.into_iter().map(|(_, naming)| *naming).collect();
                let id = StatementId { policy: 0, statement: at as usize };
                let matches = statement.examine(question, Layer::Resource, id, Some(&namings), trace);
                namings.into_iter().for_each(|naming| verdict.note(statement.effect, naming, id, matches));
            }
            return verdict;
        }
        for (at, naming) in speaking {
            let id = StatementId { policy: 0, statement: at as usize };
            if let Some(statement) = self.statements.get(id.statement) {
                verdict.note(statement.effect, naming, id, statement.matches(question));
            }
        }
        verdict
    }
}

impl ResourceVerdict {
    /// Whether anything in it allows the caller, itself or by what stands above it.
    pub(crate) fn lets_in(&self) -> Truth {
        Truth::any([self.allow_itself, self.allow_role, self.allow_account].map(First::truth))
    }

    fn note(&mut self, effect: Effect, naming: Naming, at: StatementId, matches: Truth) {
        let first = match (effect, naming) {
            (Effect::Deny, _) => &mut self.deny,
            (Effect::Allow, Naming::Account) => &mut self.allow_account,
            (Effect::Allow, Naming::Itself) => &mut self.allow_itself,
            (Effect::Allow, Naming::Role) => &mut self.allow_role,
        };
        first.note(at, matches);
    }
}
