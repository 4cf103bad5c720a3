//! Principals that grants name: bound to unique ids when a grant is made, shown as what they are now, and compared with
//! callers. Source: API reference, CreateGrant, GranteePrincipal and RetiringPrincipal.

use std::sync::Arc;

use claviger_types::{AccountId, PrincipalArn, PrincipalId, RoleSessionName};

use crate::error::Error;
use crate::identity::principal_ids;
use crate::pipeline::call::Facts;
use crate::view::{BoundPrincipal, Grant, GrantPrincipal, Key, View};

/// The ARN that a request means: an account number is its root's ARN.
pub fn parse(text: &str) -> Result<PrincipalArn, Error> {
    let account = text.parse::<AccountId>().map(PrincipalArn::Root);
    account.or_else(|_| text.parse()).map_err(|_| unknown(text))
}

/// What conditions compare: the ARN that a request means, or its text if it means none.
pub fn named(text: &str) -> String {
    parse(text).map_or_else(|_| text.to_owned(), |arn| arn.to_string())
}

/// The principal of this ARN, of whatever account; it must exist.
pub fn bind(text: &str, view: &View) -> Result<GrantPrincipal, Error> {
    find(&parse(text)?, view).ok_or_else(|| unknown(text))
}

/// The principal of this ARN, if it exists; of a session, the role does.
pub fn find(arn: &PrincipalArn, view: &View) -> Option<GrantPrincipal> {
    let id = match arn {
        PrincipalArn::Root(account) => view.account(*account).map(|_| None)?,
        PrincipalArn::Role { .. } | PrincipalArn::Session { .. } | PrincipalArn::User { .. } => {
            Some(view.principal(arn)?.id())
        }
    };
    GrantPrincipal::new(arn.clone(), id).ok()
}

/// The grants on a key to the caller. A grant to an account is its root's alone.
pub fn to_caller<'v>(key: &Key, facts: &Facts<'v>) -> impl Iterator<Item = &'v Arc<Grant>> + use<'v> {
    let caller = BoundPrincipal::Principal(facts.caller.principal_id());
    to_principal(key, caller, facts.caller.role_session_name(), facts.view)
}

/// The grants on a key to a principal. What is granted to a session of a role is that session's alone.
pub fn to_principal<'v>(
    key: &Key,
    bound: BoundPrincipal,
    session: Option<&RoleSessionName>,
    view: &'v View,
) -> impl Iterator<Item = &'v Arc<Grant>> + use<'v> {
    let (region, key) = (key.arn.region, key.arn.id);
    let of_session = match (&bound, session) {
        (BoundPrincipal::Principal(PrincipalId::Role(role)), Some(session)) => {
            Some(BoundPrincipal::Session(*role, session.clone()))
        }
        _ => None,
    };
    std::iter::once(bound).chain(of_session).flat_map(move |to| view.grants_to(region, key, to, None))
}

/// A principal as answers show it: its ARN now, or its unique id once it is gone.
pub fn shown(principal: &GrantPrincipal, view: &View) -> String {
    match principal.bound() {
        BoundPrincipal::Account(_) => principal.arn().to_string(),
        BoundPrincipal::Principal(id) => principal_ids::shown(principal.arn(), id, view),
        BoundPrincipal::Session(role, _) => principal_ids::shown(principal.arn(), PrincipalId::Role(role), view),
    }
}

/// Source: docs/compatibility.md, CreateGrant.
pub fn unknown(text: &str) -> Error {
    Error::InvalidArn(format!("ARN does not refer to a valid principal: {text}"))
}
