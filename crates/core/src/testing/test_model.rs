//! Judges replies by the service models, with a reading of them of its own: the harness of this crate's tests uses it
//! on every reply. It knows both forms that the files in `models/` have, and nothing of `wire`.

use claviger_types::ServiceName;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};

use crate::Row;

/// A reply's body as a value, which has the shape that the model gives the operation's output.
pub(crate) fn reply(row: &Row, body: &[u8]) -> Value {
    let model = model(row.service);
    let operation = &model["operations"][row.name];
    let output = either(operation, "out", "output");
    let Some(shape) = shape_name(output) else {
        assert!(body.is_empty(), "{} has no output, and answers {:?}", row.name, String::from_utf8_lossy(body));
        return Value::Null;
    };
    let value = match row.service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => serde_json::from_slice(body).unwrap(),
        ServiceName::Iam | ServiceName::Sts => {
            let document = xml(std::str::from_utf8(body).unwrap());
            let result = document.get(format!("{}Result", row.name)).unwrap_or_else(|| panic!("{document}"));
            typed(&model, shape, result)
        }
    };
    let mut wrong = Vec::new();
    judge(&model, shape, row.name, &value, &mut wrong);
    assert!(wrong.is_empty(), "{}: {wrong:#?}\n{value:#}", row.name);
    value
}

/// The members of an operation's input: name and shape.
pub(crate) fn input_members(row: &Row) -> Vec<(String, Value)> {
    let model = model(row.service);
    let Some(shape) = shape_name(either(&model["operations"][row.name], "in", "input")) else { return Vec::new() };
    let members = either(&model["shapes"][shape], "m", "members").as_object().cloned().unwrap_or_default();
    members.into_iter().map(|(name, member)| (name, model["shapes"][shape_name(&member).unwrap()].clone())).collect()
}

/// The members that an operation's input must have.
pub(crate) fn required_members(row: &Row) -> Vec<String> {
    let model = model(row.service);
    let Some(shape) = shape_name(either(&model["operations"][row.name], "in", "input")) else { return Vec::new() };
    let required = either(&model["shapes"][shape], "req", "required").as_array().cloned().unwrap_or_default();
    required.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn model(service: ServiceName) -> Value {
    serde_json::from_str(match service {
        ServiceName::Claviger => include_str!("../../../../models/claviger/2026-12-01/service-2.json"),
        ServiceName::CloudTrail => include_str!("../../../../models/cloudtrail.json"),
        ServiceName::Iam => include_str!("../../../../models/iam.json"),
        ServiceName::Kms => include_str!("../../../../models/kms.json"),
        ServiceName::Sts => include_str!("../../../../models/sts.json"),
    })
    .unwrap()
}

/// A member under its short or its long name.
fn either<'v>(value: &'v Value, short: &str, long: &str) -> &'v Value {
    value.get(short).or_else(|| value.get(long)).unwrap_or(&Value::Null)
}

fn shape_name(reference: &Value) -> Option<&str> {
    reference.as_str().or_else(|| either(reference, "s", "shape").as_str())
}

fn judge(model: &Value, shape: &str, at: &str, value: &Value, wrong: &mut Vec<String>) {
    let rule = &model["shapes"][shape];
    let kind = either(rule, "t", "type").as_str().unwrap();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{at} ({shape}): {what}"));
        }
    };
    match (kind, value) {
        ("structure", Value::Object(members)) => judge_members(model, rule, at, members, wrong),
        ("list", Value::Array(items)) => {
            let element = shape_name(either(rule, "of", "member")).unwrap();
            items.iter().for_each(|item| judge(model, element, &format!("{at}[]"), item, wrong));
        }
        ("map", Value::Object(entries)) => {
            let (name, element) = (shape_name(either(rule, "k", "key")), shape_name(either(rule, "v", "value")));
            for (key, item) in entries {
                judge(model, name.unwrap(), &format!("{at}.(key)"), &Value::from(key.as_str()), wrong);
                judge(model, element.unwrap(), &format!("{at}.{key}"), item, wrong);
            }
        }
        // A grant without a name has an empty one. Source: developer guide, the example answer of ListGrants.
        ("string", Value::String(text)) if shape == "GrantNameType" && text.is_empty() => {}
        ("string", Value::String(text)) => {
            let values = rule["enum"].as_array();
            expect(values.is_none_or(|values| values.contains(value)), &format!("{text} is no value of the enum"));
            expect(within(rule, text.chars().count()), "length");
            let pattern = rule["pattern"].as_str().filter(|pattern| !pattern.contains(r"\u"));
            let regex = pattern.map(|pattern| regex::Regex::new(&format!("^(?:{})$", ascii(pattern))).unwrap());
            expect(regex.is_none_or(|regex| regex.is_match(text)), "pattern");
        }
        ("blob", Value::String(text)) => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            expect(bytes.is_ok_and(|bytes| within(rule, bytes.len())), "base64 or its length");
        }
        ("boolean", Value::Bool(_)) => {}
        ("integer", Value::Number(number)) => expect(within(rule, number.as_u64().unwrap() as usize), "range"),
        ("timestamp", Value::Number(number)) => {
            expect(number.as_f64().is_some_and(|seconds| seconds > 1.6e9), "a time long past");
        }
        _ => expect(false, &format!("{value} is not of type {kind}")),
    }
}

fn judge_members(model: &Value, rule: &Value, at: &str, members: &Map<String, Value>, wrong: &mut Vec<String>) {
    let known = either(rule, "m", "members");
    for name in either(rule, "req", "required").as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            wrong.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, value) in members {
        match known.get(name).and_then(shape_name) {
            Some(shape) => judge(model, shape, &format!("{at}.{name}"), value, wrong),
            None => wrong.push(format!("{at}: the model knows no {name}")),
        }
    }
}

