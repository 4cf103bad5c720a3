//! What an explanation tells of each statement.

use claviger_policy::{
    Decision, Denial, Effect, Explanation, Found, Lack, Layer, Naming, Obstacle, Reason, SeenStatement, StatementId,
    Truth,
};

use crate::world::{ADMIN, Asked, ELSEWHERE, KEY, Keys, ROOT, Who, of, when};

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

/// However much there is to tell, the statement that decides is told: of a key's policy not only the first that allows
/// whomever, but the first that allows the caller itself.
#[test]
fn what_decides_is_always_there() {
    let condition = r#""Condition": {"StringEquals": {"x:long": "y"}}"#;
    let everybody = r#"{"AWS": "*"}"#;
    let long = of("Deny", &format!(r#""Principal": {everybody}, {condition}"#));
    let account = of("Allow", r#""Principal": {"AWS": "111122223333"}"#);
    let ann = of("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#);
    let account_and_ann = ann.replace(r#""arn:"#, r#"["111122223333", "arn:"#).replace(r#"ann"}"#, r#"ann"]}"#);
    let ann_denied = ann.replace("Allow", "Deny");
    let role = of("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/r"}"#);
    let session = of("Allow", r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/s1"}"#);
    let value = "v".repeat(900);
    for (who, last, want) in [
        (Who::Ann, vec![&account, &ann], Decision::Allow(Reason::Resource { statement: 201 })),
        // The others take what room is left.
        (
            Who::Ann,
            vec![&account, &account, &account, &account, &account_and_ann],
            Decision::Allow(Reason::Resource { statement: 204 }),
        ),
        (Who::Session, vec![&account, &role], Decision::Allow(Reason::Resource { statement: 201 })),
        (Who::Session, vec![&account, &role, &session], Decision::Allow(Reason::Resource { statement: 202 })),
        (
            Who::Ann,
            vec![&account, &ann, &ann_denied],
            Decision::Deny(Denial {
                layer: Layer::Resource,
                statement: Some(StatementId { policy: 0, statement: 202 }),
            }),
        ),
    ] {
        // The first that allows the account is told before there is no more room.
        let mut key = vec![account.as_str()];
        key.extend(std::iter::repeat_n(long.as_str(), 199));
        key.extend(last.iter().map(|statement| statement.as_str()));
        let asked = Asked { who, key: &key, keys: &[("x:long", Some(&[&value]))], ..Asked::default() };
        let explanation = asked.explain();
        assert_eq!(explanation.decision, want);
        assert!(explanation.statements_left_out > 0, "{want:?}");
        let decides = match want {
            Decision::Allow(Reason::Resource { statement }) => statement,
            Decision::Deny(Denial { statement: Some(at), .. }) => at.statement,
            other => panic!("{other:?}"),
        };
        let told =
            explanation.statements.iter().any(|seen| (seen.layer, seen.id.statement) == (Layer::Resource, decides));
        assert!(told, "{want:?}");
    }
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
