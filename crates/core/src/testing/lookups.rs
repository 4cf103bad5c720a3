//! Events looked up by those who caused them, and by those whose resources they touched.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Settings;
use crate::testing::test_kms::{AWAY, HOME, REGION, Session, refused, statement};
use crate::testing::test_log::TestLog;
use crate::testing::test_sessions::Opened;

/// All events that a request finds.
fn lookup(session: Session<'_>, mut body: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let reply = session.ok("LookupEvents", body.clone());
        found.extend(reply["Events"].as_array().unwrap().iter().cloned());
        match reply.get("NextToken") {
            Some(token) => body["NextToken"] = token.clone(),
            None => return found,
        }
    }
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

fn names(found: &[Value]) -> Vec<&str> {
    found.iter().map(|event| event["EventName"].as_str().unwrap()).collect()
}

fn record(event: &Value) -> Value {
    serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap()
}

#[test]
fn each_attribute() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    let key = kms.key();
    kms.ok("CreateAlias", json!({"AliasName": "alias/a/b", "TargetKeyId": key}));
    log.write();
    let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
    kms.role("r");
    let role = kms.ok("AssumeRole", json!({"RoleArn": format!("arn:aws:iam::{HOME}:role/r"), "RoleSessionName": "s1"}));
    log.write();
    ann.encrypt(&key, "AAAA");
    assert!(Opened::of(&kms, &role).call("ListKeys", json!({})).is_err());
    log.write();
    let session_key = role["Credentials"]["AccessKeyId"].as_str().unwrap();
    let key_arn = kms.admin().key_arn(&key);
    let made_identities = ["AssumeRole", "CreateRole", "CreateAccessKey", "PutUserPolicy", "CreateUser"];
    for (attribute, value, want) in [
        ("AccessKeyId", ann.access_key_id.as_str(), &["Encrypt"][..]),
        ("AccessKeyId", session_key, &["ListKeys"]),
        ("EventName", "CreateAlias", &["CreateAlias"]),
        ("EventName", "createalias", &[]),
        ("EventSource", "iam.amazonaws.com", &made_identities[1..]),
        ("EventSource", "iam", &[]),
        ("ReadOnly", "true", &["ListKeys", "Encrypt", "AssumeRole"]),
        ("ReadOnly", "yes", &[]),
        ("ResourceName", &key_arn, &["Encrypt", "CreateAlias", "CreateKey"]),
        ("ResourceName", &key, &["Encrypt", "CreateAlias", "CreateKey"]),
        ("ResourceName", "alias/a/b", &["CreateAlias"]),
        ("ResourceName", "b", &["CreateAlias"]),
        ("ResourceName", "a/b", &[]),
        ("ResourceName", "ann", &made_identities[2..]),
        ("ResourceType", "AWS::IAM::Role", &["AssumeRole", "CreateRole"]),
        ("ResourceType", "Key", &[]),
        ("Username", "ann", &["Encrypt"]),
        ("Username", "s1", &["ListKeys"]),
        ("Username", "r", &[]),
    ] {
        assert_eq!(names(&lookup(kms.admin(), by(attribute, value))), want, "{attribute} {value}");
    }
    let all = lookup(kms.admin(), json!({}));
    assert_eq!(all.len(), 9);
    for event in &all {
        let id = event["EventId"].as_str().unwrap();
        for id in [id, &id.to_uppercase()] {
            assert_eq!(lookup(kms.admin(), by("EventId", id)), std::slice::from_ref(event));
        }
        assert_eq!(lookup(kms.away(), by("EventId", id)), [Value::Null; 0]);
        let record = record(event);
        let member = |name: &str| record[name].clone();
        assert_eq!([&event["EventId"], &event["EventName"]], [&member("eventID"), &member("eventName")]);
        assert_eq!(event["EventSource"], member("eventSource"));
        assert_eq!(event["ReadOnly"], member("readOnly").to_string());
        assert_eq!(event.get("AccessKeyId"), member("userIdentity").get("accessKeyId"));
    }
    assert_eq!(lookup(kms.admin(), by("EventId", "x")), [Value::Null; 0]);
    let encrypt = &all[1];
    assert_eq!(encrypt["Resources"], json!([{"ResourceType": "AWS::KMS::Key", "ResourceName": key_arn}]));
    assert_eq!(encrypt["Username"], "ann");
}

