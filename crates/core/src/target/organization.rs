//! Parts of the organization. Only the first account acts upon them; an account may look at what is said of itself.
//!
//! Who does not belong to the first account is refused before anything is looked at. The others' policies are asked on
//! the ARNs of all that an operation touches. A refusal must not tell whether that is there, so it reads as if it were
//! not, unless the caller may ask about what is not there.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{AccountId, ControlPolicyId, ControlPolicyType, ControlTarget, KeyArn, ParentId};

use super::account::{ask_identity, only_first_account};
use super::circumstances::{AccountResource, Subject};
use super::key::existing_key;
use super::{Asked, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::organization::{organization, own_policy_arn, policy_arn, target_arn};
use crate::pipeline::call::Facts;
use crate::view::{Account, Key};

/// A part of the organization as a request names it. Whether it is there is told only to whom the operation is allowed.
pub enum Part {
    /// An account, a unit or the root.
    Target(ControlTarget),
    /// A control policy.
    Policy(ControlPolicyId),
    /// An account and the parent that it is to have. The one that it has is asked about too.
    Move(AccountId, ParentId),
    /// A control policy and what it is attached to.
    Attachment(ControlPolicyId, ControlTarget),
}

/// A part of the organization, for the first account.
pub struct OrganizationPart {
    /// The ARNs of what is there.
    arns: Vec<String>,
    places: Vec<Place>,
    /// The same if nothing were there.
    absent: Vec<Place>,
}

/// An account, for the first account and for its own principals.
pub struct AccountEntry {
    id: AccountId,
    place: Place,
    absent: Place,
}

/// A key of whatever account, for the first account.
pub struct AnyKey {
    /// The key, if there is one.
    pub key: Option<Arc<Key>>,
    arn: KeyArn,
}

/// What policies are asked about.
struct Place {
    arn: String,
    /// Whose it is.
    account: AccountId,
    /// The account itself, if it is one and there.
    found: Option<Arc<Account>>,
}

impl Target for OrganizationPart {
    type Name = Part;

    fn resolve(name: &Part, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let (mut places, mut absent) = (Vec::new(), Vec::new());
        let mut arns = Vec::new();
        if let Part::Policy(id) | Part::Attachment(id, _) = name {
            let policy = facts.view.control_policy(id);
            arns.extend(policy.map(|policy| policy_arn(policy, facts)).transpose()?);
            absent.extend(Place::of_missing_policy(id, facts)?);
            match arns.first() {
                Some(arn) => places.push(Place::of_first_account(arn.clone(), facts)),
                None => places.extend(Place::of_missing_policy(id, facts)?),
            }
        }
        for target in name.targets(facts)? {
            let place = Place::of_target(&target, facts)?;
            arns.push(place.arn.clone());
            places.push(place);
        }
        for target in name.named_targets() {
            absent.push(Place { found: None, ..Place::of_target(&target, facts)? });
        }
        Ok(Self { arns, places, absent })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        only_first_account(asked, facts)?;
        let ask = |places: &[Place]| places.iter().try_for_each(|place| place.ask(asked, facts));
        ask(&self.places).or_else(|refused| ask(&self.absent).and(Err(refused)))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        self.arns.iter().for_each(|arn| resources.arn(arn.as_str()));
    }
}

impl Part {
    /// Accounts, units and the root that the request names.
    fn named_targets(&self) -> Vec<ControlTarget> {
        match self {
            Self::Target(target) | Self::Attachment(_, target) => vec![target.clone()],
            Self::Policy(_) => Vec::new(),
            Self::Move(account, to) => vec![ControlTarget::Account(*account), ControlTarget::Parent(to.clone())],
        }
    }

    /// The same with what an account is moved out of.
    fn targets(&self, facts: &Facts<'_>) -> Result<Vec<ControlTarget>, Error> {
        let mut targets = self.named_targets();
        if let Self::Move(account, to) = self
            && let Some(account) = facts.view.account(*account)
        {
            let from = organization(facts)?.parent_id(account.parent.as_ref());
            targets.extend((from != *to).then_some(ControlTarget::Parent(from)));
        }
        Ok(targets)
    }
}

impl Place {
    fn of_first_account(arn: String, facts: &Facts<'_>) -> Self {
        Self { arn, account: facts.account(), found: None }
    }

    fn of_target(target: &ControlTarget, facts: &Facts<'_>) -> Result<Self, Error> {
        let place = Self::of_first_account(target_arn(target, facts)?, facts);
        Ok(match target {
            ControlTarget::Account(id) => Self { account: *id, found: facts.view.account(*id).cloned(), ..place },
            ControlTarget::Parent(_) => place,
        })
    }

    /// Of a policy that is not there nobody knows the type, which is part of its ARN.
    fn of_missing_policy(id: &ControlPolicyId, facts: &Facts<'_>) -> Result<[Self; 2], Error> {
        let place = |kind| own_policy_arn(id, kind, facts).map(|arn| Self::of_first_account(arn, facts));
        Ok([place(ControlPolicyType::Service)?, place(ControlPolicyType::Resource)?])
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let tags = self.found.as_deref().map(|account| &account.tags);
        let subject = Subject::Organization(AccountResource { account: self.account, tags });
        let shown = |denial| DeniedResource::Named(self.arn.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)
    }
}

impl Target for AccountEntry {
    type Name = AccountId;

    fn resolve(id: &AccountId, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let place = || Place::of_target(&ControlTarget::Account(*id), facts);
        Ok(Self { id: *id, place: place()?, absent: Place { found: None, ..place()? } })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        if self.id != facts.account() {
            only_first_account(asked, facts)?;
        }
        self.place.ask(asked, facts).or_else(|refused| self.absent.ask(asked, facts).and(Err(refused)))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.place.arn.as_str());
    }
}

impl Target for AnyKey {
    type Name = KeyArn;

    fn resolve(arn: &KeyArn, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = existing_key(arn.id, facts).filter(|key| key.arn == *arn);
        Ok(Self { key: found, arn: *arn })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        only_first_account(asked, facts)?;
        let ask = |subject| {
            let shown = |denial| DeniedResource::Named(self.arn.to_string(), denial);
            ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)
        };
        let absent = Subject::Organization(AccountResource { account: self.arn.account, tags: None });
        let found = self.key.as_deref().map_or(absent, Subject::Key);
        ask(found).or_else(|refused| ask(absent).and(Err(refused)))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.arn.to_string());
    }
}
