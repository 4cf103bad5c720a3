//! What each condition key has in real requests: a policy that allows on a condition lets one through if the key has the
//! value, and refuses it if the policy wants another one.

use std::time::Duration;

use claviger_policy::ConditionKey;
use serde_json::{Value, json};

use crate::testing::test_kms::{HOME, Refused, Session, TestKms, policy, trust};

/// A statement for policies whose content is no matter.
const STATEMENT: &str = r#"{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}"#;

/// The things that requests name.
struct Things {
    key: String,
    other_key: String,
    hmac_key: String,
    ciphertext: String,
}

/// One request with what a condition key has in it.
#[derive(Clone)]
struct Case<'v> {
    operation: &'static str,
    body: Value,
    /// Operator and key.
    condition: (&'static str, &'static str),
    /// A value that the key has, and one that it has not.
    values: (&'v str, &'v str),
}

fn case<'v>(
    operation: &'static str,
    body: Value,
    condition: (&'static str, &'static str),
    values: (&'v str, &'v str),
) -> Case<'v> {
    Case { operation, body, condition, values }
}

fn things(kms: &TestKms) -> Things {
    let tagged = kms.ok("CreateKey", json!({"Tags": [{"TagKey": "Team", "TagValue": "red"}]}));
    let key = tagged["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    kms.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key}));
    let ciphertext = kms
        .ok("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": {"Purpose": "test", "b": "2"}}));
    Things {
        key,
        other_key: kms.key(),
        hmac_key: kms.admin().key("HMAC_256"),
        ciphertext: ciphertext["CiphertextBlob"].as_str().unwrap().to_owned(),
    }
}

