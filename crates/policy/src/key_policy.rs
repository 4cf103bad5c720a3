//! Policies of keys: as they are put, naming users by ARN, and as they are decided with, naming them by unique id.
//!
//! A user is bound when the policy is put: another user who later gets the same name is somebody else. Source: IAM
//! user guide, "AWS JSON policy elements: Principal", on unique identifiers in resource-based policies.

use std::collections::{BTreeMap, BTreeSet};

use claviger_types::{AccountId, PrincipalArn, UserId, limits};

use crate::PolicyError;
use crate::grammar;
use crate::request::{Action, Caller, Target};
use crate::statement::{Effect, Principal, Statement};

/// A key policy whose grammar was checked, but not whether the users that it names exist.
pub struct KeyPolicyDocument {
    statements: Vec<(Statement, Vec<Principal>)>,
    users: BTreeSet<PrincipalArn>,
}

impl KeyPolicyDocument {
    /// Parses and checks a policy document.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > limits::KEY_POLICY_BYTES_MAX {
            return Err(PolicyError::TooLong { bytes_max: limits::KEY_POLICY_BYTES_MAX });
        }
        let statements = grammar::key_policy(text)?;
        let principals = statements.iter().flat_map(|(_, principals)| principals);
        let users = principals.filter_map(|principal| match principal {
            Principal::User(arn) => Some(arn.clone()),
            Principal::Account(_) | Principal::Anyone => None,
        });
        Ok(Self { users: users.collect(), statements })
    }

    /// The users that the policy names, each once.
    pub fn users(&self) -> impl Iterator<Item = &PrincipalArn> {
        self.users.iter()
    }

    /// Makes the policy that decisions are made with; `ids` holds the unique id of each of [`Self::users`].
    pub fn compile(self, ids: &[(PrincipalArn, UserId)]) -> Result<KeyPolicy, PolicyError> {
        let ids: BTreeMap<_, _> = ids.iter().map(|(arn, id)| (arn, *id)).collect();
        let (mut accounts, mut anyone, mut users) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut statements = Vec::with_capacity(self.statements.len());
        for (index, (statement, principals)) in self.statements.into_iter().enumerate() {
            for principal in principals {
                match principal {
                    Principal::Account(account) => accounts.insert((account, index)),
                    Principal::Anyone => anyone.insert(index),
                    Principal::User(arn) => {
                        let id = ids.get(&arn).copied().ok_or(PolicyError::UnknownPrincipal { arn })?;
                        users.insert((id, index))
                    }
                };
            }
            statements.push(statement);
        }
        Ok(KeyPolicy {
            statements: statements.into(),
            accounts: accounts.into_iter().collect(),
            anyone: anyone.into_iter().collect(),
            users: users.into_iter().collect(),
        })
    }
}

/// A key's policy, arranged so that a decision sees only the statements that speak of the caller.
pub struct KeyPolicy {
    statements: Box<[Statement]>,
    /// Statements by the account that they name, sorted.
    accounts: Box<[(AccountId, usize)]>,
    /// Statements that speak of anyone, sorted.
    anyone: Box<[usize]>,
    /// Statements by the user that they name, sorted.
    users: Box<[(UserId, usize)]>,
}

/// What a key policy says of one request: the first matching statement of each kind, counted from 0.
#[derive(Default)]
pub(crate) struct KeyVerdict {
    /// It denies the caller, its account, or anyone.
    pub(crate) deny: Option<usize>,
    /// It allows the caller itself, or anyone.
    pub(crate) allow_caller: Option<usize>,
    /// It allows the caller's account, which may then delegate.
    pub(crate) allow_account: Option<usize>,
}

impl KeyPolicy {
    /// The `Sid` of a statement, counted from 0.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref()
    }

    pub(crate) fn verdict(&self, caller: Caller, action: Action, target: &Target<'_>) -> KeyVerdict {
        let mut verdict = KeyVerdict::default();
        let matching = |index: usize| self.statements.get(index).filter(|found| found.matches(action, target));
        for index in of(&self.accounts, caller.account) {
            match matching(index).map(|statement| statement.effect) {
                Some(Effect::Allow) => note(&mut verdict.allow_account, index),
                Some(Effect::Deny) => note(&mut verdict.deny, index),
                None => {}
            }
        }
        for index in of(&self.users, caller.user).chain(self.anyone.iter().copied()) {
            match matching(index).map(|statement| statement.effect) {
                Some(Effect::Allow) => note(&mut verdict.allow_caller, index),
                Some(Effect::Deny) => note(&mut verdict.deny, index),
                None => {}
            }
        }
        verdict
    }
}

/// The statements that name `who`.
fn of<T: Copy + Ord>(sorted: &[(T, usize)], who: T) -> impl Iterator<Item = usize> {
    let start = sorted.partition_point(|(named, _)| *named < who);
    sorted.get(start..).unwrap_or_default().iter().take_while(move |(named, _)| *named == who).map(|(_, index)| *index)
}

/// Keeps the first statement.
fn note(first: &mut Option<usize>, index: usize) {
    *first = Some(first.map_or(index, |found| found.min(index)));
}
