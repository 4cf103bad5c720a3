//! Across accounts both sides must allow. Source: AWS KMS developer guide, "Allowing users in other accounts to use a
//! KMS key".

use crate::world::{ADMIN, AWAY, AWAY_ROOT, Asked, ELSEWHERE, KEY, ROOT, Who, of};

#[test]
fn both_must_allow() {
    let ann = &of("Allow", r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/ann"}"#);
    let role = &of("Allow", r#""Principal": {"AWS": "arn:aws:iam::444455556666:role/r"}"#);
    let session = &of("Allow", r#""Principal": {"AWS": "arn:aws:sts::444455556666:assumed-role/r/s1"}"#);
    let anyone = &of("Allow", r#""Principal": "*""#);
    let denied = &of("Deny", r#""Principal": {"AWS": "444455556666"}"#);
    let here = &format!(r#"{{"Effect": "Allow", "Action": "kms:encrypt", "Resource": "{KEY}"}}"#);
    let cases: [(&str, Who, &[&str], &[&[&str]], &str); 14] = [
        ("account and identity policy", Who::Ann, &[ROOT, AWAY_ROOT], &[&[ADMIN]], "allow: resource 1, identity 0.0"),
        ("account only", Who::Ann, &[ROOT, AWAY_ROOT], &[], "no: identity"),
        ("user and identity policy", Who::Ann, &[ann], &[&[here]], "allow: resource 0, identity 0.0"),
        ("user only", Who::Ann, &[ann], &[], "no: identity"),
        ("another user", Who::Bob, &[ann], &[&[ADMIN]], "no: resource"),
        ("role and identity policy", Who::Session, &[role], &[&[ADMIN]], "allow: resource 0, identity 0.0"),
        ("role only", Who::Session, &[role], &[], "no: identity"),
        ("session and identity policy", Who::Session, &[session], &[&[ADMIN]], "allow: resource 0, identity 0.0"),
        ("session only", Who::Session, &[session], &[&[ELSEWHERE]], "no: identity"),
        ("anyone and identity policy", Who::Ann, &[anyone], &[&[ADMIN]], "allow: resource 0, identity 0.0"),
        ("anyone only", Who::Ann, &[anyone], &[&[ELSEWHERE]], "no: identity"),
        ("identity policy only", Who::Ann, &[ROOT], &[&[ADMIN]], "no: resource"),
        ("denied account", Who::Ann, &[anyone, denied], &[&[ADMIN]], "deny: resource 0.1"),
        ("the other account's root needs no identity policy", Who::Root, &[AWAY_ROOT], &[], "allow: resource 0"),
    ];
    for (name, who, key, identity, want) in cases {
        assert_eq!(Asked { account: AWAY, who, key, identity, ..Asked::default() }.on_key(), want, "{name}");
    }
}

#[test]
fn the_callers_limits_hold_whoever_is_named() {
    let ann = &of("Allow", r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/ann"}"#);
    let key: &[&str] = &[ann];
    let asked = || Asked { account: AWAY, key, identity: &[&[ADMIN]], ..Asked::default() };
    for (boundary, want) in [(ELSEWHERE, "no: boundary"), (ADMIN, "allow: resource 0, identity 0.0")] {
        assert_eq!(Asked { boundary: Some(&[boundary]), ..asked() }.on_key(), want);
    }
    assert_eq!(Asked { session: Some(&[ELSEWHERE]), ..asked() }.on_key(), "no: session");
}
