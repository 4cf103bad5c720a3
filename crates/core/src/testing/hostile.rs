//! Attempts of a hostile caller that belong to no one operation; each is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::testing::test_kms::{AWAY, HOME, REGION, TestKms, policy, statement};

/// A writer whose own rights end at a boundary raises neither itself nor anybody else past it.
#[test]
fn no_iam_write_raises_its_writer() {
    let kms = TestKms::new();
    let boundary = kms.policy(
        "limits",
        &[
            statement("Allow", "iam:*", "*"),
            statement("Allow", "kms:ListKeys", "*"),
            statement("Deny", "iam:*Boundary", "*"),
            statement("Deny", "iam:*PolicyVersion", "*"),
            statement("Deny", "iam:SetDefaultPolicyVersion", "*"),
        ]
        .join(","),
    );
    let writer = kms.admin().user("writer", &statement("Allow", "*", "*"));
    let everything = policy(&statement("Allow", "*", "*"));
    kms.ok("PutUserPermissionsBoundary", json!({"UserName": "writer", "PermissionsBoundary": boundary}));
    writer.ok("ListKeys", json!({}));
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    for (operation, body) in [
        ("DeleteUserPermissionsBoundary", json!({"UserName": "writer"})),
        ("PutUserPermissionsBoundary", json!({"UserName": "WRITER", "PermissionsBoundary": admin})),
        ("CreatePolicyVersion", json!({"PolicyArn": boundary, "PolicyDocument": everything, "SetAsDefault": true})),
        ("SetDefaultPolicyVersion", json!({"PolicyArn": boundary, "VersionId": "v1"})),
    ] {
        assert_eq!(writer.call(operation, body).expect_err(operation).code, "AccessDenied", "{operation}");
    }
    // What it may write, to itself or by a group, gives it nothing beyond the boundary.
    writer.ok("PutUserPolicy", json!({"UserName": "writer", "PolicyName": "q", "PolicyDocument": everything}));
    writer.ok("AttachUserPolicy", json!({"UserName": "writer", "PolicyArn": admin}));
    writer.ok("CreateGroup", json!({"GroupName": "g"}));
    writer.ok("AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": admin}));
    writer.ok("AddUserToGroup", json!({"GroupName": "g", "UserName": "writer"}));
    for (operation, body) in [("CreateKey", json!({})), ("GetSessionToken", json!({})), ("ListAliases", json!({}))] {
        let answer = writer.call(operation, body);
        assert_eq!(answer.is_err(), operation != "GetSessionToken", "{operation}: {answer:?}");
    }
}

/// Texts that look like others, or become them when case or form is changed, are other texts.
#[test]
fn what_looks_like_another_text_is_not_it() {
    let kms = TestKms::new();
    let key = kms.key();
    kms.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key}));
    let arn = kms.admin().key_arn(&key);
    let on_key = |resource: &str| statement("Allow", "kms:ListKeyPolicies", resource);
    // `ſ` and `K` (Kelvin) fold to `s` and `k`; the last letters are Cyrillic; the digits are full-width or Arabic.
    for (index, resource) in [
        arn.replace("kms", "KMS"),
        arn.replace(REGION, &REGION.to_uppercase()),
        arn.replace("kms", "\u{212a}ms"),
        arn.replace("kms", "km\u{17f}"),
        arn.replace("key/", "k\u{435}y/"),
        arn.replace(HOME, "\u{ff11}11122223333"),
        arn.replace(HOME, "\u{661}11122223333"),
        arn.replace("key/", "key\u{200b}/"),
        arn.replace(":key/", ":key/\u{0}"),
        arn.to_uppercase(),
    ]
    .iter()
    .enumerate()
    {
        let name = format!("u{index}");
        let caller = kms.admin().user(&name, "");
        let document = policy(&on_key(resource));
        let put = kms.call("PutUserPolicy", json!({"UserName": name, "PolicyName": "p", "PolicyDocument": document}));
        let answer = caller.call("ListKeyPolicies", json!({"KeyId": key}));
        assert_eq!(answer.expect_err(resource).code, "AccessDeniedException", "{resource} {put:?}");
        assert!(kms.call("DescribeKey", json!({"KeyId": resource})).is_err(), "{resource}");
    }
    for name in ["alias/App", "alias/\u{430}pp", "alias/app\u{200b}", "alias/\u{ff41}pp", "ALIAS/app", "alias//app"] {
        assert!(kms.call("DescribeKey", json!({"KeyId": name})).is_err(), "{name}");
    }
    let allowed = kms.admin().user("allowed", &on_key(&arn));
    allowed.ok("ListKeyPolicies", json!({"KeyId": key}));
    // A name of a user is one whatever its case, and no letter outside of ASCII is in one.
    for name in ["\u{430}dmin", "adm\u{131}n", "ADM\u{130}N"] {
        assert_eq!(
            kms.call("CreateUser", json!({"UserName": name})).expect_err(name).code,
            "ValidationError",
            "{name}"
        );
    }
}

