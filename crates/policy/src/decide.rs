//! The decision: may this caller do this action on this resource, and which statement says so?
//!
//! An explicit deny ends it. On a key, the key policy is the root of trust: it allows the caller itself, or it lets
//! the caller's account in, whose identity policies then decide. Across accounts both must allow. A decision makes
//! no allocation, except one text if a resource pattern other than `*` has to be compared.
//! Source: IAM user guide, "Policy evaluation logic"; AWS KMS developer guide, "Key policies".

use std::cell::OnceCell;
use std::fmt;

use claviger_types::{AccountId, KeyArn, Region, ServiceName, UserId};

use crate::identity_policy::IdentityPolicy;
use crate::key_policy::KeyPolicy;
use crate::statement::Effect;

/// Who asks: an IAM user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user's account.
    pub account: AccountId,
    /// The user's unique id.
    pub user: UserId,
}

/// What is asked for, such as `kms:Encrypt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// The service that has the operation.
    pub service: ServiceName,
    /// The operation's name as the API spells it.
    pub name: &'static str,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// What an action without a key is asked for on.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// No resource of its own (`*`): matched by `*`, and by patterns for all that the action's service has in the
    /// caller's account and this Region (`None` if the service is global).
    Any(Option<Region>),
    /// What has this ARN.
    Arn(&'a dyn fmt::Display),
}

/// A key and its policy.
#[derive(Clone, Copy)]
pub struct KeyResource<'a> {
    /// The key.
    pub arn: KeyArn,
    /// Its policy.
    pub policy: &'a KeyPolicy,
}

/// May it be done?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Reason),
    /// No.
    Deny(Denial),
}

/// What allows. Statements count from 0; where several would do, it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An identity policy, for an action without a key.
    Identity(IdentityStatement),
    /// The key policy alone.
    KeyPolicy {
        /// The statement that allows the caller.
        statement: usize,
    },
    /// The key policy together with an identity policy.
    KeyPolicyAndIdentity {
        /// The key policy's statement that allows the caller or lets its account in.
        statement: usize,
        /// The statement that allows the caller.
        identity: IdentityStatement,
    },
}

/// What denies, as error messages name it. Statements count from 0; where several would do, it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// An identity policy denies.
    ExplicitIdentity(IdentityStatement),
    /// The key policy denies.
    ExplicitResource {
        /// The statement that denies the caller.
        statement: usize,
    },
    /// The key policy, if there is one, would let an identity policy allow it, but none does.
    NoIdentityAllow,
    /// The key policy neither allows the caller nor lets its account in.
    NoResourceAllow,
}

/// A statement among the caller's identity policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityStatement {
    /// The policy's place, from 0, in the order in which they were given to the decision.
    pub policy: usize,
    /// The statement's place in it, from 0.
    pub statement: usize,
}

/// Decides an action on a key.
pub fn decide_on_key<'p>(
    caller: Caller,
    action: Action,
    key: KeyResource<'_>,
    identity: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Decision {
    let target = Target::new(caller, action, Resource::Arn(&key.arn));
    let verdict = key.policy.verdict(caller, action, &target);
    if let Some(statement) = verdict.deny {
        return Decision::Deny(Denial::ExplicitResource { statement });
    }
    let identity = match identity_verdict(action, &target, identity) {
        Some((Effect::Deny, statement)) => return Decision::Deny(Denial::ExplicitIdentity(statement)),
        Some((Effect::Allow, statement)) => Some(statement),
        None => None,
    };
    let same_account = caller.account == key.arn.account;
    match (verdict.allow_caller, verdict.allow_account) {
        (Some(statement), _) if same_account => Decision::Allow(Reason::KeyPolicy { statement }),
        (Some(statement), _) | (None, Some(statement)) => match identity {
            Some(identity) => Decision::Allow(Reason::KeyPolicyAndIdentity { statement, identity }),
            None => Decision::Deny(Denial::NoIdentityAllow),
        },
        (None, None) => Decision::Deny(Denial::NoResourceAllow),
    }
}

/// Decides an action in the caller's own account for which no key policy is asked: on an alias, on an IAM resource,
/// or on no resource of its own.
pub fn decide_by_identity<'p>(
    caller: Caller,
    action: Action,
    resource: Resource<'_>,
    identity: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Decision {
    match identity_verdict(action, &Target::new(caller, action, resource), identity) {
        Some((Effect::Allow, statement)) => Decision::Allow(Reason::Identity(statement)),
        Some((Effect::Deny, statement)) => Decision::Deny(Denial::ExplicitIdentity(statement)),
        None => Decision::Deny(Denial::NoIdentityAllow),
    }
}

/// The first statement of all these policies that denies, or else the first that allows.
fn identity_verdict<'p>(
    action: Action,
    target: &Target<'_>,
    policies: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Option<(Effect, IdentityStatement)> {
    let mut allow = None;
    for (policy, identity_policy) in policies.into_iter().enumerate() {
        match identity_policy.verdict(action, target) {
            Some((Effect::Deny, statement)) => return Some((Effect::Deny, IdentityStatement { policy, statement })),
            Some((Effect::Allow, statement)) if allow.is_none() => {
                allow = Some((Effect::Allow, IdentityStatement { policy, statement }));
            }
            Some((Effect::Allow, _)) | None => {}
        }
    }
    allow
}

/// A resource during one decision, with its text once some pattern asked for it.
pub(crate) struct Target<'a> {
    account: AccountId,
    service: ServiceName,
    resource: Resource<'a>,
    arn: OnceCell<String>,
}

impl<'a> Target<'a> {
    fn new(caller: Caller, action: Action, resource: Resource<'a>) -> Self {
        Self { account: caller.account, service: action.service, resource, arn: OnceCell::new() }
    }

    /// The text that patterns are compared with.
    pub(crate) fn arn(&self) -> &str {
        self.arn.get_or_init(|| match self.resource {
            Resource::Any(region) => {
                let region = region.as_ref().map_or("", Region::as_str);
                format!("arn:aws:{}:{region}:{}:*", self.service, self.account)
            }
            Resource::Arn(arn) => arn.to_string(),
        })
    }
}
