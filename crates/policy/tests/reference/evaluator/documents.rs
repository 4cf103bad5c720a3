//! Random policy documents of the small world that `generators` tells of.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::generators::{A, ALIAS, B, KEY, OTHER_KEY, PRINCIPALS, ROLE};

/// What a policy with principals belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Key,
    Role,
}

/// Condition keys with one value, as policies write them, and the values that requests bring.
pub const SINGLE: &[(&str, &[&str])] = &[
    ("aws:CurrentTime", &["2026-03-01T12:00:00Z", "2026-07-01T00:00:00Z"]),
    ("aws:EpochTime", &["1772366400", "1782864000"]),
    ("aws:MultiFactorAuthAge", &["60", "300", "3600"]),
    ("aws:MultiFactorAuthPresent", &["true", "false"]),
    ("aws:PrincipalTag/team", &["red", "Red", "blue", "user/a", "abcd", "111122223333:user/ana"]),
    ("aws:ResourceTag/team", &["red", "Red", "blue"]),
    ("aws:SecureTransport", &["true", "false"]),
    (
        "aws:SourceArn",
        &["arn:aws:s3:::red", "arn:aws:sns:us-east-1:111122223333:red", "arn:aws:s3", "arn:aws:s3:::a:b"],
    ),
    ("aws:SourceIdentity", &["ana", "red"]),
    ("aws:SourceIp", &["10.1.2.3", "::ffff:10.1.99.3", "203.0.113.9", "2001:db8::7", "2001:db8:1::7"]),
    ("aws:TokenIssueTime", &["2026-03-01T11:00:00Z", "2026-03-01T12:30:00.5Z"]),
    ("kms:KeySpec", &["SYMMETRIC_DEFAULT"]),
    ("kms:MultiRegion", &["true", "false"]),
    ("kms:RequestAlias", &["alias/app", "alias/red"]),
    ("kms:RotationPeriodInDays", &["90", "365"]),
    ("kms:ScheduleKeyDeletionPendingWindowInDays", &["7", "30"]),
    ("kms:ViaService", &["s3.us-east-1.amazonaws.com", "red"]),
];

/// A tag of the request. Names ignore case here, so that a request may have two values under one of them.
pub const REQUEST_TAG: (&str, &[&str]) = ("aws:RequestTag/team", &["red", "blue", "Red"]);

/// Condition keys with several values.
pub const SEVERAL: &[(&str, &[&str])] = &[
    ("aws:TagKeys", &["team", "Team", "env"]),
    ("kms:EncryptionContextKeys", &["app", "App", "env"]),
    ("kms:GrantOperations", &["Encrypt", "Decrypt", "DescribeKey"]),
    ("kms:ResourceAliases", &["alias/app", "alias/red", "alias/prod"]),
];

/// Values of the encryption context. A star in a value must stay a star, wherever a variable carries it.
pub const CONTEXT_VALUES: &[&str] = &["red", "Red", "pay", "*", ""];

/// A policy of an identity, a boundary, a session policy or a service control policy.
pub fn identity_policy() -> BoxedStrategy<Value> {
    let statement = (effect(), actions(), resources(), option::weighted(0.4, condition(Where::Identity))).prop_map(
        |(effect, actions, resources, condition)| {
            let condition = condition.map(|condition| ("Condition", condition));
            object([Some(("Effect", json!(effect))), Some(actions), Some(resources), condition])
        },
    );
    document(vec(statement, 1..4)).boxed()
}

/// The policy of a key or of a role.
pub fn resource_policy(of: Of) -> BoxedStrategy<Value> {
    let condition = option::weighted(0.3, condition(if of == Of::Key { Where::Key } else { Where::Identity }));
    let (actions, resources) = match of {
        // Both elements may lack.
        Of::Key => (option::weighted(0.97, actions()).boxed(), option::weighted(0.97, resources()).boxed()),
        Of::Role => (actions_of_trust().prop_map(Some).boxed(), Just(None).boxed()),
    };
    let statement = effect()
        .prop_flat_map(move |effect| (Just(effect), principals(of, effect)))
        .prop_flat_map(move |named| (Just(named), actions.clone(), resources.clone(), condition.clone()))
        .prop_map(|((effect, principals), actions, resources, condition)| {
            let condition = condition.map(|condition| ("Condition", condition));
            object([Some(("Effect", json!(effect))), Some(principals), actions, resources, condition])
        });
    document(vec(statement, 1..6)).boxed()
}