/// Keys that every request has.
fn global(things: &Things) -> Vec<Case<'static>> {
    let encrypt = || json!({"KeyId": things.key, "Plaintext": "AAAA"});
    let all = [
        (("StringEquals", "aws:PrincipalAccount"), (HOME, "444455556666")),
        (("ArnLike", "aws:PrincipalArn"), ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::*:user/bob")),
        (("StringEquals", "aws:PrincipalType"), ("User", "AssumedRole")),
        (("StringEquals", "aws:username"), ("ann", "Ann")),
        (("StringLike", "aws:userid"), ("AIDA*", "AROA*")),
        (("IpAddress", "aws:SourceIp"), ("192.0.2.0/24", "198.51.100.0/24")),
        (("Bool", "aws:SecureTransport"), ("true", "false")),
        (("StringEquals", "aws:RequestedRegion"), ("us-east-1", "eu-west-1")),
        (("StringEquals", "aws:UserAgent"), ("test", "other")),
        (("DateGreaterThan", "aws:CurrentTime"), ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z")),
        (("NumericGreaterThan", "aws:EpochTime"), ("1577836800", "32503680000")),
        (("Bool", "aws:ViaAWSService"), ("false", "true")),
        (("Bool", "aws:PrincipalIsAWSService"), ("false", "true")),
        (("Null", "aws:MultiFactorAuthPresent"), ("true", "false")),
        (("Null", "aws:TokenIssueTime"), ("true", "false")),
        (("Null", "aws:PrincipalTag/team"), ("true", "false")),
        (("Null", "aws:SourceArn"), ("true", "false")),
        (("Null", "nobody:HasThis"), ("true", "false")),
    ];
    all.into_iter().map(|(condition, values)| case("Encrypt", encrypt(), condition, values)).collect()
}

/// Keys that requests on a key have.
fn of_keys(things: &Things) -> Vec<Case<'static>> {
    let Things { key, hmac_key, .. } = things;
    let encrypt = || json!({"KeyId": key, "Plaintext": "AAAA"});
    let mac = json!({"KeyId": hmac_key, "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256"});
    let mut all: Vec<_> = [
        (("StringEquals", "aws:ResourceAccount"), (HOME, "444455556666")),
        (("StringEquals", "aws:ResourceTag/team"), ("red", "blue")),
        (("StringEquals", "kms:CallerAccount"), (HOME, "444455556666")),
        (("StringEquals", "kms:KeySpec"), ("SYMMETRIC_DEFAULT", "RSA_2048")),
        (("StringEquals", "kms:CustomerMasterKeySpec"), ("SYMMETRIC_DEFAULT", "RSA_2048")),
        (("StringEquals", "kms:KeyUsage"), ("ENCRYPT_DECRYPT", "SIGN_VERIFY")),
        (("StringEquals", "kms:KeyOrigin"), ("AWS_KMS", "EXTERNAL")),
        (("Bool", "kms:MultiRegion"), ("false", "true")),
        (("Null", "kms:MultiRegionKeyType"), ("true", "false")),
        (("ForAnyValue:StringEquals", "kms:ResourceAliases"), ("alias/app", "alias/other")),
        (("Null", "kms:RequestAlias"), ("true", "false")),
        (("StringEquals", "kms:EncryptionAlgorithm"), ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1")),
        (("Null", "kms:ViaService"), ("true", "false")),
        (("Null", "kms:MacAlgorithm"), ("true", "false")),
    ]
    .into_iter()
    .map(|(condition, values)| case("Encrypt", encrypt(), condition, values))
    .collect();
    let alias = ("StringEquals", "kms:RequestAlias");
    for (operation, body) in [
        ("Encrypt", json!({"KeyId": "alias/app", "Plaintext": "AAAA"})),
        ("DescribeKey", json!({"KeyId": format!("arn:aws:kms:us-east-1:{HOME}:alias/app")})),
        ("GenerateDataKey", json!({"KeyId": "alias/app", "KeySpec": "AES_256"})),
        ("GenerateDataKeyWithoutPlaintext", json!({"KeyId": "alias/app", "KeySpec": "AES_256"})),
    ] {
        all.push(case(operation, body, alias, ("alias/app", "alias/other")));
    }
    all.push(case("GenerateMac", mac.clone(), ("StringEquals", "kms:MacAlgorithm"), ("HMAC_SHA_256", "HMAC_SHA_512")));
    all.push(case("GenerateMac", mac, ("Null", "kms:EncryptionContextKeys"), ("true", "false")));
    all
}

/// Keys that stand for members of requests.
fn of_members(things: &Things) -> Vec<Case<'static>> {
    let Things { key, other_key, ciphertext, .. } = things;
    let context = json!({"Purpose": "test", "b": "2"});
    let decrypt = json!({"CiphertextBlob": ciphertext, "EncryptionContext": context});
    let re_encrypt = json!({
        "CiphertextBlob": ciphertext, "SourceEncryptionContext": context, "DestinationKeyId": other_key,
    });
    let on_itself = json!({"CiphertextBlob": ciphertext, "SourceEncryptionContext": context, "DestinationKeyId": key});
    let grant = json!({
        "KeyId": key, "GranteePrincipal": format!("arn:aws:iam::{HOME}:user/admin"),
        "RetiringPrincipal": format!("arn:aws:iam::{HOME}:user/ann"), "Operations": ["Encrypt", "Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"Purpose": "test"}},
    });
    let tags = json!([{"TagKey": "Stage", "TagValue": "dev"}, {"TagKey": "x", "TagValue": ""}]);
    let new_key = json!({"Tags": tags, "BypassPolicyLockoutSafetyCheck": true});
    vec![
        case("Decrypt", decrypt.clone(), ("StringEquals", "kms:EncryptionContext:purpose"), ("test", "prod")),
        case("Decrypt", decrypt.clone(), ("ForAllValues:StringEquals", "kms:EncryptionContextKeys"), ("", "b")),
        case("Decrypt", decrypt, ("StringEquals", "kms:EncryptionAlgorithm"), ("SYMMETRIC_DEFAULT", "SM2PKE")),
        case("ReEncrypt", re_encrypt, ("Bool", "kms:ReEncryptOnSameKey"), ("false", "true")),
        case("ReEncrypt", on_itself, ("Bool", "kms:ReEncryptOnSameKey"), ("true", "false")),
        case(
            "CreateGrant",
            grant.clone(),
            ("StringEquals", "kms:GrantConstraintType"),
            ("EncryptionContextSubset", "x"),
        ),
        case(
            "CreateGrant",
            grant.clone(),
            ("ForAnyValue:StringEquals", "kms:GrantOperations"),
            ("Decrypt", "CreateGrant"),
        ),
        case("CreateGrant", grant.clone(), ("StringLike", "kms:GranteePrincipal"), ("*:user/admin", "*:user/ann")),
        case("CreateGrant", grant.clone(), ("StringLike", "kms:RetiringPrincipal"), ("*:user/ann", "*:user/admin")),
        case("CreateGrant", grant.clone(), ("Bool", "kms:GrantIsForAWSResource"), ("false", "true")),
        case("CreateGrant", grant, ("StringEquals", "kms:EncryptionContext:Purpose"), ("test", "prod")),
        case("ListGrants", json!({"KeyId": key}), ("Bool", "kms:GrantIsForAWSResource"), ("false", "true")),
        case("CreateKey", new_key.clone(), ("StringEquals", "aws:RequestTag/stage"), ("dev", "prod")),
        case("CreateKey", new_key.clone(), ("ForAnyValue:StringEquals", "aws:TagKeys"), ("Stage", "stage")),
        case(
            "CreateKey",
            json!({"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC", "BypassPolicyLockoutSafetyCheck": true}),
            ("StringEquals", "kms:KeySpec"),
            ("HMAC_512", "SYMMETRIC_DEFAULT"),
        ),
        case("CreateKey", new_key.clone(), ("StringEquals", "kms:KeyUsage"), ("ENCRYPT_DECRYPT", "SIGN_VERIFY")),
        case("CreateKey", new_key.clone(), ("Bool", "kms:MultiRegion"), ("false", "true")),
        case("CreateKey", new_key, ("Bool", "kms:BypassPolicyLockoutSafetyCheck"), ("true", "false")),
        case(
            "TagResource",
            json!({"KeyId": key, "Tags": tags}),
            ("StringEquals", "aws:RequestTag/Stage"),
            ("dev", "prod"),
        ),
        case(
            "TagResource",
            json!({"KeyId": key, "Tags": tags}),
            ("ForAnyValue:StringEquals", "aws:TagKeys"),
            ("x", "y"),
        ),
        case(
            "UntagResource",
            json!({"KeyId": key, "TagKeys": ["x"]}),
            ("ForAllValues:StringEquals", "aws:TagKeys"),
            ("x", "y"),
        ),
        case(
            "ScheduleKeyDeletion",
            json!({"KeyId": other_key, "PendingWindowInDays": 8}),
            ("NumericLessThan", "kms:ScheduleKeyDeletionPendingWindowInDays"),
            ("9", "8"),
        ),
    ]
}

/// What `ann` is answered if this condition is all that allows her.
fn answer(kms: &TestKms, ann: Session<'_>, case: &Case<'_>, value: &str) -> Result<Value, Refused> {
    let (operator, key) = case.condition;
    let wanted = if value.is_empty() { json!(["Purpose", "b"]) } else { json!(value) };
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["kms:*", "iam:*"], "Resource": "*", "Condition": {operator: {key: wanted}}},
    ]});
    kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document.to_string()}));
    ann.call(case.operation, case.body.clone())
}

