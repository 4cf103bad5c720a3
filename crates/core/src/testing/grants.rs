//! What grants permit, over all operations: to whom, on what, under which constraints; and what their tokens do.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jobs;
use crate::table;
use crate::testing::test_kms::{AWAY, HOME, Refused, Session, TestKms, policy, refused, statement, violation};
use crate::testing::test_model;

/// Requests on a key whose caller needs an operation in a grant, or, for ReEncrypt, two.
fn requests(kms: &TestKms, key: &str, hmac: &str) -> Vec<(&'static [&'static str], &'static str, Value)> {
    let ciphertext = kms.admin().encrypt(key, "AAAA");
    let mac = json!({"KeyId": hmac, "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256"});
    let tag = kms.ok("GenerateMac", mac.clone())["Mac"].clone();
    let mut verify = mac.clone();
    verify["Mac"] = tag;
    vec![
        (&["Encrypt"], "Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})),
        (&["Decrypt"], "Decrypt", json!({"CiphertextBlob": ciphertext})),
        (&["Decrypt"], "Decrypt", json!({"CiphertextBlob": ciphertext, "KeyId": key})),
        (
            &["ReEncryptFrom", "ReEncryptTo"],
            "ReEncrypt",
            json!({"CiphertextBlob": ciphertext, "DestinationKeyId": key}),
        ),
        (&["GenerateDataKey"], "GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})),
        (
            &["GenerateDataKeyWithoutPlaintext"],
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
        ),
        (&["DescribeKey"], "DescribeKey", json!({"KeyId": key})),
        (&["GenerateMac"], "GenerateMac", mac),
        (&["VerifyMac"], "VerifyMac", verify),
    ]
}

const OF_SYMMETRIC: [&str; 9] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
];
const OF_HMAC: [&str; 5] = ["GenerateMac", "VerifyMac", "CreateGrant", "RetireGrant", "DescribeKey"];

/// Each operation alone lets its own request through; all the others together do not.
#[test]
fn each_operation() {
    let kms = TestKms::new();
    let (key, hmac) = (kms.key(), kms.admin().key("HMAC_256"));
    for (number, (needed, operation, body)) in requests(&kms, &key, &hmac).into_iter().enumerate() {
        let (on, all) = if operation.ends_with("Mac") { (&hmac, &OF_HMAC[..]) } else { (&key, &OF_SYMMETRIC[..]) };
        let caller = kms.admin().user(&format!("user-{number}"), "");
        let call = || caller.call(operation, body.clone());
        assert!(call().is_err(), "{operation} without a grant");
        for left_out in needed {
            let others: Vec<_> = all.iter().copied().filter(|name| name != left_out).collect();
            let id = kms.admin().grant(on, caller, &others);
            assert_eq!(call().unwrap_err().code, "AccessDeniedException", "{operation} without {left_out}");
            kms.ok("RevokeGrant", json!({"KeyId": on, "GrantId": id}));
        }
        // The two of ReEncrypt may be in two grants.
        let ids: Vec<_> = needed.iter().map(|name| kms.admin().grant(on, caller, &[name])).collect();
        assert!(call().is_ok(), "{operation}: {:?}", call());
        for id in ids {
            kms.ok("RevokeGrant", json!({"KeyId": on, "GrantId": id}));
            assert!(call().is_err(), "{operation} after the grant");
        }
    }
}

/// Nothing but the operations of the model: no grant lets anybody administer a key.
#[test]
fn what_no_grant_gives() {
    let kms = TestKms::new();
    let key = kms.key();
    let ann = kms.admin().user("ann", "");
    let id = kms.admin().grant(&key, ann, &OF_SYMMETRIC);
    let default = crate::keys::policies::default_document(HOME.parse().unwrap());
    for (operation, more) in [
        ("DisableKey", json!({})),
        ("EnableKey", json!({})),
        ("GetKeyPolicy", json!({})),
        ("GetKeyRotationStatus", json!({})),
        ("ListGrants", json!({})),
        ("ListResourceTags", json!({})),
        ("PutKeyPolicy", json!({"Policy": default})),
        ("RevokeGrant", json!({"GrantId": id})),
        ("ScheduleKeyDeletion", json!({})),
        ("TagResource", json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]})),
        ("UpdateKeyDescription", json!({"Description": "d"})),
    ] {
        let mut body = more;
        body["KeyId"] = json!(key);
        assert_eq!(ann.call(operation, body).unwrap_err().code, "AccessDeniedException", "{operation}");
    }
}

