//! One who has policies, as a decision sees it, and where each of its policies comes from.

use std::sync::{Arc, LazyLock};

use claviger_policy::{Action, ConditionKey, Identity, IdentityPolicies, Layer, Principal, Values};
use claviger_types::{AccountId, ControlPolicyType, PrincipalArn, PrincipalId, RoleSessionName};

use super::wanted;
use crate::error::Error;
use crate::identity::caller::{self, Caller};
use crate::identity::session::{Session, SessionKind};
use crate::keys::grant_principals;
use crate::pipeline::call::Facts;
use crate::pipeline::request::tag_value;
use crate::target::PolicyOwner;
use crate::view::{BoundPrincipal, EffectivePolicies, Grant, Key, ManagedPolicy, PolicySource, View};

/// One who has policies, with the name that its session goes by.
pub(crate) struct Owner {
    found: PolicyOwner,
    session: RoleSessionName,
    session_kind: Option<SessionKind>,
    session_policies: Option<Arc<IdentityPolicies>>,
    /// All tags that it has by its session, if that is known.
    session_tags: Option<Vec<(Box<str>, Box<str>)>>,
    /// What else condition keys tell of its session, if that is known; nothing is absent.
    session_conditions: Vec<(ConditionKey, Option<String>)>,
}

/// A policy, as answers name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicyName {
    /// A key's policy, or a role's trust policy.
    OfResource,
    /// It is inside the group.
    OfGroup(String, Box<str>),
    /// It is inside the user or role, or a control policy.
    Inline(Box<str>),
    /// It is attached, or the boundary: by its ARN.
    Managed(String),
}

/// What a role's session is called when nobody said.
const ANY_SESSION: &str = "any-session";

static NO_POLICIES: LazyLock<IdentityPolicies> = LazyLock::new(IdentityPolicies::default);

impl Owner {
    /// The owner, whose session goes by its own name or by one that no policy is likely to name.
    pub(crate) fn new(found: PolicyOwner) -> Result<Self, Error> {
        let (named, session_kind) = match &found {
            PolicyOwner::Role(_, session) => (session.clone(), Some(SessionKind::Role)),
            PolicyOwner::Group(_) | PolicyOwner::Root(_) | PolicyOwner::User(_) => (None, None),
        };
        let session = named.map_or_else(|| ANY_SESSION.parse(), Ok);
        let session = session.map_err(|_| Error::Internal("the name of a supposed session is refused".into()))?;
        let (session_policies, session_tags, session_conditions) = (None, None, Vec::new());
        Ok(Self { found, session, session_kind, session_policies, session_tags, session_conditions })
    }

    /// The owner who calls, with what its session brings along to a request for `action`.
    pub(crate) fn calling(found: PolicyOwner, action: Action, facts: &Facts<'_>) -> Result<Self, Error> {
        let tags = facts.caller.tags().map(|(key, value)| (key.into(), value.into())).collect();
        let session_policies = facts.caller.session_policies(facts.view);
        let session_conditions = session_conditions(action, facts);
        let session_kind = facts.caller.session.map(Session::kind);
        Ok(Self { session_kind, session_policies, session_tags: Some(tags), session_conditions, ..Self::new(found)? })
    }

    /// By which sessions it calls; a user and a root call without one, unless it is known to have one.
    pub(crate) fn session_kind(&self) -> Option<SessionKind> {
        self.session_kind
    }

    /// Its account.
    pub(crate) fn account(&self) -> AccountId {
        match &self.found {
            PolicyOwner::Group(group) => group.account,
            PolicyOwner::Role(role, _) => role.account,
            PolicyOwner::Root(account) => *account,
            PolicyOwner::User(user) => user.account,
        }
    }

    /// Its policies, with their sources.
    pub(crate) fn policies(&self) -> Option<&EffectivePolicies> {
        match &self.found {
            PolicyOwner::Group(group) => Some(&group.effective),
            PolicyOwner::Role(role, _) => Some(&role.effective),
            PolicyOwner::Root(_) => None,
            PolicyOwner::User(user) => Some(&user.effective),
        }
    }

    /// Its permissions boundary.
    pub(crate) fn boundary(&self) -> Option<&Arc<ManagedPolicy>> {
        match &self.found {
            PolicyOwner::Group(_) | PolicyOwner::Root(_) => None,
            PolicyOwner::Role(role, _) => role.boundary.as_ref(),
            PolicyOwner::User(user) => user.boundary.as_ref(),
        }
    }

