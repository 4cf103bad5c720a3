//! Files of AWS CloudTrail, as a stranger may send them: what is told of uses does not depend on how the file is spelt.

use std::io::Write;

use claviger_core::cloudtrail_file;
use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_types::Timestamp;
use claviger_usage::Import;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/mrk-0987dcba09fe87dc65baab0987654321";

const WORDS: [&str; 12] = [
    "\"Records\":",
    "null",
    "{}",
    "[]",
    "\"ReEncrypt\"",
    "\"Sign\"",
    "\"AWSService\"",
    "\"arn\":",
    "\"invokedBy\":\"s3.amazonaws.com\"",
    "\"\\u0000\\n\"",
    "\"alias/a\"",
    "arn:aws:sts::111122223333:assumed-role/r/s",
];

/// Texts of files, edited and packed; packed files, edited.
pub fn cloudtrail_files(campaign: Campaign) {
    let text = sample().to_string().into_bytes();
    campaign.run(Edited::new([packed(&text), text], WORDS), |Bytes(bytes)| {
        let is_packed = bytes.starts_with(&[0x1f, 0x8b]);
        let file = if is_packed { bytes.clone() } else { packed(bytes) };
        let Some(told) = told(&file) else { return false };
        if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
            assert_eq!(value["Records"].as_array().unwrap().len(), told.len(), "each record is shown");
            let spelt = serde_json::to_vec_pretty(&value).unwrap();
            let (first, second) = spelt.split_at(spelt.len() / 2);
            let parts = [packed(first), packed(second)].concat();
            assert_eq!(self::told(&parts).as_ref(), Some(&told), "the same in another spelling, packed in parts");
        }
        told.iter().any(Option::is_some)
    });
}

/// A text for each record. What is told is kept, and read again as the same.
fn told(file: &[u8]) -> Option<Vec<Option<String>>> {
    let mut import = Import::new(Timestamp::from_millis(0));
    let (mut told, mut pushed) = (Vec::new(), Vec::new());
    let read = cloudtrail_file::read(file, |shown| {
        told.push(shown.map(|shown| format!("{shown:?}")));
        for used in shown.into_iter().flat_map(|shown| shown.uses) {
            assert!(!used.principal_id.is_empty() && !used.principal_id.contains('\n'));
            if import.push([0; 16], used).is_some() {
                pushed.push(format!("{used:?}"));
            }
        }
    });
    let (mut bytes, mut kept) = (Vec::new(), Vec::new());
    import.write(&mut bytes).unwrap();
    Import::read(&bytes[..]).unwrap().for_each(|used| kept.push(format!("{used:?}")));
    assert_eq!(kept, pushed);
    read.is_ok().then_some(told)
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn sample() -> Value {
    let user = json!({"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/Alice"});
    let issuer = json!({"principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::111122223333:role/p/app"});
    let role = json!({"type": "AssumedRole", "principalId": "AROAEXAMPLE:s", "sessionContext": {"sessionIssuer": issuer},
        "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333"});
    let account = json!({"type": "AWSAccount", "principalId": "AROAOTHER:s", "accountId": "444455556666"});
    let record = |name: &str, identity: &Value, keys: &[&str], request: Value| {
        let resources: Vec<_> = keys.iter().map(|arn| json!({"ARN": arn})).collect();
        json!({"eventSource": "kms.amazonaws.com", "eventName": name, "eventTime": "2025-05-20T20:45:00Z",
            "eventID": "abcde202-ba1a-467c-b4ba-f729d45ae521", "recipientAccountId": "111122223333",
            "userIdentity": identity, "requestParameters": request, "resources": resources,
            "additionalEventData": {"keyMaterialId": "12".repeat(32)}, "errorCode": null})
    };
    json!({"Records": [
        record("Decrypt", &user, &[KEY], json!({"keyId": KEY, "encryptionContext": {"a": "b", "tenant": "c"}})),
        record("ReEncrypt", &role, &[KEY, OTHER], json!({"destinationKeyId": OTHER, "sourceEncryptionContext": {"a": "b"}})),
        record("GenerateDataKey", &account, &[OTHER], json!({"keyId": "alias/a"})),
        record("DescribeKey", &user, &[KEY], json!({"keyId": KEY})),
    ]})
}