/// A resource control policy, which speaks of everyone.
pub fn control_policy_of_resources() -> BoxedStrategy<Value> {
    let parts = (effect(), actions(), resources(), option::weighted(0.6, condition(Where::Key)));
    let statement = parts.prop_map(|(effect, actions, resources, condition)| {
        let condition = condition.map(|condition| ("Condition", condition));
        let head = [Some(("Effect", json!(effect))), Some(("Principal", json!("*")))];
        object(head.into_iter().chain([Some(actions), Some(resources), condition]))
    });
    document(vec(statement, 1..3)).boxed()
}

/// A list of statements, or the one statement alone, under either version or none.
fn document(statements: impl Strategy<Value = Vec<Value>>) -> impl Strategy<Value = Value> {
    let version = select(vec![Some("2012-10-17"), Some("2012-10-17"), Some("2012-10-17"), Some("2008-10-17"), None]);
    (version, statements, any::<bool>()).prop_map(|(version, statements, alone)| {
        let statements = match &statements[..] {
            [one] if alone => one.clone(),
            _ => Value::Array(statements),
        };
        // Only there a variable can be the ARN that an ARN operator wants; elsewhere it is text, and no ARN.
        let version = if has_variable_as_arn(&statements) { Some("2012-10-17") } else { version };
        object([version.map(|version| ("Version", json!(version))), Some(("Statement", statements))])
    })
}

fn has_variable_as_arn(json: &Value) -> bool {
    match json {
        Value::Array(items) => items.iter().any(has_variable_as_arn),
        Value::Object(members) => members.values().any(has_variable_as_arn),
        Value::String(text) => {
            ARNS.contains(&text.as_str()) && text.split(':').count() < 6 + text.matches("${").count()
        }
        _ => false,
    }
}

