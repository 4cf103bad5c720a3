//! Condition operators, set operators, absent and unknown keys, variables. Source: IAM user guide, "IAM JSON policy
//! elements: Condition operators" and "Conditions with multiple context keys or values".

use claviger_policy::Resource;

use crate::world::{ADMIN, Asked, Keys, ROOT, of, when};

/// What a condition says: in an Allow, and turned around in a Deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    No,
    Unknown,
    Yes,
}

use Says::{No, Unknown, Yes};

fn says(condition: &str, keys: Keys<'_>) -> (Says, Says) {
    let allow = when(condition);
    let asked = Asked { identity: &[&[&allow]], keys, ..Asked::default() };
    let in_allow = match asked.by_identity(Resource::Any(None)).as_str() {
        "allow: identity 0.0" => Yes,
        "no: identity" => No,
        "depends" => Unknown,
        other => panic!("{condition}: {other}"),
    };
    let deny = allow.replace("Allow", "Deny");
    let asked = Asked { identity: &[&[ADMIN], &[&deny]], keys, ..Asked::default() };
    let in_deny = match asked.by_identity(Resource::Any(None)).as_str() {
        "deny: identity 1.0" => Yes,
        "allow: identity 0.0" => No,
        "depends" => Unknown,
        other => panic!("{condition}: {other}"),
    };
    (in_allow, in_deny)
}

fn check(condition: &str, keys: Keys<'_>, want: Says) {
    assert_eq!(says(condition, keys), (want, want), "{condition} with {keys:?}");
}

