//! IAM users: asked about by ARN, decided by identity policies alone. Source: service authorization reference, IAM.
//!
//! A refusal must not tell whether there is such a user, so it names no more than the request does: the name as
//! typed, never the path that the user has.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{PrincipalArn, UserName};

use super::account::ask_identity;
use super::circumstances::Subject;
use super::{Asked, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::User;

/// Which user a request is about.
pub enum UserPlace {
    /// The caller itself: IAM operations without a UserName.
    Caller,
    /// A user that must exist.
    Existing(UserName),
    /// A user to be made, with its path.
    New(UserName, Box<str>),
}

/// A user, whether or not there is one of that name.
pub struct UserTarget {
    /// The name as typed.
    pub name: UserName,
    /// The user of that name; case does not count.
    pub user: Option<Arc<User>>,
    /// What policies are asked about.
    arn: PrincipalArn,
    /// What a refusal names.
    shown: String,
}

/// All users of the account whose path begins so.
pub struct UsersBelow(String);

impl Target for UserTarget {
    type Name = UserPlace;

    /// A missing user is no error here: it is only told of after the permission to ask was found.
    fn resolve(place: &UserPlace, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let account = facts.account();
        let name = match place {
            UserPlace::Caller => &caller_itself(facts)?.name,
            UserPlace::Existing(name) | UserPlace::New(name, _) => name,
        };
        let user = facts.view.user(account, name).cloned();
        let arn_below = |path: &str| PrincipalArn::User { account, path: path.into(), name: name.clone() };
        let (arn, shown) = match place {
            UserPlace::Caller | UserPlace::Existing(_) => {
                (user.as_ref().map_or_else(|| arn_below("/"), |user| user.arn()), format!("user {name}"))
            }
            UserPlace::New(_, path) => (arn_below(path), arn_below(path).to_string()),
        };
        Ok(Self { name: name.clone(), user, arn, shown })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.shown.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.arn), Subject::Account, facts, shown)
    }

    fn resources(&self) -> Vec<String> {
        vec![self.arn.to_string()]
    }
}

/// The caller, where IAM takes it for the user that a request does not name. Source: text observed at AWS.
fn caller_itself<'a>(facts: &Facts<'a>) -> Result<&'a User, Error> {
    let none = || Error::Validation("Must specify userName when calling with non-User credentials".into());
    facts.caller.as_user().ok_or_else(none)
}

impl UserTarget {
    /// The user, or NoSuchEntity.
    pub fn existing(&self) -> Result<&User, Error> {
        self.user.as_deref().ok_or_else(|| Error::user_not_found(&self.name))
    }
}

impl Target for UsersBelow {
    /// The beginning of the path.
    type Name = Box<str>;

    fn resolve(path: &Box<str>, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self(format!("arn:aws:iam::{}:user{path}", facts.account())))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.0.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.0), Subject::Account, facts, shown)
    }

    fn resources(&self) -> Vec<String> {
        vec![self.0.clone()]
    }
}
