//! Statements of a policy: which of them speak of this action on this resource under these conditions.

use serde_json::{Map, Value};

use super::conditions::{self, View};
use super::patterns::{chars, like, plain, resource_like};
use super::scenario::{Resource, Scenario};

pub type Statement = Map<String, Value>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

/// A policy that belongs to an identity, or limits one: any statement of this effect that applies.
pub fn identity_policy_says(effect: Effect, policy: &Value, scenario: &Scenario) -> bool {
    let view = View { scenario, of_resource: false, variables: has_variables(policy), effect };
    statements(policy).iter().any(|statement| {
        effect_of(statement) == effect
            && action_matches(statement, &scenario.action)
            && resource_matches(statement, view)
            && conditions::hold(statement.get("Condition"), view)
    })
}

/// The statements of a key policy, trust policy or resource control policy of this effect that apply, but for the
/// question whom they speak of. Trust policies have no `Resource`; in the others a statement without it has no effect.
pub fn resource_policy_statements<'a>(
    effect: Effect,
    policy: &'a Value,
    is_trust_policy: bool,
    scenario: &Scenario,
) -> Vec<&'a Statement> {
    let view = View { scenario, of_resource: true, variables: has_variables(policy), effect };
    statements(policy)
        .into_iter()
        .filter(|statement| {
            effect_of(statement) == effect
                && action_matches(statement, &scenario.action)
                && (is_trust_policy || resource_matches(statement, view))
                && conditions::hold(statement.get("Condition"), view)
        })
        .collect()
}

/// `Statement` is one object or a list of them.
fn statements(policy: &Value) -> Vec<&Statement> {
    match &policy["Statement"] {
        Value::Array(list) => list.iter().map(|one| one.as_object().expect("a statement is an object")).collect(),
        Value::Object(one) => vec![one],
        other => panic!("Statement is an object or a list: {other}"),
    }
}

/// Only version 2012-10-17 has variables; a policy without a version has the older one.
fn has_variables(policy: &Value) -> bool {
    policy["Version"] == "2012-10-17"
}

fn effect_of(statement: &Statement) -> Effect {
    match statement["Effect"].as_str() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => panic!("Effect is Allow or Deny: {statement:?}"),
    }
}

/// One value or a list of values, as strings: a policy may write numbers and truth values without quotes.
pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(truth) => vec![truth.to_string()],
        other => panic!("not a value of a policy: {other}"),
    }
}

/// `Action` lists what the statement speaks of, `NotAction` what it does not speak of. A statement of a key policy that
/// has neither has no effect.
fn action_matches(statement: &Statement, action: &str) -> bool {
    if let Some(actions) = statement.get("Action") {
        return strings(actions).iter().any(|pattern| action_like(pattern, action));
    }
    match statement.get("NotAction") {
        Some(actions) => !strings(actions).iter().any(|pattern| action_like(pattern, action)),
        None => false,
    }
}

/// Service and name match each with wildcards, upper and lower case being the same. A star alone is every action.
fn action_like(pattern: &str, action: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    match (pattern.split_once(':'), action.split_once(':')) {
        (Some((service_pattern, name_pattern)), Some((service, name))) => {
            like(&plain(service_pattern), &chars(service)) && like(&plain(name_pattern), &chars(name))
        }
        _ => false,
    }
}

/// `Resource` lists what the statement speaks of, `NotResource` what it does not speak of. A statement that has neither
/// has no effect.
fn resource_matches(statement: &Statement, view: View) -> bool {
    if let Some(resources) = statement.get("Resource") {
        return strings(resources).iter().any(|pattern| is_resource(pattern, view));
    }
    match statement.get("NotResource") {
        Some(resources) => !strings(resources).iter().any(|pattern| is_resource(pattern, view)),
        None => false,
    }
}

/// A star alone is every resource. A variable (behind the fifth colon only) without a value makes a pattern that matches
/// no resource: in `NotResource` it excludes none.
///
/// An operation that has no resource of its own is asked of everything in its region and account: it is matched as if its
/// ARN ended in a star, which `arn:aws:kms:REGION:ACCOUNT:*` covers and `…:key/*` does not.
fn is_resource(pattern: &str, view: View) -> bool {
    if pattern == "*" {
        return true;
    }
    let text = match &view.scenario.resource {
        Resource::Arn(arn) => arn.clone(),
        Resource::NoneIn { region } => {
            let service = view.scenario.action.split(':').next().expect("an action has a service");
            format!("arn:aws:{service}:{region}:{}:*", view.scenario.caller.account)
        }
    };
    let (head, tail) = at_fifth_colon(pattern);
    let Some(tail) = view.expanded(tail) else { return false };
    let pattern = [plain(head), tail].concat();
    resource_like(&pattern, &chars(&text))
}

/// The text up to and with its fifth colon, and the rest. What looks like a variable before it is text like any other.
fn at_fifth_colon(pattern: &str) -> (&str, &str) {
    match pattern.match_indices(':').nth(4) {
        Some((index, _)) => pattern.split_at(index + 1),
        None => (pattern, ""),
    }
}
