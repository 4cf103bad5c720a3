//! A user's access key, named by its id alone: asked about by the ARN of its user. Source: service authorization
//! reference, IAM, GetAccessKeyLastUsed.
//!
//! A refusal must not tell whether there is such an access key, or whose it is, so it names no more than the request does.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::AccessKeyId;

use super::account::ask_identity;
use super::circumstances::{IamResource, Subject};
use super::{Asked, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::pipeline::call::Facts;
use crate::view::{Credential, User};

/// An access key of the caller's account, if it is there.
pub struct AccessKeyTarget {
    found: Option<Arc<Credential>>,
    /// What policies are asked about: the user; all users, if there is none.
    arn: String,
    /// What a refusal names.
    shown: String,
}

impl Target for AccessKeyTarget {
    /// Its id, as typed.
    type Name = String;

    /// A missing one is no error here: it is only told of after the permission to ask was found.
    fn resolve(id: &String, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = id.parse::<AccessKeyId>().ok().and_then(|id| facts.view.access_key(id));
        let found = found.filter(|credential| credential.user.account == facts.account()).cloned();
        let all = || format!("arn:aws:iam::{}:{}/", facts.account(), User::KIND);
        let arn = found.as_ref().map_or_else(all, |credential| entities::arn_of(&*credential.user));
        Ok(Self { found, arn, shown: format!("access key {id}") })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let nothing = IamResource { account: facts.account(), tags: None, boundary: None };
        let resource = self.found.as_ref().map_or(nothing, |credential| credential.user.as_iam_resource());
        let shown = |denial| DeniedResource::Named(self.shown.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.arn), Subject::Iam(resource), facts, shown)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.arn.as_str());
    }
}

impl AccessKeyTarget {
    /// The access key, or NoSuchEntity.
    pub fn existing(&self, id: &str) -> Result<&Credential, Error> {
        self.found.as_deref().ok_or_else(|| Error::access_key_not_found(id))
    }
}
