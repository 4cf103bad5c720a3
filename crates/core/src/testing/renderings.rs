//! What each operation's event reads like in CloudTrail's form, with everything that differs from run to run named by
//! its type. It stands as a text in `tests/cloudtrail-records.txt`, so that a change is read in a diff.
//! CLAVIGER_WRITE_SNAPSHOT=1 writes it anew.

use serde_json::{Map, Value};

use crate::audit::cloudtrail::{Entry, render};
use crate::records::EventRecord;
use crate::table;
use crate::testing::every_operation::World;
use crate::testing::test_events::event_of;
use crate::testing::test_kms::is_command;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cloudtrail-records.txt");

/// Fields that CloudTrail documents for a record, apart from those of other services. Source: CloudTrail user guide,
/// "Record contents".
const DOCUMENTED: &[&str] = &[
    "additionalEventData",
    "awsRegion",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
];

/// Those that every record has.
const ALWAYS: &[&str] = &[
    "awsRegion",
    "eventCategory",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "managementEvent",
    "readOnly",
    "requestParameters",
    "responseElements",
    "sourceIPAddress",
    "userAgent",
    "userIdentity",
];

#[test]
fn every_operation_reads_as_it_did() {
    let mut found = String::new();
    for row in table::rows() {
        let world = World::new();
        let records = records_of(&world, row, world.sample(row.name));
        let (record, others) = records.split_first().unwrap();
        check(row.name, record);
        let others = if others.is_empty() { String::new() } else { format!("  and for {} more", others.len()) };
        found.push_str(&format!("{}:{}{others}\n", row.service, row.name));
        for field in ["requestParameters", "responseElements", "additionalEventData", "resources"] {
            if let Some(value) = record.get(field) {
                found.push_str(&format!("  {field:<20} {}\n", shape(value)));
            }
        }
    }
    if std::env::var_os("CLAVIGER_WRITE_SNAPSHOT").is_some() {
        std::fs::write(SNAPSHOT, &found).unwrap();
        return;
    }
    let written = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    let differs = written.lines().zip(found.lines()).find(|(written, found)| written != found);
    assert!(written == found, "{SNAPSHOT} differs, at first {differs:#?}: CLAVIGER_WRITE_SNAPSHOT=1 writes it anew");
}

/// What a request's event reads like to its caller's account.
pub(super) fn record_of(world: &World, row: &table::Row, body: Value) -> Map<String, Value> {
    records_of(world, row, body).swap_remove(0)
}

fn records_of(world: &World, row: &table::Row, body: Value) -> Vec<Map<String, Value>> {
    let (commits, events) = (world.kms.store.commits(), world.kms.events().len());
    world.kms.ok(row.name, body);
    let committed = world.kms.store.commits_since(commits);
    let events = world.kms.events().split_off(events);
    match committed.last().filter(|_| is_command(row)) {
        Some(commit) => rendered(&event_of(commit).1),
        None => rendered(&EventRecord::parse(events.last().unwrap()).unwrap()),
    }
}

fn rendered(event: &EventRecord<'_>) -> Vec<Map<String, Value>> {
    let origin = "claviger.example/0".parse().unwrap();
    let records = render(event, Entry { origin: &origin, index: 7 }).unwrap();
    let object = |record| match serde_json::to_value(record).unwrap() {
        Value::Object(members) => members,
        other => panic!("{other}"),
    };
    records.iter().map(object).collect()
}

fn check(operation: &str, record: &Map<String, Value>) {
    for name in record.keys() {
        assert!(DOCUMENTED.contains(&name.as_str()), "{operation}: {name} is no field of a record");
    }
    for name in ALWAYS {
        assert!(record.contains_key(*name), "{operation}: {name} is missing");
    }
    assert_eq!(record["eventName"], operation);
    assert_eq!(record["userIdentity"]["type"], "IAMUser", "{operation}");
    assert_eq!(record["recipientAccountId"], record["userIdentity"]["accountId"], "{operation}");
    // These change nothing and yet give out something, which CloudTrail tells.
    if record["readOnly"] == true && !["AssumeRole", "GetSessionToken"].contains(&operation) {
        assert_eq!(record["responseElements"], Value::Null, "{operation}");
    }
}

/// A value with its names, and what kind of value stands behind each.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(it) => it.to_string(),
        Value::Number(_) => "number".into(),
        Value::String(text) => kind(text).into(),
        Value::Array(values) => {
            let mut shapes: Vec<_> = values.iter().map(shape).collect();
            shapes.dedup();
            format!("[{}]", shapes.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", shape(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn kind(text: &str) -> &str {
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let date = text.ends_with(" AM") || text.ends_with(" PM");
    match text {
        _ if text.parse::<uuid::Uuid>().is_ok() => "uuid",
        _ if hex => "hex",
        _ if date => "date",
        _ if text.starts_with("arn:") => "arn",
        _ if text.starts_with('{') => "document",
        _ if text.starts_with("AWS::") => text,
        _ => "text",
    }
}
