//! Files of AWS CloudTrail, by records as the developer guide shows them.

use std::io::Write;

use claviger_usage::Use;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::cloudtrail_file::{UNPACKED_BYTES_MAX, read};
use super::entries;
use crate::table::{self, KINDS};
use crate::testing::every_operation::World;
use crate::testing::renderings::record_of;
use crate::testing::test_events::parsed;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
const MATERIAL: &str = "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// A file of these records.
pub(crate) fn file_of(records: &[Value]) -> Vec<u8> {
    packed(json!({"Records": records}).to_string().as_bytes())
}

/// A line for each use, an empty one for a record without.
fn told(file: &[u8]) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let shown = read(file, |told| match told {
        None => lines.push(String::new()),
        Some(told) => lines.extend(told.uses.iter().map(line)),
    });
    shown.map(|()| lines).map_err(|bad| bad.to_string())
}

fn line(used: &Use<'_>) -> String {
    let Use { operation, key, addressed, principal_id, principal, encryption_context, error_code, .. } = used;
    let material = used.backing_key.map_or_else(|| "-".into(), |id| const_hex::encode(&id[..2]));
    format!(
        "{operation:?} {} by {addressed:?} {material} as {principal_id} {principal} {encryption_context:?} {error_code:?}",
        key.id
    )
}

/// Source: developer guide, "Decrypt": the record of a successful request.
fn decrypt() -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDACKCEVSQ6C2EXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/Alice", "accountId": "111122223333",
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "Alice",
        },
        "eventTime": "2025-05-20T20:45:00Z", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt",
        "awsRegion": "us-west-2", "sourceIPAddress": "192.0.2.0", "userAgent": "AWS Internal",
        "requestParameters": {
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT", "keyId": KEY,
            "encryptionContext": {"Project": "Alpha", "Department": "Engineering"},
        },
        "responseElements": null, "additionalEventData": {"keyMaterialId": MATERIAL},
        "requestID": "12345126-30d5-4b28-98b9-9153da559963", "eventID": "abcde202-ba1a-467c-b4ba-f729d45ae521",
        "readOnly": true,
        "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    })
}

/// The same of another key, to the account that has it.
pub(crate) fn decrypt_of(arn: &str) -> Value {
    let account = arn.split(':').nth(4).unwrap();
    changed(json!({"resources": [{"ARN": arn}], "requestParameters": {}, "recipientAccountId": account}))
}

fn changed(changes: Value) -> Value {
    let mut record = decrypt();
    let Value::Object(changes) = changes else { panic!("no object") };
    record.as_object_mut().unwrap().extend(changes);
    record
}

