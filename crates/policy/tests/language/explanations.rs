//! What an explanation tells of each statement.

use claviger_policy::{Effect, Explanation, Found, Lack, Layer, Naming, Obstacle, SeenStatement, Truth};

use crate::world::{ADMIN, Asked, ELSEWHERE, KEY, Keys, ROOT, of, when};

#[test]
fn every_statement_is_there() {
    let other_key = KEY.replace("1234abcd", "00000000");
    let elsewhere = format!(r#"{{"Sid": "B", "Effect": "Deny", "Action": "*", "Resource": "{other_key}"}}"#);
    let conditional = when(
        r#"{"StringLike": {"aws:PrincipalTag/Team": ["r*", "blue"]}, "Bool": {"aws:SecureTransport": true},
        "Null": {"x:u": "true"}, "ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}"#,
    );
    let to_bob = of("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}"#);
    let to_ann = of("Deny", r#""Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/ann"]}"#)
        .replace("kms:Encrypt", "kms:Decrypt");
    let asked = Asked {
        key: &[ROOT, &to_bob, &to_ann],
        identity: &[&[ELSEWHERE], &[&elsewhere, &conditional]],
        boundary: Some(&[ADMIN]),
        service_control: &[&[ADMIN]],
        keys: &[("aws:PrincipalTag/team", Some(&["red"])), ("x:u", None), ("aws:TagKeys", Some(&["a", "b"]))],
        ..Asked::default()
    };
    let seen = asked.explain().statements;
    let told: Vec<_> = seen.iter().map(|seen| (seen.layer, seen.id.policy, seen.id.statement, seen.result)).collect();
    assert_eq!(
        told,
        [
            (Layer::ServiceControl { level: 0 }, 0, 0, Truth::Yes),
            (Layer::Resource, 0, 0, Truth::Yes),
            (Layer::Resource, 0, 1, Truth::No),
            (Layer::Resource, 0, 2, Truth::No),
            (Layer::Identity, 0, 0, Truth::No),
            (Layer::Identity, 1, 0, Truth::No),
            (Layer::Identity, 1, 1, Truth::No),
            (Layer::Boundary, 0, 0, Truth::Yes),
        ]
    );
    let at = |index: usize| -> &SeenStatement { &seen[index] };
    assert_eq!(at(1).namings.as_deref(), Some(&[Naming::Account][..]));
    assert_eq!(at(2).namings.as_deref(), Some(&[][..]));
    assert_eq!(at(3).namings.as_deref(), Some(&[Naming::Account, Naming::Itself][..]));
    assert_eq!((at(3).effect, at(3).action, at(3).resource), (Effect::Deny, false, Truth::Yes));
    assert_eq!((at(4).action, at(4).namings.is_none()), (false, true));
    assert_eq!((at(5).sid.as_deref(), at(5).action, at(5).resource), (Some("B"), true, Truth::No));
    assert_eq!(at(5).resources, [other_key]);
    let conditions: Vec<_> = at(6)
        .conditions
        .iter()
        .map(|seen| {
            (seen.operator.as_str(), seen.key.to_string(), seen.wanted.join(" "), seen.found.clone(), seen.result)
        })
        .collect();
    let values = |values: &[&str]| Found::Values(values.iter().map(|value| (*value).into()).collect());
    assert_eq!(
        conditions,
        [
            ("StringLike", "aws:PrincipalTag/Team".into(), "blue r*".into(), values(&["red"]), Truth::Yes),
            ("Bool", "aws:SecureTransport".into(), "true".into(), Found::Absent, Truth::No),
            ("Null", "x:u".into(), "true".into(), Found::Unknown, Truth::Unknown),
            ("ForAnyValue:StringEquals", "aws:TagKeys".into(), "a".into(), values(&["a", "b"]), Truth::Yes),
        ]
    );
}

/// The obstacles in words.
fn obstacles(explanation: &Explanation) -> Vec<String> {
    let lack = |lack: &Lack<'_>| match lack {
        Lack::Action => "action".to_owned(),
        Lack::Condition(seen) => seen.key.to_string(),
        Lack::Principal => "principal".into(),
        Lack::Resource => "resource".into(),
    };
    let lacks = |seen: &&SeenStatement| {
        format!("{} lacks {}", seen.id.statement, seen.lacks().iter().map(lack).collect::<Vec<_>>().join(", "))
    };
    let words = |obstacle: &Obstacle<'_>| match obstacle {
        Obstacle::Denies(seen) => format!("{:?} {} denies", seen.layer, seen.id.statement),
        Obstacle::NothingAllows { layer, nearest } => {
            format!("{layer:?}: {}", nearest.iter().map(lacks).collect::<Vec<_>>().join("; "))
        }
    };
    explanation.obstacles().iter().map(words).collect()
}

#[test]
fn what_would_have_to_change() {
    let anyone = &of("Allow", r#""Principal": "*""#);
    let to_bob = &of("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}"#);
    let never = &of("Deny", r#""Principal": "*""#);
    let team = &when(r#"{"StringEquals": {"aws:PrincipalTag/team": "red", "aws:PrincipalTag/level": "1"}}"#);
    let decrypt_by_team = &team.replace("\"*\", \"Resource", "\"kms:Decrypt\", \"Resource");
    let maybe = r#"{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"x:u": "true"}}}"#;
    let cases: [(&[&str], &[&[&str]], &[&str]); 7] = [
        (&[anyone], &[], &[]),
        (&[to_bob], &[], &["Resource: 0 lacks principal"]),
        (&[ROOT, to_bob], &[], &["Identity: "]),
        (&[ROOT], &[&[ELSEWHERE, team]], &["Identity: 0 lacks action; 1 lacks aws:PrincipalTag/level"]),
        (&[ROOT], &[&[decrypt_by_team]], &["Identity: 0 lacks action, aws:PrincipalTag/level"]),
        (&[anyone, never], &[&[maybe]], &["Resource 1 denies", "Identity 0 denies"]),
        (&[anyone], &[&[maybe]], &["Identity 0 denies"]),
    ];
    for (key, identity, want) in cases {
        let keys: Keys<'_> = &[("aws:PrincipalTag/team", Some(&["red"])), ("x:u", None)];
        assert_eq!(
            obstacles(&Asked { key, identity, keys, ..Asked::default() }.explain()),
            want,
            "{key:?} {identity:?}"
        );
    }
}