    /// Its kind, as simulations name where a policy inside of it comes from.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.found {
            PolicyOwner::Group(_) => "group",
            PolicyOwner::Role(..) => "role",
            PolicyOwner::Root(_) | PolicyOwner::User(_) => "user",
        }
    }

    /// The user, if it is one.
    pub(crate) fn is_user(&self) -> bool {
        matches!(self.found, PolicyOwner::User(_))
    }

    /// The principal as policies see it; a group is none.
    pub(crate) fn as_principal<'a>(&'a self, view: &'a View) -> Option<Principal<'a>> {
        let service_control = view.scp_levels(self.account());
        match (&self.found, self.caller()) {
            (PolicyOwner::Group(_), _) => None,
            (_, Some(caller)) => {
                Some(Principal { service_control, ..caller.as_principal(self.session_policies.as_deref()) })
            }
            (_, None) => Some(Principal {
                account: self.account(),
                identity: Identity::Root,
                policies: &NO_POLICIES,
                boundary: None,
                session_policies: None,
                service_control,
            }),
        }
    }

    /// The same as a request of it would have it, but for what its session brings along; a root makes none.
    fn caller(&self) -> Option<Caller<'_>> {
        let principal = match &self.found {
            PolicyOwner::Group(_) | PolicyOwner::Root(_) => return None,
            PolicyOwner::Role(role, _) => caller::Principal::Role(role, &self.session),
            PolicyOwner::User(user) => caller::Principal::User(user),
        };
        Some(Caller { account: self.account(), principal, session: None })
    }

    /// The grants on a key to it.
    pub(crate) fn grants<'v>(&'v self, key: &Key, view: &'v View) -> Vec<&'v Grant> {
        let session = self.caller().and_then(|caller| caller.role_session_name());
        let granted = self.bound().map(|bound| grant_principals::to_principal(key, bound, session, view));
        granted.into_iter().flatten().map(|grant| &**grant).collect()
    }

    /// What is told by who calls; `None` if that does not tell it.
    pub(crate) fn values(&self, key: &ConditionKey) -> Option<Values<'_>> {
        let Some(caller) = self.caller() else { return self.values_of_root(key) };
        match key {
            ConditionKey::AwsPrincipalTag(name) => self.tag(name, &caller),
            // It holds the name of the session, which may be any.
            ConditionKey::AwsUserId if matches!(self.found, PolicyOwner::Role(_, None)) => None,
            key => {
                let of_session = self.session_conditions.iter().find(|(told, _)| told == key);
                let of_session = of_session.map(|(_, value)| Values::optional(value.as_deref()));
                of_session.or_else(|| caller.condition(key))
            }
        }
    }

    fn values_of_root(&self, key: &ConditionKey) -> Option<Values<'_>> {
        let PolicyOwner::Root(account) = &self.found else { return None };
        Some(match key {
            ConditionKey::AwsPrincipalAccount | ConditionKey::AwsUserId => Values::text(account.to_string()),
            ConditionKey::AwsPrincipalArn => Values::text(PrincipalArn::Root(*account).to_string()),
            ConditionKey::AwsPrincipalTag(_) | ConditionKey::AwsUserName => Values::Absent,
            ConditionKey::AwsPrincipalType => Values::text("Account"),
            _ => return None,
        })
    }

    /// A session of a role may have tags that nobody knows before there is one.
    fn tag<'a>(&'a self, name: &str, caller: &Caller<'a>) -> Option<Values<'a>> {
        if let Some(tags) = &self.session_tags {
            return Some(tag_value(tags.iter().map(|(key, value)| (&**key, &**value)), name));
        }
        match (tag_value(caller.tags(), name), &self.found) {
            (Values::Absent, PolicyOwner::Role(..)) => None,
            (found, _) => Some(found),
        }
    }

    /// The policy at a place of a layer; the resource is one of the same account.
    pub(crate) fn policy_name(&self, layer: Layer, policy: usize, view: &View) -> Option<PolicyName> {
        let control = |kind, level| {
            let policy = view.control_policies_at(self.account(), kind, level).into_iter().nth(policy)?;
            Some(PolicyName::Inline(policy.name.clone()))
        };
        match layer {
            Layer::Boundary => Some(PolicyName::Managed(self.boundary()?.arn.to_string())),
            Layer::Identity => {
                let policy = self.policies()?.iter().nth(policy)?;
                Some(match &policy.source {
                    PolicySource::Group(group, name) => PolicyName::OfGroup(group.to_string(), name.clone()),
                    PolicySource::Inline(name) => PolicyName::Inline(name.clone()),
                    PolicySource::Managed(arn) => PolicyName::Managed(arn.to_string()),
                })
            }
            Layer::Resource => Some(PolicyName::OfResource),
            Layer::ResourceControl { level } => control(ControlPolicyType::Resource, level),
            Layer::ServiceControl { level } => control(ControlPolicyType::Service, level),
            Layer::Session => None,
        }
    }

    fn bound(&self) -> Option<BoundPrincipal> {
        Some(match &self.found {
            PolicyOwner::Group(_) => return None,
            PolicyOwner::Role(role, _) => BoundPrincipal::Principal(PrincipalId::Role(role.id)),
            PolicyOwner::Root(account) => BoundPrincipal::Account(*account),
            PolicyOwner::User(user) => BoundPrincipal::Principal(PrincipalId::User(user.id)),
        })
    }
}

/// What condition keys tell of the caller's session.
fn session_conditions(action: Action, facts: &Facts<'_>) -> Vec<(ConditionKey, Option<String>)> {
    // A code of the request's own counts before the session's.
    let mfa = [ConditionKey::AwsMultiFactorAuthAge, ConditionKey::AwsMultiFactorAuthPresent];
    let mfa = mfa.into_iter().filter(|_| !wanted::takes_code(action));
    let told = mfa.chain([ConditionKey::AwsSourceIdentity, ConditionKey::AwsTokenIssueTime]);
    let value = |key: &ConditionKey| match facts.caller.session_condition(key, facts.wall_now()) {
        Some(Values::One(value)) => Some(value.into_text().into_owned()),
        Some(Values::Absent | Values::Many(_) | Values::Unknown) | None => None,
    };
    told.map(|key| (key.clone(), value(&key))).collect()
}
