//! What each operation's event reads like in CloudTrail's form, with everything that differs from run to run named by
//! its type. It stands as a text in `tests/cloudtrail-records.txt`, so that a change is read in a diff.
//! CLAVIGER_WRITE_SNAPSHOT=1 writes it anew.

use claviger_types::KeyId;
use serde_json::{Map, Value, json};

use crate::audit::cloudtrail::{Entry, recipients, render};
use crate::records::{Addressed, EventRecord};
use crate::table;
use crate::testing::every_operation::World;
use crate::testing::test_events::{event_of, parsed};
use crate::testing::test_kms::{AWAY, HOME, TestKms, is_command};

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

/// What records of aliases tell: the key that the alias stands for from now on, then the one that it leaves.
/// Source: AWS KMS developer guide, "Examples of AWS KMS log entries", CreateAlias, UpdateAlias, DeleteAlias.
#[test]
fn keys_of_an_alias() {
    let kms = TestKms::new();
    let [first, second] = [kms.key(), kms.key()];
    let [first_arn, second_arn] = [&first, &second].map(|key| kms.admin().key_arn(key));
    let resource = |arn: &str| json!({"accountId": HOME, "type": "AWS::KMS::Key", "ARN": arn});
    let alias = resource(&format!("arn:aws:kms:us-east-1:{HOME}:alias/a"));
    let cases = [
        ("CreateAlias", Some(&first), vec![(&first_arn, Addressed::Id)]),
        ("UpdateAlias", Some(&second_arn), vec![(&second_arn, Addressed::Arn), (&first_arn, Addressed::Otherwise)]),
        ("UpdateAlias", Some(&second), vec![(&second_arn, Addressed::Id)]),
        ("DeleteAlias", None, vec![(&second_arn, Addressed::Otherwise)]),
    ];
    for (operation, target, keys) in cases {
        let before = kms.store.commits();
        let body = match target {
            Some(key) => json!({"AliasName": "alias/a", "TargetKeyId": key}),
            None => json!({"AliasName": "alias/a"}),
        };
        kms.ok(operation, body);
        let commits = kms.store.commits_since(before);
        let event = event_of(&commits[0]).1;
        let addressed: Vec<_> = event.keys.iter().map(|key| key.addressed).collect();
        assert_eq!(addressed, keys.iter().map(|(_, addressed)| *addressed).collect::<Vec<_>>(), "{operation}");
        let [record] = &rendered(&event)[..] else { panic!("{operation}") };
        assert_eq!(record["responseElements"], json!({"keyId": keys[0].0}), "{operation}");
        let resources: Vec<_> = keys.iter().map(|(arn, _)| resource(arn)).chain([alias.clone()]).collect();
        assert_eq!(record["resources"], Value::Array(resources), "{operation}");
    }
    // The key behind a name that is taken is no matter of the request's.
    kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": first}));
    let before = kms.events().len();
    kms.call("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": second})).unwrap_err();
    let keys: Vec<_> = parsed(&kms.events()[before]).keys.iter().map(|key| key.id).collect();
    assert_eq!(keys, [*second.parse::<KeyId>().unwrap().as_bytes()]);
}

/// Nobody can put events into the trail of an account by naming what it does not have.
#[test]
fn an_account_has_no_copy_of_an_event_that_touches_nothing_of_it() {
    let kms = TestKms::new();
    let absent = "arn:aws:kms:us-east-1:999988887777:key/11111111-2222-3333-4444-555555555555";
    let to = "ou-none-12345678";
    let mut calls = vec![
        ("MoveAccount", json!({"AccountId": HOME, "DestinationParentId": to})),
        ("DescribeAccount", json!({"AccountId": "999988887777"})),
        ("ResetKeyPolicy", json!({"KeyArn": absent})),
    ];
    for account in [HOME, "999988887777"] {
        let arn = |what: &str| format!("arn:aws:iam::{account}:{what}");
        calls.extend([
            ("AssumeRole", json!({"RoleArn": arn("role/none"), "RoleSessionName": "s1"})),
            ("DeleteVirtualMFADevice", json!({"SerialNumber": arn("mfa/none")})),
            ("GetPolicy", json!({"PolicyArn": arn("policy/none")})),
            ("RevokeSessions", json!({"PrincipalArn": arn("user/none")})),
            ("SimulatePrincipalPolicy", json!({"PolicySourceArn": arn("user/none"), "ActionNames": ["kms:Encrypt"]})),
        ]);
    }
    for (operation, body) in calls {
        let before = kms.events().len();
        let answer = kms.away().call(operation, body.clone());
        assert!(answer.is_err(), "{operation} {body}");
        let events = kms.events();
        let [event] = &events[before..] else { panic!("{operation} {body}: {answer:?}") };
        let event = EventRecord::parse(event).unwrap();
        assert_eq!(recipients(&event).unwrap(), [AWAY.parse().unwrap()], "{operation} {body}: {answer:?}");
    }
    // One of the first account may ask about each.
    let before = kms.events().len();
    kms.call("DescribeAccount", json!({"AccountId": "999988887777"})).unwrap_err();
    let event = kms.events();
    assert_eq!(recipients(&EventRecord::parse(&event[before]).unwrap()).unwrap(), [HOME.parse().unwrap()]);
    kms.ok("DescribeAccount", json!({"AccountId": AWAY}));
    let event = kms.events();
    assert_eq!(recipients(&EventRecord::parse(&event[before + 1]).unwrap()).unwrap().len(), 2);
}

/// What a request's event reads like to its caller's account.
pub(crate) fn record_of(world: &World, row: &table::Row, body: Value) -> Map<String, Value> {
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
