//! The layers of the decision: which policy must allow, and which refusal is told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{A, B, about_all, encrypt, encrypt_under, policy, root, session, user};
use crate::evaluator::decision::{decide, decide_on_retirement, decide_on_role};
use crate::evaluator::scenario::{Caller, Constraint, Grant, Layer, NewGrant, Outcome, Resource, Scenario};
use crate::evaluator::statements::strings;
use Outcome::{Allow, ExplicitDeny, NoAllow};

fn lets_in(principal: &str) -> Value {
    json!([{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}])
}

/// The caller's policies allow Encrypt, but for those that are named here: they allow Decrypt only.
fn limited(mut scenario: Scenario, silent: &[Layer]) -> Scenario {
    let policy = |layer| about_all("Allow", if silent.contains(&layer) { "kms:Decrypt" } else { "kms:Encrypt" });
    scenario.identity = vec![policy(Layer::Identity)];
    scenario.boundary = Some(policy(Layer::Boundary));
    scenario.session_policies = Some(vec![policy(Layer::Session)]);
    scenario
}

#[test]
fn boundary_and_session_policies_limit_by_how_the_key_policy_names_the_caller() {
    let (user_a, role_a) = (user(A).arn, session(A).principal_arn);
    let session_a = session(A).arn;
    let identity = [Layer::Identity];
    let boundary = [Layer::Boundary];
    let sessions = [Layer::Session];
    let all = [Layer::Identity, Layer::Boundary, Layer::Session];
    let table: Vec<(Caller, &str, &[Layer], Outcome)> = vec![
        (user(A), A, &[], Allow),
        (user(A), A, &identity, NoAllow(Layer::Identity)),
        (user(A), A, &boundary, NoAllow(Layer::Boundary)),
        (session(A), A, &sessions, NoAllow(Layer::Session)),
        (user(A), &user_a, &all, Allow),
        (session(A), &session_a, &all, Allow),
        (session(A), "*", &all, Allow),
        (session(A), &role_a, &identity, Allow),
        (session(A), &role_a, &boundary, NoAllow(Layer::Boundary)),
        (session(A), &role_a, &sessions, NoAllow(Layer::Session)),
        (user(A), B, &[], NoAllow(Layer::Resource)),
        (user(A), &role_a, &[], NoAllow(Layer::Resource)),
        (root(A), A, &all, Allow),
        (root(A), &user_a, &[], NoAllow(Layer::Resource)),
    ];
    for (caller, principal, silent, expected) in table {
        let scenario = limited(encrypt_under(caller, lets_in(principal)), silent);
        assert_eq!(decide(&scenario), expected, "{} by {principal}, silent {silent:?}", scenario.caller.arn);
    }
}

#[test]
fn another_account_must_agree_too() {
    let (user_b, session_b) = (user(B).arn, session(B).arn);
    let table: Vec<(Caller, &str, &[Layer], Outcome)> = vec![
        (user(B), B, &[], Allow),
        (user(B), &user_b, &[], Allow),
        (user(B), &user_b, &[Layer::Identity], NoAllow(Layer::Identity)),
        (user(B), "*", &[Layer::Identity], NoAllow(Layer::Identity)),
        (user(B), "*", &[Layer::Boundary], NoAllow(Layer::Boundary)),
        (session(B), &session_b, &[Layer::Session], NoAllow(Layer::Session)),
        (user(B), A, &[], NoAllow(Layer::Resource)),
        (root(B), B, &[], Allow),
        (root(B), A, &[], NoAllow(Layer::Resource)),
    ];
    for (caller, principal, silent, expected) in table {
        let scenario = limited(encrypt_under(caller, lets_in(principal)), silent);
        assert_eq!(decide(&scenario), expected, "{} by {principal}, silent {silent:?}", scenario.caller.arn);
    }
    for (account, action, expected) in [
        (B, "kms:DescribeKey", Allow),
        (B, "kms:GetKeyRotationStatus", Allow),
        (B, "kms:DisableKey", NoAllow(Layer::Resource)),
        (B, "kms:PutKeyPolicy", NoAllow(Layer::Resource)),
        (A, "kms:DisableKey", Allow),
    ] {
        let mut scenario = encrypt_under(user(account), lets_in(account));
        scenario.action = action.to_owned();
        scenario.identity = vec![about_all("Allow", "*")];
        assert_eq!(decide(&scenario), expected, "{action} {account}");
    }
}

#[test]
fn one_of_several_session_policies_is_enough() {
    let mut scenario = limited(encrypt_under(session(A), lets_in(A)), &[]);
    scenario.session_policies = Some(vec![about_all("Allow", "kms:Decrypt"), about_all("Allow", "kms:Encrypt")]);
    assert_eq!(decide(&scenario), Allow);
    scenario.session_policies = Some(vec![]);
    assert_eq!(decide(&scenario), NoAllow(Layer::Session));
}

#[test]
fn the_root_is_not_subject_to_identity_policies() {
    let mut scenario = encrypt_under(root(A), lets_in(A));
    scenario.identity = vec![about_all("Deny", "*")];
    assert_eq!(decide(&scenario), Allow);
}

