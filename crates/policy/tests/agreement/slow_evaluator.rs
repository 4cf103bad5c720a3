//! The decision once more: slow, short, and written from the documents alone, on the policies' JSON itself.
//!
//! It shares no code with the product but the vocabulary of the answer. It takes for granted that the policies were
//! accepted, and asks every statement about everything.

use claviger_policy::{Decision, Denial, IdentityStatement, Reason};
use serde_json::Value;

/// A request, all in text.
pub(crate) struct Request<'a> {
    pub(crate) account: &'a str,
    /// The caller's unique id.
    pub(crate) user: &'a str,
    /// Such as `kms:Encrypt`.
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
}

/// A user's ARN and the unique id behind it when the key policy was put.
pub(crate) type Bound = (String, String);

/// On a key in `key_account`.
pub(crate) fn on_key(
    request: &Request,
    key_account: &str,
    key_policy: &Value,
    users: &[Bound],
    identities: &[Value],
) -> Decision {
    let first = |effect: &str, speaks: &dyn Fn(&str) -> bool| {
        statements(key_policy).iter().position(|statement| {
            says(statement, effect, request) && principals(statement).iter().any(|principal| speaks(principal))
        })
    };
    let anyone = |principal: &str| principal == "*";
    let account =
        |principal: &str| principal == request.account || principal == format!("arn:aws:iam::{}:root", request.account);
    let user = |principal: &str| users.iter().any(|(arn, id)| arn == principal && id == request.user);
    let caller = |principal: &str| anyone(principal) || user(principal);

    // Explicit deny anywhere ends it; one that names the account is meant for all its principals.
    if let Some(statement) = first("Deny", &|principal| caller(principal) || account(principal)) {
        return Decision::Deny(Denial::ExplicitResource { statement });
    }
    if let Some(statement) = first_of_identities("Deny", request, identities) {
        return Decision::Deny(Denial::ExplicitIdentity(statement));
    }
    let key_allows_caller = first("Allow", &caller);
    let key_allows_account = first("Allow", &account);
    let identity_allows = first_of_identities("Allow", request, identities);

    // Same account: the key policy alone suffices if it allows the caller directly.
    if request.account == key_account
        && let Some(statement) = key_allows_caller
    {
        return Decision::Allow(Reason::KeyPolicy { statement });
    }
    // Same account through the account's delegation, or another account: both are needed.
    match (key_allows_caller.or(key_allows_account), identity_allows) {
        (Some(statement), Some(identity)) => Decision::Allow(Reason::KeyPolicyAndIdentity { statement, identity }),
        (Some(_), None) => Decision::Deny(Denial::NoIdentityAllow),
        (None, _) => Decision::Deny(Denial::NoResourceAllow),
    }
}

/// On something without a policy of its own.
pub(crate) fn by_identity(request: &Request, identities: &[Value]) -> Decision {
    if let Some(statement) = first_of_identities("Deny", request, identities) {
        return Decision::Deny(Denial::ExplicitIdentity(statement));
    }
    match first_of_identities("Allow", request, identities) {
        Some(statement) => Decision::Allow(Reason::Identity(statement)),
        None => Decision::Deny(Denial::NoIdentityAllow),
    }
}

fn first_of_identities(effect: &str, request: &Request, identities: &[Value]) -> Option<IdentityStatement> {
    for (policy, identity) in identities.iter().enumerate() {
        for (statement, found) in statements(identity).iter().enumerate() {
            if says(found, effect, request) {
                return Some(IdentityStatement { policy, statement });
            }
        }
    }
    None
}

/// Whether a statement has this effect and matches action and resource. One without `Action` or `Resource` has none.
fn says(statement: &Value, effect: &str, request: &Request) -> bool {
    let action = request.action.to_lowercase();
    statement["Effect"] == effect
        && texts(&statement["Action"]).iter().any(|pattern| matches(&pattern.to_lowercase(), &action, false))
        && texts(&statement["Resource"]).iter().any(|pattern| matches(pattern, request.resource, true))
}

fn principals(statement: &Value) -> Vec<String> {
    match &statement["Principal"] {
        Value::Object(kinds) => texts(&kinds["AWS"]),
        text => texts(text),
    }
}

fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    }
}

/// A string, a list of strings, or nothing.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Whether a pattern matches a text; in an ARN, `*` alone is everything, and up to the fifth colon a wildcard takes
/// no colon, unless it is a `*` that ends its part.
fn matches(pattern: &str, text: &str, is_arn: bool) -> bool {
    let parts_bind = is_arn && pattern != "*";
    from_here(pattern.as_bytes(), text.as_bytes(), if parts_bind { 5 } else { 0 })
}

fn from_here(pattern: &[u8], text: &[u8], colons_to_come: usize) -> bool {
    let Some((&wanted, pattern_rest)) = pattern.split_first() else { return text.is_empty() };
    let Some((&found, text_rest)) = text.split_first() else { return pattern.iter().all(|&byte| byte == b'*') };
    let takes_colons = colons_to_come == 0 || (wanted == b'*' && pattern_rest.first() == Some(&b':'));
    let takes = takes_colons || found != b':';
    match wanted {
        b'*' => {
            from_here(pattern_rest, text, colons_to_come) || (takes && from_here(pattern, text_rest, colons_to_come))
        }
        b'?' => takes && from_here(pattern_rest, text_rest, colons_to_come),
        b':' => found == b':' && from_here(pattern_rest, text_rest, colons_to_come.saturating_sub(1)),
        _ => found == wanted && from_here(pattern_rest, text_rest, colons_to_come),
    }
}
