//! Grants: what a key's owner has handed on without touching the key's policy.

use std::collections::BTreeMap;

use super::scenario::{Caller, CallerKind, Constraint, Grant, NewGrant, Scenario};

/// Operations whose request carries an encryption context, and which a constraint therefore binds.
const WITH_CONTEXT: [&str; 8] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// A grant lets the caller in if it is usable, names the caller or its role, holds the operation, and if its constraint
/// holds. Through a grant the caller makes only grants that give no more than it.
pub fn allows(grant: &Grant, scenario: &Scenario) -> bool {
    let Some(operation) = scenario.action.strip_prefix("kms:") else { return false };
    grant.usable
        && is_grantee(&grant.grantee, &scenario.caller)
        && grant.operations.iter().any(|held| held == operation)
        && constraint_holds(&grant.constraint, operation, &scenario.encryption_context)
        && (operation != "CreateGrant" || scenario.new_grant.as_ref().is_some_and(|new| gives_no_more(grant, new)))
}

/// The same or fewer operations, under the same or a stricter constraint: one exact context is stricter than a part of
/// it, and more pairs are stricter than fewer.
fn gives_no_more(grant: &Grant, new: &NewGrant) -> bool {
    let operations = new.operations.iter().all(|operation| grant.operations.contains(operation));
    let as_strict = match (&grant.constraint, &new.constraint) {
        (Constraint::None, _) => true,
        (Constraint::Equals(pairs), Constraint::Equals(new)) => pairs == new,
        (Constraint::Subset(pairs), Constraint::Equals(new) | Constraint::Subset(new)) => {
            pairs.iter().all(|(name, value)| new.get(name) == Some(value))
        }
        (Constraint::Equals(_) | Constraint::Subset(_), _) => false,
    };
    operations && as_strict
}

/// A grantee is a user, a role with all its sessions, one session, or the root of an account. The root of an account is
/// that root alone (the rules do not let an account hand its grant on to its users).
pub fn is_grantee(grantee: &str, caller: &Caller) -> bool {
    match caller.kind {
        CallerKind::Root => grantee == caller.arn,
        CallerKind::User => grantee == caller.unique_id,
        CallerKind::Session => {
            let session = caller.arn.rsplit('/').next().expect("a session has a name");
            grantee == caller.unique_id || grantee == format!("{}:{session}", caller.unique_id)
        }
    }
}

/// A constraint binds only operations with an encryption context: either the context is exactly that of the constraint,
/// or it holds at least the constraint's pairs. Names and values compare exactly.
fn constraint_holds(constraint: &Constraint, operation: &str, context: &BTreeMap<String, String>) -> bool {
    if !WITH_CONTEXT.contains(&operation) {
        return true;
    }
    match constraint {
        Constraint::None => true,
        Constraint::Equals(pairs) => pairs == context,
        Constraint::Subset(pairs) => pairs.iter().all(|(name, value)| context.get(name) == Some(value)),
    }
}
