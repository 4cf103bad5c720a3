//! A principal of IAM by its ARN, for our own operations: decided by identity policies alone.

use claviger_types::{AccountId, PrincipalArn, PrincipalId};

use super::account::ask_own;
use super::circumstances::Subject;
use super::{Asked, Resources, Target};
use crate::error::Error;
use crate::identity::entities::Entity;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::view::IamPrincipal;

/// A user or role of the caller's account, whether or not there is one.
pub struct PrincipalTarget {
    /// Its ARN as typed.
    pub arn: PrincipalArn,
    found: Option<IamPrincipal>,
}

impl Target for PrincipalTarget {
    type Name = PrincipalArn;

    /// The ARN must be the principal's own, path and case included.
    fn resolve(arn: &PrincipalArn, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = match arn {
            PrincipalArn::Role { .. } | PrincipalArn::User { .. } => facts.view.principal(arn),
            PrincipalArn::Root(_) | PrincipalArn::Session { .. } => None,
        };
        Ok(Self { arn: arn.clone(), found })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let found = self.found.as_ref().map(IamPrincipal::as_subject);
        ask_own(asked, &self.arn.to_string(), self.arn.account(), found, facts)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        if self.found.is_some() {
            resources.arn(self.arn.to_string());
        }
    }
}

impl IamPrincipal {
    /// What conditions tell of it.
    pub(super) fn as_subject(&self) -> Subject<'_> {
        match self {
            Self::Role(role) => Subject::Iam(role.as_iam_resource()),
            Self::User(user) => Subject::Iam(user.as_iam_resource()),
        }
    }
}

impl PrincipalTarget {
    /// Account and unique id, or NotFoundException.
    pub fn existing(&self) -> Result<(AccountId, PrincipalId), Error> {
        Ok((self.arn.account(), self.found()?.id()))
    }

    /// Demands that the principal is still there when something about it is written.
    pub fn guard(&self, changes: Changes) -> Result<Changes, Error> {
        Ok(match self.found()? {
            IamPrincipal::Role(role) => changes.unchanged(role.record_path(), role.revision),
            IamPrincipal::User(user) => changes.unchanged(user.record_path(), user.revision),
        })
    }

    fn found(&self) -> Result<&IamPrincipal, Error> {
        self.found.as_ref().ok_or_else(|| Error::NotFound(format!("The principal {} does not exist.", self.arn)))
    }
}
