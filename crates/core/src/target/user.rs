//! IAM users: asked about by ARN, decided by identity policies alone.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{PrincipalArn, UserName};

use super::account::ask_identity;
use super::{Asked, Target};
use crate::call::Facts;
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::view::User;

/// Where a request looks for a user.
pub enum UserPlace {
    /// The caller itself: IAM operations without a UserName.
    Caller,
    /// A user that must exist.
    Existing(UserName),
    /// A user to be made, with its path.
    New(UserName, Box<str>),
    /// All users below a path: ListUsers.
    Path(Box<str>),
}

/// The resource of an IAM operation.
pub enum UserTarget {
    /// A user that exists.
    Existing(Arc<User>),
    /// A user that may not exist yet.
    New(PrincipalArn),
    /// All users of the account whose path begins so.
    Path(String),
}

impl Target for UserTarget {
    type Name = UserPlace;

    /// A missing user is only told of after the permission to ask was found: see [`UserTarget::existing`].
    fn resolve(name: &UserPlace, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let account = facts.account();
        let existing = |name: &UserName| facts.view.user(account, name).cloned();
        Ok(match name {
            UserPlace::Caller => {
                existing(&facts.caller.name).map_or_else(|| Self::New(facts.caller.arn()), Self::Existing)
            }
            UserPlace::Existing(name) => {
                let arn = || PrincipalArn::User { account, path: "/".into(), name: name.clone() };
                existing(name).map_or_else(|| Self::New(arn()), Self::Existing)
            }
            UserPlace::New(name, path) => {
                Self::New(PrincipalArn::User { account, path: path.clone(), name: name.clone() })
            }
            UserPlace::Path(path) => Self::Path(format!("arn:aws:iam::{account}:user{path}")),
        })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let arn = self.arn();
        ask_identity(asked.action, Resource::Arn(&arn), facts, |denial| DeniedResource::Named(arn.clone(), denial))
    }

    fn resources(&self) -> Vec<String> {
        vec![self.arn()]
    }
}

impl UserTarget {
    /// The user, or NoSuchEntity.
    pub fn existing(&self) -> Result<&Arc<User>, Error> {
        match self {
            Self::Existing(user) => Ok(user),
            Self::New(PrincipalArn::User { name, .. }) => {
                Err(Error::NotFound(format!("The user with name {name} cannot be found.")))
            }
            Self::New(PrincipalArn::Root(_)) | Self::Path(_) => Err(Error::NotFound("There is no such user.".into())),
        }
    }

    fn arn(&self) -> String {
        match self {
            Self::Existing(user) => user.arn().to_string(),
            Self::New(arn) => arn.to_string(),
            Self::Path(arn) => arn.clone(),
        }
    }
}
