//! Records of events that nobody made: who called, from where, and for whom they are.

use serde_json::{Value, json};

use super::*;
use crate::records::{Addressed, CallerKind, CallerRecord, ErrorRecord, SessionContextRecord, Shown, TlsRecord};
use crate::wire::model;

const HOME: u64 = 111_122_223_333;
const AWAY: u64 = 444_455_556_666;

fn caller(kind: CallerKind) -> CallerRecord<'static> {
    let session = SessionContextRecord { created_at: 1_800_000_000_000, mfa_at: Some(1), source_identity: Some("ann") };
    CallerRecord {
        kind,
        path: "/team/",
        name: "it",
        id: "AIDAEXAMPLE",
        access_key_id: "AKIAEXAMPLE",
        session_name: (kind == CallerKind::RoleSession).then_some("s1"),
        session: matches!(kind, CallerKind::RoleSession | CallerKind::UserSession).then_some(session),
        environment: None,
        application: None,
    }
}

fn event(kind: EventKind, caller: Option<CallerRecord<'static>>) -> EventRecord<'static> {
    EventRecord {
        service: Some("kms"),
        operation: Some("Encrypt"),
        account: Some(HOME),
        region: Some("us-east-1"),
        caller,
        read_only: true,
        ..EventRecord::new(kind, 1_800_000_000_999, [0x11; 16])
    }
}

fn key(account: u64) -> KeyUseRecord {
    let addressed = Addressed::Arn;
    KeyUseRecord { account, id: [0x22; 16], multi_region: false, addressed, material: Some([0x33; 32]), grant: None }
}

fn rendered(event: &EventRecord<'_>) -> Vec<Value> {
    let origin = "claviger.example/0".parse().unwrap();
    let records = render(event, Entry { origin: &origin, index: 7 }).unwrap();
    records.iter().map(|record| serde_json::to_value(record).unwrap()).collect()
}

#[test]
fn who_called() {
    let attributes = json!({"creationDate": "2027-01-15T08:00:00Z", "mfaAuthenticated": "true"});
    for (kind, want) in [
        (
            CallerKind::User,
            json!({
                "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/team/it",
                "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE", "userName": "it",
            }),
        ),
        (
            CallerKind::UserSession,
            json!({
                "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/team/it",
                "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE", "userName": "it",
                "sessionContext": {"attributes": attributes, "sourceIdentity": "ann"},
            }),
        ),
        (
            CallerKind::RoleSession,
            json!({
                "type": "AssumedRole", "principalId": "AIDAEXAMPLE:s1",
                "arn": "arn:aws:sts::111122223333:assumed-role/it/s1",
                "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role", "principalId": "AIDAEXAMPLE",
                        "arn": "arn:aws:iam::111122223333:role/team/it",
                        "accountId": "111122223333", "userName": "it",
                    },
                    "attributes": attributes,
                    "sourceIdentity": "ann",
                },
            }),
        ),
    ] {
        let [record] = &rendered(&event(EventKind::Call, Some(caller(kind))))[..] else { panic!("{kind:?}") };
        assert_eq!(record["userIdentity"], want, "{kind:?}");
    }
}

/// The owner of a key learns that it was used by another account, and by whom no further than the unique id.
#[test]
fn an_event_of_two_accounts() {
    let mut event = event(EventKind::Call, Some(caller(CallerKind::User)));
    event.keys = vec![key(AWAY)].into();
    let [own, others] = &rendered(&event)[..] else { panic!() };
    assert_eq!(own["sharedEventID"], others["sharedEventID"]);
    assert_eq!(own["requestID"], others["requestID"]);
    assert_ne!(own["eventID"], others["eventID"]);
    assert_eq!([&own["recipientAccountId"], &others["recipientAccountId"]], ["111122223333", "444455556666"]);
    let stranger = json!({"type": "AWSAccount", "principalId": "AIDAEXAMPLE", "accountId": "111122223333"});
    assert_eq!(others["userIdentity"], stranger);
    let arn = "arn:aws:kms:us-east-1:444455556666:key/22222222-2222-2222-2222-222222222222";
    let resources = json!([{"accountId": "444455556666", "type": "AWS::KMS::Key", "ARN": arn}]);
    assert_eq!([&own["resources"], &others["resources"]], [&resources, &resources]);
    assert_eq!(own["additionalEventData"], json!({"keyMaterialId": "33".repeat(32)}));
}

