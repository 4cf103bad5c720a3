//! IAM users, groups and roles: asked about by ARN, decided by identity policies alone. Source: service authorization
//! reference, IAM.
//!
//! A refusal must not tell whether there is such an entity, so it names no more than the request does: the name as
//! typed, never the path that the entity has.

use std::marker::PhantomData;
use std::sync::Arc;

use claviger_policy::{Action, ConditionKey, Resource, Values};

use super::account::ask_identity;
use super::circumstances::{IamResource, Subject};
use super::{Asked, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::pipeline::call::Facts;
use crate::view::{Group, Role, User};

/// Which user, group or role a request is about.
pub enum EntityPlace<E: Entity> {
    /// The caller itself: IAM operations without a UserName.
    Caller,
    /// One that must exist.
    Existing(E::Name),
    /// One to be made, with its path.
    New(E::Name, Box<str>),
}

/// A user, group or role, whether or not there is one of that name.
pub struct EntityTarget<E: Entity> {
    /// The name as typed.
    pub name: E::Name,
    /// The one of that name; case does not count.
    pub found: Option<Arc<E>>,
    /// What policies are asked about.
    arn: String,
    /// It, as conditions see it: not if it is to be made.
    there: Option<Arc<E>>,
    /// What a refusal names.
    shown: String,
    /// What is asked besides if it is to be made with tags.
    besides: Option<Action>,
}

/// Whether a request to make something gives it tags. Source: a refusal of CreateRole at AWS, openshift/installer#1073.
pub(super) fn requests_tags(action: Action, facts: &Facts<'_>) -> bool {
    facts.request.condition(action, &ConditionKey::AwsTagKeys) != Values::Absent
}

/// All of an account whose path begins so.
pub struct EntitiesBelow<E>(String, PhantomData<E>);

/// What is to get another name or path.
pub struct Rename<E: Entity> {
    /// Which.
    pub from: EntityPlace<E>,
    /// Its new name, if it is to have one.
    pub name: Option<E::Name>,
    /// Its new path, if it is to have one.
    pub path: Option<Box<str>>,
}

/// An entity and what it is to become: both are asked about. Source: IAM user guide, "Renaming an IAM user".
pub struct RenameTarget<E: Entity> {
    /// As it is.
    pub from: EntityTarget<E>,
    /// As it is to be.
    to: String,
}

/// Which user.
pub type UserPlace = EntityPlace<User>;
/// A user.
pub type UserTarget = EntityTarget<User>;
/// Which group.
pub type GroupPlace = EntityPlace<Group>;
/// A group.
pub type GroupTarget = EntityTarget<Group>;
/// Which role.
pub type RolePlace = EntityPlace<Role>;
/// A role.
pub type RoleTarget = EntityTarget<Role>;

impl<E: Entity> Target for EntityTarget<E> {
    type Name = EntityPlace<E>;

    /// A missing entity is no error here: it is only told of after the permission to ask was found.
    fn resolve(place: &EntityPlace<E>, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let account = facts.account();
        let name = match place {
            EntityPlace::Caller => E::of_caller(facts).ok_or_else(|| {
                // Source: text observed at AWS.
                Error::Validation("Must specify userName when calling with non-User credentials".into())
            })?,
            EntityPlace::Existing(name) | EntityPlace::New(name, _) => name.clone(),
        };
        let found = E::find(facts.view, account, &name).cloned();
        let (arn, shown) = match place {
            EntityPlace::Caller | EntityPlace::Existing(_) => {
                let missing = || entities::arn::<E>(account, "/", &name);
                (found.as_deref().map_or_else(missing, entities::arn_of), format!("{} {name}", E::KIND))
            }
            EntityPlace::New(_, path) => {
                let arn = entities::arn::<E>(account, path, &name);
                (arn.clone(), arn)
            }
        };
        let there = found.clone().filter(|_| !matches!(place, EntityPlace::New(..)));
        let besides = E::TAG.filter(|_| matches!(place, EntityPlace::New(..)));
        Ok(Self { name, found, arn, there, shown, besides })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        self.ask_on(&self.arn, asked, facts)?;
        let besides = self.besides.filter(|_| requests_tags(asked.action, facts));
        besides.map_or(Ok(()), |action| self.ask_on(&self.arn, Asked { action, ..asked }, facts))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.arn.as_str());
    }
}

impl<E: Entity> EntityTarget<E> {
    /// Asks about the entity under this ARN.
    fn ask_on(&self, arn: &str, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let nothing = IamResource { account: facts.account(), tags: None, boundary: None };
        let mut resource = self.there.as_deref().map_or(nothing, E::as_iam_resource);
        if asked.tells_boundary {
            resource.boundary = self.there.as_deref().and_then(E::boundary_arn);
        }
        let subject = Subject::Iam(resource);
        let shown = |denial| DeniedResource::Named(self.shown.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&arn), subject, facts, shown)
    }

    /// The entity, or NoSuchEntity.
    pub fn existing(&self) -> Result<&E, Error> {
        self.found.as_deref().ok_or_else(|| Error::entity_not_found(E::KIND, &self.name))
    }
}

impl<E: Entity> Target for EntitiesBelow<E> {
    /// The beginning of the path.
    type Name = Box<str>;

    fn resolve(path: &Box<str>, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self(format!("arn:aws:iam::{}:{}{path}", facts.account(), E::KIND), PhantomData))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.0.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.0), Subject::Account, facts, shown)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.0.as_str());
    }
}

impl<E: Entity> Target for RenameTarget<E> {
    type Name = Rename<E>;

    fn resolve(rename: &Rename<E>, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let from = EntityTarget::resolve(&rename.from, asked, facts)?;
        let path = rename.path.as_deref().or(from.found.as_deref().map(E::path)).unwrap_or("/");
        let name = rename.name.as_ref().or(from.found.as_deref().map(E::name)).unwrap_or(&from.name);
        Ok(Self { to: entities::arn::<E>(facts.account(), path, name), from })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        self.from.ask(asked, facts)?;
        if self.to == self.from.arn {
            return Ok(());
        }
        self.from.ask_on(&self.to, asked, facts)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.from.arn.as_str());
        resources.arn(self.to.as_str());
    }
}