#[test]
fn each_key_has_what_the_request_has() {
    let kms = TestKms::new();
    let ann = kms.admin().user("ann", "");
    let things = things(&kms);
    for case in [global(&things), of_keys(&things), of_members(&things)].concat() {
        let shown = format!("{} with {:?}", case.operation, case.condition);
        let (held, other) = case.values;
        let refusal = answer(&kms, ann, &case, other).expect_err(&shown);
        assert_eq!(refusal.code, "AccessDeniedException", "{shown} is not {other}: {refusal:?}");
        answer(&kms, ann, &case, held).unwrap_or_else(|refusal| panic!("{shown} is {held}: {refusal:?}"));
    }
}

/// A key policy's conditions are asked too, and aliases of the key are nothing to it.
#[test]
fn in_key_policies() {
    let kms = TestKms::new();
    let ann = kms.admin().user("ann", "");
    let Things { key, .. } = things(&kms);
    for (condition, want) in [
        (json!({"StringEquals": {"aws:ResourceTag/Team": "red"}}), true),
        (json!({"StringEquals": {"aws:ResourceTag/Team": "blue"}}), false),
        (json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}), false),
        (json!({"StringEquals": {"kms:CallerAccount": "${aws:PrincipalAccount}"}}), true),
    ] {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:user/admin")}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": ann.arn()}, "Action": "kms:Encrypt", "Resource": "*", "Condition": condition},
        ]});
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy.to_string()}));
        let answer = ann.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}));
        assert_eq!(answer.is_ok(), want, "{condition}: {answer:?}");
    }
}