/// Source: API reference, GrantConstraints. Names and values compare exactly; DescribeKey is never constrained.
#[test]
fn constraints() {
    let (equals, subset) = ("EncryptionContextEquals", "EncryptionContextSubset");
    let ab = json!({"a": "1", "b": "2"});
    for (kind, wanted, sent, admitted) in [
        (equals, ab.clone(), json!({"b": "2", "a": "1"}), true),
        (equals, ab.clone(), json!({"a": "1"}), false),
        (equals, ab.clone(), json!({"a": "1", "b": "2", "c": "3"}), false),
        (equals, ab.clone(), json!({"a": "2", "b": "1"}), false),
        (equals, ab.clone(), json!({"A": "1", "b": "2"}), false),
        (equals, ab.clone(), json!({"a": "1", "b": "2 "}), false),
        (equals, ab.clone(), json!(null), false),
        (equals, json!({}), json!(null), true),
        (equals, json!({}), json!({}), true),
        (equals, json!({}), json!({"a": "1"}), false),
        (subset, ab.clone(), ab.clone(), true),
        (subset, ab.clone(), json!({"c": "3", "a": "1", "b": "2"}), true),
        (subset, ab.clone(), json!({"a": "1"}), false),
        (subset, ab.clone(), json!({"a": "1", "B": "2"}), false),
        (subset, ab.clone(), json!({"a": "1", "b": "3"}), false),
        (subset, ab.clone(), json!(null), false),
        (subset, json!({}), json!(null), true),
        (subset, json!({}), json!({"a": "1"}), true),
        (subset, json!({"é": "\u{e9}"}), json!({"é": "e\u{301}"}), false),
    ] {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let operations = ["DescribeKey", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"];
        kms.ok(
            "CreateGrant",
            json!({"KeyId": key, "GranteePrincipal": ann.arn(), "Operations": operations, "Constraints": {kind: wanted}}),
        );
        let encrypted = kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": sent}));
        for (operation, mut body) in [
            ("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})),
            ("Decrypt", json!({"CiphertextBlob": encrypted["CiphertextBlob"]})),
            ("GenerateDataKey", json!({"KeyId": key, "KeySpec": "AES_256"})),
            ("GenerateDataKeyWithoutPlaintext", json!({"KeyId": key, "KeySpec": "AES_256"})),
        ] {
            body["EncryptionContext"] = sent.clone();
            assert_eq!(ann.call(operation, body).is_ok(), admitted, "{operation} {kind} {wanted} {sent}");
        }
        ann.ok("DescribeKey", json!({"KeyId": key}));
    }
}

/// Each side of ReEncrypt is held to its own context.
#[test]
fn constraints_on_both_sides_of_re_encrypt() {
    let kms = TestKms::new();
    let (from, to) = (kms.key(), kms.key());
    let ann = kms.admin().user("ann", "");
    for (key, operation, value) in [(&from, "ReEncryptFrom", "1"), (&to, "ReEncryptTo", "2")] {
        let constraints = json!({"EncryptionContextEquals": {"side": value}});
        let body = json!({"KeyId": key, "GranteePrincipal": ann.arn(), "Operations": [operation]});
        kms.ok("CreateGrant", {
            let mut body = body;
            body["Constraints"] = constraints;
            body
        });
    }
    for (source, destination, want) in [
        ("1", "2", Ok(())),
        ("1", "1", Err("ReEncryptTo")),
        ("2", "2", Err("ReEncryptFrom")),
        ("2", "1", Err("ReEncryptFrom")),
    ] {
        let context = json!({"side": source});
        let encrypted = kms.ok("Encrypt", json!({"KeyId": from, "Plaintext": "AAAA", "EncryptionContext": context}));
        let answer = ann.call(
            "ReEncrypt",
            json!({
                "CiphertextBlob": encrypted["CiphertextBlob"], "SourceEncryptionContext": context,
                "DestinationKeyId": to, "DestinationEncryptionContext": {"side": destination},
            }),
        );
        match (answer, want) {
            (Ok(_), Ok(())) => {}
            (Err(refusal), Err(action)) => assert!(refusal.message.contains(&format!("kms:{action} ")), "{refusal:?}"),
            (answer, want) => panic!("{source} {destination}: {answer:?}, not {want:?}"),
        }
    }
}

/// An explicit deny beats a grant, and the refusal says which.
#[test]
fn explicit_denies() {
    let kms = TestKms::new();
    let key = kms.key();
    let ann = kms.admin().user("ann", &statement("Deny", "kms:Encrypt", "*"));
    kms.admin().grant(&key, ann, &["Encrypt", "DescribeKey"]);
    let on = format!(" on resource: {}", ann.key_arn(&key));
    let refusal =
        |kind: &str, action: &str| Err(ann.denied(action, &format!("{on} with an explicit deny in {kind} policy")));
    let encrypt = || ann.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}));
    assert_eq!(encrypt(), refusal("an identity-based", "kms:Encrypt"));
    ann.ok("DescribeKey", json!({"KeyId": key}));
    let allow = r#"{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"111122223333"}}"#;
    let deny = format!(
        r#"{{"Effect":"Deny","Action":"kms:DescribeKey","Resource":"*","Principal":{{"AWS":"{}"}}}}"#,
        ann.arn()
    );
    kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy(&format!("{allow},{deny}"))}));
    let describe = ann.call("DescribeKey", json!({"KeyId": key}));
    assert_eq!(describe, refusal("a resource-based", "kms:DescribeKey"));
}