/// Events are seen in the Region that they were asked for in; those of IAM, which has none, in us-east-1.
#[test]
fn regions_and_accounts() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    kms.admin().in_region("eu-west-1").key("SYMMETRIC_DEFAULT");
    kms.away().key("SYMMETRIC_DEFAULT");
    kms.ok("CreateUser", json!({"UserName": "ann"}));
    log.write();
    for (session, want) in [
        (kms.admin(), &["CreateUser"][..]),
        (kms.admin().in_region("eu-west-1"), &["CreateKey"]),
        (kms.away(), &["CreateKey"]),
        (kms.away().in_region("eu-west-1"), &[]),
    ] {
        assert_eq!(names(&lookup(session, by("ReadOnly", "false"))), want);
    }
    // A look-up is a request like any other.
    log.write();
    assert_eq!(names(&lookup(kms.away().in_region("eu-west-1"), json!({}))), ["LookupEvents"]);
}

/// A refused caller learns nothing of another account's keys from its own events: not that there is one behind an
/// alias, not which. The keys' owner sees the attempt, and of the caller no more than its account and unique id.
#[test]
fn what_a_refused_caller_must_not_know() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    let away = kms.away();
    let key = away.key("SYMMETRIC_DEFAULT");
    away.ok("CreateAlias", json!({"AliasName": "alias/secret", "TargetKeyId": key}));
    log.write();
    let named = |what: &str| format!("arn:aws:kms:{REGION}:{AWAY}:{what}");
    let absent = "00000000-0000-4000-8000-000000000000";
    let there = [named("alias/secret"), named(&format!("key/{key}"))];
    let not_there = [named("alias/none"), named(&format!("key/{absent}"))];
    let mut seen = Vec::new();
    for name in there.iter().chain(&not_there) {
        assert!(kms.call("Encrypt", json!({"KeyId": name, "Plaintext": "AAAA"})).is_err());
        log.write();
        let [event] = &lookup(kms.admin(), json!({"MaxResults": 1}))[..1] else { panic!("{name}") };
        assert_eq!((&event["EventName"], &event["Resources"]), (&json!("Encrypt"), &json!([])), "{name}");
        let mut record = record(event);
        assert_eq!(record["requestParameters"]["keyId"], *name);
        for differs in ["eventID", "eventTime", "requestID", "requestParameters"] {
            record.as_object_mut().unwrap().remove(differs);
        }
        seen.push(record);
    }
    assert!(seen.iter().all(|record| *record == seen[0]), "{seen:#?}");
    for (attribute, value) in
        [("ResourceName", key.as_str()), ("ResourceName", &there[1]), ("ResourceType", "AWS::KMS::Key")]
    {
        assert_eq!(names(&lookup(kms.admin(), by(attribute, value))), [""; 0], "{value}");
    }

    let attempts = lookup(away, by("EventName", "Encrypt"));
    assert_eq!(attempts.len(), 2, "those on the key that is there");
    for event in &attempts {
        let record = record(event);
        let admin = kms.view().credential(kms.admin().access_key_id).unwrap().user.id;
        let caller = json!({"type": "AWSAccount", "principalId": admin.as_str(), "accountId": HOME});
        assert_eq!((&record["userIdentity"], record.get("errorMessage")), (&caller, None));
        assert_eq!(record["errorCode"], "AccessDenied");
        assert_eq!(event["Resources"][0]["ResourceName"], there[1]);
        assert_eq!((event.get("Username"), event.get("AccessKeyId")), (None, None));
        assert_eq!(lookup(kms.admin(), by("EventId", event["EventId"].as_str().unwrap())), [Value::Null; 0]);
    }
    for (attribute, value) in [("Username", "admin"), ("AccessKeyId", kms.admin().access_key_id.as_str())] {
        assert!(!names(&lookup(away, by(attribute, value))).contains(&"Encrypt"), "{value}");
    }
    // Who was let in knows the key, and both see that the other sees it too.
    away.grant(&key, kms.admin(), &["Encrypt"]);
    kms.ok("Encrypt", json!({"KeyId": there[1], "Plaintext": "AAAA"}));
    log.write();
    let shared = [kms.admin(), away].map(|session| record(&lookup(session, by("ResourceName", &key))[0]));
    assert_eq!(shared[0]["sharedEventID"], shared[1]["sharedEventID"]);
    assert!(shared[0]["sharedEventID"].is_string());
}

