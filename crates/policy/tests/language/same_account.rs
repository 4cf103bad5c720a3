//! On a key, in its own account. Source: AWS KMS developer guide, "Key policies in AWS KMS".

use claviger_policy::Resource;
use claviger_types::ServiceName;

use crate::world::{ADMIN, AWAY_ROOT, Asked, ELSEWHERE, KEY, NEVER, ROOT, Who, of};

const ANN: &str = r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#;
const BOB: &str = r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}"#;
const ROLE: &str = r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/r"}"#;
const SESSION: &str = r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/s1"}"#;
const OTHER_SESSION: &str = r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/s2"}"#;
const ANYONE: &str = r#""Principal": "*""#;
const ACCOUNT: &str = r#""Principal": {"AWS": "111122223333"}"#;
const AWAY: &str = r#""Principal": {"AWS": "444455556666"}"#;
const SERVICE: &str = r#""Principal": {"Service": "s3.amazonaws.com"}"#;

#[test]
fn by_whom_the_key_policy_names() {
    let everywhere =
        [(Who::Ann, ANN), (Who::Bob, BOB), (Who::Session, ROLE), (Who::Session, SESSION), (Who::Root, ACCOUNT)];
    for (who, principal) in everywhere {
        let asked = |effect| Asked { who, key: &[&of(effect, principal)], ..Asked::default() }.on_key();
        assert_eq!(asked("Allow"), "allow: resource 0", "{principal}");
        assert_eq!(asked("Deny"), "deny: resource 0.0", "{principal}");
    }
    for (who, principal) in [
        (Who::Ann, BOB),
        (Who::Ann, ROLE),
        (Who::Ann, AWAY),
        (Who::Ann, SERVICE),
        (Who::Session, ANN),
        (Who::Session, OTHER_SESSION),
        (Who::OtherSession, ROLE),
        (Who::OtherSession, SESSION),
        (Who::Root, ANN),
        (Who::Root, AWAY),
    ] {
        for effect in ["Allow", "Deny"] {
            let asked = Asked { who, key: &[&of(effect, principal)], identity: &[&[ADMIN]], ..Asked::default() };
            assert_eq!(asked.on_key(), "no: resource", "{effect} {principal}");
        }
    }
    for who in [Who::Ann, Who::Bob, Who::Session, Who::OtherSession, Who::Root] {
        let asked = |effect, principal| Asked { who, key: &[&of(effect, principal)], ..Asked::default() }.on_key();
        assert_eq!(asked("Allow", ANYONE), "allow: resource 0");
        assert_eq!(asked("Deny", ANYONE), "deny: resource 0.0");
        assert_eq!(asked("Deny", ACCOUNT), "deny: resource 0.0");
        let want = if who == Who::Root { "allow: resource 0" } else { "no: identity" };
        assert_eq!(asked("Allow", ACCOUNT), want);
    }
}