/// An ARN's parts are not taken for one another: no Region becomes an account, no resource a part of another.
#[test]
fn arns_are_not_confused() {
    let kms = TestKms::new();
    let key = kms.key();
    let arn = kms.admin().key_arn(&key);
    for (index, resource) in [
        format!("arn:aws:kms:{REGION}:{AWAY}:key/{key}"),
        format!("arn:aws:kms:{REGION}:{HOME}:alias/{key}"),
        format!("arn:aws:kms:{HOME}:{REGION}:key/{key}"),
        format!("arn:aws:kms:{REGION}*{AWAY}:{HOME}:key/{key}"),
        format!("arn:aws:iam:{REGION}:{HOME}:key/{key}"),
        format!("arn:aws:kms:{REGION}::key/{key}"),
        format!("{arn}:"),
        format!("{arn}/"),
        format!("arn:aws:kms:{REGION}:{HOME}:key/{key}?"),
        format!("arn:aws:kms:{REGION}:{HOME}:?ey/{key}x"),
    ]
    .iter()
    .enumerate()
    {
        let name = format!("u{index}");
        let caller = kms.admin().user(&name, "");
        let document = policy(&statement("Allow", "kms:ListKeyPolicies", resource));
        let put = kms.call("PutUserPolicy", json!({"UserName": name, "PolicyName": "p", "PolicyDocument": document}));
        let answer = caller.call("ListKeyPolicies", json!({"KeyId": arn}));
        assert_eq!(answer.expect_err(resource).code, "AccessDeniedException", "{resource} {put:?}");
    }
}

const MISSING: &str = "00000000-0000-4000-8000-000000000000";

fn alias_arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{HOME}:alias/{name}")
}

/// A refusal does not tell a stranger whether there is the key or alias that it names.
#[test]
fn a_refusal_tells_nobody_of_a_key() {
    let kms = TestKms::new();
    let stranger = kms.away().user("stranger", &statement("Allow", "*", "*"));
    let key = kms.key();
    kms.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key}));
    let keys = (kms.admin().key_arn(&key), kms.admin().key_arn(MISSING));
    for (there, missing) in [keys, (alias_arn("app"), alias_arn("none"))] {
        for operation in ["DescribeKey", "Encrypt", "GenerateDataKey", "GenerateMac"] {
            let told = |arn: &str| {
                let mut body = json!({"KeyId": arn});
                match operation {
                    "Encrypt" => body["Plaintext"] = json!("AAAA"),
                    "GenerateDataKey" => body["KeySpec"] = json!("AES_256"),
                    "GenerateMac" => {
                        body["Message"] = json!("AAAA");
                        body["MacAlgorithm"] = json!("HMAC_SHA_256");
                    }
                    _ => {}
                }
                stranger.call(operation, body).expect_err(arn)
            };
            assert_eq!(told(&there), told(&missing), "{operation} {there}");
            assert_eq!(told(&there).code, "AccessDeniedException", "{operation} {there}");
        }
    }
}

/// Nor does it tell which of ReEncrypt's two refusals comes first, whatever the caller may do with the other key.
#[test]
fn a_refusal_of_re_encrypt_tells_nobody_of_a_key() {
    let kms = TestKms::new();
    let away = kms.away();
    let (key, own) = (kms.key(), away.key("SYMMETRIC_DEFAULT"));
    kms.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key}));
    let (there, missing) = (kms.admin().key_arn(&key), kms.admin().key_arn(MISSING));
    let own_blob = away.encrypt(&own, "AAAA");
    let (blob_there, blob_missing) = (blob_of(&own_blob, &key), blob_of(&own_blob, MISSING));
    let to = |blob: &str, destination: &str| json!({"CiphertextBlob": blob, "DestinationKeyId": destination});
    let from = |blob: &str, source: &str, destination: &str| {
        let mut body = to(blob, destination);
        body["SourceKeyId"] = json!(source);
        body
    };
    let mut pairs: Vec<(Value, Value)> = vec![
        (to(&own_blob, &there), to(&own_blob, &missing)),
        (to(&own_blob, &alias_arn("app")), to(&own_blob, &alias_arn("none"))),
    ];
    for destination in [&*own, "alias/none", MISSING, &there, &missing, "no key at all"] {
        pairs.extend([
            (to(&blob_there, destination), to(&blob_missing, destination)),
            (from(&blob_there, &there, destination), from(&blob_missing, &missing, destination)),
            (from(&blob_there, &key, destination), from(&blob_missing, MISSING, destination)),
            (from(&own_blob, &alias_arn("app"), destination), from(&own_blob, &alias_arn("none"), destination)),
        ]);
    }
    for (name, actions) in [("all", "kms:*"), ("from", "kms:ReEncryptFrom"), ("to", "kms:ReEncryptTo"), ("no", "iam:*")]
    {
        let stranger = away.user(name, &statement("Allow", actions, "*"));
        for (there, missing) in &pairs {
            let told = |body: &Value| {
                let refusal = stranger.call("ReEncrypt", body.clone()).expect_err(&body.to_string());
                (refusal.code, refusal.message.replace(&key, "ID").replace(MISSING, "ID"))
            };
            assert_eq!(told(there), told(missing), "{name} {there}");
        }
    }
}

/// The ciphertext with another key's id in its header. Source: docs/message-format.md, Messages.
fn blob_of(ciphertext: &str, key: &str) -> String {
    let mut bytes = STANDARD.decode(ciphertext).unwrap();
    bytes[3..19].copy_from_slice(&const_hex::decode(key.replace('-', "")).unwrap());
    STANDARD.encode(bytes)
}