/// A grant is the grantee's alone, and not that of a later user of the same name.
#[test]
fn only_the_grantee() {
    let kms = TestKms::new();
    let key = kms.key();
    let (ann, bob) = (kms.admin().user("ann", ""), kms.admin().user("bob", ""));
    kms.admin().grant(&key, ann, &["DescribeKey"]);
    let describe =
        |session: Session<'_>| session.call("DescribeKey", json!({"KeyId": session.kms.admin().key_arn(&key)}));
    assert!(describe(ann).is_ok());
    assert!(describe(bob).is_err() && describe(kms.away()).is_err());
    assert!(describe(kms.away().user("ann", "")).is_err(), "a user of this name in another account");
    kms.ok("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": ann.access_key_id.to_string()}));
    kms.ok("DeleteUser", json!({"UserName": "ann"}));
    assert!(describe(kms.admin().user("ann", "")).is_err(), "a successor");
}

/// Source: developer guide: a grant to a principal of another account needs nothing else.
#[test]
fn across_accounts() {
    let kms = TestKms::new();
    let key = kms.key();
    let arn = kms.admin().key_arn(&key);
    let ann = kms.away().user("ann", "");
    let unknown = ann.call("DescribeKey", json!({"KeyId": arn}));
    kms.admin().grant(&key, ann, &["Encrypt", "Decrypt", "DescribeKey"]);
    let ciphertext = ann.ok("Encrypt", json!({"KeyId": arn, "Plaintext": "AAAA"}))["CiphertextBlob"].clone();
    for key_id in [json!(null), json!(key), json!(arn)] {
        assert_eq!(ann.ok("Decrypt", json!({"CiphertextBlob": ciphertext, "KeyId": key_id}))["Plaintext"], "AAAA");
    }
    ann.ok("DescribeKey", json!({"KeyId": arn}));
    kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
    ann.ok("DescribeKey", json!({"KeyId": format!("arn:aws:kms:us-east-1:{HOME}:alias/a")}));
    // What the grant lacks reads as if there were no key.
    let generate = ann.call("GenerateDataKey", json!({"KeyId": arn, "KeySpec": "AES_256"})).unwrap_err();
    assert_eq!(generate.message.replace("GenerateDataKey", "DescribeKey"), unknown.unwrap_err().message);
    assert!(kms.away().call("DescribeKey", json!({"KeyId": arn})).is_err());
}

/// A grant to an account is its root's alone: the account has no way to hand it on.
#[test]
fn an_account_as_grantee() {
    let kms = TestKms::new();
    let key = kms.key();
    let arn = kms.admin().key_arn(&key);
    let away = kms.away();
    let allowed = away.user("allowed", &statement("Allow", "kms:Encrypt", &arn));
    kms.ok("CreateGrant", json!({"KeyId": key, "GranteePrincipal": AWAY, "Operations": ["Encrypt"]}));
    for session in [allowed, away] {
        let refusal = session.call("Encrypt", json!({"KeyId": arn, "Plaintext": "AAAA"})).unwrap_err();
        assert_eq!(refusal.code, "AccessDeniedException");
    }
}

/// The grant of one request, with its token.
fn token(kms: &TestKms, key: &str, grantee: Session<'_>) -> (String, String) {
    let body = json!({"KeyId": key, "GranteePrincipal": grantee.arn(), "Operations": ["Encrypt", "DescribeKey"]});
    let reply = kms.ok("CreateGrant", body);
    let text = |member: &str| reply[member].as_str().unwrap().to_owned();
    (text("GrantToken"), text("GrantId"))
}

fn invalid() -> Result<Value, Refused> {
    Err(refused("InvalidGrantTokenException", "The grant token is not valid."))
}

