//! One condition: an operator, a key, and the values that the policy wants.
//!
//! Conditions of a statement hold together, values of a condition are alternatives; of a negated operator none may
//! match. Source: IAM user guide, "Conditions with multiple context keys or values".

use claviger_types::Timestamp;

use crate::context::{Context, Value, Values, at_second};
use crate::keys::ConditionKey;
use crate::operators::{IfAbsent, Operator, Polarity, SetOperator, Test};
use crate::pattern::{ARN_COLONS, Atom, STEPS_MAX, Steps, glob_within, has_plain_parts, plain_arn_glob, text_like};
use crate::statement::Effect;
use crate::texts::Texts;
use crate::truth::Truth;
use crate::values::{Network, number, time};
use crate::variables::{self, Expanded, Stands, Wildcards};

/// A condition.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) key: ConditionKey,
    pub(crate) wanted: Wanted,
}

/// The values that the policy wants, as the operator compares them.
#[derive(Debug)]
pub(crate) enum Wanted {
    Addresses(Box<[Network]>),
    /// `true` or `false`; each may stand there.
    Bools {
        yes: bool,
        no: bool,
    },
    Numbers(Box<[f64]>),
    Texts(Texts),
    /// Texts some of which hold variables.
    TextsWithVariables(Texts),
    Times(Box<[Timestamp]>),
    /// One text that is nothing but one variable, such as `${aws:PrincipalTag/team}`.
    Variable(Box<Variable>),
}

/// A variable that stands alone.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) key: ConditionKey,
    pub(crate) default: Option<Box<str>>,
    /// As it was written.
    pub(crate) text: Box<str>,
}

impl Condition {
    /// Whether it holds. Where AWS leaves it open, it is read against the caller: an Allow does not match, a Deny does.
    /// All conditions of a decision share `steps`; what would take more is not told.
    pub(crate) fn holds(&self, effect: Effect, context: &dyn Context, steps: &Steps) -> Truth {
        if !steps.take(1) {
            return Truth::Unknown;
        }
        let values = match context.values(&self.key) {
            Values::Unknown => return Truth::Unknown,
            Values::Absent => Vec::new(),
            Values::Many(values) if steps.take(values.len()) => values,
            Values::Many(_) => return Truth::Unknown,
            Values::One(value) => return self.holds_for_one(&value, context, steps),
        };
        if values.is_empty() {
            return Truth::from(self.holds_without_key());
        }
        let each = values.iter().map(|value| self.holds_for_one(&Value::Text((&**value).into()), context, steps));
        match (self.operator.set, effect) {
            (Some(SetOperator::All), _) => Truth::all(each),
            (Some(SetOperator::Any), _) => Truth::any(each),
            // A key with several values needs a set operator; where the values disagree, none is guessed.
            (None, Effect::Allow) => Truth::all(each),
            (None, Effect::Deny) => Truth::any(each),
        }
    }

    fn holds_without_key(&self) -> bool {
        if let (Test::Null, Wanted::Bools { yes, .. }) = (self.operator.test, &self.wanted) {
            return *yes;
        }
        match (self.operator.absent, self.operator.set, self.operator.polarity) {
            (IfAbsent::Holds, _, _) | (_, Some(SetOperator::All), _) | (_, None, Polarity::Negated) => true,
            (_, Some(SetOperator::Any), _) | (_, None, Polarity::Positive) => false,
        }
    }

    /// What the operator says of one value of the request.
    fn holds_for_one(&self, value: &Value<'_>, context: &dyn Context, steps: &Steps) -> Truth {
        let test = self.operator.test;
        if !steps.take(self.wanted.steps(test, value)) {
            return Truth::Unknown;
        }
        let matches = match (&self.wanted, value) {
            (Wanted::Addresses(networks), Value::Address(address)) => {
                let address = Network::of(*address);
                Truth::from(networks.iter().any(|network| network.contains(&address)))
            }
            (Wanted::Numbers(numbers), Value::Integer(found)) => holds_of(test, numbers, *found as f64),
            (Wanted::Times(times), Value::Time(seconds)) => holds_at(test, times, at_second(*seconds)),
            (Wanted::TextsWithVariables(texts), value) => {
                let value = value.text();
                Truth::any(texts.iter().map(|text| matches_with_variables(test, text, &value, context, steps)))
            }
            (Wanted::Variable(variable), value) => variable.matches(test, &value.text(), context, steps),
            (wanted, value) => matches_any(test, wanted, &value.text(), steps),
        };
        match self.operator.polarity {
            Polarity::Negated => matches.negated(),
            Polarity::Positive => matches,
        }
    }

