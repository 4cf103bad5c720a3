//! Managed policies: found by ARN, asked about by ARN, decided by identity policies alone. Source: service
//! authorization reference, IAM.

use std::sync::Arc;

use claviger_policy::{Action, Resource};
use claviger_types::{PolicyArn, PolicyName, ServiceName};

use super::account::ask_identity;
use super::circumstances::{IamResource, Subject};
use super::entity::requests_tags;
use super::{Asked, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::{ManagedPolicy, Tags};

/// Which managed policy a request is about.
pub enum PolicyPlace {
    /// One that must exist.
    Existing(PolicyArn),
    /// One to be made, by its name, with its path.
    New(PolicyName, Box<str>),
}

/// A managed policy, whether or not there is one of that ARN.
pub struct PolicyTarget {
    /// The ARN as typed, or to be.
    pub arn: PolicyArn,
    /// The policy of that ARN; none if it is another account's.
    pub found: Option<Arc<ManagedPolicy>>,
    /// What a refusal names.
    shown: String,
    /// Its tags, as conditions see them: not if it is to be made.
    tags: Option<Tags>,
    /// What is asked besides if it is to be made with tags.
    besides: Option<Action>,
}

const TAG: Option<Action> = Action::of(ServiceName::Iam, "TagPolicy");

/// All managed policies whose path begins so: asked on `*`.
pub struct PoliciesBelow(Box<str>);

impl Target for PolicyTarget {
    type Name = PolicyPlace;

    /// A missing policy is no error here: it is only told of after the permission to ask was found.
    fn resolve(place: &PolicyPlace, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let account = facts.account();
        Ok(match place {
            PolicyPlace::Existing(arn) => {
                let own = arn.account.is_none_or(|owner| owner == account);
                let found = facts.view.managed_policy(arn).filter(|_| own).cloned();
                let tags = found.as_ref().map(|policy| Arc::clone(&policy.tags));
                Self { found, arn: arn.clone(), shown: format!("policy {arn}"), tags, besides: None }
            }
            PolicyPlace::New(name, path) => {
                let found = facts.view.customer_policy(account, &name.folded()).cloned();
                let arn = PolicyArn { account: Some(account), path: path.clone(), name: name.clone() };
                Self { found, arn, shown: format!("policy {name}"), tags: None, besides: TAG }
            }
        })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let account = self.arn.account.unwrap_or(facts.account());
        let ask = |action| {
            let shown = |denial| DeniedResource::Named(self.shown.clone(), denial);
            let subject = Subject::Iam(IamResource { account, tags: self.tags.as_ref(), boundary: None });
            ask_identity(action, Resource::Arn(&self.arn), subject, facts, shown)
        };
        ask(asked.action)?;
        self.besides.filter(|_| requests_tags(asked.action, facts)).map_or(Ok(()), ask)
    }

    fn describe(&self, place: &PolicyPlace, resources: &mut Resources) {
        if self.found.is_some() || matches!(place, PolicyPlace::New(..)) {
            resources.arn(self.arn.to_string());
        }
    }
}

impl PolicyTarget {
    /// The policy, or NoSuchEntity. Those of other accounts are outside.
    pub fn existing(&self, facts: &Facts<'_>) -> Result<&ManagedPolicy, Error> {
        if self.arn.account.is_some_and(|owner| owner != facts.account()) {
            return Err(Error::OutsideAccount);
        }
        self.found.as_deref().ok_or_else(|| Error::NotFound(format!("Policy {} was not found.", self.arn)))
    }

    /// The policy, if it is one that its account can change.
    pub fn own(&self, facts: &Facts<'_>) -> Result<&ManagedPolicy, Error> {
        let policy = self.existing(facts)?;
        if policy.is_of_service() { Err(Error::OutsideAccount) } else { Ok(policy) }
    }
}

impl Target for PoliciesBelow {
    /// The beginning of the path.
    type Name = Box<str>;

    fn resolve(path: &Box<str>, _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self(path.clone()))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(format!("policy path {}", self.0), denial);
        ask_identity(asked.action, Resource::Any(None), Subject::Account, facts, shown)
    }

    fn describe(&self, _: &Self::Name, _: &mut Resources) {}
}
