//! The `Condition` element: operators, their prefixes and suffixes, and the values of condition keys.

use std::cmp::Ordering;

use serde_json::Value;

use super::comparisons::{compare_dates, compare_numbers, in_range, same_bytes};
use super::patterns::{self, Piece, chars, like, literal};
use super::scenario::Scenario;
use super::statements::{Effect, strings};

/// Keys that may have several values by their nature. They cannot be policy variables.
pub const MULTIVALUED: [&str; 6] = [
    "aws:calledvia",
    "aws:principalorgpaths",
    "aws:tagkeys",
    "kms:encryptioncontextkeys",
    "kms:grantoperations",
    "kms:resourcealiases",
];

/// The request as a policy of one kind sees it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub scenario: &'a Scenario,
    /// A key policy or a resource control policy. `kms:ResourceAliases` counts in policies of identities only.
    pub of_resource: bool,
    /// Variables are replaced only in policies of version 2012-10-17.
    pub variables: bool,
    /// What the statement says if it applies.
    pub effect: Effect,
}

impl View<'_> {
    /// The values of a condition key; empty if it is absent. Keys are the same in upper and lower case, with the name of
    /// a tag or of a context pair in them.
    pub fn values(&self, key: &str) -> Vec<String> {
        let key = key.to_lowercase();
        let pairs = &self.scenario.encryption_context;
        if let Some(name) = key.strip_prefix("kms:encryptioncontext:") {
            return pairs
                .iter()
                .filter(|(pair, _)| pair.to_lowercase() == name)
                .map(|(_, value)| value.clone())
                .collect();
        }
        if key == "kms:encryptioncontextkeys" {
            return pairs.keys().cloned().collect();
        }
        if key == "kms:resourcealiases" && self.of_resource {
            return Vec::new();
        }
        self.scenario.context.get(&key).cloned().unwrap_or_default()
    }

    /// The text with its variables replaced, if this policy has any; None if one of them has no value.
    pub fn expanded(&self, text: &str) -> Option<Vec<Piece>> {
        if !self.variables {
            return Some(patterns::plain(text));
        }
        patterns::expanded(text, &|key| {
            let values = if MULTIVALUED.contains(&key.to_lowercase().as_str()) { Vec::new() } else { self.values(key) };
            if values.len() == 1 { values.first().cloned() } else { None }
        })
    }
}

/// All operators must hold, and under each operator all keys. No condition holds always.
pub fn hold(condition: Option<&Value>, view: View) -> bool {
    let Some(condition) = condition else { return true };
    let operators = condition.as_object().expect("a condition is an object");
    operators.iter().all(|(operator, keys)| {
        let keys = keys.as_object().expect("an operator has an object of keys");
        keys.iter().all(|(key, wanted)| holds(operator, &view.values(key), &strings(wanted), view))
    })
}

/// One operator on one key: `present` are the values of the request, `wanted` those of the policy.
fn holds(operator: &str, present: &[String], wanted: &[String], view: View) -> bool {
    if operator == "Null" {
        return is_null(present, wanted);
    }
    let (quantifier, operator) = match operator.split_once(':') {
        Some((quantifier, operator)) => (Some(quantifier), operator),
        None => (None, operator),
    };
    let (if_exists, operator) = match operator.strip_suffix("IfExists") {
        Some(operator) => (true, operator),
        None => (false, operator),
    };
    if present.is_empty() && if_exists {
        return absent_but_optional();
    }
    let (negated, relation) = relation(operator);
    let one = |value: &String| satisfies(value, wanted, negated, relation, view);
    match quantifier {
        None if present.is_empty() => absent(negated),
        None => without_quantifier(present, wanted, negated, relation, view),
        Some("ForAllValues") => for_all_values(present, one),
        Some("ForAnyValue") => for_any_value(present, one),
        Some(other) => panic!("no such set operator: {other}"),
    }
}

/// `Null` asks whether the key is absent: "true" holds if it is, "false" if it is not.
fn is_null(present: &[String], wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| match wanted.to_lowercase().as_str() {
        "true" => present.is_empty(),
        "false" => !present.is_empty(),
        other => panic!("Null takes true or false: {other}"),
    })
}

/// `…IfExists` holds on an absent key. The suffix is asked before the prefix: `ForAnyValue:…IfExists` holds then too
/// (the rules do not say which of the two wins).
fn absent_but_optional() -> bool {
    true
}

/// An absent key makes a positive operator false and a negated one true.
fn absent(negated: bool) -> bool {
    negated
}

/// Each value of the request must satisfy the operator; so it holds on a key that is absent.
fn for_all_values(present: &[String], satisfies: impl Fn(&String) -> bool) -> bool {
    present.iter().all(satisfies)
}

/// At least one value of the request must satisfy the operator; so it does not hold on a key that is absent.
fn for_any_value(present: &[String], satisfies: impl Fn(&String) -> bool) -> bool {
    present.iter().any(satisfies)
}

/// Without a set operator a key has one value. Should it have several (undocumented), nothing is guessed in the caller's
/// favour: an Allow needs that each of them satisfies the operator, a Deny that one does.
fn without_quantifier(present: &[String], wanted: &[String], negated: bool, relation: Relation, view: View) -> bool {
    let mut each = present.iter().map(|value| satisfies(value, wanted, negated, relation, view));
    match view.effect {
        Effect::Allow => each.all(|satisfied| satisfied),
        Effect::Deny => each.any(|satisfied| satisfied),
    }
}