    /// The values that the policy wants, as texts.
    pub(crate) fn wanted_texts(&self) -> Vec<String> {
        match &self.wanted {
            Wanted::Addresses(networks) => networks.iter().map(ToString::to_string).collect(),
            Wanted::Bools { yes, no } => {
                [("true", yes), ("false", no)].iter().filter(|(_, is)| **is).map(|(text, _)| (*text).into()).collect()
            }
            Wanted::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Wanted::Texts(texts) | Wanted::TextsWithVariables(texts) => texts.iter().map(Into::into).collect(),
            Wanted::Times(times) => times.iter().map(|time| time.to_iso8601()).collect(),
            Wanted::Variable(variable) => vec![(&*variable.text).into()],
        }
    }
}

/// Bytes that are compared in the time of one step.
const BYTES_PER_STEP: usize = 8;

impl Wanted {
    /// The steps that it takes to compare one value with all of it, apart from those that wildcards and variables take.
    fn steps(&self, test: Test, value: &Value<'_>) -> usize {
        match self {
            Self::Addresses(networks) => networks.len(),
            Self::Bools { .. } | Self::Variable(_) => 1,
            Self::Numbers(numbers) => numbers.len(),
            Self::Times(times) => times.len(),
            Self::Texts(texts) => {
                let (count, bytes) = (texts.len(), texts.bytes());
                let of_value = || count.saturating_mul(value.text().len());
                match test {
                    // Each text is compared up to the first character that differs.
                    Test::TextIgnoringCase => count + bytes.min(of_value()),
                    Test::Arn | Test::ArnLike => count + bytes.saturating_add(of_value()) / BYTES_PER_STEP,
                    Test::TextLike => count + bytes / BYTES_PER_STEP,
                    // Sorted: it is found or not.
                    _ => 1,
                }
            }
            Self::TextsWithVariables(texts) => texts.len() + texts.bytes() / BYTES_PER_STEP,
        }
    }
}

impl Variable {
    /// Whether a value of the request is what the variable stands for, to the character: it holds no wildcards. One
    /// without a value equals nothing.
    fn matches(&self, test: Test, value: &str, context: &dyn Context, steps: &Steps) -> Truth {
        let wanted = match variables::value(&self.key, self.default.as_deref(), context) {
            Stands::For(wanted) => wanted,
            Stands::ForNothing => return Truth::No,
            Stands::Unknown => return Truth::Unknown,
        };
        if test != Test::TextIgnoringCase && wanted.len() != value.len() {
            return Truth::No;
        }
        if !steps.take(value.len()) {
            return Truth::Unknown;
        }
        Truth::from(match test {
            Test::TextIgnoringCase => folded(wanted.chars()).eq(folded(value.chars())),
            _ => *wanted == *value,
        })
    }
}

fn holds_of(test: Test, numbers: &[f64], found: f64) -> Truth {
    let Test::Number(order) = test else { return Truth::No };
    Truth::from(numbers.iter().any(|wanted| found.partial_cmp(wanted).is_some_and(|found| order.holds(found))))
}

fn holds_at(test: Test, times: &[Timestamp], found: Timestamp) -> Truth {
    let Test::Time(order) = test else { return Truth::No };
    Truth::from(times.iter().any(|wanted| order.holds(found.cmp(wanted))))
}

