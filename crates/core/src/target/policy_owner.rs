//! Whose policies are explained or simulated: an account's root, a user, a group, a role or a role's session, by its
//! ARN. Decided by identity policies alone, and only in the caller's own account.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{AccountId, GroupName, Malformed, PrincipalArn, RoleSessionName};

use super::account::{ask_identity, denied};
use super::circumstances::Subject;
use super::{Asked, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::pipeline::call::Facts;
use crate::view::{Group, Role, User, View};

/// How a request names one who has policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOwnerName {
    /// The caller itself.
    Caller,
    /// A group, which calls nobody: account and name, and the ARN as typed.
    Group(AccountId, GroupName, Box<str>),
    /// One that can call.
    Principal(PrincipalArn),
}

/// One who has policies, as the View has it.
#[derive(Clone)]
pub enum PolicyOwner {
    /// A group.
    Group(Arc<Group>),
    /// A role, with the name of its session if that is known.
    Role(Arc<Role>, Option<RoleSessionName>),
    /// An account's root.
    Root(AccountId),
    /// A user.
    User(Arc<User>),
}

/// The same, whether or not there is one.
pub struct PolicyOwnerTarget {
    arn: String,
    account: AccountId,
    found: Option<PolicyOwner>,
}

impl FromStr for PolicyOwnerName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let group = || {
            let (account, resource) = text.strip_prefix("arn:aws:iam::")?.split_once(':')?;
            let (_, name) = resource.strip_prefix("group/").map(|path| path.rsplit_once('/').unwrap_or(("", path)))?;
            Some(Self::Group(account.parse().ok()?, name.parse().ok()?, text.into()))
        };
        text.parse().map(Self::Principal).or_else(|malformed| group().ok_or(malformed))
    }
}

impl PolicyOwner {
    /// What conditions tell of it.
    fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Group(group) => Subject::Iam(group.as_iam_resource()),
            Self::Role(role, _) => Subject::Iam(role.as_iam_resource()),
            Self::Root(_) => Subject::Account,
            Self::User(user) => Subject::Iam(user.as_iam_resource()),
        }
    }

    /// The one of this ARN, path and case included; a session has its role's name only.
    pub fn find(arn: &PrincipalArn, view: &View) -> Option<Self> {
        match arn {
            PrincipalArn::Role { account, name, .. } => {
                let role = view.role(*account, name).filter(|role| role.arn() == *arn)?;
                Some(Self::Role(Arc::clone(role), None))
            }
            PrincipalArn::Root(account) => view.account(*account).map(|_| Self::Root(*account)),
            PrincipalArn::Session { account, role: name, session } => {
                let role = view.role(*account, name).filter(|role| role.name == *name)?;
                Some(Self::Role(Arc::clone(role), Some(session.clone())))
            }
            PrincipalArn::User { account, name, .. } => {
                let user = view.user(*account, name).filter(|user| user.arn() == *arn)?;
                Some(Self::User(Arc::clone(user)))
            }
        }
    }
}

impl Target for PolicyOwnerTarget {
    type Name = PolicyOwnerName;

    fn resolve(name: &PolicyOwnerName, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let of_principal = |arn: &PrincipalArn| Self {
            arn: arn.to_string(),
            account: arn.account(),
            found: PolicyOwner::find(arn, facts.view),
        };
        Ok(match name {
            PolicyOwnerName::Caller => of_principal(&facts.caller.arn()),
            PolicyOwnerName::Group(account, name, arn) => {
                let group = facts.view.group(*account, name);
                let group = group.filter(|group| entities::arn_of(&***group) == **arn);
                Self { arn: arn.to_string(), account: *account, found: group.cloned().map(PolicyOwner::Group) }
            }
            PolicyOwnerName::Principal(arn) => of_principal(arn),
        })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.arn.clone(), denial);
        // What is another account's tells nothing.
        let own = self.found.as_ref().filter(|_| self.account == facts.account());
        let subject = own.map_or(Subject::Account, PolicyOwner::as_subject);
        ask_identity(asked.action, Resource::Arn(&self.arn), subject, facts, shown)?;
        if self.account == facts.account() { Ok(()) } else { Err(denied(asked.action, facts, DeniedResource::Unknown)) }
    }

    fn resources(&self) -> Vec<String> {
        vec![self.arn.clone()]
    }
}

impl PolicyOwnerTarget {
    /// The owner, or what says that there is none.
    pub fn existing(&self) -> Result<&PolicyOwner, Error> {
        self.found.as_ref().ok_or_else(|| Error::NotFound(format!("The principal {} does not exist.", self.arn)))
    }
}

impl fmt::Display for PolicyOwnerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}
