//! Parts of the organization. Only the first account acts upon them; an account may look at what is said of itself.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{AccountId, ControlPolicyId, ControlTarget, KeyArn, ParentId};

use super::account::{Account, Deployment, ask_identity, only_first_account};
use super::circumstances::Subject;
use super::key::existing_key;
use super::{Asked, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::organization::{policy_arn, target_arn};
use crate::pipeline::call::Facts;
use crate::view::Key;

/// A part of the organization as a request names it. Whether it is there is told only to whom the operation is allowed.
pub enum Part {
    /// An account, a unit or the root.
    Target(ControlTarget),
    /// A control policy.
    Policy(ControlPolicyId),
    /// An account and the parent that it is to have.
    Move(AccountId, ParentId),
    /// A control policy and what it is attached to.
    Attachment(ControlPolicyId, ControlTarget),
}

/// A part of the organization, for the first account.
pub struct OrganizationPart(Vec<String>);

/// An account, for the first account and for its own principals.
pub struct AccountEntry(AccountId);

/// A key of whatever account, for the first account.
pub struct AnyKey {
    /// The key, if there is one.
    pub key: Option<Arc<Key>>,
    arn: KeyArn,
}

impl Target for OrganizationPart {
    type Name = Part;

    fn resolve(name: &Part, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let policy = |id| facts.view.control_policy(id).map(|policy| policy_arn(policy, facts));
        let arns = match name {
            Part::Target(target) => vec![target_arn(target, facts)],
            Part::Policy(id) => policy(id).into_iter().collect(),
            Part::Move(account, parent) => {
                let account = ControlTarget::Account(*account);
                vec![target_arn(&account, facts), target_arn(&ControlTarget::Parent(parent.clone()), facts)]
            }
            Part::Attachment(id, target) => policy(id).into_iter().chain([target_arn(target, facts)]).collect(),
        };
        arns.into_iter().collect::<Result<_, _>>().map(Self)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        Deployment.ask(asked, facts)
    }

    fn resources(&self) -> Vec<String> {
        self.0.clone()
    }
}

impl Target for AccountEntry {
    type Name = AccountId;

    fn resolve(id: &AccountId, _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self(*id))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        if self.0 == facts.account() { Account.ask(asked, facts) } else { Deployment.ask(asked, facts) }
    }

    fn resources(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Target for AnyKey {
    type Name = KeyArn;

    fn resolve(arn: &KeyArn, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = existing_key(arn.id, facts).filter(|key| key.arn == *arn);
        Ok(Self { key: found, arn: *arn })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.arn.to_string(), denial);
        let subject = self.key.as_deref().map_or(Subject::Account, Subject::Key);
        ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)?;
        only_first_account(asked, facts)
    }

    fn resources(&self) -> Vec<String> {
        vec![self.arn.to_string()]
    }
}