/// Whether a value of the request matches one that the policy wants. A value that is not of the operator's type
/// matches none.
fn matches_any(test: Test, wanted: &Wanted, value: &str, steps: &Steps) -> Truth {
    Truth::from(match (test, wanted) {
        (Test::Address, Wanted::Addresses(networks)) => {
            Network::parse(value).is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
        }
        (Test::Arn | Test::ArnLike, Wanted::Texts(texts)) => {
            return Truth::any(texts.iter().map(|text| matches_arn(text, value, steps)));
        }
        (Test::Bool, Wanted::Bools { yes, no }) => {
            (*yes && value.eq_ignore_ascii_case("true")) || (*no && value.eq_ignore_ascii_case("false"))
        }
        // The key is there, whatever it is.
        (Test::Null, Wanted::Bools { no, .. }) => *no,
        (Test::Number(_), Wanted::Numbers(numbers)) => {
            return number(value).map_or(Truth::No, |found| holds_of(test, numbers, found));
        }
        (Test::Binary | Test::Text, Wanted::Texts(texts)) => texts.contains(value),
        (Test::TextIgnoringCase, Wanted::Texts(texts)) => {
            texts.iter().any(|text| folded(text.chars()).eq(folded(value.chars())))
        }
        (Test::TextLike, Wanted::Texts(texts)) => {
            return Truth::any(texts.iter().map(|text| text_like(text, value, steps)));
        }
        (Test::Time(_), Wanted::Times(times)) => {
            return time(value).map_or(Truth::No, |found| holds_at(test, times, found));
        }
        // INVARIANT: the grammar pairs each operator with values of its type.
        _ => false,
    })
}

/// Whether a value of the request matches a text with variables. One without a value equals nothing.
fn matches_with_variables(test: Test, text: &str, value: &str, context: &dyn Context, steps: &Steps) -> Truth {
    if matches!(test, Test::Arn | Test::ArnLike) {
        return matches_arn_with_variables(text, value, context, steps);
    }
    let wildcards = if test == Test::TextLike { Wildcards::Live } else { Wildcards::Literal };
    match variables::expand(text, wildcards, context, value.len(), steps) {
        Expanded::NoValue => Truth::No,
        Expanded::Unknown => Truth::Unknown,
        Expanded::Atoms(atoms) if test == Test::TextIgnoringCase => {
            let wanted = atoms.iter().filter_map(|atom| if let Atom::Char(c) = atom { Some(*c) } else { None });
            Truth::from(folded(wanted).eq(folded(value.chars())))
        }
        Expanded::Atoms(atoms) => atoms_like(&atoms, value, steps),
    }
}

/// Each of the six parts is compared by itself, with wildcards.
fn matches_arn(pattern: &str, arn: &str, steps: &Steps) -> Truth {
    // The quick way may take the product of the two lengths in steps, the other way mostly their sum: long values are
    // still told.
    let short = pattern.len().saturating_mul(arn.len()) <= STEPS_MAX;
    if short && has_plain_parts(arn) {
        return plain_arn_glob(pattern.as_bytes(), arn.as_bytes(), steps);
    }
    let (mut parts, mut texts) = (pattern.splitn(ARN_COLONS + 1, ':'), arn.splitn(ARN_COLONS + 1, ':'));
    let mut all = Truth::Yes;
    loop {
        match (parts.next(), texts.next()) {
            (None, None) => return all,
            (Some(part), Some(text)) => all = all.and(text_like(part, text, steps)),
            _ => return Truth::No,
        }
        if all == Truth::No {
            return Truth::No;
        }
    }
}