fn within(rule: &Value, size: usize) -> bool {
    let size = size as u64;
    rule["min"].as_u64().is_none_or(|min| min <= size) && rule["max"].as_u64().is_none_or(|max| size <= max)
}

fn ascii(pattern: &str) -> String {
    // The one look-ahead: no two hyphens of an account alias stand together.
    let pattern = pattern.replace("([a-z0-9]|-(?!-)){1,61}[a-z0-9]", "(-?[a-z0-9])+");
    pattern.replace(r"\w", "[0-9A-Za-z_]").replace(r"\d", "[0-9]")
}

/// Elements of XML have no types, so the model tells what their texts are.
fn typed(model: &Value, shape: &str, value: &Value) -> Value {
    let rule = &model["shapes"][shape];
    match (either(rule, "t", "type").as_str().unwrap(), value) {
        ("structure", Value::Object(members)) => {
            let shape_of = |name: &str| either(rule, "m", "members").get(name).and_then(shape_name);
            let member = |(name, value): (&String, &Value)| {
                let value = shape_of(name).map_or_else(|| value.clone(), |shape| typed(model, shape, value));
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        ("structure", Value::String(text)) if text.is_empty() => json!({}),
        ("list", value) => {
            let element = shape_name(either(rule, "of", "member")).unwrap();
            let items = value.get("member").and_then(Value::as_array).cloned().unwrap_or_default();
            Value::Array(items.iter().map(|item| typed(model, element, item)).collect())
        }
        ("map", value) => {
            let element = shape_name(&rule["v"]).unwrap();
            let entries = value.get("entry").and_then(Value::as_array).cloned().unwrap_or_default();
            let pair = |entry: &Value| {
                let key = entry["key"].as_str().unwrap().to_owned();
                (key, typed(model, element, &entry["value"]))
            };
            Value::Object(entries.iter().map(pair).collect())
        }
        ("boolean", Value::String(text)) => json!(text.parse::<bool>().unwrap()),
        ("integer", Value::String(text)) => json!(text.parse::<u64>().unwrap()),
        ("timestamp", Value::String(text)) => {
            assert!(text.len() == 20 && text.ends_with('Z'), "{text} is not to the second, in UTC");
            json!(text.parse::<jiff::Timestamp>().unwrap().as_second())
        }
        (_, value) => value.clone(),
    }
}

/// A document as nested objects; an element named `member` is an item of a list, `entry` one of a map.
fn xml(text: &str) -> Value {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = vec![(String::new(), Map::new(), String::new())];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                open.push((start.name().0.to_owned(), Map::new(), String::new()));
            }
            Event::Empty(start) => {
                let name = start.name().0.to_owned();
                put(&mut open.last_mut().unwrap().1, name, Value::String(String::new()));
            }
            Event::Text(part) => open.last_mut().unwrap().2.push_str(&part),
            Event::GeneralRef(reference) => {
                let known = [("lt", "<"), ("gt", ">"), ("amp", "&"), ("quot", "\""), ("apos", "'")];
                let (_, character) = known.iter().find(|(known, _)| *known == &*reference).unwrap();
                open.last_mut().unwrap().2.push_str(character);
            }
            Event::End(_) => {
                let (name, members, text) = open.pop().unwrap();
                let value = if members.is_empty() { Value::String(text) } else { Value::Object(members) };
                put(&mut open.last_mut().unwrap().1, name, value);
            }
            Event::Eof => return Value::Object(open.pop().unwrap().1),
            other => panic!("{other:?} in {text}"),
        }
    }
}

fn put(members: &mut Map<String, Value>, name: String, value: Value) {
    if ["entry", "member"].contains(&name.as_str()) {
        members.entry(name).or_insert_with(|| json!([])).as_array_mut().unwrap().push(value);
    } else {
        assert!(members.insert(name.clone(), value).is_none(), "{name} occurs twice");
    }
}

mod tests {
    use super::*;
    use crate::testing::test_kms::row;

    /// The judge sees what is wrong: else it would judge nothing.
    #[test]
    fn judges() {
        let model = model(ServiceName::Kms);
        for (value, faults) in [
            (json!({"KeyId": "k", "CiphertextBlob": "AAAA", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}), 0),
            (json!({"KeyId": ""}), 1),
            (json!({"KeyId": 1}), 1),
            (json!({"CiphertextBlob": "A"}), 1),
            (json!({"EncryptionAlgorithm": "ROT13"}), 1),
            (json!({"Plaintext": "AAAA"}), 1),
            (json!([]), 1),
        ] {
            let mut wrong = Vec::new();
            judge(&model, "EncryptResponse", "", &value, &mut wrong);
            assert_eq!(wrong.len(), faults, "{value}: {wrong:?}");
        }
        let mut wrong = Vec::new();
        judge(&model, "DescribeKeyResponse", "", &json!({"KeyMetadata": {"CreationDate": "x"}}), &mut wrong);
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn reads_xml() {
        let body = "<GetUserResult><User><Path>/</Path><UserName>a&amp;b</UserName><UserId>AIDAAAAAAAAAAAAAAAAA</UserId>\
            <Arn>arn:aws:iam::111122223333:user/a</Arn><CreateDate>2026-01-31T12:00:00Z</CreateDate></User></GetUserResult>";
        let value = xml(body);
        assert_eq!(value["GetUserResult"]["User"]["UserName"], "a&b");
        assert_eq!(
            xml("<A><B><member>1</member><member>2</member></B><C/></A>"),
            json!({"A": {"B": {"member": ["1", "2"]}, "C": ""}})
        );
        assert_eq!(input_members(row("GetUser"))[0].0, "UserName");
    }
}