#[test]
fn an_explicit_deny_of_any_layer_ends_it() {
    let deny = about_all("Deny", "kms:Encrypt");
    let of_resource = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"});
    let layers = [
        Layer::ServiceControl,
        Layer::ResourceControl,
        Layer::Resource,
        Layer::Identity,
        Layer::Boundary,
        Layer::Session,
    ];
    for layer in layers {
        let mut scenario = limited(encrypt_under(session(A), lets_in("*")), &[]);
        assert_eq!(decide(&scenario), Allow);
        let key = scenario.key.as_mut().unwrap();
        match layer {
            Layer::ServiceControl => scenario.scp_levels = vec![vec![about_all("Allow", "*"), deny.clone()]],
            Layer::ResourceControl => key.rcp_levels = vec![vec![policy(of_resource.clone())]],
            Layer::Resource => key.policy["Statement"].as_array_mut().unwrap().push(of_resource.clone()),
            Layer::Identity => scenario.identity.push(deny.clone()),
            Layer::Boundary => scenario.boundary = Some(deny.clone()),
            Layer::Session => scenario.session_policies.as_mut().unwrap().push(deny.clone()),
        }
        assert_eq!(decide(&scenario), ExplicitDeny(layer));
        scenario.key.as_mut().unwrap().grants.push(grant(&scenario.caller, "Encrypt", Constraint::None));
        assert_eq!(decide(&scenario), ExplicitDeny(layer), "a grant does not help");
    }
}

#[test]
fn control_policies_must_allow_at_each_level() {
    let all = || about_all("Allow", "*");
    let other = || about_all("Allow", "kms:Decrypt");
    for caller in [root(A), user(A)] {
        for (levels, expected) in [
            (vec![], Allow),
            (vec![vec![all()], vec![other(), all()]], Allow),
            (vec![vec![all()], vec![other()]], NoAllow(Layer::ServiceControl)),
            (vec![vec![]], NoAllow(Layer::ServiceControl)),
        ] {
            let mut scenario = encrypt_under(caller.clone(), lets_in("*"));
            scenario.scp_levels = levels;
            assert_eq!(decide(&scenario), expected, "{:?}", scenario.scp_levels);
        }
        let mut scenario = encrypt_under(caller, lets_in("*"));
        scenario.key.as_mut().unwrap().rcp_levels = vec![vec![policy(lets_in("*"))], vec![]];
        assert_eq!(decide(&scenario), NoAllow(Layer::ResourceControl));
    }
}

