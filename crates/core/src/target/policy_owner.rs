//! Whose policies are explained or simulated: an account's root, a user, a group, a role or a role's session, by its
//! ARN. Decided by identity policies alone, and only in the caller's own account.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use claviger_types::{AccountId, GroupArn, Malformed, PrincipalArn, RoleSessionName};

use super::account::ask_own;
use super::circumstances::Subject;
use super::{Asked, Resources, Target};
use crate::error::Error;
use crate::identity::entities::Entity;
use crate::pipeline::call::Facts;
use crate::view::{Group, IamPrincipal, Role, User, View};

/// How a request names one who has policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOwnerName {
    /// The caller itself.
    Caller,
    /// A group, which calls nobody.
    Group(GroupArn),
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
        text.parse().map(Self::Principal).or_else(|malformed| text.parse().map(Self::Group).map_err(|_| malformed))
    }
}

impl PolicyOwner {
    /// What conditions tell of it.
    pub(crate) fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Group(group) => Subject::Iam(group.as_iam_resource()),
            Self::Role(role, _) => Subject::Iam(role.as_iam_resource()),
            Self::Root(_) => Subject::Account,
            Self::User(user) => Subject::Iam(user.as_iam_resource()),
        }
    }

    /// The one of this ARN, path and case included; a session has its role's name only.
    pub fn find(arn: &PrincipalArn, view: &View) -> Option<Self> {
        if let PrincipalArn::Root(account) = arn {
            return view.account(*account).map(|_| Self::Root(*account));
        }
        let session = match arn {
            PrincipalArn::Session { session, .. } => Some(session.clone()),
            PrincipalArn::Role { .. } | PrincipalArn::Root(_) | PrincipalArn::User { .. } => None,
        };
        Some(match view.principal(arn)? {
            IamPrincipal::Role(role) => Self::Role(role, session),
            IamPrincipal::User(user) => Self::User(user),
        })
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
            PolicyOwnerName::Group(arn) => {
                let group = facts.view.group(arn.account, &arn.name).filter(|group| group.arn() == *arn);
                Self { arn: arn.to_string(), account: arn.account, found: group.cloned().map(PolicyOwner::Group) }
            }
            PolicyOwnerName::Principal(arn) => of_principal(arn),
        })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        ask_own(asked, &self.arn, self.account, self.found.as_ref().map(PolicyOwner::as_subject), facts)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        if self.found.is_some() {
            resources.arn(self.arn.as_str());
        }
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
