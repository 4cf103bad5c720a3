//! Conditions: operators, absent keys, sets of values, variables.

use serde_json::{Value, json};

use super::{A, encrypt, user};
use crate::evaluator::conditions::{View, hold};
use crate::evaluator::scenario::Scenario;
use crate::evaluator::statements::Effect;

/// A user with one tag encrypts with a context of two pairs.
fn request() -> Scenario {
    let mut scenario = encrypt(user(A));
    for (key, values) in [
        ("aws:currenttime", vec!["2026-03-01T12:00:00Z"]),
        ("aws:epochtime", vec!["1772366400"]),
        ("aws:multifactorauthage", vec!["300"]),
        ("aws:principalarn", vec!["arn:aws:iam::111122223333:user/team/ana"]),
        ("aws:principaltag/team", vec!["Red"]),
        ("aws:resourcetag/team", vec!["Red"]),
        ("aws:securetransport", vec!["true"]),
        ("aws:sourceip", vec!["10.1.2.3"]),
        ("aws:tagkeys", vec!["team", "env"]),
        ("aws:username", vec!["ana"]),
        ("kms:resourcealiases", vec!["alias/app", "alias/prod"]),
    ] {
        scenario.context.insert(key.to_owned(), values.into_iter().map(str::to_owned).collect());
    }
    for (name, value) in [("App", "pay"), ("star", "*")] {
        scenario.encryption_context.insert(name.to_owned(), value.to_owned());
    }
    scenario
}

fn check(table: &[(Value, bool)]) {
    let scenario = request();
    let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
    for (condition, expected) in table {
        assert_eq!(hold(Some(condition), view), *expected, "{condition}");
    }
}

#[test]
fn strings() {
    check(&[
        (json!({"StringEquals": {"aws:username": "ana"}}), true),
        (json!({"StringEquals": {"aws:username": "Ana"}}), false),
        (json!({"StringEquals": {"AWS:UserName": "ana"}}), true),
        (json!({"StringEquals": {"aws:username": ["bob", "ana"]}}), true),
        (json!({"StringEquals": {"aws:username": "an*"}}), false),
        (json!({"StringNotEquals": {"aws:username": ["bob", "ana"]}}), false),
        (json!({"StringNotEquals": {"aws:username": ["bob", "cat"]}}), true),
        (json!({"StringEqualsIgnoreCase": {"aws:username": "ANA"}}), true),
        (json!({"StringNotEqualsIgnoreCase": {"aws:username": "ANA"}}), false),
        (json!({"StringLike": {"aws:username": "a?a"}}), true),
        (json!({"StringLike": {"aws:username": "A*"}}), false),
        (json!({"StringNotLike": {"aws:username": "b*"}}), true),
        (json!({"StringLike": {"aws:principalarn": "arn:*ana"}}), true),
    ]);
}

#[test]
fn all_operators_and_all_keys_must_hold() {
    check(&[
        (json!({}), true),
        (json!({"StringEquals": {"aws:username": "ana", "aws:PrincipalTag/team": "Red"}}), true),
        (json!({"StringEquals": {"aws:username": "ana", "aws:PrincipalTag/team": "blue"}}), false),
        (json!({"StringEquals": {"aws:username": "ana"}, "Bool": {"aws:SecureTransport": "false"}}), false),
    ]);
}

#[test]
fn absent_keys() {
    check(&[
        (json!({"StringEquals": {"kms:ViaService": "s3"}}), false),
        (json!({"StringNotEquals": {"kms:ViaService": "s3"}}), true),
        (json!({"StringEqualsIfExists": {"kms:ViaService": "s3"}}), true),
        (json!({"StringEqualsIfExists": {"aws:username": "bob"}}), false),
        (json!({"StringNotEqualsIfExists": {"kms:ViaService": "s3"}}), true),
        (json!({"NumericLessThanIfExists": {"kms:RotationPeriodInDays": "90"}}), true),
        (json!({"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}), true),
        (json!({"Null": {"kms:ViaService": "true"}}), true),
        (json!({"Null": {"kms:ViaService": false}}), false),
        (json!({"Null": {"aws:username": "false"}}), true),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), false),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), true),
    ]);
}

#[test]
fn sets_of_values() {
    check(&[
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "env", "x"]}}), true),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}), false),
        (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}), true),
        (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["x"]}}), false),
        (json!({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["x", "y"]}}), true),
        (json!({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["x", "env"]}}), false),
        (json!({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team"]}}), true),
        (json!({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team", "env"]}}), false),
        (json!({"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt"]}}), true),
        (json!({"ForAnyValue:StringEquals": {"kms:GrantOperations": ["Encrypt"]}}), false),
        (json!({"ForAllValues:StringNotEquals": {"kms:GrantOperations": ["Encrypt"]}}), true),
        (json!({"ForAnyValue:StringNotEquals": {"kms:GrantOperations": ["Encrypt"]}}), false),
        (json!({"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/pr*"}}), true),
        (json!({"ForAnyValue:StringEquals": {"aws:username": "ana"}}), true),
    ]);
}