fn object(members: impl IntoIterator<Item = Option<(&'static str, Value)>>) -> Value {
    members.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

fn effect() -> impl Strategy<Value = &'static str> {
    prop_oneof![7 => Just("Allow"), 1 => Just("Deny")]
}

/// One value stands alone or in a list; several in a list.
fn one_or_some(values: Vec<String>) -> impl Strategy<Value = Value> + Clone {
    let one = select(values.clone());
    prop_oneof![3 => one.prop_map(Value::from), 2 => subsequence(values, 1..=2).prop_map(Value::from)]
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn actions() -> impl Strategy<Value = (&'static str, Value)> + Clone {
    let broad = texts(&["*", "*", "kms:*", "KMS:*"]);
    let narrow = texts(&[
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:encrypt",
        "kms:En*",
        "kms:?ecrypt",
        "kms:*crypt",
        "kms:*Key*",
        "kms:List*",
        "kms:CreateGrant",
        "kms:Describe*",
        "sts:*",
        "sts:AssumeRole",
        "s3:GetObject",
        "iam:Get*",
    ]);
    prop_oneof![
        4 => one_or_some(broad).prop_map(|actions| ("Action", actions)),
        2 => one_or_some(narrow.clone()).prop_map(|actions| ("Action", actions)),
        1 => one_or_some(narrow).prop_map(|actions| ("NotAction", actions)),
    ]
}

fn actions_of_trust() -> impl Strategy<Value = (&'static str, Value)> {
    let patterns = texts(&["*", "sts:*", "sts:AssumeRole", "STS:assumerole", "sts:TagSession", "sts:Tag*", "kms:*"]);
    prop_oneof![
        5 => one_or_some(patterns.clone()).prop_map(|actions| ("Action", actions)),
        1 => one_or_some(patterns).prop_map(|actions| ("NotAction", actions)),
    ]
}

fn resources() -> impl Strategy<Value = (&'static str, Value)> + Clone {
    let narrow = texts(&[
        KEY,
        OTHER_KEY,
        ALIAS,
        ROLE,
        "arn:aws:kms:us-east-1:111122223333:key/*",
        "arn:aws:kms:us-east-1:111122223333:*",
        "arn:aws:kms:*:111122223333:key/1234*",
        "arn:aws:kms:*:*:key/*",
        "arn:aws:kms:us*3:*:key/*",
        "arn:aws:kms:*-1:*:key/????abcd-*",
        "arn:aws:kms:us-east-2:*:*",
        "arn:aws:kms:us-east-1:111122223333:alias/*",
        "arn:aws:kms:us-east-1:444455556666:*",
        "arn:aws:kms:us-east-1:111122223333:*${aws:PrincipalTag/none, 'b'}",
        "arn:aws:kms:us-east-1:111122223333:*${aws:PrincipalTag/team}*",
        "arn:aws:kms:us-east-1:111122223333:alias/${aws:SourceIdentity, 'app'}",
        "arn:aws:kms:us-east-1:111122223333:key/${kms:EncryptionContext:app}",
        "arn:aws:kms:us-east-1:111122223333:key/${*}",
        "arn:aws:iam::111122223333:role/*",
        // A star that ends a part may run past the colon; one within a part, and a question mark, may not.
        "arn:aws:iam::*:b/ann",
        "arn:aws:iam::1*3:b/ann",
        "arn:aws:iam::????????????:user/a?b/*",
        "arn:aws:iam:*:user/a:b/ann",
        "arn:aws:iam::111122223333:${aws:PrincipalTag/team}:b/*",
    ]);
    prop_oneof![
        6 => Just(("Resource", json!("*"))),
        3 => one_or_some(narrow.clone()).prop_map(|resources| ("Resource", resources)),
        1 => one_or_some(narrow).prop_map(|resources| ("NotResource", resources)),
    ]
}

/// Accounts as ARN and number, everyone in either form, single principals, services; and those whom a statement does not
/// speak of, often with the account that a Deny must list to spare them.
fn principals(of: Of, effect: &'static str) -> BoxedStrategy<(&'static str, Value)> {
    let roots = [A, B].map(|account| format!("arn:aws:iam::{account}:root"));
    let accounts: Vec<String> = roots.into_iter().chain([A.to_owned(), B.to_owned()]).collect();
    let single: Vec<String> = PRINCIPALS.iter().map(|(arn, _)| (*arn).to_owned()).collect();
    let aws = |listed: Value| json!({"AWS": listed});
    let everyone = select(vec![json!("*"), aws(json!("*")), aws(json!(["*"]))]);
    let all: Vec<String> = single.iter().cloned().chain(accounts.clone()).collect();
    let weight_of_accounts = if effect == "Allow" { 4 } else { 1 };
    let named = prop_oneof![
        weight_of_accounts => select(accounts.clone()).prop_map(move |one| aws(one.into())),
        2 => everyone,
        3 => subsequence(single.clone(), 1..=5).prop_map(move |some| aws(some.into())),
        1 => subsequence(all, 1..=6).prop_map(move |some| aws(some.into())),
        1 => Just(json!({"Service": "s3.amazonaws.com"})),
        1 => select(accounts.clone()).prop_map(|one| json!({"AWS": one, "Service": ["s3.amazonaws.com"]})),
    ];
    let named = named.prop_map(|principal| ("Principal", principal));
    if of == Of::Role {
        return named.boxed();
    }
    let spared = (subsequence(single, 0..=8), subsequence(accounts, 1..=2)).prop_map(move |(mut listed, accounts)| {
        listed.extend(accounts);
        ("NotPrincipal", json!({"AWS": listed}))
    });
    let spared_without_account = select(PRINCIPALS.to_vec()).prop_map(|(arn, _)| ("NotPrincipal", json!({"AWS": arn})));
    prop_oneof![12 => named, 1 => spared, 1 => spared_without_account].boxed()
}

/// Where a condition stands: a key policy may not have `ForAllValues` on a context pair or a tag of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Identity,
    Key,
}

/// One or two operators, each with one key. Two tests under one operator join under it, unless they are of one key.
fn condition(stands: Where) -> impl Strategy<Value = Value> + Clone {
    let test = prop_oneof![
        4 => string_test(),
        1 => several_test(),
        2 => set_test(stands),
        1 => test(&["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"], NUMERIC_KEYS, &["7", "60", "90.0", "300", "365", "1772366400"]),
        1 => test(&["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"], DATE_KEYS, &["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-05-01", "1772366400", "2026-03-01T12:30:00.5Z"]),
        1 => test(&["Bool"], &["aws:SecureTransport", "aws:MultiFactorAuthPresent", "kms:MultiRegion"], &["true", "false", "True"]),
        1 => test(&["IpAddress", "NotIpAddress"], &["aws:SourceIp"], &["10.0.0.0/8", "10.1.2.0/24", "10.1.2.3", "0.0.0.0/0", "203.0.113.8/29", "2001:db8::/32", "2001:DB8:0:0::/48", "::/0", "::ffff:10.1.0.0/112", "::ffff:0:0/90"]),
        1 => test(&["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], &["aws:PrincipalArn", "aws:SourceArn"], ARNS),
        1 => null_test(),
    ];
    vec(test, 1..3).prop_map(|tests| {
        let mut condition = json!({});
        for (operator, key, values) in tests {
            let same_key = |known: &String| known.eq_ignore_ascii_case(&key);
            if !condition[&operator].as_object().is_some_and(|keys| keys.keys().any(same_key)) {
                condition[operator][key] = values;
            }
        }
        condition
    })
}

const NUMERIC_KEYS: &[&str] =
    &["aws:MultiFactorAuthAge", "kms:RotationPeriodInDays", "kms:ScheduleKeyDeletionPendingWindowInDays"];

const DATE_KEYS: &[&str] = &["aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime"];

const STRING_OPERATORS: &[&str] = &[
    "StringEquals",
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
];

const STRING_KEYS: &[&str] = &[
    "aws:PrincipalAccount",
    "aws:PrincipalTag/team",
    "aws:RequestTag/team",
    "aws:ResourceTag/team",
    "aws:SourceIdentity",
    "aws:userid",
    "aws:username",
    "kms:CallerAccount",
    "kms:EncryptionContext:app",
    "kms:EncryptionContext:App",
    "kms:EncryptionContext:env",
    "kms:RequestAlias",
    "kms:ViaService",
];

const STRINGS: &[&str] = &[
    "red",
    "Red",
    "r*",
    "?ed",
    "*",
    "",
    "pay",
    "ana",
    "a*a",
    A,
    B,
    "1111*",
    "alias/*",
    "${aws:username}",
    "${AWS:PrincipalTag/Team}",
    "${aws:PrincipalTag/team, 'red'}",
    "${aws:PrincipalTag/none}",
    "${aws:PrincipalTag/none, '*'}",
    "${kms:EncryptionContext:app}",
    "${kms:EncryptionContext:env,'pay'}",
    "*${aws:SourceIdentity}",
    "${*}",
    "r${?}d",
    "${$}",
];

const ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/ana",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::1111*:root",
    "arn:*:*:*:*:*",
    "arn:aws:s3:::red",
    "arn:aws:s*:::${aws:PrincipalTag/team}",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "arn:aws:iam::${aws:PrincipalAccount}:user/*",
    "arn:aws:iam::${aws:PrincipalTag/team}",
    "arn:aws:iam::${aws:PrincipalTag/team}:*",
    "arn:aws:s3:::${aws:PrincipalTag/none, 'a'}:?",
    "${aws:PrincipalArn}",
    "${aws:SourceArn}",
];

type Test = (String, String, Value);

/// An operator without a prefix, perhaps with `IfExists`, on a key in some spelling.
fn test(operators: &'static [&str], keys: &'static [&str], values: &'static [&str]) -> BoxedStrategy<Test> {
    let operator = (select(operators), prop::bool::weighted(0.25))
        .prop_map(|(operator, if_exists)| format!("{operator}{}", if if_exists { "IfExists" } else { "" }));
    (operator, spelt(select(keys)), one_or_some(texts(values))).boxed()
}

fn string_test() -> BoxedStrategy<Test> {
    test(STRING_OPERATORS, STRING_KEYS, STRINGS)
}

/// No set operator, though the key may have several values.
fn several_test() -> BoxedStrategy<Test> {
    const KEYS: &[&str] = &["aws:TagKeys", "kms:EncryptionContextKeys", "kms:ResourceAliases", "aws:RequestTag/team"];
    test(STRING_OPERATORS, KEYS, &["team", "Team", "env", "app", "alias/*", "*e*", "none", "red", "*"])
}

/// A set operator on a key of several values or of one.
fn set_test(stands: Where) -> BoxedStrategy<Test> {
    let several = select(SEVERAL).prop_flat_map(|(key, values)| {
        let mut values = texts(values);
        values.extend(texts(&["a*", "*e*", "none", "${aws:PrincipalTag/none}", "${aws:SourceIdentity, 'env'}"]));
        (spelt(Just(key)), one_or_some(values))
    });
    let single = (spelt(select(STRING_KEYS)), one_or_some(texts(STRINGS)));
    let quantifier = select(vec!["ForAllValues", "ForAnyValue"]);
    (quantifier, select(STRING_OPERATORS), prop::bool::weighted(0.2), prop_oneof![3 => several, 1 => single])
        .prop_map(move |(quantifier, operator, if_exists, (key, values))| {
            let lower = key.to_lowercase();
            let refused = lower.starts_with("kms:encryptioncontext:") || lower.starts_with("aws:requesttag/");
            let quantifier = if refused && stands == Where::Key { "ForAnyValue" } else { quantifier };
            let suffix = if if_exists { "IfExists" } else { "" };
            (format!("{quantifier}:{operator}{suffix}"), key, values)
        })
        .boxed()
}

fn null_test() -> BoxedStrategy<Test> {
    let keys: Vec<&str> =
        SINGLE.iter().chain(SEVERAL).map(|(key, _)| *key).chain(STRING_KEYS.iter().copied()).collect();
    let truth = select(vec![json!("true"), json!("false"), json!(true), json!(["false"])]);
    (Just("Null".to_owned()), spelt(select(keys)), truth).boxed()
}

/// Condition keys are the same in upper and lower case.
fn spelt(key: impl Strategy<Value = &'static str> + Clone) -> impl Strategy<Value = String> + Clone {
    (key, 0..10).prop_map(|(key, spelling)| match spelling {
        0 => key.to_uppercase(),
        1 => key.to_lowercase(),
        _ => key.to_owned(),
    })
}