/// One value of the request satisfies a positive operator if it relates to any value of the policy, and a negated one if
/// it relates to none.
fn satisfies(value: &str, wanted: &[String], negated: bool, relation: Relation, view: View) -> bool {
    wanted.iter().any(|wanted| relation(value, wanted, view)) != negated
}

/// How a value of the request relates to a value of the policy.
type Relation = fn(&str, &str, View) -> bool;

/// An operator is a relation, perhaps negated.
fn relation(operator: &str) -> (bool, Relation) {
    match operator {
        "StringEquals" => (false, string_equals),
        "StringNotEquals" => (true, string_equals),
        "StringEqualsIgnoreCase" => (false, string_equals_ignore_case),
        "StringNotEqualsIgnoreCase" => (true, string_equals_ignore_case),
        "StringLike" => (false, string_like),
        "StringNotLike" => (true, string_like),
        "NumericEquals" => (false, |value, wanted, _| compare_numbers(value, wanted) == Some(Ordering::Equal)),
        "NumericNotEquals" => (true, |value, wanted, _| compare_numbers(value, wanted) == Some(Ordering::Equal)),
        "NumericLessThan" => (false, |value, wanted, _| compare_numbers(value, wanted).is_some_and(Ordering::is_lt)),
        "NumericLessThanEquals" => {
            (false, |value, wanted, _| compare_numbers(value, wanted).is_some_and(Ordering::is_le))
        }
        "NumericGreaterThan" => (false, |value, wanted, _| compare_numbers(value, wanted).is_some_and(Ordering::is_gt)),
        "NumericGreaterThanEquals" => {
            (false, |value, wanted, _| compare_numbers(value, wanted).is_some_and(Ordering::is_ge))
        }
        "DateEquals" => (false, |value, wanted, _| compare_dates(value, wanted) == Some(Ordering::Equal)),
        "DateNotEquals" => (true, |value, wanted, _| compare_dates(value, wanted) == Some(Ordering::Equal)),
        "DateLessThan" => (false, |value, wanted, _| compare_dates(value, wanted).is_some_and(Ordering::is_lt)),
        "DateLessThanEquals" => (false, |value, wanted, _| compare_dates(value, wanted).is_some_and(Ordering::is_le)),
        "DateGreaterThan" => (false, |value, wanted, _| compare_dates(value, wanted).is_some_and(Ordering::is_gt)),
        "DateGreaterThanEquals" => {
            (false, |value, wanted, _| compare_dates(value, wanted).is_some_and(Ordering::is_ge))
        }
        "Bool" => (false, bool_equals),
        "BinaryEquals" => (false, |value, wanted, _| same_bytes(value, wanted)),
        "IpAddress" => (false, |value, wanted, _| in_range(value, wanted)),
        "NotIpAddress" => (true, |value, wanted, _| in_range(value, wanted)),
        "ArnEquals" | "ArnLike" => (false, is_arn_like),
        "ArnNotEquals" | "ArnNotLike" => (true, is_arn_like),
        other => panic!("no such operator: {other}"),
    }
}

/// Exactly the same text. Wildcards mean nothing here; a variable without a value equals nothing.
fn string_equals(value: &str, wanted: &str, view: View) -> bool {
    view.expanded(wanted).is_some_and(|wanted| literal(&wanted) == value)
}

/// The same text but for upper and lower case.
fn string_equals_ignore_case(value: &str, wanted: &str, view: View) -> bool {
    view.expanded(wanted).is_some_and(|wanted| literal(&wanted).to_lowercase() == value.to_lowercase())
}

/// The pattern matches, wildcards free, upper and lower case told apart.
fn string_like(value: &str, wanted: &str, view: View) -> bool {
    view.expanded(wanted).is_some_and(|wanted| like(&wanted, &chars(value)))
}

/// `ArnEquals` and `ArnLike` are the same operator: the six parts of both are compared one by one, each with wildcards
/// of its own. What has fewer parts is no ARN, and like none.
///
/// Where the policy writes all six parts, a variable fills no more than its own part, whatever colons its value holds:
/// who chooses a tag must not choose the account that an ARN is compared with (the rules are silent on it). Otherwise
/// the parts are told apart afterwards, so that a variable may hold a whole ARN.
fn is_arn_like(value: &str, wanted: &str, view: View) -> bool {
    let values: Vec<&str> = value.splitn(6, ':').collect();
    let written = if view.variables { patterns::written_parts(wanted) } else { wanted.splitn(6, ':').collect() };
    let parts: Option<Vec<Vec<Piece>>> = if written.len() == 6 {
        written.iter().map(|part| view.expanded(part)).collect()
    } else {
        view.expanded(wanted)
            .map(|whole| whole.splitn(6, |piece| *piece == Piece::Char(':')).map(<[_]>::to_vec).collect())
    };
    let Some(parts) = parts else { return false };
    let each_like = || parts.iter().zip(&values).all(|(part, value)| like(part, &chars(value)));
    parts.len() == 6 && values.len() == 6 && each_like()
}

/// `true` or `false`, in whatever case. Variables are not replaced here (the rules contradict one another on it).
fn bool_equals(value: &str, wanted: &str, _: View) -> bool {
    let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
    value == wanted && (value == "true" || value == "false")
}