/// Where AWS leaves the meaning open, an Allow needs all of them and a Deny one.
#[test]
fn several_values_without_a_set_operator() {
    let scenario = request();
    for (operator, wanted, [allow, deny]) in [
        ("StringEquals", json!("team"), [false, true]),
        ("StringEquals", json!(["team", "env"]), [true, true]),
        ("StringEquals", json!("x"), [false, false]),
        ("StringNotEquals", json!("team"), [false, true]),
        ("StringNotEquals", json!(["team", "env"]), [false, false]),
        ("StringNotEquals", json!("x"), [true, true]),
    ] {
        for (effect, expected) in [(Effect::Allow, allow), (Effect::Deny, deny)] {
            let view = View { scenario: &scenario, of_resource: false, variables: true, effect };
            let condition = json!({operator: {"aws:TagKeys": wanted}});
            assert_eq!(hold(Some(&condition), view), expected, "{condition} {effect:?}");
        }
    }
}

#[test]
fn names_of_the_encryption_context() {
    check(&[
        (json!({"StringEquals": {"kms:EncryptionContext:App": "pay"}}), true),
        (json!({"StringEquals": {"kms:EncryptionContext:app": "pay"}}), true),
        (json!({"StringEquals": {"kms:EncryptionContext:App": "Pay"}}), false),
        (json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "App"}}), true),
        (json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "app"}}), false),
        (json!({"ForAnyValue:StringEqualsIgnoreCase": {"kms:EncryptionContextKeys": "app"}}), true),
        (json!({"Null": {"kms:EncryptionContext:none": "true"}}), true),
    ]);
}

#[test]
fn numbers_dates_and_bytes() {
    check(&[
        (json!({"NumericEquals": {"aws:MultiFactorAuthAge": "300.0"}}), true),
        (json!({"NumericNotEquals": {"aws:MultiFactorAuthAge": "300"}}), false),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 301}}), true),
        (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}), false),
        (json!({"NumericLessThanEquals": {"aws:MultiFactorAuthAge": "300"}}), true),
        (json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": ["400", "299"]}}), true),
        (json!({"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": "300.5"}}), false),
        (json!({"DateEquals": {"aws:CurrentTime": "2026-03-01T13:00:00+01:00"}}), true),
        (json!({"DateEquals": {"aws:EpochTime": "2026-03-01T12:00:00Z"}}), true),
        (json!({"DateNotEquals": {"aws:CurrentTime": "1772366400"}}), false),
        (json!({"DateLessThan": {"aws:CurrentTime": "2026-03-01T12:00:00.001Z"}}), true),
        (json!({"DateLessThanEquals": {"aws:CurrentTime": "2026-03-01"}}), false),
        (json!({"DateGreaterThan": {"aws:CurrentTime": "2026-02-28T23:59Z"}}), true),
        (json!({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-03-02"}}), false),
        (json!({"Bool": {"aws:SecureTransport": "True"}}), true),
        (json!({"Bool": {"aws:SecureTransport": true}}), true),
        (json!({"BinaryEquals": {"aws:username": "ana"}}), false),
        (json!({"BinaryEquals": {"aws:PrincipalTag/blob": "AQI="}}), false),
    ]);
}

#[test]
fn bytes_compare_by_what_they_stand_for() {
    let mut scenario = request();
    scenario.context.insert("aws:principaltag/blob".to_owned(), vec!["AQI=".to_owned()]);
    let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
    for (wanted, expected) in [("AQI=", true), ("AQM=", false), ("AQIA", false)] {
        let condition = json!({"BinaryEquals": {"aws:PrincipalTag/blob": wanted}});
        assert_eq!(hold(Some(&condition), view), expected, "{condition}");
    }
}