fn grant(grantee: &Caller, operation: &str, constraint: Constraint) -> Grant {
    Grant { grantee: grantee.unique_id.clone(), operations: vec![operation.to_owned()], constraint, usable: true }
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn grants() {
    let one = || pairs(&[("app", "pay")]);
    let table = vec![
        (user(A), grant(&user(A), "Encrypt", Constraint::None), true),
        (user(B), grant(&user(B), "Encrypt", Constraint::None), true),
        (session(A), grant(&session(A), "Encrypt", Constraint::None), true),
        (user(A), grant(&session(A), "Encrypt", Constraint::None), false),
        (user(A), grant(&user(A), "Decrypt", Constraint::None), false),
        (user(A), Grant { usable: false, ..grant(&user(A), "Encrypt", Constraint::None) }, false),
        (user(A), grant(&user(A), "Encrypt", Constraint::Subset(one())), true),
        (user(A), grant(&user(A), "Encrypt", Constraint::Equals(one())), false),
        (user(A), grant(&user(A), "Encrypt", Constraint::Equals(pairs(&[("app", "pay"), ("env", "1")]))), true),
        (user(A), grant(&user(A), "Encrypt", Constraint::Subset(pairs(&[("App", "pay")]))), false),
        (user(A), grant(&user(A), "Encrypt", Constraint::Subset(pairs(&[("app", "Pay")]))), false),
        (session(A), Grant { grantee: format!("AROA{A}:s1"), ..grant(&user(A), "Encrypt", Constraint::None) }, true),
        (session(A), Grant { grantee: format!("AROA{A}:s2"), ..grant(&user(A), "Encrypt", Constraint::None) }, false),
        (user(A), Grant { grantee: root(A).arn, ..grant(&user(A), "Encrypt", Constraint::None) }, false),
        (root(A), Grant { grantee: root(A).arn, ..grant(&user(A), "Encrypt", Constraint::None) }, true),
    ];
    for (caller, grant, expected) in table {
        let mut scenario = encrypt(caller);
        scenario.encryption_context = pairs(&[("app", "pay"), ("env", "1")]);
        scenario.key.as_mut().unwrap().grants = vec![grant.clone()];
        assert_eq!(decide(&scenario).is_allow(), expected, "{} {grant:?}", scenario.caller.arn);
    }
    let mut scenario = encrypt(user(A));
    scenario.action = "kms:DescribeKey".to_owned();
    scenario.key.as_mut().unwrap().grants = vec![grant(&user(A), "DescribeKey", Constraint::Equals(one()))];
    assert_eq!(decide(&scenario), Allow, "DescribeKey is not constrained");
}

#[test]
fn through_a_grant_no_more_is_given_than_it_holds() {
    let (one, two) = (|| pairs(&[("app", "pay")]), || pairs(&[("app", "pay"), ("env", "1")]));
    let all = ["Encrypt", "CreateGrant"];
    for (held, new, operations, expected) in [
        (Constraint::None, Constraint::None, &all[..], true),
        (Constraint::None, Constraint::None, &["Encrypt"], true),
        (Constraint::None, Constraint::None, &["Decrypt"], false),
        (Constraint::None, Constraint::Subset(one()), &["Encrypt"], true),
        (Constraint::Subset(one()), Constraint::None, &["Encrypt"], false),
        (Constraint::Subset(one()), Constraint::Subset(two()), &["Encrypt"], true),
        (Constraint::Subset(one()), Constraint::Equals(two()), &["Encrypt"], true),
        (Constraint::Subset(two()), Constraint::Subset(one()), &["Encrypt"], false),
        (Constraint::Equals(two()), Constraint::Equals(two()), &["Encrypt"], true),
        (Constraint::Equals(two()), Constraint::Subset(two()), &["Encrypt"], false),
        (Constraint::Equals(one()), Constraint::Equals(two()), &["Encrypt"], false),
    ] {
        let mut scenario = encrypt(user(A));
        scenario.action = "kms:CreateGrant".to_owned();
        let held = Grant { operations: strings(&json!(all)), ..grant(&user(A), "", held) };
        let new = NewGrant { operations: strings(&json!(operations)), constraint: new };
        scenario.key.as_mut().unwrap().grants = vec![held.clone()];
        scenario.new_grant = Some(new.clone());
        assert_eq!(decide(&scenario).is_allow(), expected, "{held:?} {new:?}");
    }
}

#[test]
fn operations_without_a_key_are_a_matter_of_identity_policies() {
    for (caller, silent, expected) in [
        (user(A), vec![], Allow),
        (user(A), vec![Layer::Identity], NoAllow(Layer::Identity)),
        (user(A), vec![Layer::Boundary], NoAllow(Layer::Boundary)),
        (session(A), vec![Layer::Session], NoAllow(Layer::Session)),
        (root(A), vec![Layer::Identity], Allow),
    ] {
        let mut scenario = limited(encrypt(caller), &silent);
        scenario.key = None;
        scenario.resource = Resource::NoneIn { region: "us-east-1".to_owned() };
        assert_eq!(decide(&scenario), expected, "{} {silent:?}", scenario.caller.arn);
    }
}

#[test]
fn roles_are_assumed_by_their_trust_policy() {
    let (user_a, user_b) = (user(A).arn, user(B).arn);
    for (caller, trusted, has_identity_policy, expected) in [
        (user(A), user_a.as_str(), false, Allow),
        (user(A), A, false, NoAllow(Layer::Identity)),
        (user(A), A, true, Allow),
        (user(A), user_b.as_str(), true, NoAllow(Layer::Resource)),
        (user(B), user_b.as_str(), false, NoAllow(Layer::Identity)),
        (user(B), user_b.as_str(), true, Allow),
        (user(B), B, true, Allow),
    ] {
        let trust = json!([{"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}]);
        let mut scenario = encrypt_under(caller, trust);
        scenario.action = "sts:AssumeRole".to_owned();
        scenario.resource = Resource::Arn("arn:aws:iam::111122223333:role/ops".to_owned());
        if has_identity_policy {
            scenario.identity = vec![about_all("Allow", "sts:*")];
        }
        assert_eq!(decide_on_role(&scenario), expected, "{} {trusted} {has_identity_policy}", scenario.caller.arn);
    }
}

#[test]
fn grants_are_retired_by_rules_of_their_own() {
    let (user_b, root_b) = (user(B).unique_id, root(B).arn);
    for (caller, retiring, has_identity_policy, expected) in [
        (user(B), Some(user_b.as_str()), false, Allow),
        (user(B), Some(root_b.as_str()), false, NoAllow(Layer::Identity)),
        (user(B), Some(root_b.as_str()), true, Allow),
        (user(B), None, true, NoAllow(Layer::Resource)),
        (user(A), None, true, Allow),
        (user(A), None, false, NoAllow(Layer::Identity)),
        (root(A), None, false, Allow),
    ] {
        let mut scenario = encrypt_under(caller, lets_in("*"));
        scenario.action = "kms:RetireGrant".to_owned();
        if has_identity_policy {
            scenario.identity = vec![about_all("Allow", "kms:RetireGrant")];
        }
        let outcome = decide_on_retirement(&scenario, retiring);
        assert_eq!(outcome, expected, "{} {retiring:?} {has_identity_policy}", scenario.caller.arn);
    }
    let mut scenario = encrypt(session(B));
    scenario.action = "kms:RetireGrant".to_owned();
    scenario.key.as_mut().unwrap().grants = vec![grant(&session(B), "RetireGrant", Constraint::None)];
    assert_eq!(decide_on_retirement(&scenario, None), Allow);
}