#[test]
fn pages() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    for _ in 0..30 {
        let key = kms.key();
        kms.ok("DescribeKey", json!({"KeyId": key}));
    }
    log.write();
    let all = lookup(kms.admin(), json!({}));
    assert_eq!(all.len(), 60);
    for results in [1, 2, 7, 50] {
        let mut body = by("EventName", "DescribeKey");
        body["MaxResults"] = json!(results);
        let found = lookup(kms.admin(), body.clone());
        let want: Vec<_> = all.iter().filter(|event| event["EventName"] == "DescribeKey").cloned().collect();
        assert_eq!(found, want, "{results}");
        let first = kms.ok("LookupEvents", body)["Events"].as_array().unwrap().len();
        assert_eq!(first, results.min(30));
    }
    let mut body = json!({"MaxResults": 1, "StartTime": 1.6e9});
    let token = kms.ok("LookupEvents", body.clone())["NextToken"].clone();
    body["NextToken"] = token.clone();
    assert_eq!(kms.ok("LookupEvents", body.clone())["Events"][0], all[1]);
    body["MaxResults"] = json!(2);
    assert_eq!(kms.ok("LookupEvents", body.clone())["Events"][0], all[1]);
    let invalid = refused("InvalidNextTokenException", "The token is not valid for this request.");
    for (member, value) in [
        ("StartTime", json!(1.7e9)),
        ("EndTime", json!(1.9e9)),
        ("LookupAttributes", by("EventName", "DescribeKey")["LookupAttributes"].clone()),
        ("NextToken", json!("x")),
        ("NextToken", json!(token.as_str().unwrap().replace('A', "B") + "A")),
        ("NextToken", json!("")),
    ] {
        let mut body = body.clone();
        body[member] = value;
        assert_eq!(kms.call("LookupEvents", body.clone()), Err(invalid.clone()), "{body}");
    }
    assert_eq!(kms.away().call("LookupEvents", body.clone()), Err(invalid.clone()));
    assert_eq!(kms.admin().in_region("eu-west-1").call("LookupEvents", body), Err(invalid));
}

#[test]
fn times() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    for _ in 0..5 {
        kms.pass(Duration::from_secs(86_400));
        kms.ok("ListKeys", json!({}));
        log.write();
    }
    let listed = lookup(kms.admin(), by("EventName", "ListKeys"));
    let seconds: Vec<_> = listed.iter().map(|event| event["EventTime"].as_f64().unwrap()).collect();
    assert!(seconds.iter().all(|second| second.fract() == 0.0) && seconds.is_sorted_by(|a, b| a > b), "{seconds:?}");
    let count = |from: Option<f64>, to: Option<f64>| {
        let mut body = by("EventName", "ListKeys");
        for (name, time) in [("StartTime", from), ("EndTime", to)] {
            if let Some(time) = time {
                body[name] = json!(time);
            }
        }
        lookup(kms.admin(), body).len()
    };
    for (from, to, want) in [
        (None, None, 5),
        (Some(seconds[1]), None, 2),
        (Some(seconds[1] + 1.0), None, 1),
        (None, Some(seconds[1]), 4),
        (None, Some(seconds[1] - 1.0), 3),
        (Some(seconds[3]), Some(seconds[3]), 1),
        (Some(seconds[3]), Some(seconds[1]), 3),
        (Some(1e9), Some(1.1e9), 0),
    ] {
        assert_eq!(count(from, to), want, "{from:?} to {to:?}");
    }
}

/// Source: CloudTrail API reference, LookupEvents, "Errors".
#[test]
fn what_is_refused() {
    let mut log = TestLog::new(Settings::default());
    let kms = Rc::clone(&log.kms);
    log.write();
    let one = |key: &str| json!({"AttributeKey": key, "AttributeValue": "v"});
    for (body, code, text) in [
        (json!({"MaxResults": 0}), "InvalidMaxResultsException", "MaxResults must be between 1 and 50."),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException", "MaxResults must be between 1 and 50."),
        (json!({"StartTime": 2, "EndTime": 1}), "InvalidTimeRangeException", "StartTime is after EndTime."),
        (
            json!({"LookupAttributes": [one("EventName"), one("Username")]}),
            "InvalidLookupAttributesException",
            "Only one lookup attribute is supported.",
        ),
        (
            json!({"EventCategory": "insight"}),
            "UnsupportedOperationException",
            "Claviger does not support EventCategory insight.",
        ),
    ] {
        assert_eq!(kms.call("LookupEvents", body.clone()), Err(refused(code, text)), "{body}");
    }
    for body in [json!({"LookupAttributes": [one("Region")]}), json!({"EventCategory": "data"})] {
        assert_eq!(kms.call("LookupEvents", body.clone()).unwrap_err().code, "ValidationException", "{body}");
    }
    let nobody = kms.admin().user("nobody", "");
    let because = " because no identity-based policy allows the cloudtrail:LookupEvents action";
    let denied = nobody.denied("cloudtrail:LookupEvents", &format!(" on resource: *{because}"));
    assert_eq!(nobody.call("LookupEvents", json!({})), Err(denied));
    for policy in ["ReadOnlyAccess", "SecurityAudit"] {
        let reader = kms.admin().user(policy, "");
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        kms.ok("AttachUserPolicy", json!({"UserName": policy, "PolicyArn": arn}));
        reader.ok("LookupEvents", json!({}));
    }
}
