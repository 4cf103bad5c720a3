//! `Principal` and `NotPrincipal`: whom an Allow lets in, whom a Deny hits.

use serde_json::{Value, json};

use super::{A, B, about_all, encrypt_under, root, session, user};
use crate::evaluator::decision::decide;
use crate::evaluator::scenario::{Caller, Layer, Outcome};

const ROOT_A: &str = "arn:aws:iam::111122223333:root";
const USER_A: &str = "arn:aws:iam::111122223333:user/team/ana";
const ROLE_A: &str = "arn:aws:iam::111122223333:role/svc/app";
const SESSION_A: &str = "arn:aws:sts::111122223333:assumed-role/app/s1";

fn statement(effect: &str, element: &str, principal: &Value) -> Value {
    json!({"Effect": effect, element: principal, "Action": "kms:Encrypt", "Resource": "*"})
}

/// No caller has an identity policy, so an account's ARN lets in its root only.
#[test]
fn whom_an_allow_lets_in_by_itself() {
    let aws = |listed: Value| json!({"AWS": listed});
    let table: Vec<(&str, Value, Caller, bool)> = vec![
        ("Principal", json!("*"), user(A), true),
        ("Principal", aws(json!("*")), session(A), true),
        ("Principal", aws(json!(USER_A)), user(A), true),
        ("Principal", aws(json!([ROLE_A, USER_A])), user(A), true),
        ("Principal", aws(json!(USER_A)), session(A), false),
        ("Principal", aws(json!("arn:aws:iam::111122223333:user/*")), user(A), false),
        ("Principal", aws(json!(ROLE_A)), session(A), true),
        ("Principal", aws(json!(SESSION_A)), session(A), true),
        ("Principal", aws(json!("arn:aws:sts::111122223333:assumed-role/app/s2")), session(A), false),
        ("Principal", aws(json!(ROOT_A)), root(A), true),
        ("Principal", aws(json!(A)), root(A), true),
        ("Principal", aws(json!(A)), user(A), false),
        ("Principal", aws(json!(USER_A)), root(A), false),
        ("Principal", aws(json!(B)), root(B), true),
        ("Principal", aws(json!(B)), root(A), false),
        ("Principal", json!({"Service": "s3.amazonaws.com"}), user(A), false),
        ("NotPrincipal", aws(json!(USER_A)), user(A), false),
        ("NotPrincipal", aws(json!(USER_A)), session(A), true),
        ("NotPrincipal", aws(json!(ROOT_A)), user(A), true),
        ("NotPrincipal", aws(json!(ROOT_A)), root(A), false),
        ("NotPrincipal", aws(json!(A)), root(A), false),
        ("NotPrincipal", aws(json!(SESSION_A)), session(A), false),
        ("NotPrincipal", aws(json!(ROLE_A)), session(A), false),
    ];
    for (element, principal, caller, expected) in table {
        let scenario = encrypt_under(caller, json!([statement("Allow", element, &principal)]));
        assert_eq!(decide(&scenario).is_allow(), expected, "{element} {principal} {}", scenario.caller.arn);
    }
}

#[test]
fn whom_a_deny_hits() {
    let aws = |listed: Value| json!({"AWS": listed});
    let table: Vec<(&str, Value, Caller, bool)> = vec![
        ("Principal", json!("*"), user(A), true),
        ("Principal", aws(json!(USER_A)), user(A), true),
        ("Principal", aws(json!(ROLE_A)), session(A), true),
        ("Principal", aws(json!(ROLE_A)), user(A), false),
        ("Principal", aws(json!(ROOT_A)), user(A), true),
        ("Principal", aws(json!(A)), session(A), true),
        ("Principal", aws(json!(A)), root(A), true),
        ("Principal", aws(json!(B)), user(A), false),
        ("NotPrincipal", aws(json!(USER_A)), user(A), true),
        ("NotPrincipal", aws(json!(ROOT_A)), user(A), true),
        ("NotPrincipal", aws(json!([USER_A, ROOT_A])), user(A), false),
        ("NotPrincipal", aws(json!([USER_A, A])), user(A), false),
        ("NotPrincipal", aws(json!([USER_A, B])), user(A), true),
        ("NotPrincipal", aws(json!(ROOT_A)), root(A), false),
        ("NotPrincipal", aws(json!([ROLE_A, ROOT_A])), session(A), true),
        ("NotPrincipal", aws(json!([SESSION_A, ROLE_A])), session(A), true),
        ("NotPrincipal", aws(json!([SESSION_A, ROOT_A])), session(A), true),
        ("NotPrincipal", aws(json!([SESSION_A, ROLE_A, ROOT_A])), session(A), false),
    ];
    for (element, principal, caller, expected) in table {
        let statements = json!([statement("Allow", "Principal", &json!("*")), statement("Deny", element, &principal)]);
        let scenario = encrypt_under(caller, statements);
        let hit = decide(&scenario) == Outcome::ExplicitDeny(Layer::Resource);
        assert_eq!(hit, expected, "{element} {principal} {}", scenario.caller.arn);
    }
}

#[test]
fn a_boundary_is_never_spared() {
    let listed = json!({"AWS": [USER_A, ROOT_A]});
    let statements = json!([statement("Allow", "Principal", &json!("*")), statement("Deny", "NotPrincipal", &listed)]);
    let mut scenario = encrypt_under(user(A), statements);
    assert_eq!(decide(&scenario), Outcome::Allow);
    scenario.boundary = Some(about_all("Allow", "*"));
    assert_eq!(decide(&scenario), Outcome::ExplicitDeny(Layer::Resource));
}

#[test]
fn a_successor_of_the_same_name_is_not_meant() {
    let statements = json!([statement("Allow", "Principal", &json!({"AWS": [USER_A, ROLE_A, SESSION_A]}))]);
    for caller in [user(A), session(A)] {
        let mut scenario = encrypt_under(caller, statements.clone());
        assert_eq!(decide(&scenario), Outcome::Allow, "{}", scenario.caller.arn);
        scenario.caller.unique_id.push_str("NEW");
        assert_eq!(decide(&scenario), Outcome::NoAllow(Layer::Resource), "{}", scenario.caller.arn);
    }
}
