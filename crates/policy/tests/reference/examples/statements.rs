//! `Action` and `Resource`, with their opposites.

use serde_json::{Value, json};

use super::{A, KEY, encrypt, user};
use crate::evaluator::scenario::{Resource, Scenario};
use crate::evaluator::statements::{Effect, identity_policy_says, resource_policy_statements};

fn allows(scenario: &Scenario, statement: &Value) -> bool {
    let policy = json!({"Version": "2012-10-17", "Statement": statement});
    identity_policy_says(Effect::Allow, &policy, scenario)
}

#[test]
fn actions() {
    let scenario = encrypt(user(A));
    for (element, patterns, expected) in [
        ("Action", json!("kms:Encrypt"), true),
        ("Action", json!("KMS:encrypt"), true),
        ("Action", json!(["kms:Decrypt", "kms:En*"]), true),
        ("Action", json!("kms:?ncrypt"), true),
        ("Action", json!("kms:Encryp"), false),
        ("Action", json!("*"), true),
        ("Action", json!("kms*"), false),
        ("Action", json!("s3:*"), false),
        ("Action", json!([]), false),
        ("NotAction", json!("kms:Decrypt"), true),
        ("NotAction", json!("s3:*"), true),
        ("NotAction", json!(["kms:Decrypt", "KMS:E*"]), false),
        ("NotAction", json!("*"), false),
    ] {
        let statement = json!({"Effect": "Allow", element: patterns, "Resource": "*"});
        assert_eq!(allows(&scenario, &statement), expected, "{statement}");
    }
}

#[test]
fn resources() {
    let mut scenario = encrypt(user(A));
    scenario.context.insert("aws:principaltag/key".to_owned(), vec!["1234abcd-12ab-4cd3-8ef5-1234567890ab".to_owned()]);
    scenario.context.insert("aws:principaltag/star".to_owned(), vec!["*".to_owned()]);
    for (element, patterns, expected) in [
        ("Resource", json!("*"), true),
        ("Resource", json!(KEY), true),
        ("Resource", json!(["arn:aws:s3:::b", KEY]), true),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:key/*"), true),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:*"), true),
        ("Resource", json!("arn:aws:kms:us-*-1:1111????3333:key/1234*"), true),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:alias/*"), false),
        ("Resource", json!("arn:aws:kms:us-east-2:111122223333:key/*"), false),
        ("Resource", json!("arn:aws:kms:US-EAST-1:111122223333:key/*"), false),
        // A star that ends its segment may run past the colon; one within a segment may not.
        ("Resource", json!("arn:aws:kms:*:key/*"), true),
        ("Resource", json!("arn:aws:kms*"), true),
        ("Resource", json!("arn:aws:kms:us*3333:key/*"), false),
        ("Resource", json!("arn:aws:kms:us-east-1:11*90ab"), false),
        ("Resource", json!("arn:aws:kms:us-east-1?111122223333:key/*"), false),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}"), true),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/star}"), false),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:*${aws:PrincipalTag/none}"), false),
        ("Resource", json!("arn:aws:kms:us-east-1:111122223333:*${aws:PrincipalTag/none, '890ab'}"), true),
        ("NotResource", json!("arn:aws:kms:us-east-1:111122223333:alias/*"), true),
        ("NotResource", json!(["arn:aws:s3:::b", "arn:aws:kms:*:*:key/*"]), false),
        ("NotResource", json!("arn:aws:kms:us-east-1:111122223333:*${aws:PrincipalTag/none}"), true),
    ] {
        let statement = json!({"Effect": "Allow", "Action": "kms:*", element: patterns});
        assert_eq!(allows(&scenario, &statement), expected, "{statement}");
    }
}

#[test]
fn wildcards_are_free_behind_the_fifth_colon() {
    let mut scenario = encrypt(user(A));
    scenario.resource = Resource::Arn("arn:aws:kms:us-east-1:111122223333:alias/a:b".to_owned());
    for (pattern, expected) in [("alias/a:b", true), ("al*b", true), ("alias/a?b", true), ("al*c", false)] {
        let resource = format!("arn:aws:kms:us-east-1:111122223333:{pattern}");
        let statement = json!({"Effect": "Allow", "Action": "kms:*", "Resource": resource});
        assert_eq!(allows(&scenario, &statement), expected, "{statement}");
    }
}

#[test]
fn resources_of_operations_that_have_none() {
    let mut scenario = encrypt(user(A));
    scenario.action = "kms:ListKeys".to_owned();
    scenario.resource = Resource::NoneIn { region: "us-east-1".to_owned() };
    for (pattern, expected) in [
        ("*", true),
        ("arn:aws:kms:us-east-1:111122223333:*", true),
        ("arn:aws:kms:*:*:*", true),
        ("arn:aws:kms:us-east-2:111122223333:*", false),
        ("arn:aws:kms:us-east-1:111122223333:key/*", false),
        ("arn:aws:kms:us-east-1:444455556666:*", false),
    ] {
        let statement = json!({"Effect": "Allow", "Action": "kms:*", "Resource": pattern});
        assert_eq!(allows(&scenario, &statement), expected, "{statement}");
    }
}

#[test]
fn statements_of_key_policies_that_lack_an_element_have_no_effect() {
    let scenario = encrypt(user(A));
    for (statement, expected) in [
        (json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}), 1),
        (json!({"Effect": "Deny", "Principal": "*", "Action": "*"}), 0),
        (json!({"Effect": "Deny", "Principal": "*", "Resource": "*"}), 0),
    ] {
        let policy = json!({"Statement": [statement]});
        let found = resource_policy_statements(Effect::Deny, &policy, false, &scenario).len();
        assert_eq!(found, expected, "{policy}");
    }
}

#[test]
fn the_version_decides_on_variables() {
    let mut scenario = encrypt(user(A));
    scenario.context.insert("aws:principaltag/end".to_owned(), vec!["890ab".to_owned()]);
    for (version, expected) in [(json!("2012-10-17"), true), (json!("2008-10-17"), false), (Value::Null, false)] {
        let mut policy = json!({"Statement": {
            "Effect": "Allow",
            "Action": "kms:*",
            "Resource": "arn:aws:kms:us-east-1:111122223333:key/*${aws:PrincipalTag/end}",
        }});
        if !version.is_null() {
            policy["Version"] = version;
        }
        assert_eq!(identity_policy_says(Effect::Allow, &policy, &scenario), expected, "{policy}");
    }
}
