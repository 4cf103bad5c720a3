//! Whom a statement of a key policy, trust policy or resource control policy speaks of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scenario::{Caller, CallerKind};
use super::statements::{Statement, strings};

/// How a policy names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By `*`, or by `NotPrincipal` that does not list it.
    AsAnyone,
    /// By the root ARN or the number of its account.
    ByAccount,
    ByRole,
    BySession,
    ByUser,
}

/// All ways in which an Allow names the caller; none if it does not.
pub fn allowed_as(statement: &Statement, caller: &Caller, bindings: &BTreeMap<String, String>) -> Vec<Named> {
    if let Some(principal) = statement.get("Principal") {
        return names(principal, caller, bindings);
    }
    match statement.get("NotPrincipal") {
        Some(listed) if allow_excludes(&names(listed, caller, bindings), caller) => Vec::new(),
        Some(_) => vec![Named::AsAnyone],
        None => Vec::new(),
    }
}

/// A Deny hits all whom it names in any way: the account's ARN hits each principal of the account.
pub fn denies(statement: &Statement, caller: &Caller, has_boundary: bool, bindings: &BTreeMap<String, String>) -> bool {
    if let Some(principal) = statement.get("Principal") {
        return !names(principal, caller, bindings).is_empty();
    }
    match statement.get("NotPrincipal") {
        Some(listed) => !deny_spares(&names(listed, caller, bindings), caller, has_boundary),
        None => false,
    }
}

/// Allow with `NotPrincipal` allows all but those who are listed themselves. An account that is listed is its root, not
/// the account's users. A role that is listed is all of its sessions, as everywhere (the rules say only "exactly").
fn allow_excludes(listed: &[Named], caller: &Caller) -> bool {
    listed.iter().any(|named| match named {
        Named::AsAnyone | Named::ByUser | Named::BySession | Named::ByRole => true,
        Named::ByAccount => caller.kind == CallerKind::Root,
    })
}

/// Deny with `NotPrincipal` spares only who is listed itself and with its account (a session: session, role and account),
/// and nobody who has a permissions boundary.
fn deny_spares(listed: &[Named], caller: &Caller, has_boundary: bool) -> bool {
    let needed: &[Named] = match caller.kind {
        CallerKind::Root => &[Named::ByAccount],
        CallerKind::User => &[Named::ByUser, Named::ByAccount],
        CallerKind::Session => &[Named::BySession, Named::ByRole, Named::ByAccount],
    };
    let all_listed = needed.iter().all(|one| listed.contains(one));
    !has_boundary && (listed.contains(&Named::AsAnyone) || all_listed)
}

/// `"*"`, or an object of kinds of principals. Services, federated identities and canonical users never call here.
fn names(principal: &Value, caller: &Caller, bindings: &BTreeMap<String, String>) -> Vec<Named> {
    match principal {
        Value::String(everyone) if everyone == "*" => vec![Named::AsAnyone],
        Value::Object(kinds) => match kinds.get("AWS") {
            Some(listed) => strings(listed).iter().filter_map(|one| name(one, caller, bindings)).collect(),
            None => Vec::new(),
        },
        other => panic!("a principal is a star or an object: {other}"),
    }
}

/// How this one entry names the caller, if it does. There are no wildcards but the star alone. The ARN of a user, role
/// or session stands for the unique id that it had when the policy was put: a successor of the same name is not meant.
fn name(listed: &str, caller: &Caller, bindings: &BTreeMap<String, String>) -> Option<Named> {
    let is_bound_to_caller = bindings.get(listed) == Some(&caller.unique_id);
    if listed == "*" {
        return Some(Named::AsAnyone);
    }
    if listed == caller.account || listed == format!("arn:aws:iam::{}:root", caller.account) {
        return Some(Named::ByAccount);
    }
    match caller.kind {
        CallerKind::User if listed.contains(":user/") && is_bound_to_caller => Some(Named::ByUser),
        CallerKind::Session if listed.contains(":role/") && is_bound_to_caller => Some(Named::ByRole),
        CallerKind::Session if listed == caller.arn && is_bound_to_caller => Some(Named::BySession),
        _ => None,
    }
}
