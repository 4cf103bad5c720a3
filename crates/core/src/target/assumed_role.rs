//! A role that is to be assumed: its trust policy and the caller's policies are asked. Source: IAM user guide, "How to use
//! trust policies with IAM roles" and "Pass session tags in AWS STS".
//!
//! A refusal names the role as typed and gives no reason, so that a missing role and a forbidden one read alike.

use std::sync::Arc;

use claviger_policy::Action;
use claviger_types::{PrincipalArn, ServiceName};

use super::account::denied;
use super::{Asked, ResourceType, Resources, Target, decision};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::action;
use crate::view::Role;

/// Which role a request wants to assume.
pub struct AssumedRoleName {
    /// The role's ARN.
    pub arn: PrincipalArn,
    /// What is asked besides, for what the request says of the session.
    pub besides: Vec<Action>,
}

/// A role that is there and may be assumed, or is not there.
pub struct AssumedRole {
    arn: PrincipalArn,
    found: Option<Arc<Role>>,
    /// What is asked besides.
    besides: Vec<Action>,
}

/// What is asked of a session with tags.
pub const TAG_SESSION: Action = action!(ServiceName::Sts, "TagSession");

/// What is asked of a session of which it is said who is behind it.
pub const SET_SOURCE_IDENTITY: Action = action!(ServiceName::Sts, "SetSourceIdentity");

impl Target for AssumedRole {
    type Name = AssumedRoleName;
    const RESOURCE_TYPE: ResourceType = ResourceType::Role;

    /// The ARN must be the role's own, path and case included, and its account open. What the session inherits from the
    /// caller's is asked about like what the request gives it.
    fn resolve(name: &AssumedRoleName, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let found = match &name.arn {
            PrincipalArn::Role { account, name, .. } => facts.view.role(*account, name),
            PrincipalArn::Root(_) | PrincipalArn::Session { .. } | PrincipalArn::User { .. } => None,
        };
        let session = facts.caller.session;
        let mut besides = name.besides.clone();
        besides.extend(session.filter(|session| session.tags.iter().any(|tag| tag.transitive)).map(|_| TAG_SESSION));
        besides.extend(session.and_then(|session| session.source_identity.as_ref()).map(|_| SET_SOURCE_IDENTITY));
        let found = found.filter(|role| role.arn() == name.arn && !facts.view.is_closed(role.account)).cloned();
        Ok(Self { arn: name.arn.clone(), found, besides })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let allows = |action| self.found.as_ref().is_some_and(|role| decision::on_role(role, action, facts).is_ok());
        let refused = std::iter::once(asked.action).chain(self.besides.iter().copied()).find(|action| !allows(*action));
        refused.map_or(Ok(()), |action| Err(denied(action, facts, DeniedResource::Role(self.arn.clone()))))
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        self.found.iter().for_each(|role| resources.arn(role.arn().to_string()));
    }
}

impl AssumedRole {
    /// The role: what is not there is never authorized.
    pub fn role(&self) -> Result<&Role, Error> {
        self.found.as_deref().ok_or_else(|| Error::Internal("a role that is not there was authorized".into()))
    }
}
