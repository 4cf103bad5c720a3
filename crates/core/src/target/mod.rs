//! What a request acts upon: found by its name, then asked about. Resolution precedes authorization, as at AWS.
//!
//! An operation receives its target only as [`Authorized`], which only [`authorize`] makes.

mod access_key;
mod account;
mod alias;
mod assumed_role;
mod ciphertext;
mod circumstances;
pub(crate) mod decision;
mod entity;
mod grant;
mod key;
mod managed_policy;
mod mfa_device;
mod organization;
mod policy_owner;
mod principal;
mod resources;

use std::ops::Deref;

use claviger_policy::Action;
use claviger_types::AccountId;

use crate::error::Error;
use crate::pipeline::call::Facts;

pub use access_key::AccessKeyTarget;
pub(crate) use account::anything;
pub use account::{Account, Deployment, Everybody, NewKey, Tagging};
pub use alias::{AliasChange, AliasTarget};
pub use assumed_role::{AssumedRole, AssumedRoleName, SET_SOURCE_IDENTITY, TAG_SESSION};
pub use ciphertext::{CiphertextKey, CiphertextName, Pair, PairName, RE_ENCRYPT_FROM, RE_ENCRYPT_TO};
pub(crate) use circumstances::Circumstances;
pub use circumstances::{IamResource, OrganizationResource, Subject};
pub use entity::{
    EntitiesBelow, EntityPlace, GroupPlace, GroupTarget, Rename, RenameTarget, RolePlace, RoleTarget, UserPlace,
    UserTarget,
};
pub use grant::{GrantPlace, GrantTarget, RetiringPrincipal};
pub(crate) use key::KeyAskedAbout;
pub use key::{KeyName, KeyTarget};
pub use managed_policy::{PoliciesBelow, PolicyPlace, PolicyTarget};
pub use mfa_device::{MfaDevicePlace, MfaDeviceTarget};
pub use organization::{AccountEntry, AccountName, AnyKey, OrganizationPart, Part};
pub use policy_owner::{PolicyOwner, PolicyOwnerName, PolicyOwnerTarget};
pub use principal::PrincipalTarget;
pub use resources::{Materials, Resources};

/// A kind of thing that requests act upon.
pub trait Target: Sized + Send + Sync {
    /// How a request names it.
    type Name: Send + Sync;
    /// What it is to those who ask about an action without making the request.
    const RESOURCE_TYPE: ResourceType = ResourceType::Other;
    /// Whom an operation on it answers at all.
    const CALLERS: Callers = Callers::Allowed;

    /// Finds it, or says in the caller's words why not.
    fn resolve(name: &Self::Name, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error>;

    /// Which account it is, if it is one.
    fn account(&self) -> Option<AccountId> {
        None
    }

    /// Asks the policies about it.
    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error>;

    /// What an audit event names of it; `name` is how the request named it. Whose account it is gets a copy of the event,
    /// so another account's resource is named only if it was found, never as it was typed.
    fn describe(&self, name: &Self::Name, resources: &mut Resources);
}

/// What is asked for a target.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The IAM action of the operation.
    pub action: Action,
    /// Whether the operation reaches keys of other accounts. Source: API reference, "Cross-account use".
    pub cross_account: bool,
    /// Whether `iam:PermissionsBoundary` is the boundary that the user or role has: what changes its policies has the
    /// key. What sets a boundary has the one that it sets. Source: service authorization reference, IAM.
    pub tells_boundary: bool,
}

/// Which callers an operation answers, before any policy or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// All of them: no policy is asked.
    All,
    /// Those whom policies allow it.
    Allowed,
    /// Those of the deployment's first account whom policies allow it.
    OfFirstAccount,
    /// The same, and those of the very account that the request is about.
    OfFirstAccountOrItself,
}

/// What an action is asked on. Source: service authorization references of KMS and STS, "Resource types".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// An alias, and the key that it points to.
    Alias,
    /// A key.
    Key,
    /// Something else, or nothing of its own.
    Other,
    /// A role that is to be assumed.
    Role,
}

/// Proof that policies allow this caller this operation on `T`.
pub struct Authorized<T>(T);

impl<T> Deref for Authorized<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Resolves and asks: the only way to an [`Authorized`] target. What was resolved is named in `resources`, also if it is
/// refused then, unless the caller is one whom the operation never answers.
pub fn authorize<T: Target>(
    name: &T::Name,
    asked: Asked,
    facts: &Facts<'_>,
    resources: &mut Resources,
) -> Result<Authorized<T>, Error> {
    let target = T::resolve(name, asked, facts)?;
    match T::CALLERS {
        Callers::All | Callers::Allowed => {}
        Callers::OfFirstAccountOrItself if target.account() == Some(facts.account()) => {}
        Callers::OfFirstAccount | Callers::OfFirstAccountOrItself => account::only_first_account(asked, facts)?,
    }
    target.describe(name, resources);
    target.ask(asked, facts)?;
    Ok(Authorized(target))
}