/// Neither side of a refusal learns from its copy what the answer did not tell.
#[test]
fn a_refused_event_of_two_accounts() {
    let mut refused = event(EventKind::Call, Some(caller(CallerKind::User)));
    refused.error = Some(ErrorRecord { code: "AccessDeniedException", message: Some("User: it is not authorized") });
    refused.keys = vec![key(HOME)].into();
    refused.resources = vec!["arn:aws:kms:us-east-1:111122223333:alias/own"];
    let [found_nothing] = &rendered(&refused)[..] else { panic!() };
    refused.keys.to_mut().push(key(AWAY));
    refused.resources.push("arn:aws:kms:us-east-1:444455556666:alias/payroll");
    let [own, owners] = &rendered(&refused)[..] else { panic!() };
    assert_eq!(own, found_nothing, "what there is in the other account changes the caller's copy");
    assert_eq!(own["errorMessage"], "User: it is not authorized");
    let arns = |record: &Value| -> Vec<_> {
        record["resources"].as_array().unwrap().iter().map(|shown| shown["ARN"].as_str().unwrap().to_owned()).collect()
    };
    assert!(arns(own).len() == 2 && arns(own).iter().all(|arn| arn.contains(":111122223333:")), "{own}");
    assert!(arns(owners).len() == 2 && arns(owners).iter().all(|arn| arn.contains(":444455556666:")), "{owners}");
    assert_eq!((owners.get("errorMessage"), &owners["errorCode"]), (None, &json!("AccessDenied")));
    assert_eq!(owners["userIdentity"]["type"], "AWSAccount");

    // What an owner's copy names as used is its own too.
    refused.operation = Some("ReEncrypt");
    refused.error = Some(ErrorRecord { code: "KMSInvalidStateException", message: None });
    let [own, owners] = &rendered(&refused)[..] else { panic!() };
    let material = "33".repeat(32);
    assert_eq!(own["additionalEventData"], json!({"sourceKeyMaterialId": material}));
    assert_eq!(owners["additionalEventData"], json!({"destinationKeyMaterialId": material}));
}

/// A grant is its key's account's to see, as the key is: a token that is presented does not tell its id.
#[test]
fn the_grant_that_is_retired() {
    let retired = |owner, error| EventRecord {
        operation: Some("RetireGrant"),
        keys: vec![KeyUseRecord { grant: Some([0x44; 32]), material: None, ..key(owner) }].into(),
        error,
        ..event(EventKind::Call, Some(caller(CallerKind::User)))
    };
    let told = json!({"grantId": "44".repeat(32)});
    let refusal = Some(ErrorRecord { code: "AccessDeniedException", message: None });
    for (owner, error, want) in [
        (HOME, None, vec![Some(&told)]),
        (HOME, refusal.clone(), vec![Some(&told)]),
        (AWAY, None, vec![Some(&told), Some(&told)]),
        (AWAY, refusal, vec![None, Some(&told)]),
    ] {
        let records = rendered(&retired(owner, error.clone()));
        let found: Vec<_> = records.iter().map(|record| record.get("additionalEventData")).collect();
        assert_eq!(found, want, "{owner} {error:?}");
    }
}

#[test]
fn events_without_a_caller() {
    let job = EventRecord { operation: Some("DeleteKey"), ..event(EventKind::Job, None) };
    let [job] = &rendered(&job)[..] else { panic!() };
    assert_eq!(job["userIdentity"], json!({"accountId": "111122223333", "invokedBy": "AWS Internal"}));
    assert_eq!((&job["eventType"], job.get("requestID")), (&json!("AwsServiceEvent"), None));
    assert_eq!([&job["sourceIPAddress"], &job["userAgent"]], ["AWS Internal", "AWS Internal"]);

    let many = EventRecord {
        operation: None,
        service: None,
        account: None,
        requests: Some(4_000),
        ..event(EventKind::UnauthenticatedMany, None)
    };
    let [many] = &rendered(&many)[..] else { panic!() };
    assert_eq!(many["additionalEventData"], json!({"requests": 4_000}));
    assert_eq!((many.get("recipientAccountId"), &many["userIdentity"]), (None, &json!({"type": "Unknown"})));
}

/// A hostile entry holds thousands of ARNs, each of another account.
#[test]
fn an_event_of_too_many_accounts() {
    let arns: Vec<_> = (0..16).map(|account| format!("arn:aws:iam::{account:012}:user/u")).collect();
    let mut event =
        EventRecord { resources: arns.iter().map(String::as_str).collect(), ..event(EventKind::Call, None) };
    assert!(recipients(&event).is_err());
    event.resources.pop();
    assert_eq!(recipients(&event).unwrap().len(), 16);
}

