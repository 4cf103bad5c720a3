//! Requests made by the service's own models: mostly as the model says, now and then not.

use std::collections::HashMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bolero::{Driver, ValueGenerator};
use claviger_core::Row;
use claviger_core::wire::model::{Kind, Member, Required, Rule, Structure};
use claviger_types::ServiceName;
use serde_json::{Map, Value, json};

use crate::Choices;

/// Texts that mean something, by the name of the member that takes them; `""` has those for every member.
pub struct Words(HashMap<&'static str, Vec<String>>);

impl Words {
    /// Of these names and texts.
    pub fn new(words: impl IntoIterator<Item = (&'static str, Vec<String>)>) -> Self {
        Self(words.into_iter().collect())
    }

    fn of(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A request of an operation.
#[derive(Clone)]
pub struct Request {
    /// The operation.
    pub row: &'static Row,
    /// What is sent: an object.
    pub body: Value,
}

impl Request {
    /// The body as it is sent in the protocol of the operation's service.
    pub fn encoded(&self) -> Vec<u8> {
        match self.row.service {
            ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => self.body.to_string().into_bytes(),
            ServiceName::Iam | ServiceName::Sts => {
                form_urlencoded::Serializer::new(String::new()).extend_pairs(self.form()).finish().into_bytes()
            }
        }
    }

    /// The body as parameters of the Query protocol. Objects become `Name.Member`, lists `Name.member.1`.
    pub fn form(&self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        flatten("", &self.body, &mut parameters);
        parameters
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.row.name, self.body)
    }
}

/// Makes requests of these operations.
pub struct RequestsOf {
    rows: Vec<&'static Row>,
    words: Words,
}

impl RequestsOf {
    /// Requests of these operations, with these texts.
    pub fn new(rows: impl IntoIterator<Item = &'static Row>, words: Words) -> Self {
        Self { rows: rows.into_iter().collect(), words }
    }

    /// A request, if there is any operation.
    pub fn request<D: Driver>(&self, choices: &mut Choices<'_, D>) -> Option<Request> {
        let row = *choices.one_of(&self.rows)?;
        let body = Value::Object(self.structure(choices, &row.model.input));
        Some(Request { row, body })
    }

    fn structure<D: Driver>(&self, choices: &mut Choices<'_, D>, model: &Structure) -> Map<String, Value> {
        let mut members = Map::new();
        for member in model.members() {
            let left_out = match member.required {
                Required::Always | Required::Unless(_) => choices.one_in(24),
                Required::Never => !choices.one_in(6),
            };
            if !left_out {
                members.insert(member.name.to_string(), self.member(choices, member));
            }
        }
        if choices.one_in(32) {
            members.insert("Unknown".into(), json!([{}, null]));
        }
        members
    }

    fn member<D: Driver>(&self, choices: &mut Choices<'_, D>, member: &Member) -> Value {
        if choices.one_in(48) { stray(choices) } else { self.value(choices, &member.name, &member.rule) }
    }

    fn value<D: Driver>(&self, choices: &mut Choices<'_, D>, name: &str, rule: &Rule) -> Value {
        match &rule.kind {
            Kind::Blob => self.blob(choices, name, rule),
            Kind::Boolean => json!(choices.one_in(2)),
            Kind::Integer => integer(choices, rule),
            Kind::List(element) => {
                let count = if choices.one_in(32) { over(rule) } else { choices.below(4) };
                Value::Array((0..count).map(|_| self.value(choices, name, element)).collect())
            }
            Kind::Map => {
                let count = choices.below(4);
                let pairs = (0..count).map(|_| (self.text(choices, name, rule), self.text(choices, name, rule).into()));
                Value::Object(pairs.collect())
            }
            Kind::String => self.text(choices, name, rule).into(),
            Kind::Structure(model) => Value::Object(self.structure(choices, model)),
            Kind::Timestamp => timestamp(choices),
        }
    }

    fn text<D: Driver>(&self, choices: &mut Choices<'_, D>, name: &str, rule: &Rule) -> String {
        if let Some(values) = &rule.values
            && !choices.one_in(12)
        {
            let values: Vec<&str> = values.as_str().trim_matches(['[', ']']).split(", ").collect();
            return choices.one_of(&values).copied().unwrap_or_default().to_owned();
        }
        let known = self.words.of(name);
        if !known.is_empty() && !choices.one_in(12) {
            return choices.one_of(known).cloned().unwrap_or_default();
        }
        match choices.below(4) {
            0 => choices.one_of(self.words.of("")).cloned().unwrap_or_default(),
            1 => "a".repeat(length(choices, rule)),
            2 => choices.one_of(&STRANGE).copied().unwrap_or_default().into(),
            _ => {
                let count = choices.below(24);
                String::from_utf8_lossy(&choices.bytes(count)).into_owned()
            }
        }
    }

    fn blob<D: Driver>(&self, choices: &mut Choices<'_, D>, name: &str, rule: &Rule) -> Value {
        let known = self.words.of(name);
        if !known.is_empty() && !choices.one_in(8) {
            return choices.one_of(known).cloned().unwrap_or_default().into();
        }
        let count = if choices.one_in(8) { length(choices, rule) } else { choices.below(48) };
        let mut text = STANDARD.encode(vec![choices.byte(); count]);
        if choices.one_in(16) {
            text.truncate(choices.place(text.len()));
        }
        text.into()
    }
}

impl ValueGenerator for RequestsOf {
    type Output = Request;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Request> {
        self.request(&mut Choices::new(driver))
    }
}

/// Texts that have broken parsers before.
const STRANGE: [&str; 10] =
    ["", " ", "\0", "é", "e\u{301}", "\u{feff}", "a\u{202e}b", "🔑", "alias/", "%2e%2e/\r\nX: y"];

/// A length in the neighbourhood of a limit.
fn length<D: Driver>(choices: &mut Choices<'_, D>, rule: &Rule) -> usize {
    let limits = [0, 1, limit(rule.min), over(rule) - 1, over(rule)];
    choices.one_of(&limits).copied().unwrap_or(0)
}

fn over(rule: &Rule) -> usize {
    limit(rule.max).min(8192) + 1
}

fn limit(limit: Option<i64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(64)
}

fn integer<D: Driver>(choices: &mut Choices<'_, D>, rule: &Rule) -> Value {
    let (min, max) = (rule.min.unwrap_or(0), rule.max.unwrap_or(1000));
    match choices.below(12) {
        0 => json!(min.saturating_sub(1)),
        1 => json!(max.saturating_add(1)),
        2 => json!(choices.number()),
        3 => json!(1.5),
        4 => json!(u64::MAX),
        5 => json!(max),
        6 | 7 => json!(min),
        _ => json!(min.saturating_add(i64::try_from(choices.below(32)).unwrap_or(0))),
    }
}

fn timestamp<D: Driver>(choices: &mut Choices<'_, D>) -> Value {
    match choices.below(6) {
        0 => json!(choices.number()),
        1 => json!(1e300),
        2 => json!("2026-01-31T12:00:00Z"),
        3 => json!(-1.5),
        _ => json!(1_790_000_000 + choices.below(100_000_000)),
    }
}

/// A value of any type.
fn stray<D: Driver>(choices: &mut Choices<'_, D>) -> Value {
    match choices.below(8) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(choices.number()),
        3 => json!([]),
        4 => json!({}),
        5 => json!("text"),
        6 => json!({"a": ["b"]}),
        _ => json!([[null]]),
    }
}

fn flatten(name: &str, value: &Value, parameters: &mut Vec<(String, String)>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| flatten(&below(key), value, parameters)),
        Value::Array(items) => {
            let numbered = items.iter().zip(1..);
            numbered.for_each(|(item, number)| flatten(&below(&format!("member.{number}")), item, parameters));
        }
        Value::String(text) => parameters.push((name.to_owned(), text.clone())),
        other => parameters.push((name.to_owned(), other.to_string())),
    }
}
