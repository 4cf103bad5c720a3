//! Request bodies, before and at their constraints: JSON for every operation of the JSON services, forms for the
//! others. The same request in another form has the same outcome, and no member that is sent is overlooked.

use claviger_core::wire::model::{Kind, Required};
use claviger_core::wire::{self, Fields, Serialization};
use claviger_core::{Error, Row};
use claviger_fuzz::{Bytes, Campaign, Choices, Driver, Edited, Request, RequestsOf, ValueGenerator};
use claviger_types::ServiceName;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::world::words;

const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\u0000",
    "\\ud83d",
    "\\",
    "null",
    "true",
    "1e400",
    "-0",
    "1.0",
    "\u{feff}",
    "\"KeyId\":",
    "[[[[[[[[",
    "{\"a\":",
    "\"\"",
    "=",
    "AA==",
    "\u{0}",
    "é",
];
const FORM_WORDS: &[&str] = &[
    "&",
    "=",
    "%",
    "%00",
    "%ff",
    "+",
    ".",
    "member",
    ".member.1",
    ".member.0",
    ".member.1001",
    "member.99999999999999999999",
    "Action=",
    "Version=",
    "UserName=",
    "Tags.member.1.Key=",
    "é",
];

/// A request of the model, then a body that may have been edited.
#[derive(Debug)]
struct Body {
    request: Request,
    bytes: Bytes,
}

struct Bodies {
    requests: RequestsOf,
    edits: Edited,
}

impl Bodies {
    fn of(services: &[ServiceName], edits: &[&str]) -> Self {
        let rows = claviger_core::rows().iter().filter(|row| services.contains(&row.service));
        let samples: [&str; 2] = ["{\"KeyId\":\"a\",\"Tags\":[{\"TagKey\":\"a\"}]}", "UserName=a&Tags.member.1.Key=b"];
        Self { requests: RequestsOf::new(rows, words()), edits: Edited::new(samples, edits) }
    }
}

impl ValueGenerator for Bodies {
    type Output = Body;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Body> {
        let mut choices = Choices::new(driver);
        let request = self.requests.request(&mut choices)?;
        let mut bytes = request.encoded();
        if choices.one_in(2) {
            for _ in 0..choices.place(4) {
                self.edits.edit(&mut choices, &mut bytes);
            }
        }
        Some(Body { request, bytes: Bytes(bytes) })
    }
}

/// What became of a body: what is missing or wrong with it, or the text of its violations (none: empty).
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Unreadable(Option<String>),
    Read(String),
}

fn outcome(read: Result<Fields, Error>) -> Outcome {
    match read {
        Ok(fields) => Outcome::Read(wire::check(&fields).err().unwrap_or_default()),
        Err(Error::Serialization(message)) => Outcome::Unreadable(message),
        Err(other) => panic!("reading a body fails with {other:?}"),
    }
}

/// JSON bodies.
pub fn json_bodies(campaign: Campaign) {
    campaign.run(Bodies::of(&[ServiceName::Kms, ServiceName::Claviger, ServiceName::CloudTrail], JSON_WORDS), |body| {
        let row = body.request.row;
        check_json_form(row, &body.request.body);
        let Bytes(bytes) = &body.bytes;
        let read = row.read_json(bytes);
        let is_object = std::str::from_utf8(bytes).is_ok()
            && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
            && bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        assert!(read.is_err() || is_object, "what is no JSON object was read");
        assert_eq!(wire::json::check_object(bytes), if is_object { Ok(()) } else { Err(Serialization::SILENT) });
        let Ok(fields) = read else { return false };
        // A tree is built with a bound on its depth, and the shape without one: what the model does not know is skipped.
        if let Ok(tree) = serde_json::from_slice::<Value>(bytes) {
            check_members(row, &fields, &tree);
        }
        true
    });
}

/// White space and escapes do not count.
fn check_json_form(row: &Row, body: &Value) {
    let compact = outcome(row.read_json(body.to_string().as_bytes()));
    let pretty = format!("\n\t {:#} \r\n", body);
    assert_eq!(outcome(row.read_json(pretty.as_bytes())), compact);
    assert_eq!(outcome(row.read_json(escaped(body).as_bytes())), compact);
}

/// Every character of every text as an escape.
fn escaped(value: &Value) -> String {
    let text = |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("\"{}\":{}", text(name), escaped(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(",")),
        Value::String(string) => format!("\"{}\"", text(string)),
        other => other.to_string(),
    }
}

/// A member is there if the body has it and it is not null; a body that keeps its constraints has all it must.
fn check_members(row: &Row, fields: &Fields, tree: &Value) {
    let good = wire::check(fields).is_ok();
    for member in row.model.input.members() {
        let sent = tree.get(&*member.name).is_some_and(|value| !value.is_null());
        assert_eq!(fields.present(&member.name), sent, "{}", member.name);
        assert!(sent || !good || member.required != Required::Always, "{} is required", member.name);
        let text = tree.get(&*member.name).and_then(Value::as_str);
        if let (Kind::String, Some(text), true) = (&member.rule.kind, text, good) {
            let length = text.encode_utf16().count().min(text.chars().count()) as i64;
            assert!(member.rule.max.is_none_or(|max| length <= max), "{} is too long", member.name);
            assert!(member.rule.min.is_none_or(|min| text.len() as i64 >= min), "{} is too short", member.name);
        }
    }
}

/// Form bodies.
pub fn form_bodies(campaign: Campaign) {
    campaign.run(Bodies::of(&[ServiceName::Iam, ServiceName::Sts], FORM_WORDS), |body| {
        let row = body.request.row;
        let Bytes(bytes) = &body.bytes;
        let Ok(form) = wire::query::Form::parse(bytes) else { return false };
        let parameters = form.parameters();
        let read = outcome(row.read_query(parameters));
        // A form that is written out again is the same form.
        let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let again = wire::query::Form::parse(again.as_bytes()).unwrap();
        assert_eq!(again.parameters(), parameters);
        // Of duplicates the last counts, and otherwise the order does not.
        let mut distinct = parameters.to_vec();
        distinct.reverse();
        let mut seen = std::collections::BTreeSet::new();
        distinct.retain(|(name, _)| seen.insert(name.clone()));
        assert_eq!(outcome(row.read_query(&distinct)), read);
        let action = distinct.iter().find(|(name, _)| name == "Action").map_or("", |(_, value)| value);
        assert_eq!(form.action(), action);
        matches!(read, Outcome::Read(_))
    });
}
