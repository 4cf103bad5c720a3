//! Parts of the organization. Only the first account acts upon them; an account may look at what is said of itself.
//!
//! Who does not belong to the first account is refused before anything is looked at. The others' policies are asked on
//! the ARNs of all that an operation touches. A refusal must not tell whether that is there, so it reads as if it were
//! not, unless the caller may ask about what is not there.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{AccountId, ControlPolicyId, ControlPolicyType, ControlTarget, KeyArn, ParentId};

use super::account::ask_identity;
use super::circumstances::{OrganizationResource, Subject};
use super::key::existing_key;
use super::{Asked, Callers, Resources, Target};
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
    /// The ARNs of what the request names, as far as it is there or would be the first account's.
    arns: Vec<String>,
    places: Vec<Place>,
    /// The same if nothing were there.
    absent: Vec<Place>,
}

/// An account as a request names it.
pub enum AccountName {
    /// The caller's own.
    Caller,
    /// The one of this id.
    Id(AccountId),
}

/// An account, for the first account and for its own principals.
pub struct AccountEntry {
    /// Its id, whether or not it is there.
    pub id: AccountId,
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
    /// What a refusal names instead, if the request did not name the place.
    shown: Option<String>,
    /// Whose it is.
    account: AccountId,
    /// Whether it is an account.
    is_account: bool,
    /// The account itself, if it is one and there.
    found: Option<Arc<Account>>,
}

impl Target for OrganizationPart {
    type Name = Part;
    const CALLERS: Callers = Callers::OfFirstAccount;

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
        for target in name.targets() {
            let place = Place::of_target(&target, facts)?;
            arns.extend(place.named());
            places.push(place);
            absent.push(Place { found: None, ..Place::of_target(&target, facts)? });
        }
        // No event names it: a refusal does not tell where an account is.
        places.extend(name.left(facts)?);
        Ok(Self { arns, places, absent })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let ask = |places: &[Place]| places.iter().try_for_each(|place| place.ask(asked, facts));
        as_if_absent(ask(&self.places), || ask(&self.absent))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        self.arns.iter().for_each(|arn| resources.arn(arn.as_str()));
    }
}

impl Part {
    /// Accounts, units and the root that the request names.
    fn targets(&self) -> Vec<ControlTarget> {
        match self {
            Self::Target(target) | Self::Attachment(_, target) => vec![target.clone()],
            Self::Policy(_) => Vec::new(),
            Self::Move(account, to) => vec![ControlTarget::Account(*account), ControlTarget::Parent(to.clone())],
        }
    }

    /// What an account is moved out of. The request does not name it, so a refusal names the account instead.
    fn left(&self, facts: &Facts<'_>) -> Result<Option<Place>, Error> {
        let Self::Move(id, to) = self else { return Ok(None) };
        let Some(account) = facts.view.account(*id) else { return Ok(None) };
        let from = organization(facts)?.parent_id(account.parent.as_ref());
        if from == *to {
            return Ok(None);
        }
        let shown = Some(target_arn(&ControlTarget::Account(*id), facts)?);
        Ok(Some(Place { shown, ..Place::of_target(&ControlTarget::Parent(from), facts)? }))
    }
}

impl Place {
    fn of_first_account(arn: String, facts: &Facts<'_>) -> Self {
        Self { arn, shown: None, account: facts.account(), is_account: false, found: None }
    }

    fn of_target(target: &ControlTarget, facts: &Facts<'_>) -> Result<Self, Error> {
        let place = Self::of_first_account(target_arn(target, facts)?, facts);
        Ok(match target {
            ControlTarget::Account(id) => {
                Self { account: *id, is_account: true, found: facts.view.account(*id).cloned(), ..place }
            }
            ControlTarget::Parent(_) => place,
        })
    }

    /// What an event calls it. An account has copies of the events that name it, so it must be there.
    fn named(&self) -> Option<String> {
        (!self.is_account || self.found.is_some()).then(|| self.arn.clone())
    }

    /// Of a policy that is not there nobody knows the type, which is part of its ARN.
    fn of_missing_policy(id: &ControlPolicyId, facts: &Facts<'_>) -> Result<[Self; 2], Error> {
        let place = |kind| own_policy_arn(id, kind, facts).map(|arn| Self::of_first_account(arn, facts));
        Ok([place(ControlPolicyType::Service)?, place(ControlPolicyType::Resource)?])
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let tags = self.found.as_deref().map(|account| &account.tags);
        let subject = Subject::Organization(OrganizationResource { account: self.account, tags });
        let shown = |denial| DeniedResource::Named(self.shown.as_ref().unwrap_or(&self.arn).clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)
    }
}

/// A refusal, unless it would have been another one if nothing were there: then that one.
fn as_if_absent(answer: Result<(), Error>, absent: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    answer.or_else(|refused| absent().and(Err(refused)))
}

impl Target for AccountEntry {
    type Name = AccountName;
    const CALLERS: Callers = Callers::OfFirstAccountOrItself;

    fn resolve(name: &AccountName, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let id = match name {
            AccountName::Caller => facts.account(),
            AccountName::Id(id) => *id,
        };
        let place = || Place::of_target(&ControlTarget::Account(id), facts);
        Ok(Self { id, place: place()?, absent: Place { found: None, ..place()? } })
    }

    fn account(&self) -> Option<AccountId> {
        Some(self.id)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        as_if_absent(self.place.ask(asked, facts), || self.absent.ask(asked, facts))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        self.place.named().into_iter().for_each(|arn| resources.arn(arn));
    }
}

impl Target for AnyKey {
    type Name = KeyArn;
    const CALLERS: Callers = Callers::OfFirstAccount;

    fn resolve(arn: &KeyArn, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = existing_key(arn.id, facts).filter(|key| key.arn == *arn);
        Ok(Self { key: found, arn: *arn })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let ask = |subject| {
            let shown = |denial| DeniedResource::Named(self.arn.to_string(), denial);
            ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)
        };
        let absent = Subject::Organization(OrganizationResource { account: self.arn.account, tags: None });
        let found = self.key.as_deref().map_or(absent, Subject::Key);
        as_if_absent(ask(found), || ask(absent))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        if self.key.is_some() {
            resources.arn(self.arn.to_string());
        }
    }
}
