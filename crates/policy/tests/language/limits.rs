//! Boundaries, session policies, service and resource control policies. Source: IAM user guide, "Policy evaluation
//! logic" and "Permissions boundaries for IAM entities".

use crate::world::{ADMIN, AWAY, Asked, ELSEWHERE, NEVER, ROOT, Who, of};

const ANN: &str = r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#;
const ROLE: &str = r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/r"}"#;
const SESSION: &str = r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/s1"}"#;
const ANYONE: &str = r#""Principal": "*""#;
const NOBODY_ELSE: &str = r#""NotPrincipal": {"AWS": "444455556666"}"#;

/// An implicit deny in boundary or session policy counts only where the key policy delegates, or names the role.
#[test]
fn by_how_the_key_policy_names_the_caller() {
    for (who, principal, limited) in [
        (Who::Ann, ANN, false),
        (Who::Ann, ANYONE, false),
        (Who::Ann, NOBODY_ELSE, false),
        (Who::Session, SESSION, false),
        (Who::Session, ANYONE, false),
        (Who::Session, ROLE, true),
    ] {
        let statement = of("Allow", principal);
        let key: &[&str] = &[&statement];
        let asked = || Asked { who, key, ..Asked::default() };
        let allowed = "allow: resource 0";
        let or = |refusal: &'static str| if limited { refusal } else { allowed };
        assert_eq!(
            Asked { boundary: Some(&[ADMIN]), session: Some(&[ADMIN]), ..asked() }.on_key(),
            allowed,
            "{principal}"
        );
        assert_eq!(Asked { boundary: Some(&[ELSEWHERE]), ..asked() }.on_key(), or("no: boundary"), "{principal}");
        assert_eq!(Asked { session: Some(&[ELSEWHERE]), ..asked() }.on_key(), or("no: session"), "{principal}");
        assert_eq!(Asked { boundary: Some(&[NEVER]), ..asked() }.on_key(), "deny: boundary 0.0", "{principal}");
        assert_eq!(Asked { session: Some(&[ADMIN, NEVER]), ..asked() }.on_key(), "deny: session 0.1", "{principal}");
    }
    let delegated = || Asked { who: Who::Session, key: &[ROOT], identity: &[&[ADMIN]], ..Asked::default() };
    assert_eq!(Asked { boundary: Some(&[ELSEWHERE]), ..delegated() }.on_key(), "no: boundary");
    assert_eq!(Asked { session: Some(&[ELSEWHERE]), ..delegated() }.on_key(), "no: session");
    assert_eq!(Asked { session: Some(&[ADMIN]), ..delegated() }.on_key(), "allow: resource 0, identity 0.0");
    assert_eq!(Asked { session: Some(&[ADMIN]), identity: &[], ..delegated() }.on_key(), "no: identity");
}

#[test]
fn each_level_of_control_policies_must_allow() {
    let statement = of("Allow", ANYONE);
    let everyone = |statement: &str| statement.replacen('{', r#"{"Principal": "*", "#, 1);
    let (admin, elsewhere, never) = (everyone(ADMIN), everyone(ELSEWHERE), everyone(NEVER));
    for who in [Who::Ann, Who::Session, Who::Root] {
        let key: &[&str] = &[&statement];
        let asked = || Asked { who, key, ..Asked::default() };
        let levels: [(&[&[&str]], &str); 5] = [
            (&[], "allow: resource 0"),
            (&[&[ADMIN], &[ADMIN, ELSEWHERE]], "allow: resource 0"),
            (&[&[ADMIN], &[ELSEWHERE]], "no: service control 1"),
            (&[&[ELSEWHERE], &[ELSEWHERE]], "no: service control 0"),
            (&[&[ELSEWHERE], &[ADMIN, NEVER]], "deny: service control 1 0.1"),
        ];
        for (service_control, want) in levels {
            assert_eq!(Asked { service_control, ..asked() }.on_key(), want);
        }
        let levels: [(&[&[&str]], &str); 4] = [
            (&[&[&admin], &[&admin, &elsewhere]], "allow: resource 0"),
            (&[&[&admin], &[&elsewhere]], "no: resource control 1"),
            (&[&[&elsewhere], &[&admin, &never]], "deny: resource control 1 0.1"),
            (&[&[&admin, &never], &[&admin]], "deny: resource control 0 0.1"),
        ];
        for (resource_control, want) in levels {
            assert_eq!(Asked { resource_control, ..asked() }.on_key(), want);
            let both = Asked { service_control: &[&[NEVER]], resource_control, ..asked() };
            assert_eq!(both.on_key(), "deny: service control 0 0.0");
        }
    }
}

#[test]
fn control_policies_are_of_both_accounts() {
    let statement = of("Allow", ANYONE);
    let here = r#"{"Effect": "Deny", "Action": "*", "Principal": "*", "Resource": "arn:aws:kms:us-east-1:111122223333:key/*"}"#;
    let key: &[&str] = &[&statement];
    let asked = || Asked { account: AWAY, key, identity: &[&[ADMIN]], ..Asked::default() };
    assert_eq!(Asked { resource_control: &[&[here]], ..asked() }.on_key(), "deny: resource control 0 0.0");
    assert_eq!(Asked { service_control: &[&[ELSEWHERE]], ..asked() }.on_key(), "no: service control 0");
}