/// Every operation that has the member takes a good token and refuses a bad one.
#[test]
fn every_operation_with_tokens() {
    let kms = TestKms::new();
    let (key, hmac) = (kms.key(), kms.admin().key("HMAC_256"));
    let (token, _) = token(&kms, &key, kms.admin());
    let takes = |row: &&table::Row| test_model::input_members(row).iter().any(|(name, _)| name == "GrantTokens");
    let rows: Vec<_> = table::rows().iter().filter(takes).map(|row| row.name).collect();
    let mut samples = requests(&kms, &key, &hmac);
    let grant = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]});
    samples.push((&[], "CreateGrant", grant));
    for name in rows {
        let (_, _, body) =
            samples.iter().find(|(_, operation, _)| *operation == name).unwrap_or_else(|| panic!("{name}"));
        let with = |tokens: Value| {
            let mut body = body.clone();
            body["GrantTokens"] = tokens;
            kms.call(name, body)
        };
        assert!(
            with(json!([])).is_ok() && with(json!([token])).is_ok() && with(json!(vec![&token; 10])).is_ok(),
            "{name}"
        );
        assert_eq!(with(json!([token, "x"])), invalid(), "{name}");
        assert_eq!(with(json!(vec![&token; 11])).unwrap_err().code, "ValidationException", "{name}");
    }
}

/// Source: docs/compatibility.md, GrantTokens.
#[test]
fn tokens() {
    let kms = TestKms::new();
    let key = kms.key();
    let (ann, bob) = (kms.admin().user("ann", ""), kms.admin().user("bob", ""));
    let (token, id) = token(&kms, &key, ann);
    let describe =
        |session: Session<'_>, token: &str| session.call("DescribeKey", json!({"KeyId": key, "GrantTokens": [token]}));
    assert!(describe(ann, &token).is_ok());
    // Nobody else gets anything by it.
    assert_eq!(describe(bob, &token).unwrap_err().code, "AccessDeniedException");
    let marker = {
        kms.key();
        kms.ok("ListKeys", json!({"Limit": 1}))["NextMarker"].as_str().unwrap().to_owned()
    };
    let stranger = TestKms::new();
    let (foreign, _) = self::token(&stranger, &stranger.key(), stranger.admin());
    let mut bad =
        vec!["x".to_owned(), "====".into(), format!("{token}A"), token[1..].into(), marker, foreign, id.clone()];
    let sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
    bad.extend((0..sealed.len()).map(|index| {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        URL_SAFE_NO_PAD.encode(altered)
    }));
    for token in bad {
        assert_eq!(describe(kms.admin(), &token), invalid(), "{token}");
        assert_eq!(kms.call("RetireGrant", json!({"GrantToken": token})), invalid(), "{token}");
    }
    // The model's limit comes first: nothing is opened.
    let long = "x".repeat(8193);
    let text = format!(
        "Value '{long}' at 'grantTokens.1.member' failed to satisfy constraint: Member must have length less than or equal \
         to 8192"
    );
    assert_eq!(describe(kms.admin(), &long), Err(violation(&text)));
    // A token is no permission: once its grant is gone, it is useless, and no error.
    kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": id}));
    assert!(describe(kms.admin(), &token).is_ok());
    assert_eq!(describe(ann, &token).unwrap_err().code, "AccessDeniedException");
}

/// Tokens live as long as the cluster key that sealed them: until it was rotated, and nothing is wrapped by it any more.
#[test]
fn tokens_and_rotations() {
    let kms = TestKms::new();
    let key = kms.key();
    let (old, _) = token(&kms, &key, kms.admin());
    let describe = |token: &str| kms.call("DescribeKey", json!({"KeyId": key, "GrantTokens": [token]}));
    kms.ok("RotateClusterKey", json!({}));
    assert!(describe(&old).is_ok());
    let (new, _) = token(&kms, &key, kms.admin());
    kms.pass(Duration::from_secs(365 * 86_400));
    for _ in 0..5 {
        kms.block_on(jobs::persist(kms.service()));
    }
    assert_eq!(kms.view().cluster_keys().count(), 1);
    assert_eq!(describe(&old), invalid());
    assert!(describe(&new).is_ok());
}

/// A key's time ends its grants at once, for requests by id and by token.
#[test]
fn grants_end_with_their_key() {
    let kms = TestKms::new();
    let key = kms.key();
    let ann = kms.admin().user("ann", "");
    let (token, _) = token(&kms, &key, ann);
    kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
    ann.ok("DescribeKey", json!({"KeyId": key}));
    kms.pass(Duration::from_secs(7 * 86_400));
    let text = format!("Key '{}' does not exist", ann.key_arn(&key));
    let missing = Err(refused("NotFoundException", &text));
    assert_eq!(ann.call("DescribeKey", json!({"KeyId": key})), missing);
    assert_eq!(kms.call("RetireGrant", json!({"GrantToken": token})), missing);
}