/// Where the policy writes all six parts, a variable's value stays in its part, whatever colons it holds. Otherwise
/// the value is to bring the missing parts with it, as in `${aws:PrincipalArn}`. What has fewer parts is no ARN.
fn matches_arn_with_variables(pattern: &str, arn: &str, context: &dyn Context, steps: &Steps) -> Truth {
    let texts: Vec<&str> = arn.splitn(ARN_COLONS + 1, ':').collect();
    let parts = variables::arn_parts(pattern);
    if parts.len() == ARN_COLONS + 1 {
        let same_shape = Truth::from(texts.len() == parts.len());
        return same_shape.and(Truth::all(parts.iter().zip(&texts).map(|(part, text)| {
            match variables::expand(part, Wildcards::Live, context, text.len(), steps) {
                Expanded::NoValue => Truth::No,
                Expanded::Unknown => Truth::Unknown,
                Expanded::Atoms(atoms) => atoms_like(&atoms, text, steps),
            }
        })));
    }
    match variables::expand(pattern, Wildcards::Live, context, arn.len(), steps) {
        Expanded::NoValue => Truth::No,
        Expanded::Unknown => Truth::Unknown,
        Expanded::Atoms(atoms) => {
            let parts: Vec<&[Atom]> = atoms.splitn(ARN_COLONS + 1, |atom| *atom == Atom::Char(':')).collect();
            let six = parts.len() == ARN_COLONS + 1 && texts.len() == parts.len();
            Truth::from(six).and(Truth::all(parts.iter().zip(&texts).map(|(part, text)| atoms_like(part, text, steps))))
        }
    }
}

fn atoms_like(pattern: &[Atom], text: &str, steps: &Steps) -> Truth {
    if pattern.contains(&Atom::Run) && pattern.len().saturating_mul(text.len()) > STEPS_MAX {
        return Truth::Unknown;
    }
    glob_within(steps, pattern.iter().copied(), text.chars())
}

fn folded(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    text.flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    struct Request(Value<'static>);

    impl Context for Request {
        fn values(&self, _: &ConditionKey) -> Values<'_> {
            Values::One(self.0.clone())
        }
    }

    fn says(operator: &str, wanted: Wanted, value: Value<'static>) -> Truth {
        let operator = Operator::parse(operator).unwrap();
        let condition = Condition { operator, key: ConditionKey::parse("x:y"), wanted };
        condition.holds(Effect::Allow, &Request(value), &Steps::new(usize::MAX))
    }

    /// What is compared as what it is says the same as the text that policies write for it.
    #[test]
    fn typed_values_are_their_texts() {
        let second = || Wanted::Times([at_second(7)].into());
        let seven = || Wanted::Numbers([7.0].into());
        let seven_and_half = || Wanted::Numbers([7.5].into());
        let half_past = |seconds: i64| match Values::time(Timestamp::from_millis(seconds * 1000 + 500)) {
            Values::One(value) => value,
            other => panic!("{other:?}"),
        };
        let network = || Wanted::Addresses([Network::parse("203.0.113.0/24").unwrap()].into());
        let address = |text: &str| Value::Address(text.parse::<IpAddr>().unwrap());
        let cases: [(&str, &dyn Fn() -> Wanted, Value<'static>, Truth); 15] = [
            // The fraction of a second is dropped.
            ("DateEquals", &second, half_past(7), Truth::Yes),
            ("DateLessThanEquals", &second, half_past(7), Truth::Yes),
            ("DateGreaterThan", &second, half_past(7), Truth::No),
            ("DateEquals", &second, half_past(8), Truth::No),
            // A number is the seconds since the epoch.
            ("DateEquals", &second, Value::Integer(7), Truth::Yes),
            ("DateNotEquals", &second, Value::Integer(7), Truth::No),
            ("DateLessThan", &second, Value::Integer(7), Truth::No),
            ("DateLessThan", &second, Value::Integer(6), Truth::Yes),
            ("NumericEquals", &seven, Value::Integer(7), Truth::Yes),
            ("NumericNotEquals", &seven, Value::Integer(7), Truth::No),
            ("NumericLessThan", &seven_and_half, Value::Integer(7), Truth::Yes),
            ("NumericGreaterThan", &seven_and_half, Value::Integer(7), Truth::No),
            // A point in time is no number.
            ("NumericLessThan", &seven_and_half, half_past(7), Truth::No),
            ("IpAddress", &network, address("203.0.113.7"), Truth::Yes),
            ("IpAddress", &network, address("203.0.114.7"), Truth::No),
        ];
        for (operator, wanted, value, want) in cases {
            let found = format!("{operator} {value:?}");
            let text = Value::Text(value.text().into_owned().into());
            assert_eq!(says(operator, wanted(), value), want, "{found}");
            assert_eq!(says(operator, wanted(), text), want, "{found} as a text");
        }
    }
}
