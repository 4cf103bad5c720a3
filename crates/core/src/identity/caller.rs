//! Who calls: a user with its access key, or a session of a user or a role. Read off one View, so that whoever was
//! deleted calls no more.
//!
//! What a decision, an answer or an event wants to know of the caller is asked here and nowhere else. A new kind of
//! principal is a variant of [`Principal`], and the compiler names each place that must know it.

use std::sync::Arc;

use claviger_policy::{ConditionKey, Identity, IdentityPolicies, Values};
use claviger_types::{AccountId, PrincipalArn, PrincipalId, RoleSessionName, Timestamp};

use crate::error::Error;
use crate::identity::session::Session;
use crate::identity::tags;
use crate::pipeline::operation::Operation;
use crate::pipeline::request::tag_value;
use crate::view::{Credential, Role, Tags, User, View};

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
    /// A role, by a session of this name.
    Role(&'a Role, &'a RoleSessionName),
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

    /// Whose account's request it is.
    pub fn account(&self) -> AccountId {
        match self {
            Self::AccessKey(credential) => credential.user.account,
            Self::Session(session) => session.account,
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

    /// A role by a session.
    pub fn of_role(role: &'a Role, name: &'a RoleSessionName, session: &'a Session) -> Self {
        Self { account: role.account, principal: Principal::Role(role, name), session: Some(session) }
    }

    /// Whether the API lets this kind of caller call the operation at all, whatever policies say.
    pub fn check_may_call<O: Operation>(&self) -> Result<(), Error> {
        self.session.map_or(Ok(()), Session::check_may_call::<O>)
    }

    /// The ARN that errors, GetCallerIdentity and events show.
    pub fn arn(&self) -> PrincipalArn {
        match self.principal {
            Principal::Role(role, name) => role.session_arn(name),
            Principal::User(user) => user.arn(),
        }
    }

    /// `aws:PrincipalArn`: for a session of a role, the role's ARN.
    pub fn principal_arn(&self) -> PrincipalArn {
        match self.principal {
            Principal::Role(role, _) => role.arn(),
            Principal::User(user) => user.arn(),
        }
    }

    fn principal_arn_text(&self) -> &'a str {
        match self.principal {
            Principal::Role(role, _) => &role.arn_text,
            Principal::User(user) => &user.arn_text,
        }
    }

    /// `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self.principal {
            Principal::Role(..) => "AssumedRole",
            Principal::User(_) => "User",
        }
    }

    /// `aws:PrincipalTag/…`: the session's tags, and those of the user or role that they leave as they are. Source: IAM
    /// user guide, "Pass session tags in AWS STS".
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let of_session = self.session.map_or(&[][..], |session| &*session.tags);
        let overridden = |key: &str| of_session.iter().any(|tag| tags::same(&tag.key, key));
        let own = self.own_tags().iter().filter(move |(key, _)| !overridden(key));
        let own = own.map(|(key, value)| (&**key, &**value));
        of_session.iter().map(|tag| (&*tag.key, &*tag.value)).chain(own)
    }

    /// What condition keys tell of the principal, with whatever session it calls.
    pub fn condition(&self, key: &ConditionKey) -> Option<Values<'a>> {
        Some(match key {
            ConditionKey::AwsPrincipalAccount => Values::text(self.account.to_string()),
            ConditionKey::AwsPrincipalArn => Values::text(self.principal_arn_text()),
            ConditionKey::AwsPrincipalTag(name) => tag_value(self.tags(), name),
            ConditionKey::AwsPrincipalType => Values::text(self.principal_type()),
            ConditionKey::AwsUserId => Values::text(self.user_id()),
            ConditionKey::AwsUserName => Values::optional(self.as_user().map(|user| user.name.as_str())),
            _ => return None,
        })
    }

    /// What condition keys tell of the session. Only temporary credentials have these. Source: IAM user guide,
    /// aws:MultiFactorAuthPresent.
    pub fn session_condition(&self, key: &ConditionKey, wall_now: Timestamp) -> Option<Values<'a>> {
        let session = self.session;
        Some(match key {
            ConditionKey::AwsMultiFactorAuthPresent => {
                session.map_or(Values::Absent, |session| Values::boolean(session.mfa_at.is_some()))
            }
            ConditionKey::AwsMultiFactorAuthAge => {
                let at = session.and_then(|session| session.mfa_at);
                let age = at.map(|at| wall_now.as_millis().saturating_sub(at.as_millis()) / 1000);
                age.map_or(Values::Absent, Values::integer)
            }
            ConditionKey::AwsSourceIdentity => {
                Values::optional(session.and_then(|session| session.source_identity.as_deref()))
            }
            ConditionKey::AwsTokenIssueTime => {
                session.map_or(Values::Absent, |session| Values::time(session.issued_at))
            }
            _ => return None,
        })
    }

    /// The principal's unique id, which policies are bound to.
    pub fn principal_id(&self) -> PrincipalId {
        match self.principal {
            Principal::Role(role, _) => PrincipalId::Role(role.id),
            Principal::User(user) => PrincipalId::User(user.id),
        }
    }

    /// `aws:userid`: the unique id as GetCallerIdentity and events show it.
    pub fn user_id(&self) -> String {
        match self.principal {
            Principal::Role(role, name) => format!("{}:{name}", role.id),
            Principal::User(user) => user.id.to_string(),
        }
    }

    /// The user, if the caller is one.
    pub fn as_user(&self) -> Option<&'a User> {
        match self.principal {
            Principal::Role(..) => None,
            Principal::User(user) => Some(user),
        }
    }

    /// The name of the session, if the caller is a role's.
    pub fn role_session_name(&self) -> Option<&'a RoleSessionName> {
        match self.principal {
            Principal::Role(_, name) => Some(name),
            Principal::User(_) => None,
        }
    }

    /// The session policies, if the session was given any.
    pub fn session_policies(&self, view: &View) -> Option<Arc<IdentityPolicies>> {
        self.session.and_then(|session| session.policies_in(view))
    }

    /// The caller as policies see it, with the policies that count for it. Those of its session come from
    /// [`Caller::session_policies`].
    pub fn as_principal(&self, session_policies: Option<&'a IdentityPolicies>) -> claviger_policy::Principal<'a> {
        let (identity, policies, boundary) = match self.principal {
            Principal::Role(role, name) => {
                (Identity::RoleSession { role: role.id, name }, &role.identity, role.boundary.as_deref())
            }
            Principal::User(user) => (Identity::User(user.id), &user.identity, user.boundary.as_deref()),
        };
        claviger_policy::Principal {
            account: self.account,
            identity,
            policies,
            boundary: boundary.map(|policy| &*policy.document.compiled),
            session_policies,
            service_control: &[],
        }
    }

    fn own_tags(&self) -> &'a Tags {
        match self.principal {
            Principal::Role(role, _) => &role.tags,
            Principal::User(user) => &user.tags,
        }
    }
}