/// Source: service authorization reference, IAM: which actions have the keys.
#[test]
fn on_iam_resources() {
    let kms = TestKms::new();
    let ann = kms.admin().user("ann", "");
    let (bound, other) = (kms.policy("bound", STATEMENT), kms.policy("other", STATEMENT));
    let tags = json!([{"Key": "Team", "Value": "red"}]);
    let named = |kind: &str| json!({format!("{kind}Name"): "x"});
    kms.ok("CreateUser", json!({"UserName": "x", "Tags": tags, "PermissionsBoundary": bound}));
    kms.ok("CreateRole", json!({"RoleName": "x", "AssumeRolePolicyDocument": trust(HOME), "Tags": tags}));
    kms.ok("CreatePolicy", json!({"PolicyName": "x", "PolicyDocument": policy(STATEMENT), "Tags": tags}));
    kms.ok("CreateGroup", json!({"GroupName": "x"}));
    let arn = format!("arn:aws:iam::{HOME}:policy/x");
    let with = |kind: &str, more: Value| {
        let mut body = named(kind);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let inline = json!({"PolicyName": "p", "PolicyDocument": policy(STATEMENT)});
    let new_user = |name: &str| json!({"UserName": name, "Tags": tags, "PermissionsBoundary": bound});
    let (red, boundary) = (("red", "blue"), (bound.as_str(), other.as_str()));
    for case in [
        case("GetUser", named("User"), ("StringEquals", "iam:ResourceTag/team"), red),
        case("GetUser", named("User"), ("StringEquals", "aws:ResourceTag/TEAM"), red),
        case("GetUser", named("User"), ("Null", "iam:PermissionsBoundary"), ("true", "false")),
        case("GetUser", named("User"), ("StringEquals", "aws:ResourceAccount"), (HOME, "444455556666")),
        case("ListRoleTags", named("Role"), ("StringEquals", "iam:ResourceTag/team"), red),
        case("GetPolicy", json!({"PolicyArn": arn}), ("StringEquals", "aws:ResourceTag/team"), red),
        case("GetGroup", named("Group"), ("Null", "iam:ResourceTag/team"), ("true", "false")),
        case("PutUserPolicy", with("User", inline.clone()), ("ArnEquals", "iam:PermissionsBoundary"), boundary),
        case("PutRolePolicy", with("Role", inline), ("Null", "iam:PermissionsBoundary"), ("true", "false")),
        case(
            "AttachUserPolicy",
            with("User", json!({"PolicyArn": other})),
            ("ArnEquals", "iam:PolicyARN"),
            (&other, &bound),
        ),
        case(
            "DetachUserPolicy",
            with("User", json!({"PolicyArn": other})),
            ("ArnEquals", "iam:PermissionsBoundary"),
            boundary,
        ),
        case(
            "AttachRolePolicy",
            with("Role", json!({"PolicyArn": other})),
            ("ArnLike", "iam:PolicyARN"),
            ("arn:aws:iam::*:policy/o*", &bound),
        ),
        case(
            "AttachGroupPolicy",
            with("Group", json!({"PolicyArn": other})),
            ("ArnLike", "iam:PolicyARN"),
            ("arn:aws:iam::*:policy/o*", &bound),
        ),
        // What is set counts, not what was.
        case(
            "PutUserPermissionsBoundary",
            with("User", json!({"PermissionsBoundary": other})),
            ("ArnEquals", "iam:PermissionsBoundary"),
            (&other, &bound),
        ),
        case("CreateUser", new_user("new1"), ("ArnEquals", "iam:PermissionsBoundary"), boundary),
        case("CreateUser", new_user("new2"), ("StringEquals", "aws:RequestTag/team"), red),
        case("CreateUser", new_user("new3"), ("Null", "iam:ResourceTag/team"), ("true", "false")),
        case(
            "TagRole",
            with("Role", json!({"Tags": tags})),
            ("ForAnyValue:StringEquals", "aws:TagKeys"),
            ("Team", "x"),
        ),
        case(
            "UntagPolicy",
            json!({"PolicyArn": arn, "TagKeys": ["x"]}),
            ("ForAllValues:StringEquals", "aws:TagKeys"),
            ("x", "y"),
        ),
    ] {
        let shown = format!("{} with {:?}", case.operation, case.condition);
        let (held, other) = case.values;
        let refusal = answer(&kms, ann, &case, other).expect_err(&shown);
        assert_eq!(refusal.code, "AccessDenied", "{shown} is not {other}: {refusal:?}");
        answer(&kms, ann, &case, held).unwrap_or_else(|refusal| panic!("{shown} is {held}: {refusal:?}"));
    }
}

/// Source: AWS KMS developer guide, "kms:TrailingDaysWithoutKeyUsage": of DisableKey and ScheduleKeyDeletion.
#[test]
fn days_without_use() {
    let kms = TestKms::new();
    let (used, unused) = (kms.key(), kms.key());
    let days = json!({"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}});
    let deny = json!({"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": days});
    let allow = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*"});
    let careful = kms.admin().user("careful", &format!("{allow},{deny}"));
    let disable = |key: &str| careful.call("DisableKey", json!({"KeyId": key})).map_err(|refusal| refusal.code);
    let denied = Err("AccessDeniedException".to_owned());
    // Other operations do not have the key.
    careful.ok("DescribeKey", json!({"KeyId": unused}));
    assert_eq!(disable(&unused), denied);
    for (passed, of_used, of_unused) in
        [(29, &denied, &denied), (1, &denied, &Ok(Value::Null)), (30, &Ok(Value::Null), &Ok(Value::Null))]
    {
        kms.pass(Duration::from_secs(passed * 86_400));
        if passed == 29 {
            kms.admin().encrypt(&used, "AAAA");
        }
        kms.count_usage();
        assert_eq!((&disable(&used), &disable(&unused)), (of_used, of_unused), "{passed} days later");
    }
    // Nobody can tell while the log is being read: neither a permission nor the lack of a prohibition.
    kms.ok("EnableKey", json!({"KeyId": unused}));
    kms.service().usage().put(None);
    assert_eq!(disable(&unused), denied);
    let never = careful.call("ScheduleKeyDeletion", json!({"KeyId": unused})).unwrap_err();
    assert_eq!(never.code, "AccessDeniedException");
    let kept = kms.call("GetKeyLastUsage", json!({"KeyId": unused})).unwrap_err();
    assert_eq!(kept.code, "ThrottlingException");
}

/// What a policy may ask for is answered.
#[test]
fn what_is_accepted_is_answered() {
    let kms = TestKms::new();
    let (ann, key) = (kms.admin().user("ann", ""), kms.key());
    let named = ["aws:ResourceTag/team", "kms:EncryptionContext:a", "s3:prefix"].map(ConditionKey::parse);
    for condition_key in ConditionKey::PLAIN.iter().chain(&named) {
        // It holds whatever the key has, and whether it is there; only if the answer is not known it does not.
        let document = json!({"Statement": [
            {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": {"Null": {condition_key.to_string(): ["true", "false"]}}},
        ]});
        let put = json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document.to_string()});
        kms.ok("PutUserPolicy", put);
        for (operation, body) in [("DescribeKey", json!({"KeyId": key})), ("ListKeys", json!({}))] {
            assert!(ann.call(operation, body).is_ok(), "{operation} with {condition_key}");
        }
    }
}
