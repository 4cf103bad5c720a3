//! Principals that grants name: bound to unique ids when a grant is made, shown as what they are now, and compared with
//! callers. Source: API reference, CreateGrant, GranteePrincipal and RetiringPrincipal.

use std::sync::Arc;

use claviger_types::{AccountId, PrincipalArn};

use crate::error::Error;
use crate::identity::principal_ids::{self, id_of};
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
        PrincipalArn::Role { .. } | PrincipalArn::Session { .. } | PrincipalArn::User { .. } => Some(id_of(arn, view)?),
    };
    GrantPrincipal::new(arn.clone(), id).ok()
}

/// The caller as grants name it: a grant to an account is its root's alone. A role's session is its role here;
/// [`names_caller`] compares its name.
pub fn caller(facts: &Facts<'_>) -> BoundPrincipal {
    BoundPrincipal::Principal(facts.caller.principal_id())
}

/// The grants on a key to the caller.
pub fn to_caller<'v>(key: &Key, facts: &Facts<'v>) -> impl Iterator<Item = &'v Arc<Grant>> + use<'v> {
    let facts = *facts;
    let granted = facts.view.grants_to(key.arn.region, key.arn.id, caller(&facts), None);
    granted.filter(move |grant| names_caller(&grant.grantee, &facts))
}

/// Whether the principal is the caller itself, or the role whose session it is.
pub fn names_caller(principal: &GrantPrincipal, facts: &Facts<'_>) -> bool {
    let is_session = |session| facts.caller.role_session_name() == Some(session);
    principal.bound() == caller(facts) && principal.session().is_none_or(is_session)
}

/// A principal as answers show it: its ARN now, or its unique id once it is gone.
pub fn shown(principal: &GrantPrincipal, view: &View) -> String {
    match principal.bound() {
        BoundPrincipal::Account(_) => principal.arn().to_string(),
        BoundPrincipal::Principal(id) => principal_ids::shown(principal.arn(), id, view),
    }
}

/// Source: docs/compatibility.md, CreateGrant.
pub fn unknown(text: &str) -> Error {
    Error::InvalidArn(format!("ARN does not refer to a valid principal: {text}"))
}
