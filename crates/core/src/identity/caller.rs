//! Who calls: a user with its access key, or a session. Read off one View, so that whoever was deleted calls no more.
//!
//! What a decision, an answer or an event wants to know of the caller is asked here and nowhere else. A new kind of
//! principal is a variant of [`Principal`], and the compiler names each place that must know it.

use std::sync::Arc;

use claviger_policy::{Action, Decision, IdentityPolicy, KeyResource, Resource, decide_by_identity, decide_on_key};
use claviger_types::{AccountId, PrincipalArn, PrincipalId};

use crate::view::{Credential, User, View};

/// What signed a request. Only a pointer: to clone it allocates nothing.
#[derive(Clone)]
pub enum Signatory {
    /// A user's access key.
    AccessKey(Arc<Credential>),
}

/// Who calls, as one View has it.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The principal's account.
    pub account: AccountId,
    /// The principal.
    pub principal: Principal<'a>,
}

/// A principal of IAM.
#[derive(Clone, Copy)]
pub enum Principal<'a> {
    /// A user.
    User(&'a User),
}

impl Signatory {
    /// The id of the access key that signed.
    pub fn access_key_id(&self) -> &str {
        match self {
            Self::AccessKey(credential) => credential.access_key_id.as_str(),
        }
    }

    /// Who calls, as of the View that this was found in. It looks nothing up.
    pub fn caller(&self) -> Caller<'_> {
        match self {
            Self::AccessKey(credential) => Caller::user(&credential.user),
        }
    }

    /// Who calls as of `view`, if the access key still speaks for the same principal there.
    pub fn caller_in<'v>(&self, view: &'v View) -> Option<Caller<'v>> {
        match self {
            Self::AccessKey(credential) => {
                let now = view.credential(credential.access_key_id)?;
                (now.user.id == credential.user.id).then(|| Caller::user(&now.user))
            }
        }
    }
}

impl<'a> Caller<'a> {
    fn user(user: &'a User) -> Self {
        Self { account: user.account, principal: Principal::User(user) }
    }

    /// The ARN that errors, GetCallerIdentity and events show.
    pub fn arn(&self) -> PrincipalArn {
        match self.principal {
            Principal::User(user) => user.arn(),
        }
    }

    /// The principal's unique id, which policies are bound to.
    pub fn principal_id(&self) -> PrincipalId {
        match self.principal {
            Principal::User(user) => PrincipalId::User(user.id),
        }
    }

    /// `aws:userid`: the unique id as GetCallerIdentity and events show it.
    pub fn user_id(&self) -> String {
        self.principal_id().to_string()
    }

    /// The user, if the caller is one.
    pub fn as_user(&self) -> Option<&'a User> {
        match self.principal {
            Principal::User(user) => Some(user),
        }
    }

    /// Decides an action on a key.
    pub fn decide_on_key(&self, action: Action, key: KeyResource<'_>) -> Decision {
        match self.principal {
            Principal::User(user) => decide_on_key(user.as_caller(), action, key, self.identity_policies()),
        }
    }

    /// Decides an action for which no key policy is asked.
    pub fn decide_by_identity(&self, action: Action, resource: Resource<'_>) -> Decision {
        match self.principal {
            Principal::User(user) => decide_by_identity(user.as_caller(), action, resource, self.identity_policies()),
        }
    }

    fn identity_policies(&self) -> impl Iterator<Item = &'a IdentityPolicy> + use<'a> {
        match self.principal {
            Principal::User(user) => user.policies.iter().map(|policy| &policy.compiled),
        }
    }
}