#[test]
fn how_it_came() {
    let source = [192, 0, 2, 1];
    let tls = Some(TlsRecord { version: 0x0304, cipher_suite: 0x1302, group: 0x11ec });
    let event = EventRecord { source_ip: Some(&source), tls, ..event(EventKind::Call, None) };
    let [record] = &rendered(&event)[..] else { panic!() };
    assert_eq!(record["sourceIPAddress"], "192.0.2.1");
    let names =
        json!({"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_256_GCM_SHA384", "keyExchange": "X25519MLKEM768"});
    assert_eq!(record["tlsDetails"], names);
    let from = |source_ip| EventRecord { source_ip: Some(source_ip), ..event.clone() }.address();
    assert_eq!(from(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "2001:db8::1".parse().ok());
    assert_eq!(from(&[1, 2, 3]), None);
}

/// What the caller chose keeps its spelling; what the API calls a member begins in lower case.
#[test]
fn members() {
    let mut parameters = Vec::new();
    let mut e = minicbor::Encoder::new(&mut parameters);
    e.map(3).unwrap().str("EncryptionContext").unwrap().map(1).unwrap().str("Department").unwrap().str("X").unwrap();
    e.str("KeyId").unwrap().str("k").unwrap().str("Tags").unwrap().array(1).unwrap();
    e.map(2).unwrap().str("TagKey").unwrap().undefined().unwrap();
    e.str("TagValue").unwrap().bytes(&[&[0; 7][..], &[9; 33]].concat()).unwrap();
    let event = EventRecord { parameters: Some(Shown(&parameters)), ..event(EventKind::Call, None) };
    let [record] = &rendered(&event)[..] else { panic!() };
    let want = json!({
        "encryptionContext": {"Department": "X"},
        "keyId": "k",
        "tags": [{
            "tagKey": {"omitted": true},
            "tagValue": {"omitted": true, "bytes": 9, "sha256": "09".repeat(32)},
        }],
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    });
    assert_eq!(record["requestParameters"], want);
}

/// Source: AWS KMS developer guide, "Examples of AWS KMS log entries", Decrypt, and "Logging AWS KMS API calls with AWS
/// CloudTrail".
#[test]
fn a_refusal() {
    let mut parameters = Vec::new();
    minicbor::Encoder::new(&mut parameters).map(1).unwrap().str("KeyId").unwrap().str("k").unwrap();
    let event = EventRecord {
        operation: Some("DisableKey"),
        source_ip: Some(&[192, 0, 2, 1]),
        user_agent: Some("aws-cli/2"),
        parameters: Some(Shown(&parameters)),
        keys: vec![KeyUseRecord { material: None, ..key(HOME) }].into(),
        error: Some(ErrorRecord { code: "AccessDeniedException", message: Some("not authorized") }),
        read_only: false,
        ..event(EventKind::Call, Some(caller(CallerKind::User)))
    };
    let [record] = &rendered(&event)[..] else { panic!() };
    let want = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/team/it",
            "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE", "userName": "it",
        },
        "eventTime": "2027-01-15T08:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "DisableKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2",
        "errorCode": "AccessDenied",
        "errorMessage": "not authorized",
        "requestParameters": {"keyId": "k"},
        "responseElements": null,
        "requestID": "11111111-1111-1111-1111-111111111111",
        "eventID": record["eventID"],
        "readOnly": false,
        "resources": [{
            "accountId": "111122223333", "type": "AWS::KMS::Key",
            "ARN": "arn:aws:kms:us-east-1:111122223333:key/22222222-2222-2222-2222-222222222222",
        }],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    assert_eq!(*record, want);
}

/// Either name of a key's specification stands for both. Source: AWS KMS developer guide, "Examples of AWS KMS log
/// entries", CreateKey.
#[test]
fn what_create_key_leaves_out() {
    for (given, spec) in
        [(Some("KeySpec"), "HMAC_256"), (Some("CustomerMasterKeySpec"), "HMAC_256"), (None, "SYMMETRIC_DEFAULT")]
    {
        let mut parameters = Vec::new();
        let mut e = minicbor::Encoder::new(&mut parameters);
        e.map(u64::from(given.is_some())).unwrap();
        if let Some(name) = given {
            e.str(name).unwrap().str(spec).unwrap();
        }
        let parameters = Some(Shown(&parameters));
        let event = EventRecord { operation: Some("CreateKey"), parameters, ..event(EventKind::Call, None) };
        let [record] = &rendered(&event)[..] else { panic!() };
        let want = json!({
            "customerMasterKeySpec": spec, "description": "", "keySpec": spec, "keyUsage": "ENCRYPT_DECRYPT",
            "origin": "AWS_KMS",
        });
        assert_eq!(record["requestParameters"], want, "{given:?}");
    }
}

/// All maps of the models hold pairs of the caller's, and are known as such.
#[test]
fn maps_of_the_models() {
    fn check(operation: &str, name: &str, rule: &model::Rule) {
        match &rule.kind {
            model::Kind::Map => assert!(members::holds_pairs(name), "{operation}: {name}"),
            model::Kind::List(rule) => check(operation, name, rule),
            model::Kind::Structure(structure) => check_all(operation, structure),
            _ => assert!(!members::holds_pairs(name), "{operation}: {name}"),
        }
    }
    fn check_all(operation: &str, structure: &model::Structure) {
        structure.members().iter().for_each(|member| check(operation, &member.name, &member.rule));
    }
    for row in crate::table::rows() {
        check_all(row.name, &model::operation(row.service, row.name).unwrap().input);
    }
}
