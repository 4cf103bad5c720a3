//! Who asks, and for what.

use std::sync::Arc;

use claviger_types::{AccountId, RoleId, RoleSessionName, UserId};

use crate::actions::Action;
use crate::context::Context;
use crate::identity_policy::{IdentityPolicies, IdentityPolicy};

/// Who asks, with all policies that stand on its side.
#[derive(Clone, Copy)]
pub struct Principal<'a> {
    /// Its account.
    pub account: AccountId,
    /// Who it is there.
    pub identity: Identity<'a>,
    /// The policies of the user and its groups, or of the role. The root has none.
    pub policies: &'a IdentityPolicies,
    /// The permissions boundary of the user or the role.
    pub boundary: Option<&'a IdentityPolicy>,
    /// The session policies, if the session was given any.
    pub session_policies: Option<&'a IdentityPolicies>,
    /// The service control policies of each level above the account, from the top. Each level must allow.
    pub service_control: &'a [Arc<IdentityPolicies>],
}

/// A principal of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The account itself.
    Root,
    /// A session of a role.
    RoleSession {
        /// The role's unique id.
        role: RoleId,
        /// The session's name.
        name: &'a RoleSessionName,
    },
    /// A user.
    User(UserId),
}

/// Who asks for what, in which circumstances.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal<'a>,
    /// What for.
    pub action: Action,
    /// The circumstances.
    pub context: &'a dyn Context,
}
