//! Grants: what they allow, under which constraints, and what their holder may pass on.
//! Source: AWS KMS developer guide, "Grants in AWS KMS", and API reference, GrantConstraints.

use claviger_types::{AccountId, EncryptionContext, PrincipalId, RoleId, RoleSessionName, ServiceName};

use crate::actions::{Action, ActionSet};
use crate::caller::{Identity, Principal};
use crate::context::{Context, Fact, Values};
use crate::keys::ConditionKey;
use crate::truth::Truth;

/// What a grant allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantTerms {
    /// Its operations, as actions.
    pub operations: ActionSet,
    /// When.
    pub constraints: GrantConstraints,
}

/// What must be met for a grant to allow. Names and values are compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantConstraints {
    /// The encryption context is this one.
    pub context_equals: Option<EncryptionContext>,
    /// The encryption context holds at least these pairs.
    pub context_subset: Option<EncryptionContext>,
    /// The request is made on behalf of this resource.
    pub source_arn: Option<Box<str>>,
}

/// A principal that a grant names, by unique id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantPrincipal {
    /// A user, or a role with all its sessions.
    Principal(PrincipalId),
    /// An account: its root alone. Its users and roles get nothing by it.
    Root(AccountId),
    /// One session of a role.
    Session(RoleId, RoleSessionName),
}

const CREATE_GRANT: Option<Action> = Action::of(ServiceName::Kms, "CreateGrant");
const DESCRIBE_KEY: Option<Action> = Action::of(ServiceName::Kms, "DescribeKey");
const RETIRE_GRANT: Option<Action> = Action::of(ServiceName::Kms, "RetireGrant");

impl GrantTerms {
    /// Whether its constraints let its holder do the action.
    pub(crate) fn constraints_met(&self, action: Action, context: &dyn Context) -> Truth {
        let action = Some(action);
        //= AWS KMS developer guide, "Using grant constraints"
        //# DescribeKey and RetireGrant are not bound to an encryption context, RetireGrant to no source ARN
        if action == RETIRE_GRANT {
            return Truth::Yes;
        }
        let source = self.source_met(context);
        if action == DESCRIBE_KEY || source == Truth::No {
            return source;
        }
        if action == CREATE_GRANT {
            return source.and(match context.new_grant() {
                Fact::Absent => Truth::No,
                Fact::Known(new) => Truth::from(self.covers(new)),
                Fact::Unknown => Truth::Unknown,
            });
        }
        source.and(self.context_met(context))
    }

    /// Whether the grant's holder may pass `other` on: no operation more, no constraint less.
    pub fn covers(&self, other: &Self) -> bool {
        let (mine, others) = (&self.constraints, &other.constraints);
        let equal = mine.context_equals.is_none() || mine.context_equals == others.context_equals;
        let subset = mine.context_subset.as_ref().is_none_or(|wanted| {
            [&others.context_equals, &others.context_subset].into_iter().flatten().any(|found| holds(found, wanted))
        });
        let source = mine.source_arn.is_none() || mine.source_arn == others.source_arn;
        other.operations.is_subset_of(&self.operations) && equal && subset && source
    }

    fn source_met(&self, context: &dyn Context) -> Truth {
        let Some(wanted) = &self.constraints.source_arn else { return Truth::Yes };
        match context.values(&ConditionKey::AwsSourceArn) {
            Values::One(found) => Truth::from(found == **wanted),
            Values::Absent | Values::Many(_) => Truth::No,
            Values::Unknown => Truth::Unknown,
        }
    }

    fn context_met(&self, context: &dyn Context) -> Truth {
        let GrantConstraints { context_equals, context_subset, .. } = &self.constraints;
        if context_equals.is_none() && context_subset.is_none() {
            return Truth::Yes;
        }
        let none = EncryptionContext::default();
        let found = match context.encryption_context() {
            Fact::Absent => &none,
            Fact::Known(found) => found,
            Fact::Unknown => return Truth::Unknown,
        };
        let equal = context_equals.as_ref().is_none_or(|wanted| wanted == found);
        Truth::from(equal && context_subset.as_ref().is_none_or(|wanted| holds(found, wanted)))
    }
}

/// Whether a context has all pairs of another.
fn holds(context: &EncryptionContext, pairs: &EncryptionContext) -> bool {
    pairs.pairs().iter().all(|pair| context.pairs().binary_search(pair).is_ok())
}

impl GrantPrincipal {
    /// Whether it is the caller.
    pub fn is(&self, caller: &Principal<'_>) -> bool {
        match (self, caller.identity) {
            (Self::Root(account), Identity::Root) => *account == caller.account,
            (Self::Principal(PrincipalId::User(id)), Identity::User(user)) => *id == user,
            (Self::Principal(PrincipalId::Role(id)), Identity::RoleSession { role, .. }) => *id == role,
            (Self::Session(id, session), Identity::RoleSession { role, name }) => *id == role && session == name,
            _ => false,
        }
    }
}
