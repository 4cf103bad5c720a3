//! Who calls: a user with its access key, or a session. Read off one View, so that whoever was deleted calls no more.
//!
//! What a decision, an answer or an event wants to know of the caller is asked here and nowhere else. A new kind of
//! principal is a variant of [`Principal`], and the compiler names each place that must know it.

use std::sync::Arc;

use claviger_types::{AccountId, PrincipalArn, PrincipalId, ServiceName, Timestamp};

use crate::error::Error;
use crate::identity::session::Session;
use crate::view::{Credential, User, View};

/// What signed a request. Only a pointer: to clone it allocates nothing.
#[derive(Clone)]
pub enum Signatory {
    /// A user's access key.
    AccessKey(Arc<Credential>),
    /// A session's access key.
    Session(Arc<Session>),
}

/// Who calls, as one View has it.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The principal's account.
    pub account: AccountId,
    /// The principal.
    pub principal: Principal<'a>,
    /// The session, if it is not the principal's own access key that signed.
    pub session: Option<&'a Session>,
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
            Self::Session(session) => session.access_key_id.as_str(),
        }
    }

    /// Whether both are one, not only of one name: an access key of this id may have been deleted and made again.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AccessKey(one), Self::AccessKey(other)) => Arc::ptr_eq(one, other),
            (Self::Session(one), Self::Session(other)) => Arc::ptr_eq(one, other),
            (Self::AccessKey(_), Self::Session(_)) | (Self::Session(_), Self::AccessKey(_)) => false,
        }
    }

    /// Who calls, as of `view`, in which this was found. For an access key it looks nothing up.
    pub fn caller<'a>(&'a self, view: &'a View, wall_now: Timestamp) -> Result<Caller<'a>, Error> {
        match self {
            Self::AccessKey(credential) => Ok(Caller::of_user(&credential.user)),
            Self::Session(session) => session.caller(view, wall_now),
        }
    }

    /// Who calls as of `view`, which may be newer: a command that waited must not outlive its caller.
    pub fn caller_in<'a>(&'a self, view: &'a View, wall_now: Timestamp) -> Result<Caller<'a>, Error> {
        match self {
            Self::AccessKey(credential) => {
                let now = view.credential(credential.access_key_id);
                let now = now.filter(|now| now.user.id == credential.user.id).ok_or(Error::CallerGone)?;
                Ok(Caller::of_user(&now.user))
            }
            Self::Session(session) => session.caller(view, wall_now),
        }
    }
}

impl<'a> Caller<'a> {
    fn of_user(user: &'a User) -> Self {
        Self { account: user.account, principal: Principal::User(user), session: None }
    }

    /// A user by a session of its own.
    pub fn of_session(user: &'a User, session: &'a Session) -> Self {
        Self { session: Some(session), ..Self::of_user(user) }
    }

    /// Whether the API lets this kind of caller call the operation at all, whatever policies say.
    pub fn check_may_call(&self, service: ServiceName, operation: &str) -> Result<(), Error> {
        self.session.map_or(Ok(()), |session| session.check_may_call(service, operation))
    }

    /// The ARN that errors, GetCallerIdentity and events show.
    pub fn arn(&self) -> PrincipalArn {
        match self.principal {
            Principal::User(user) => user.arn(),
        }
    }

    /// `aws:PrincipalArn`: for a session of a role, the role's ARN.
    pub fn principal_arn(&self) -> PrincipalArn {
        match self.principal {
            Principal::User(user) => user.arn(),
        }
    }

    /// `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self.principal {
            Principal::User(_) => "User",
        }
    }

    /// `aws:PrincipalTag/…`: the session's tags, and those of the principal whose keys the session has not.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let Principal::User(user) = self.principal;
        let session = self.session;
        let of_session = move || session.into_iter().flat_map(|session| &session.tags);
        let own = user.tags.iter().map(|(key, value)| (&**key, &**value));
        let own = own.filter(move |(key, _)| !of_session().any(|tag| tag.key.eq_ignore_ascii_case(key)));
        of_session().map(|tag| (&*tag.key, &*tag.value)).chain(own)
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

    /// The caller as policies see it, with the policies that count for it.
    pub fn as_principal(&self) -> claviger_policy::Principal<'a> {
        match self.principal {
            Principal::User(user) => user.as_principal(),
        }
    }
}
