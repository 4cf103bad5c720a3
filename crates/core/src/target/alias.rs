//! Aliases: asked about themselves and about each key that they point to. Source: developer guide, "Controlling access
//! to aliases".

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{AliasArn, AliasName};

use super::account::ask_identity;
use super::circumstances::Subject;
use super::key::{KeyName, ask_key, existing_key, resolve_key};
use super::{Asked, ResourceType, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::records::Addressed;
use crate::view::{Alias, Key};

/// What a request does to an alias.
pub enum AliasChange {
    /// A new alias of this name is to point to the key.
    Create(AliasName, KeyName),
    /// The alias goes.
    Delete(AliasName),
    /// The alias is to point to another key.
    Update(AliasName, KeyName),
}

/// An alias with the keys that its change concerns.
pub struct AliasTarget {
    /// The alias.
    pub arn: AliasArn,
    /// The alias as it is, unless it is to be created.
    pub alias: Option<Arc<Alias>>,
    /// The key that it points to now.
    pub current_key: Option<Arc<Key>>,
    /// The key that it is to point to.
    pub new_key: Option<Arc<Key>>,
    kind: ChangeKind,
}

/// An [`AliasChange`] without what it names.
#[derive(PartialEq, Eq)]
enum ChangeKind {
    Create,
    Delete,
    Update,
}

impl Target for AliasTarget {
    type Name = AliasChange;
    const RESOURCE_TYPE: ResourceType = ResourceType::Alias;

    fn resolve(name: &AliasChange, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let (kind, alias_name, new_key) = match name {
            AliasChange::Create(name, key) => (ChangeKind::Create, name, Some(key)),
            AliasChange::Delete(name) => (ChangeKind::Delete, name, None),
            AliasChange::Update(name, key) => (ChangeKind::Update, name, Some(key)),
        };
        if alias_name.is_reserved() {
            return Err(Error::NotAuthorized);
        }
        let arn = AliasArn { region: facts.region(), account: facts.account(), name: alias_name.clone() };
        let alias = facts.view.alias(arn.region, arn.account, &arn.name).cloned();
        let current_key = alias.as_ref().and_then(|alias| existing_key(alias.key_id, facts));
        if kind != ChangeKind::Create && current_key.is_none() {
            return Err(Error::alias_not_found(&arn));
        }
        let new_key = new_key.map(|name| resolve_key(name, asked, facts)).transpose()?;
        Ok(Self { arn, alias, current_key, new_key, kind })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Alias(self.arn.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.arn), Subject::Account, facts, shown)?;
        let current = self.current_key.iter().filter(|_| self.concerns_current_key());
        current.chain(&self.new_key).try_for_each(|key| ask_key(key, asked, facts, DeniedResource::Key))
    }

    /// The key that the request names stands first: it is the one that the alias is about from now on.
    fn describe(&self, name: &AliasChange, resources: &mut Resources) {
        resources.arn(self.arn.to_string());
        if let (AliasChange::Create(_, name) | AliasChange::Update(_, name), Some(key)) = (name, &self.new_key) {
            resources.key(&key.arn, name.addressed());
        }
        if let Some(key) = self.key_left() {
            resources.key(&key.arn, Addressed::Otherwise);
        }
    }
}

impl AliasTarget {
    /// CreateAlias over a taken name fails as such; the key behind that alias is no matter of the request's.
    fn concerns_current_key(&self) -> bool {
        self.kind != ChangeKind::Create
    }

    /// The key that the alias leaves.
    fn key_left(&self) -> Option<&Key> {
        let stays = |key: &Key| self.new_key.as_ref().is_some_and(|new| new.arn == key.arn);
        self.current_key.as_deref().filter(|key| self.concerns_current_key() && !stays(key))
    }

    /// The alias as it is.
    pub fn alias(&self) -> Result<&Alias, Error> {
        self.alias.as_deref().ok_or_else(|| Error::alias_not_found(&self.arn))
    }

    /// The key that it points to now.
    pub fn current_key(&self) -> Result<&Key, Error> {
        self.current_key.as_deref().ok_or_else(|| Error::alias_not_found(&self.arn))
    }

    /// The key that it is to point to.
    pub fn new_key(&self) -> Result<&Key, Error> {
        self.new_key.as_deref().ok_or_else(|| Error::Internal("an alias change without a new key".into()))
    }
}
