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
            [&others.context_equals, &others.context_subset]
                .into_iter()
                .flatten()
                .any(|found| found.holds_all_of(wanted))
        });
        let source = mine.source_arn.is_none() || mine.source_arn == others.source_arn;
        other.operations.is_subset_of(&self.operations) && equal && subset && source
    }

    fn source_met(&self, context: &dyn Context) -> Truth {
        let Some(wanted) = &self.constraints.source_arn else { return Truth::Yes };
        match context.values(&ConditionKey::AwsSourceArn) {
            Values::One(found) => Truth::from(found.text() == **wanted),
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
        Truth::from(equal && context_subset.as_ref().is_none_or(|wanted| found.holds_all_of(wanted)))
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A request that has an encryption context and nothing else.
    struct Sent<'a>(&'a EncryptionContext);

    impl Context for Sent<'_> {
        fn values(&self, _: &ConditionKey) -> Values<'_> {
            Values::Absent
        }

        fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
            Fact::Known(self.0)
        }
    }

    fn met(terms: &GrantTerms, sent: &EncryptionContext) -> bool {
        let encrypt = Action::of(ServiceName::Kms, "Encrypt").unwrap();
        terms.constraints_met(encrypt, &Sent(sent)) == Truth::Yes
    }

    fn encryption_context() -> impl Strategy<Value = EncryptionContext> {
        let pairs = prop::collection::btree_map("[abA]", "[12]?", 0..4);
        pairs.prop_map(|pairs| EncryptionContext::from_pairs(pairs.into_iter().collect()).unwrap())
    }

    fn equals(context: EncryptionContext) -> GrantTerms {
        let constraints = GrantConstraints { context_equals: Some(context), ..GrantConstraints::default() };
        GrantTerms { constraints, ..GrantTerms::default() }
    }

    fn subset(context: EncryptionContext) -> GrantTerms {
        let constraints = GrantConstraints { context_subset: Some(context), ..GrantConstraints::default() };
        GrantTerms { constraints, ..GrantTerms::default() }
    }

    fn terms() -> impl Strategy<Value = GrantTerms> {
        prop_oneof![encryption_context().prop_map(equals), encryption_context().prop_map(subset)]
    }

    proptest! {
        /// By a definition of its own: pairs are looked up one by one.
        #[test]
        fn what_a_constraint_admits(wanted in encryption_context(), sent in encryption_context()) {
            let all_there = wanted.pairs().iter().all(|pair| sent.pairs().contains(pair));
            prop_assert_eq!(met(&subset(wanted.clone()), &sent), all_there);
            let equal = all_there && wanted.pairs().len() == sent.pairs().len();
            prop_assert_eq!(met(&equals(wanted), &sent), equal);
        }

        #[test]
        fn nothing_more_can_be_passed_on(own in terms(), new in terms(), sent in encryption_context()) {
            prop_assert!(own.covers(&own));
            if own.covers(&new) && met(&new, &sent) {
                prop_assert!(met(&own, &sent));
            }
            // Whatever is not covered admits something that the own terms do not: its pairs, or these and one more.
            if !own.covers(&new) {
                let GrantConstraints { context_equals, context_subset, .. } = &new.constraints;
                let pairs = context_equals.as_ref().or(context_subset.as_ref()).unwrap();
                let more = [pairs.pairs(), &[("zz".to_owned(), String::new())]].concat();
                let more = EncryptionContext::from_pairs(more).unwrap();
                prop_assert!([pairs, &more].into_iter().any(|sent| met(&new, sent) && !met(&own, sent)));
            }
        }
    }
}