#[test]
fn who_used_a_key_and_how() {
    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const ALICE: &str = "AIDACKCEVSQ6C2EXAMPLE arn:aws:iam::111122223333:user/Alice";
    const CONTEXT: &str = r#"[("Department", "Engineering"), ("Project", "Alpha")]"#;
    let identity = |identity: Value| json!({"userIdentity": identity});
    let role = |issuer: Value| {
        let arn = "arn:aws:sts::111122223333:assumed-role/app/i-1";
        identity(json!({"type": "AssumedRole", "principalId": "AROAEXAMPLE:i-1", "arn": arn,
            "accountId": "111122223333", "sessionContext": {"sessionIssuer": issuer}}))
    };
    let whole_issuer = json!({"type": "Role", "principalId": "AROAISSUER",
        "arn": "arn:aws:iam::111122223333:role/service/app", "accountId": "111122223333", "userName": "app"});
    let as_alice = |by: &str| format!("Decrypt {ID} by {by} 1234 as {ALICE} {CONTEXT} None");
    let by = |who: &str| format!("Decrypt {ID} by KeyArn 1234 as {who} {CONTEXT} None");
    for (changes, want) in [
        (json!({}), as_alice("KeyArn")),
        (
            json!({"requestParameters": {"keyId": ID, "encryptionContext": {"a": "b"}}}),
            format!(r#"Decrypt {ID} by KeyId 1234 as {ALICE} [("a", "b")] None"#),
        ),
        (
            json!({"requestParameters": {"keyId": "alias/a"}}),
            format!("Decrypt {ID} by AliasName 1234 as {ALICE} [] None"),
        ),
        (
            json!({"requestParameters": {"keyId": "arn:aws:kms:us-west-2:111122223333:alias/a"}, "eventName": "Encrypt"}),
            format!("Encrypt {ID} by AliasArn 1234 as {ALICE} [] None"),
        ),
        (
            json!({"requestParameters": null, "additionalEventData": null}),
            format!("Decrypt {ID} by Ciphertext - as {ALICE} [] None"),
        ),
        (
            json!({"errorCode": "DisabledException", "errorMessage": "x", "additionalEventData": {}}),
            format!("Decrypt {ID} by KeyArn - as {ALICE} {CONTEXT} Some(\"DisabledException\")"),
        ),
        // Not each page of the guide shows a type.
        (json!({"resources": [{"ARN": KEY, "accountId": "111122223333"}]}), as_alice("KeyArn")),
        (role(whole_issuer), by("AROAISSUER arn:aws:iam::111122223333:role/service/app")),
        (role(json!({})), by("AROAEXAMPLE arn:aws:iam::111122223333:role/app")),
        (
            identity(json!({"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root",
            "accountId": "111122223333"})),
            by("111122223333 arn:aws:iam::111122223333:root"),
        ),
        (
            identity(json!({"type": "AWSService", "invokedBy": "secretsmanager.amazonaws.com"})),
            by("secretsmanager.amazonaws.com secretsmanager.amazonaws.com"),
        ),
        (identity(json!({"accountId": "AWS Internal", "invokedBy": "AWS Internal"})), by("AWS Internal AWS Internal")),
        (
            identity(json!({"type": "AWSAccount", "principalId": "AROAOTHER:s", "accountId": "444455556666"})),
            by("AROAOTHER arn:aws:iam::444455556666:root"),
        ),
    ] {
        assert_eq!(told(&file_of(&[changed(changes.clone())])), Ok(vec![want]), "{changes}");
    }
}

/// Source: developer guide, "ReEncrypt": two resources, the source key and the destination key, in that order.
#[test]
fn re_encrypt_is_two_uses() {
    let of = |resources: &[&str], request: Value| {
        let resources: Vec<_> = resources.iter().map(|arn| json!({"ARN": arn})).collect();
        let data = json!({"sourceKeyMaterialId": MATERIAL, "destinationKeyMaterialId": "ff".repeat(32)});
        let record = json!({"eventName": "ReEncrypt", "requestParameters": request, "resources": resources,
            "additionalEventData": data});
        let lines = told(&file_of(&[changed(record)])).unwrap();
        lines.iter().map(|line| line.split(" as ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (from, to) =
        ("ReEncryptFrom 1234abcd-12ab-34cd-56ef-1234567890ab", "ReEncryptTo 0987dcba-09fe-87dc-65ba-ab0987654321");
    let destination = |id: &str| json!({"destinationKeyId": id, "sourceEncryptionContext": {"a": "b"}});
    let both = [format!("{from} by Ciphertext 1234"), format!("{to} by KeyArn ffff")];
    assert_eq!(of(&[KEY, OTHER], destination(OTHER)), both);
    // One key alone, as the account of either key sees it, or used for both.
    assert_eq!(of(&[KEY], destination(OTHER)), both[..1]);
    assert_eq!(of(&[OTHER], json!({"destinationKeyId": OTHER, "sourceKeyId": KEY})), both[1..]);
    let same = of(&[KEY], destination(KEY));
    assert_eq!(same, [both[0].clone(), both[1].replace(&OTHER[39..], &KEY[39..])]);
}

#[test]
fn what_tells_of_no_use() {
    for changes in [
        json!({"eventSource": "s3.amazonaws.com"}),
        json!({"eventName": "DescribeKey"}),
        json!({"eventName": "ReEncryptFrom"}),
        json!({"eventName": "GenerateRandom", "resources": null}),
        json!({"resources": []}),
        json!({"resources": [{"ARN": "arn:aws:s3:::b"}, {"accountId": "1"}]}),
        json!({"resources": "none"}),
        json!({"eventID": "x"}),
        json!({"eventID": null}),
        json!({"eventTime": "yesterday"}),
        json!({"recipientAccountId": "me"}),
        json!({"userIdentity": null}),
        json!({"userIdentity": {}}),
        json!({"userIdentity": {"principalId": "A\nB", "arn": "arn"}}),
        json!({"userIdentity": {"principalId": "", "arn": "arn"}}),
        json!({"requestParameters": {"keyId": "??"}}),
        json!({"requestParameters": {"encryptionContext": {"a": 1}}}),
        json!({"requestParameters": {}, "eventName": "Encrypt"}),
    ] {
        let record = changed(changes.clone());
        assert_eq!(told(&file_of(&[record, decrypt()])).unwrap().first(), Some(&String::new()), "{changes}");
    }
    let (deep, long) = ("[".repeat(500) + &"]".repeat(500), changed(json!({"noise": "x".repeat(1024 * 1024)})));
    let others = format!(r#"{{"Records": [1, null, {deep}, 1e999, {long}]}}"#);
    assert_eq!(told(&packed(others.as_bytes())), Ok(vec![String::new(); 5]));
    assert_eq!(told(&file_of(&[])), Ok(Vec::new()));
}

#[test]
fn what_is_no_file_of_cloudtrail() {
    let whole = file_of(&[decrypt()]);
    let twice = packed(br#"{"Records": [], "Records": []}"#);
    for (name, file, want) in [
        ("plain", br#"{"Records": []}"#.to_vec(), "the file is no whole gzip file: invalid gzip header"),
        ("cut", whole[..whole.len() - 9].to_vec(), "the file is no whole gzip file"),
        ("more", [&whole[..], b"x"].concat(), "the file is no whole gzip file"),
        ("empty", Vec::new(), "the file is no whole gzip file"),
        ("text", packed(b"x"), "the file is none of CloudTrail's: expected value at line 1 column 1"),
        ("list", packed(b"[]"), "the file is none of CloudTrail's: invalid type: sequence"),
        ("digest", packed(br#"{"logFiles": []}"#), "the file is none of CloudTrail's: missing field `Records`"),
        ("records", packed(br#"{"Records": {}}"#), "the file is none of CloudTrail's: invalid type: map"),
        ("twice", twice, "the file is none of CloudTrail's: duplicate field `Records`"),
        ("two", packed(br#"{"Records": []}{"Records": []}"#), "the file is none of CloudTrail's: trailing"),
        ("open", packed(br#"{"Records": [1"#), "the file is none of CloudTrail's: EOF"),
        ("bomb", packed(&vec![b' '; UNPACKED_BYTES_MAX + 1]), "the file has more than 33554432 bytes"),
    ] {
        let refusal = told(&file).unwrap_err();
        assert!(refusal.starts_with(want), "{name}: {refusal}");
    }
    let longest = format!("{}{{\"Records\": []}}", " ".repeat(UNPACKED_BYTES_MAX - 15));
    assert_eq!(told(&packed(longest.as_bytes())), Ok(Vec::new()));
    let members = [packed(br#"{"Records": "#), packed(b"[1]}")].concat();
    assert_eq!(told(&members), Ok(vec![String::new()]), "a file may be packed in parts");
}

/// Our own records have CloudTrail's form, and tell the same of usage as the events that they show.
#[test]
fn records_of_our_own() {
    let world = World::new();
    for (_, name) in KINDS.iter().filter(|(kind, name)| *kind == "use_material" && *name != "GenerateRandom") {
        let row = table::rows().iter().find(|row| row.name == *name).unwrap();
        let record = record_of(&world, row, world.sample(name));
        let event = world.kms.events().pop().unwrap();
        let mut want = Vec::new();
        entries::told_by(&parsed(&event), 0, |entry| want.extend(entry.uses.iter().map(line))).unwrap();
        assert_eq!(told(&file_of(&[record.into()])), Ok(want), "{name}");
    }
}