#[test]
fn key_policy_and_identity_policies() {
    let to_ann = &of("Allow", ANN);
    let (deny_ann, deny_account) = (&of("Deny", ANN), &of("Deny", ACCOUNT));
    let here = &format!(r#"{{"Effect": "Allow", "Action": "kms:encrypt", "Resource": "{KEY}"}}"#);
    let aliases = r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:us-east-1:111122223333:alias/*"}"#;
    let not_decrypt = r#"{"Effect": "Allow", "NotAction": ["kms:Decrypt", "s3:*"], "Resource": "*"}"#;
    let not_encrypt = r#"{"Effect": "Allow", "NotAction": "kms:Enc*", "Resource": "*"}"#;
    let not_here = &format!(r#"{{"Effect": "Allow", "Action": "*", "NotResource": "{KEY}"}}"#);
    let not_there = r#"{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:kms:*:*:alias/*"}"#;
    let no_action = r#"{"Effect": "Allow", "Resource": "*", "Principal": "*"}"#;
    let no_resource = r#"{"Effect": "Allow", "Action": "*", "Principal": "*"}"#;
    let other_key = r#"{"Effect": "Deny", "Action": "kms:*", "Principal": "*",
        "Resource": "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000"}"#;
    let cases: [(&str, &[&str], &[&[&str]], &str); 23] = [
        ("the account is let in, an identity policy allows", &[ROOT], &[&[ADMIN]], "allow: resource 0, identity 0.0"),
        ("by the key's own ARN", &[ROOT], &[&[here]], "allow: resource 0, identity 0.0"),
        (
            "the second policy's second statement",
            &[ROOT],
            &[&[aliases], &[aliases, ADMIN]],
            "allow: resource 0, identity 1.1",
        ),
        ("to let the account in is no permission", &[ROOT], &[], "no: identity"),
        ("an alias's ARN gives no use of its key", &[ROOT], &[&[aliases]], "no: identity"),
        ("NotAction without the action", &[ROOT], &[&[not_decrypt]], "allow: resource 0, identity 0.0"),
        ("NotAction with the action", &[ROOT], &[&[not_encrypt]], "no: identity"),
        ("NotResource with the key", &[ROOT], &[&[not_here]], "no: identity"),
        ("NotResource without the key", &[ROOT], &[&[not_there]], "allow: resource 0, identity 0.0"),
        ("an identity policy alone counts for nothing", &[AWAY_ROOT], &[&[ADMIN]], "no: resource"),
        ("the key policy allows the user alone", &[ROOT, to_ann], &[], "allow: resource 1"),
        ("a statement without actions has no effect", &[no_action], &[&[ADMIN]], "no: resource"),
        ("a statement without resources has no effect", &[no_resource], &[&[ADMIN]], "no: resource"),
        ("a denied account is all its users", &[to_ann, deny_account], &[&[ADMIN]], "deny: resource 0.1"),
        ("another denied account is not", &[&of("Deny", AWAY), to_ann], &[], "allow: resource 1"),
        ("the first deny is named", &[ROOT, deny_ann, deny_account], &[&[ADMIN]], "deny: resource 0.1"),
        ("a deny for another key", &[other_key, to_ann], &[], "allow: resource 1"),
        ("an identity policy's deny beats the key policy", &[to_ann], &[&[ADMIN], &[NEVER]], "deny: identity 1.0"),
        ("even where nothing allows", &[AWAY_ROOT], &[&[NEVER]], "deny: identity 0.0"),
        ("the key policy's deny is named first", &[deny_ann], &[&[NEVER]], "deny: resource 0.0"),
        ("the first allow is named", &[to_ann, to_ann], &[], "allow: resource 0"),
        (
            "of narrow and broad statements, too",
            &[ROOT],
            &[&[ELSEWHERE, ADMIN, here]],
            "allow: resource 0, identity 0.1",
        ),
        ("of broad and narrow statements, too", &[ROOT], &[&[here, ADMIN]], "allow: resource 0, identity 0.0"),
    ];
    for (name, key, identity, want) in cases {
        assert_eq!(Asked { key, identity, ..Asked::default() }.on_key(), want, "{name}");
    }
}

/// Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".
#[test]
fn not_principal() {
    let all_but = |arns: &str| format!(r#""NotPrincipal": {{"AWS": [{arns}]}}"#);
    let (account, ann) = (r#""111122223333""#, r#""arn:aws:iam::111122223333:user/ann""#);
    let role = r#""arn:aws:iam::111122223333:role/r""#;
    let session = r#""arn:aws:sts::111122223333:assumed-role/r/s1""#;
    let cases: [(&str, &[Who], &[Who]); 9] = [
        // Whom a statement lists, whom its Deny spares, whom its Allow leaves out.
        (account, &[Who::Root], &[Who::Root]),
        (ann, &[], &[Who::Ann]),
        (&format!("{account}, {ann}"), &[Who::Root, Who::Ann], &[Who::Root, Who::Ann]),
        (&format!("{account}, {role}"), &[Who::Root], &[Who::Root, Who::Session]),
        (&format!("{account}, {session}"), &[Who::Root], &[Who::Root, Who::Session]),
        (&format!("{account}, {role}, {session}"), &[Who::Root, Who::Session], &[Who::Root, Who::Session]),
        (&format!("{role}, {session}"), &[], &[Who::Session]),
        (r#""*""#, &[Who::Ann, Who::Bob, Who::Session, Who::Root], &[Who::Ann, Who::Bob, Who::Session, Who::Root]),
        (r#""444455556666""#, &[], &[]),
    ];
    for (listed, spared, left_out) in cases {
        for who in [Who::Ann, Who::Bob, Who::Session, Who::Root] {
            let anyone = &of("Allow", ANYONE);
            let deny = Asked { who, key: &[anyone, &of("Deny", &all_but(listed))], ..Asked::default() };
            let want = if spared.contains(&who) { "allow: resource 0" } else { "deny: resource 0.1" };
            assert_eq!(deny.on_key(), want, "Deny, {listed}");
            let bounded = Asked { boundary: Some(&[ADMIN]), ..deny };
            assert_eq!(bounded.on_key(), "deny: resource 0.1", "Deny with a boundary, {listed}");
            let allow = Asked { who, key: &[&of("Allow", &all_but(listed))], ..Asked::default() };
            let want = if left_out.contains(&who) { "no: resource" } else { "allow: resource 0" };
            assert_eq!(allow.on_key(), want, "Allow, {listed}");
        }
    }
}

#[test]
fn without_a_key() {
    let (list, users) = ((ServiceName::Kms, "ListKeys"), (ServiceName::Iam, "ListUsers"));
    let (here, there) = ("us-east-1".parse().unwrap(), "eu-west-1".parse().unwrap());
    let alias = "arn:aws:kms:us-east-1:111122223333:alias/app";
    let (here, there) = (Resource::Any(Some(here)), Resource::Any(Some(there)));
    for (pattern, action, resource, want) in [
        ("*", list, here, true),
        ("arn:aws:kms:us-east-1:111122223333:*", list, here, true),
        ("arn:aws:kms:us-east-1:111122223333:*", list, there, false),
        ("arn:aws:kms:*:*:*", list, there, true),
        ("arn:aws:kms:us-east-1:444455556666:*", list, here, false),
        ("arn:aws:kms:us-east-1:111122223333:key/*", list, here, false),
        ("arn:aws:kms:us-east-1:111122223333:alias/*", list, Resource::Arn(&alias), true),
        ("arn:aws:kms:us-east-1:111122223333:alias/ap?", list, Resource::Arn(&alias), true),
        (alias, list, Resource::Arn(&alias), true),
        ("arn:aws:kms:us-east-1:111122223333:alias/b*", list, Resource::Arn(&alias), false),
        ("arn:aws:iam::111122223333:*", users, Resource::Any(None), true),
        ("arn:aws:iam:us-east-1:111122223333:*", users, Resource::Any(None), false),
    ] {
        for (effect, want) in [
            ("Allow", if want { "allow: identity 0.0" } else { "no: identity" }),
            ("Deny", if want { "deny: identity 0.0" } else { "no: identity" }),
        ] {
            let statement = format!(r#"{{"Effect": "{effect}", "Action": "*", "Resource": "{pattern}"}}"#);
            let asked = Asked { action, identity: &[&[&statement]], ..Asked::default() };
            assert_eq!(asked.by_identity(resource), want, "{effect} {pattern}");
        }
    }
    let root = Asked { who: Who::Root, action: list, ..Asked::default() };
    assert_eq!(root.by_identity(here), "allow: account root");
    assert_eq!(Asked { service_control: &[&[ELSEWHERE]], ..root }.by_identity(here), "no: service control 0");
}

/// Source: IAM user guide, "Policy variables in the Resource element".
#[test]
fn variables_in_resources() {
    for (resource, tag, want) in [
        (
            "arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}",
            Some("1234abcd-12ab-34cd-56ef-1234567890ab"),
            true,
        ),
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}", Some("*"), false),
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}*", Some("1234abcd"), true),
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}*", None, false),
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key, '1234abcd'}-*", None, true),
        ("arn:aws:kms:us-east-1:111122223333:${*}", None, false),
    ] {
        let values = tag.as_ref().map(std::slice::from_ref);
        let keys: Vec<_> = values.map(|values| ("aws:PrincipalTag/KEY", Some(values))).into_iter().collect();
        let of = |element: &str| format!(r#"{{"Effect": "Allow", "Action": "*", "{element}": "{resource}"}}"#);
        for (element, want) in [("Resource", want), ("NotResource", !want)] {
            let asked = Asked { key: &[ROOT], identity: &[&[&of(element)]], keys: &keys, ..Asked::default() };
            let want = if want { "allow: resource 0, identity 0.0" } else { "no: identity" };
            assert_eq!(asked.on_key(), want, "{element} {resource} {tag:?}");
        }
    }
    let unknown: &[(&str, Option<&[&str]>)] = &[("aws:PrincipalTag/key", None)];
    for (resource, want) in [
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/key}", "depends"),
        ("arn:aws:kms:eu-west-1:111122223333:key/${aws:PrincipalTag/key}", "no: identity"),
    ] {
        let statement = format!(r#"{{"Effect": "Allow", "Action": "*", "Resource": "{resource}"}}"#);
        let asked = Asked { key: &[ROOT], identity: &[&[&statement]], keys: unknown, ..Asked::default() };
        assert_eq!(asked.on_key(), want, "{resource}");
    }
}

/// Source: IAM user guide, "Cross-account policy evaluation logic"; a trust policy is decided like a key policy without grants.
#[test]
fn assuming_a_role() {
    let trust = |principal: &str| format!(r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", {principal}}}"#);
    let away = r#""Principal": {"AWS": "arn:aws:iam::444455556666:root"}"#;
    let away_ann = r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/ann"}"#;
    let allowed: &[&[&str]] = &[&[ADMIN]];
    for (account, principal, identity, want) in [
        ("111122223333", ANN, &[][..], "allow: resource 0"),
        ("111122223333", ACCOUNT, &[], "no: identity"),
        ("111122223333", ACCOUNT, allowed, "allow: resource 0, identity 0.0"),
        ("111122223333", BOB, allowed, "no: resource"),
        ("444455556666", away, allowed, "allow: resource 0, identity 0.0"),
        ("444455556666", away_ann, allowed, "allow: resource 0, identity 0.0"),
        ("444455556666", away_ann, &[], "no: identity"),
        ("444455556666", ACCOUNT, allowed, "no: resource"),
    ] {
        let (statement, action) = (trust(principal), (ServiceName::Sts, "AssumeRole"));
        let asked = Asked { account, action, key: &[&statement], identity, ..Asked::default() };
        assert_eq!(asked.on_role(), want, "{account} {principal}");
        let tag = Asked { action: (ServiceName::Sts, "TagSession"), ..asked };
        assert_eq!(tag.on_role(), "no: resource", "{account} {principal}");
    }
}