/// One value of the request, one or more of the policy.
#[test]
fn operators() {
    let arn = "arn:aws:kms:us-east-1:111122223333:key/k";
    for (operator, wanted, found, want) in [
        ("StringEquals", r#""a""#, "a", Yes),
        ("StringEquals", r#""a""#, "A", No),
        ("StringEquals", r#"["b", "a"]"#, "a", Yes),
        ("StringEquals", r#"["b", "c"]"#, "a", No),
        ("StringEquals", r#""a*""#, "ab", No),
        ("StringEquals", r#""a*""#, "a*", Yes),
        ("StringEquals", r#""""#, "", Yes),
        ("StringEquals", "true", "true", Yes),
        ("StringEquals", "7", "7", Yes),
        ("StringNotEquals", r#""a""#, "b", Yes),
        ("StringNotEquals", r#"["a", "b"]"#, "b", No),
        ("StringEqualsIgnoreCase", r#""ÄB""#, "äb", Yes),
        ("StringEqualsIgnoreCase", r#""ab""#, "abc", No),
        ("StringNotEqualsIgnoreCase", r#""ab""#, "AB", No),
        ("StringLike", r#""a*c?""#, "abbcd", Yes),
        ("StringLike", r#""a*c?""#, "abbc", No),
        ("StringLike", r#""A*""#, "ab", No),
        ("StringLike", r#"["x", "a:*:c"]"#, "a:b:b:c", Yes),
        ("StringNotLike", r#"["x", "a*"]"#, "ab", No),
        ("StringNotLike", r#"["x", "a*"]"#, "b", Yes),
        ("NumericEquals", "7", "7.0", Yes),
        ("NumericEquals", r#"["6", "7"]"#, "7", Yes),
        ("NumericNotEquals", "7", "7", No),
        ("NumericNotEquals", "7", "8", Yes),
        ("NumericNotEquals", "7", "seven", Yes),
        ("NumericLessThan", "7", "6.9", Yes),
        ("NumericLessThan", "7", "7", No),
        ("NumericLessThan", "7", "six", No),
        ("NumericLessThanEquals", "7", "7", Yes),
        ("NumericGreaterThan", "7", "70", Yes),
        ("NumericGreaterThan", "7", "7", No),
        ("NumericGreaterThanEquals", "7", "7", Yes),
        ("NumericGreaterThanEquals", "-7", "-8", No),
        ("DateEquals", r#""2026-01-31T12:00:00Z""#, "1769860800", Yes),
        ("DateNotEquals", r#""2026-01-31""#, "2026-01-31T00:00:00Z", No),
        ("DateLessThan", r#""2026-01-31""#, "2026-01-30T23:59:59Z", Yes),
        ("DateLessThanEquals", r#""2026-01-31""#, "2026-01-31T00:00:01Z", No),
        ("DateGreaterThan", r#""2026-01-31T12:00:00+01:00""#, "2026-01-31T11:00:01Z", Yes),
        ("DateGreaterThanEquals", "1769860800", "2026-01-31T12:00:00Z", Yes),
        ("DateGreaterThanEquals", "1769860800", "today", No),
        ("Bool", r#""true""#, "true", Yes),
        ("Bool", "true", "false", No),
        ("Bool", r#""False""#, "false", Yes),
        ("Bool", r#"["true", "false"]"#, "false", Yes),
        ("Bool", r#""false""#, "no", No),
        ("BinaryEquals", r#""QQ==""#, "QQ==", Yes),
        ("BinaryEquals", r#""QQ==""#, "Qg==", No),
        ("IpAddress", r#"["10.0.0.0/8", "203.0.113.0/24"]"#, "203.0.113.7", Yes),
        ("IpAddress", r#""203.0.113.0/24""#, "203.0.114.7", No),
        ("IpAddress", r#""203.0.113.0/24""#, "::ffff:203.0.113.7", Yes),
        ("IpAddress", r#""203.0.113.0/24""#, "somewhere", No),
        ("IpAddress", r#""::/0""#, "203.0.113.7", No),
        ("NotIpAddress", r#""::/0""#, "203.0.113.7", Yes),
        ("NotIpAddress", r#""203.0.113.0/24""#, "203.0.113.7", No),
        ("NotIpAddress", r#""2001:db8::/32""#, "203.0.113.7", Yes),
        ("ArnEquals", r#""arn:aws:kms:*:111122223333:key/*""#, arn, Yes),
        ("ArnLike", r#""arn:aws:kms:us-east-1:111122223333:key/k""#, arn, Yes),
        // A wildcard stays in its part, even one that ends it.
        ("ArnLike", r#""arn:aws:kms:*:b:c""#, "arn:aws:kms:x:a:b:c", No),
        ("ArnLike", r#""arn:*:*:*:*:*""#, "arn:aws:kms:us-east-1:1:a:b", Yes),
        ("ArnLike", r#""arn:aws:*:*:*:*""#, "arn:aws:kms", No),
        ("ArnNotEquals", r#""arn:aws:kms:*:444455556666:key/*""#, arn, Yes),
        ("ArnNotLike", r#""arn:aws:kms:*:111122223333:key/?""#, arn, No),
    ] {
        let condition = format!(r#"{{"{operator}": {{"x:y": {wanted}}}}}"#);
        check(&condition, &[("x:Y", Some(&[found]))], want);
        check(&condition, &[("x:y", None)], Unknown);
        let absent = if operator.contains("Not") { Yes } else { No };
        check(&condition, &[], absent);
        check(&condition.replace(operator, &format!("{operator}IfExists")), &[], Yes);
        check(&condition.replace(operator, &format!("{operator}IfExists")), &[("x:y", Some(&[found]))], want);
    }
}

#[test]
fn null() {
    for (wanted, present, absent) in [("true", No, Yes), ("false", Yes, No), (r#"["true", "false"]"#, Yes, Yes)] {
        let condition = format!(r#"{{"Null": {{"x:y": {wanted}}}}}"#);
        check(&condition, &[("x:y", Some(&["a"]))], present);
        check(&condition, &[("x:y", Some(&["a", "b"]))], present);
        check(&condition, &[("x:y", Some(&[]))], absent);
        check(&condition, &[], absent);
        check(&condition, &[("x:y", None)], Unknown);
    }
}

#[test]
fn all_conditions_must_hold() {
    let keys: Keys<'_> = &[("x:a", Some(&["1"])), ("x:b", Some(&["2"])), ("x:u", None)];
    for (condition, want) in [
        ("{}", Yes),
        (r#"{"StringEquals": {}}"#, Yes),
        (r#"{"StringEquals": {"x:a": "1", "x:b": "2"}}"#, Yes),
        (r#"{"StringEquals": {"x:a": "1", "x:b": "1"}}"#, No),
        (r#"{"StringEquals": {"x:a": "1"}, "StringLike": {"x:b": "?"}}"#, Yes),
        (r#"{"StringEquals": {"x:a": "1"}, "NumericLessThan": {"x:b": 2}}"#, No),
        (r#"{"StringEquals": {"x:a": "1", "x:u": "2"}}"#, Unknown),
        (r#"{"StringEquals": {"x:a": "2", "x:u": "2"}}"#, No),
        (r#"{"StringEquals": {"x:u": "2"}, "Null": {"x:b": "true"}}"#, No),
    ] {
        check(condition, keys, want);
    }
}

/// Source: IAM user guide, "Set operators for multivalued context keys".
#[test]
fn set_operators() {
    let many: &[(&[&str], [Says; 4])] = &[
        // In order: ForAllValues and ForAnyValue of StringEquals [a, b], then of StringNotEquals [a, b].
        (&["a"], [Yes, Yes, No, No]),
        (&["a", "b"], [Yes, Yes, No, No]),
        (&["a", "c"], [No, Yes, No, Yes]),
        (&["c", "d"], [No, No, Yes, Yes]),
        (&[], [Yes, No, Yes, No]),
    ];
    let operators = [
        "ForAllValues:StringEquals",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringNotEquals",
    ];
    for (found, wants) in many {
        for (operator, want) in operators.iter().zip(wants) {
            let condition = format!(r#"{{"{operator}": {{"x:y": ["a", "b"]}}}}"#);
            check(&condition, &[("x:y", Some(found))], *want);
            check(&condition, &[("x:y", None)], Unknown);
            if found.is_empty() {
                check(&condition, &[], *want);
                check(&condition.replace("Equals", "EqualsIfExists"), &[], Yes);
            }
        }
    }
    check(r#"{"ForAnyValue:StringLike": {"x:y": "a*"}}"#, &[("x:y", Some(&["b", "ab"]))], Yes);
    check(r#"{"ForAllValues:NumericLessThan": {"x:y": 7}}"#, &[("x:y", Some(&["6", "8"]))], No);
}

/// AWS does not say what several values mean without a set operator: where they disagree, it is read against the
/// caller.
#[test]
fn several_values_without_a_set_operator() {
    for (condition, found, want) in [
        (r#"{"StringEquals": {"x:y": ["a", "b"]}}"#, &["a", "b"][..], (Yes, Yes)),
        (r#"{"StringEquals": {"x:y": "a"}}"#, &["a", "b"], (No, Yes)),
        (r#"{"StringEquals": {"x:y": "c"}}"#, &["a", "b"], (No, No)),
        (r#"{"StringNotEquals": {"x:y": "a"}}"#, &["a", "b"], (No, Yes)),
        (r#"{"StringNotEquals": {"x:y": "c"}}"#, &["a", "b"], (Yes, Yes)),
        (r#"{"StringEquals": {"x:y": "c"}}"#, &[], (No, No)),
    ] {
        assert_eq!(says(condition, &[("x:y", Some(found))]), want, "{condition} {found:?}");
    }
}

/// Source: IAM user guide, "IAM policy elements: Variables and tags".
#[test]
fn variables() {
    let keys: Keys<'_> = &[
        ("aws:username", Some(&["ann"])),
        ("aws:PrincipalTag/star", Some(&["*"])),
        ("aws:PrincipalTag/evil", Some(&["111122223333:role/r"])),
        ("aws:PrincipalArn", Some(&["arn:aws:iam::111122223333:user/ann"])),
        ("aws:TagKeys", Some(&["x"])),
        ("x:y", Some(&["ann"])),
        ("x:arn", Some(&["arn:aws:iam::111122223333:user/ann"])),
        ("x:role", Some(&["arn:aws:iam::111122223333:role/r:x"])),
        ("aws:PrincipalTag/kelvin", Some(&["\u{212A}"])),
        ("x:k", Some(&["k"])),
        ("x:u", None),
    ];
    for (condition, want) in [
        (r#"{"StringEquals": {"x:y": "${aws:username}"}}"#, Yes),
        (r#"{"StringEquals": {"x:y": "${AWS:USERNAME}"}}"#, Yes),
        (r#"{"StringEquals": {"x:y": ["bob", "${aws:username}"]}}"#, Yes),
        (r#"{"StringEqualsIgnoreCase": {"x:y": "ANN${aws:PrincipalTag/none, ''}"}}"#, Yes),
        // The sign for kelvins is longer than the letter k, and the same but for case.
        (r#"{"StringEqualsIgnoreCase": {"aws:PrincipalTag/kelvin": "${x:k}"}}"#, Yes),
        (r#"{"StringEquals": {"aws:PrincipalTag/kelvin": "${x:k}"}}"#, No),
        (r#"{"StringLike": {"x:y": "?${aws:PrincipalTag/none, 'n'}*"}}"#, Yes),
        (r#"{"StringLike": {"x:y": "${aws:PrincipalTag/star}"}}"#, No),
        (r#"{"StringLike": {"x:y": "${*}"}}"#, No),
        (r#"{"StringEquals": {"aws:PrincipalTag/star": "${*}"}}"#, Yes),
        // A variable without a value equals nothing, so a negated operator holds.
        (r#"{"StringEquals": {"x:y": "${aws:PrincipalTag/none}"}}"#, No),
        (r#"{"StringNotEquals": {"x:y": "${aws:PrincipalTag/none}"}}"#, Yes),
        (r#"{"StringNotEquals": {"x:y": ["${aws:PrincipalTag/none}", "ann"]}}"#, No),
        (r#"{"StringEquals": {"x:y": "${aws:TagKeys}"}}"#, No),
        (r#"{"StringEquals": {"x:y": "${x:u}"}}"#, Unknown),
        (r#"{"StringEquals": {"x:y": ["${x:u}", "ann"]}}"#, Yes),
        (r#"{"StringNotEquals": {"x:y": ["${x:u}", "ann"]}}"#, No),
        (r#"{"ArnLike": {"x:arn": "arn:aws:iam::*:user/${aws:username}"}}"#, Yes),
        (r#"{"ArnEquals": {"x:arn": "${aws:PrincipalArn}"}}"#, Yes),
        (r#"{"ArnNotEquals": {"x:arn": "arn:aws:iam::1:user/${aws:username}"}}"#, Yes),
        (r#"{"ArnLike": {"x:arn": "arn:aws:iam::${aws:PrincipalTag/none}:user/*"}}"#, No),
        (r#"{"ArnLike": {"x:arn": "arn:aws:iam::${x:u}:user/*"}}"#, Unknown),
        (r#"{"ArnLike": {"x:arn": "arn:aws:sts::${x:u}:user/*"}}"#, No),
        // What has fewer than six parts is no ARN, though it be its own value.
        (r#"{"ArnEquals": {"x:y": "${x:y}"}}"#, No),
        (r#"{"ArnNotEquals": {"x:y": "${x:y}"}}"#, Yes),
        // A value's colons do not move the parts after it.
        (r#"{"ArnLike": {"x:role": "arn:aws:iam::${aws:PrincipalTag/evil}:x"}}"#, No),
    ] {
        check(condition, keys, want);
    }
}

/// Source: AWS KMS developer guide, "kms:ResourceAliases".
#[test]
fn aliases_count_in_identity_policies_only() {
    let keys: Keys<'_> = &[("kms:ResourceAliases", Some(&["alias/app"]))];
    let condition = r#"{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}"#;
    check(condition, keys, Yes);
    let to_anyone = when(condition).replacen('{', r#"{"Principal": "*", "#, 1);
    assert_eq!(Asked { key: &[&to_anyone], keys, ..Asked::default() }.on_key(), "no: resource");
    let identity = when(condition);
    let asked = Asked { key: &[ROOT], identity: &[&[&identity]], keys, ..Asked::default() };
    assert_eq!(asked.on_key(), "allow: resource 0, identity 0.0");
}

/// In three values a decision is certain as soon as nothing unknown can change it.
#[test]
fn what_depends() {
    let unknown: Keys<'_> = &[("x:u", None)];
    let maybe = when(r#"{"Bool": {"x:u": "true"}}"#);
    let maybe_not = maybe.replace("Allow", "Deny");
    let named = |statement: &str| statement.replacen('{', r#"{"Principal": "*", "#, 1);
    let (key_maybe, key_maybe_not, anyone) = (named(&maybe), named(&maybe_not), of("Allow", r#""Principal": "*""#));
    let never = of("Deny", r#""Principal": "*""#);
    let cases: [(&[&str], &[&[&str]], &str); 10] = [
        (&[&key_maybe], &[], "depends"),
        (&[&key_maybe, &anyone], &[], "allow: resource 1"),
        (&[&anyone, &key_maybe_not], &[], "depends"),
        (&[&key_maybe_not], &[], "no: resource"),
        (&[&key_maybe, &never], &[], "deny: resource 0.1"),
        (&[ROOT], &[&[&maybe]], "depends"),
        (&[ROOT], &[&[&maybe, ADMIN]], "allow: resource 0, identity 0.1"),
        (&[ROOT], &[&[ADMIN, &maybe_not]], "depends"),
        (&[ROOT], &[&[&maybe_not]], "no: identity"),
        (&[&anyone], &[&[&maybe_not]], "depends"),
    ];
    for (key, identity, want) in cases {
        assert_eq!(Asked { key, identity, keys: unknown, ..Asked::default() }.on_key(), want, "{key:?} {identity:?}");
    }
    for boundary in [&[maybe.as_str()][..], &[ADMIN, &maybe_not]] {
        let identity: &[&[&str]] = &[&[ADMIN]];
        let asked = Asked { key: &[ROOT], identity, boundary: Some(boundary), keys: unknown, ..Asked::default() };
        assert_eq!(asked.on_key(), "depends", "{boundary:?}");
    }
    let levels: &[&[&str]] = &[&[ADMIN], &[&maybe]];
    assert_eq!(
        Asked { key: &[&anyone], service_control: levels, keys: unknown, ..Asked::default() }.on_key(),
        "depends"
    );
    assert_eq!(
        Asked { key: &[ROOT], service_control: levels, keys: unknown, ..Asked::default() }.on_key(),
        "no: identity"
    );
}

/// What a policy and a request can make the conditions of one decision cost has a bound. Beyond it nothing is allowed,
/// and what is denied stays denied.
#[test]
fn the_steps_of_all_conditions_are_bounded() {
    let value = "a".repeat(8_000);
    let patterns = |make: &dyn Fn(usize) -> String| Vec::from_iter((0..900).map(make)).join(",");
    for patterns in [
        patterns(&|number| format!(r#""*?b{number}""#)),
        patterns(&|number| format!(r#""*b*{number}*""#)),
        patterns(&|number| format!(r#""*${{aws:PrincipalTag/none, 'b'}}{number}""#)),
    ] {
        let keys: Keys<'_> = &[("x:y", Some(&[&value]))];
        check(&format!(r#"{{"StringLike": {{"x:y": [{patterns}]}}}}"#), keys, Unknown);
        check(&format!(r#"{{"StringLike": {{"x:y": [{patterns}, "never"]}}}}"#), &[("x:y", Some(&["a"]))], No);
    }
    let usual = patterns(&|number| format!(r#""customer-{number}-*""#));
    check(&format!(r#"{{"StringLike": {{"x:y": [{usual}]}}}}"#), &[("x:y", Some(&[&value]))], No);
    check(&format!(r#"{{"StringLike": {{"x:y": [{usual}]}}}}"#), &[("x:y", Some(&["customer-899-1"]))], Yes);
    // A variable alone takes as many steps as the value is long, beside one each for the condition and for the value.
    let (most, more) = ("a".repeat((1 << 20) - 2), "a".repeat((1 << 20) - 1));
    for (value, want) in [(&most, Yes), (&more, Unknown)] {
        let value: &[&str] = &[value];
        check(r#"{"StringEquals": {"x:y": "${x:z}"}}"#, &[("x:y", Some(value)), ("x:z", Some(value))], want);
    }
    // A long ARN is still told where it takes no more than its length.
    let (arn, piece) = (format!("arn:aws:s3:::{}", "a".repeat(20_000)), "a".repeat(200));
    let keys: Keys<'_> = &[("x:y", Some(&[&arn]))];
    for (pattern, want) in [(format!("*{piece}b*"), No), (format!("*{piece}*"), Yes)] {
        check(&format!(r#"{{"ArnLike": {{"x:y": "arn:aws:s3:::{pattern}"}}}}"#), keys, want);
    }
}

/// So are those of operators without wildcards, and those of keys with many values: all values with all texts.
#[test]
fn the_steps_of_many_values_are_bounded() {
    let texts = |count: usize, make: &dyn Fn(usize) -> String| Vec::from_iter((0..count).map(make)).join(",");
    let numbers = texts(6_000, &|number| number.to_string());
    let addresses = texts(3_000, &|number| format!(r#""10.0.{}.{}""#, number / 250, number % 250));
    let times = texts(3_000, &|number| format!(r#""{}""#, 1_000 + number));
    let prefixes = texts(3_000, &|number| format!(r#""b{number}*""#));
    let arns = texts(900, &|number| format!(r#"":::::b{number}""#));
    let values: Vec<String> = (0..700).map(|number| format!("a{number}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    for (operator, wanted, found) in [
        ("ForAnyValue:NumericEquals", &numbers, vec!["-1"; 700]),
        ("ForAnyValue:IpAddress", &addresses, vec!["203.0.113.7"; 700]),
        ("ForAnyValue:DateEquals", &times, vec!["2026-01-31"; 700]),
        ("ForAnyValue:StringEqualsIgnoreCase", &prefixes, values.clone()),
        ("ForAnyValue:StringLike", &prefixes, values.clone()),
        ("ForAnyValue:ArnLike", &arns, vec!["a:a:a:a:a:a"; 700]),
    ] {
        let condition = format!(r#"{{"{operator}": {{"x:y": [{wanted}]}}}}"#);
        check(&condition, &[("x:y", Some(&found))], Unknown);
        check(&condition, &[("x:y", Some(&found[..1]))], No);
    }
    // What is sorted is found at once.
    let condition = format!(r#"{{"ForAnyValue:StringEquals": {{"x:y": [{prefixes}]}}}}"#);
    check(&condition, &[("x:y", Some(&values))], No);
    // Each text would be put together anew.
    let agent = "a".repeat(50_000);
    let variables = texts(900, &|number| format!(r#""${{aws:UserAgent}}{number}""#));
    let condition = format!(r#"{{"StringEquals": {{"aws:UserAgent": [{variables}]}}}}"#);
    check(&condition, &[("aws:UserAgent", Some(&[&agent]))], Unknown);
    check(&condition, &[("aws:UserAgent", Some(&["a"]))], No);
}