#[test]
fn addresses() {
    check(&[
        (json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), true),
        (json!({"IpAddress": {"aws:SourceIp": "10.1.2.3"}}), true),
        (json!({"IpAddress": {"aws:SourceIp": "10.1.2.0/31"}}), false),
        (json!({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/0"]}}), true),
        (json!({"IpAddress": {"aws:SourceIp": "::/0"}}), false),
        (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), false),
        (json!({"NotIpAddress": {"aws:SourceIp": "2001:db8::/32"}}), true),
    ]);
    let mut scenario = request();
    scenario.context.insert("aws:sourceip".to_owned(), vec!["2001:db8:0:1::7".to_owned()]);
    let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
    for (range, expected) in [("2001:DB8::/32", true), ("2001:db8::/64", false), ("2001:db8:0:1:0:0:0:7", true)] {
        assert_eq!(hold(Some(&json!({"IpAddress": {"aws:SourceIp": range}})), view), expected, "{range}");
    }
    scenario.context.insert("aws:sourceip".to_owned(), vec!["::ffff:10.1.2.3".to_owned()]);
    let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
    for (range, expected) in
        [("10.0.0.0/8", true), ("::ffff:10.1.2.0/120", true), ("::ffff:10.1.3.0/120", false), ("::/0", false)]
    {
        assert_eq!(hold(Some(&json!({"IpAddress": {"aws:SourceIp": range}})), view), expected, "{range}");
    }
}

#[test]
fn arns_compare_part_by_part() {
    check(&[
        (json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/team/ana"}}), true),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}), true),
        (json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::11112222????:user/team/an?"}}), true),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam:*:user/*"}}), false),
        (json!({"ArnLike": {"aws:PrincipalArn": "arn:*"}}), false),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}), true),
        (json!({"ArnNotEquals": {"aws:SourceArn": "arn:aws:s3:::b"}}), true),
        (json!({"ArnLike": {"aws:PrincipalArn": "${aws:PrincipalArn}"}}), true),
        (json!({"ArnLike": {"aws:username": "arn:aws:iam::*:user/*"}}), false),
    ]);
}

/// A tag's colons don't move the parts that the policy writes; a variable may yet bring parts that it does not write.
#[test]
fn a_variable_stays_in_its_part_of_an_arn() {
    let mut scenario = request();
    scenario.context.insert("aws:sourcearn".to_owned(), vec!["arn:aws:s3:red:1:x:y".to_owned()]);
    scenario.context.insert("aws:principaltag/part".to_owned(), vec!["red:1:x".to_owned()]);
    let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
    for (wanted, expected) in [
        ("arn:aws:s3:${aws:PrincipalTag/part}", false),
        ("arn:aws:s3:${aws:PrincipalTag/part}:y", true),
        ("arn:aws:s3:${aws:PrincipalTag/part}:y:*", false),
        ("arn:aws:s3:${aws:PrincipalTag/part}:*:*", false),
        ("arn:aws:s3:red:1:x:${aws:PrincipalTag/none, 'y'}", true),
        ("${aws:SourceArn}", true),
    ] {
        let condition = json!({"ArnLike": {"aws:SourceArn": wanted}});
        assert_eq!(hold(Some(&condition), view), expected, "{condition}");
    }
}

#[test]
fn variables() {
    check(&[
        (json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}), true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "${AWS:principaltag/TEAM}"}}), true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none, 'Red'}"}}), true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team,'blue'}"}}), true),
        (json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none}"}}), false),
        (json!({"StringNotEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none}"}}), true),
        (json!({"StringNotLike": {"aws:ResourceTag/team": ["${aws:PrincipalTag/none}", "R*"]}}), false),
        (json!({"StringLike": {"aws:username": "${kms:EncryptionContext:star}"}}), false),
        (json!({"StringLike": {"kms:EncryptionContext:star": "${kms:EncryptionContext:star}"}}), true),
        (json!({"StringLike": {"aws:username": "${*}"}}), false),
        (json!({"StringLike": {"kms:EncryptionContext:star": "${*}"}}), true),
        (json!({"StringEquals": {"kms:EncryptionContext:star": "${*}"}}), true),
        (json!({"StringLike": {"aws:username": "${?}na"}}), false),
        (json!({"StringEquals": {"aws:username": "${$}{aws:username}"}}), false),
        (json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*/${aws:username}"}}), true),
        (json!({"StringEquals": {"aws:username": "${aws:TagKeys}"}}), false),
    ]);
}

#[test]
fn a_variable_with_several_values_has_none() {
    let mut scenario = request();
    for (name, expected) in [("other", true), ("app", false)] {
        scenario.encryption_context.insert(name.to_owned(), "pay".to_owned());
        scenario.context.insert("aws:sourceidentity".to_owned(), vec!["pay".to_owned()]);
        let view = View { scenario: &scenario, of_resource: false, variables: true, effect: Effect::Allow };
        let condition = json!({"StringEquals": {"aws:SourceIdentity": "${kms:EncryptionContext:App}"}});
        assert_eq!(hold(Some(&condition), view), expected, "App and {name}");
    }
}

#[test]
fn the_older_version_has_no_variables() {
    let scenario = request();
    for (variables, expected) in [(true, true), (false, false)] {
        let view = View { scenario: &scenario, of_resource: false, variables, effect: Effect::Allow };
        let condition = json!({"StringEquals": {"aws:username": "${aws:username}"}});
        assert_eq!(hold(Some(&condition), view), expected, "{variables}");
    }
}

#[test]
fn aliases_do_not_count_in_key_policies() {
    let scenario = request();
    for (of_resource, expected) in [(false, true), (true, false)] {
        let view = View { scenario: &scenario, of_resource, variables: true, effect: Effect::Allow };
        let condition = json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}});
        assert_eq!(hold(Some(&condition), view), expected, "{of_resource}");
    }
}
