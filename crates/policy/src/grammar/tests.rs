//! What is accepted, and what is refused where.

use crate::{ControlPolicy, IdentityPolicy, KeyPolicyDocument, PolicyError, TrustPolicyDocument};

/// A policy of one statement that holds these elements.
fn policy(elements: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": {{{elements}}}}}"#)
}

fn key_statement(elements: &str) -> String {
    policy(&format!(r#""Effect": "Allow", "Principal": "*", {elements}"#))
}

fn principal(principal: &str) -> String {
    policy(&format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {principal}"#))
}

fn identity_statement(elements: &str) -> String {
    policy(&format!(r#""Effect": "Allow", {elements}"#))
}

fn key_error(text: &str) -> Option<PolicyError> {
    KeyPolicyDocument::parse(text).err()
}

fn identity_error(text: &str) -> Option<PolicyError> {
    IdentityPolicy::parse(text).err()
}

fn assert_malformed(error: Option<PolicyError>, place: &str, says: &str, text: &str) {
    match error {
        Some(PolicyError::Malformed { place: found, problem }) if found == place && problem.contains(says) => {}
        other => panic!("{text}\n  gives {other:?},\n  want `{says}` at `{place}`"),
    }
}

fn assert_unsupported(error: Option<PolicyError>, place: &str, what: &str, text: &str) {
    let want = PolicyError::Unsupported { place: place.into(), what: what.into() };
    assert_eq!(error, Some(want), "{text}");
}

const ALL: &str = r#""Action": "*", "Resource": "*""#;

#[test]
fn good_key_policies() {
    let by_principal = [
        r#""*""#,
        r#"{"AWS": "*"}"#,
        r#"{"AWS": ["*"]}"#,
        r#"{"AWS": "111122223333"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:root"}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:user/a/b/ann"}"#,
        r#"{"AWS": ["111122223333", "arn:aws:iam::444455556666:user/bob"]}"#,
        r#"{"AWS": "arn:aws:iam::111122223333:role/a/r"}"#,
        r#"{"AWS": ["arn:aws:sts::111122223333:assumed-role/r/s1"]}"#,
        r#"{"Service": "s3.amazonaws.com"}"#,
        r#"{"AWS": "*", "Federated": "arn:aws:iam::111122223333:saml-provider/p", "CanonicalUser": ["79a59df9"]}"#,
    ];
    let by_statement = [
        ALL,
        r#""Action": "kms:*", "Resource": "arn:aws:kms:us-east-1:111122223333:key/*""#,
        r#""Action": ["KMS:enc?ypt", "s3:GetObject", "execute-api:Invoke"], "Resource": ["*"]"#,
        r#""Resource": "*""#,
        r#""Action": "kms:Encrypt""#,
        r#""Sid": "Enable IAM User Permissions (1)", "Action": "*", "Resource": "*""#,
        r#""Sid": "", "Action": "*", "Resource": "arn:aws:kms:*:*:*""#,
        r#""NotAction": "kms:*", "NotResource": "*""#,
    ];
    let around = [
        r#" {"Statement": [{"Effect": "Deny", "Principal": "*"}]} "#.into(),
        r#"{"Id": "key default-1", "Version": "2008-10-17", "Statement": {"Effect": "Deny", "Principal": "*"}}"#.into(),
    ];
    let principals = by_principal.map(principal);
    let statements = by_statement.map(key_statement);
    for text in principals.iter().chain(&statements).chain(&around) {
        assert_eq!(key_error(text), None, "{text}");
    }
}

#[test]
fn good_identity_policies() {
    for elements in [
        ALL,
        r#""Sid": "A1", "Action": ["kms:ListKeys"], "Resource": ["*", "arn:aws:kms:us-east-1:111122223333:alias/a?"]"#,
        r#""Action": "iam:GetUser", "Resource": "arn:aws:iam::111122223333:user/*""#,
        r#""Action": "s3:*", "Resource": "arn:aws-cn:s3:::bucket/*""#,
        r#""NotAction": ["iam:*", "s3:GetObject"], "NotResource": "arn:aws:kms:*:*:key/*""#,
        r#""Action": "*", "Resource": "arn:aws:iam::111122223333:user/${aws:username}/${*}/${aws:PrincipalTag/t, 'x'}""#,
    ] {
        assert_eq!(identity_error(&identity_statement(elements)), None, "{elements}");
    }
}

#[test]
fn documents() {
    for (text, place, says) in [
        ("", "policy", "not JSON"),
        ("{", "policy", "not JSON"),
        (r#"{"Statement": []} x"#, "policy", "not JSON"),
        ("[]", "policy", "must be an object"),
        (r#""Allow""#, "policy", "must be an object"),
        ("{}", "Statement", "is missing"),
        (r#"{"Statement": []}"#, "Statement", "must not be empty"),
        (r#"{"Statement": "x"}"#, "Statement", "must be an object"),
        (r#"{"Statement": [null]}"#, "Statement[0]", "must be an object"),
        (r#"{"Statement": [[{}]]}"#, "Statement[0]", "must be an object"),
        (r#"{"Version": "2012-10-17", "Version": "2012-10-17"}"#, "Version", "is given twice"),
        (r#"{"Version": "2012-10-18", "Statement": {}}"#, "Version", "neither"),
        (r#"{"Version": "", "Statement": {}}"#, "Version", "neither"),
        (r#"{"Version": 2012, "Statement": {}}"#, "Version", "must be a string"),
        (r#"{"Version": null, "Statement": {}}"#, "Version", "must be a string"),
        (r#"{"version": "2012-10-17", "Statement": {}}"#, "policy", "unknown element `version`"),
        (r#"{"Id": ["x"], "Statement": {}}"#, "Id", "must be a string"),
        (r#"{"Id": "a\nb", "Statement": {}}"#, "Id", "control character"),
    ] {
        assert_malformed(key_error(text), place, says, text);
        assert_malformed(identity_error(text), place, says, text);
    }
}

#[test]
fn statements() {
    for (elements, place, says) in [
        (r#""Action": "*", "Resource": "*""#, "Statement.Effect", "is missing"),
        (r#""Effect": "allow", "Action": "*", "Resource": "*""#, "Statement.Effect", "`Allow` or `Deny`"),
        (r#""Effect": ["Allow"], "Action": "*", "Resource": "*""#, "Statement.Effect", "`Allow` or `Deny`"),
        (r#""Effect": "Allow", "Effect": "Deny""#, "Statement.Effect", "is given twice"),
        (r#""effect": "Allow""#, "Statement", "unknown element `effect`"),
        (r#""Effect": "Allow", "Actions": "*""#, "Statement", "unknown element `Actions`"),
        (r#""Effect": "Allow", "\u0041ction": "*", "Action": "*""#, "Statement.Action", "is given twice"),
        (r#""Effect": "Allow", "Sid": 1, "Action": "*", "Resource": "*""#, "Statement.Sid", "must be a string"),
        (r#""Effect": "Allow", "Sid": "\u0000", "Action": "*""#, "Statement.Sid", "control character"),
    ] {
        let identity = policy(elements);
        assert_malformed(identity_error(&identity), place, says, &identity);
        let key = policy(&format!(r#""Principal": "*", {elements}"#));
        assert_malformed(key_error(&key), place, says, &key);
    }
}

#[test]
fn actions() {
    for (action, place, says) in [
        ("[]", "Statement.Action", "must not be empty"),
        ("1", "Statement.Action", "must be a string"),
        ("{}", "Statement.Action", "must be a string"),
        (r#"["kms:*", ["kms:*"]]"#, "Statement.Action[1]", "must be a string"),
        (r#""""#, "Statement.Action", "neither"),
        (r#""Encrypt""#, "Statement.Action", "neither"),
        (r#""kms:""#, "Statement.Action", "neither"),
        (r#"":Encrypt""#, "Statement.Action", "neither"),
        (r#""*:*""#, "Statement.Action", "neither"),
        (r#""k*:Encrypt""#, "Statement.Action", "neither"),
        (r#""**""#, "Statement.Action", "neither"),
        (r#""kms: Encrypt""#, "Statement.Action", "neither"),
        (r#""kms:Encrypt ""#, "Statement.Action", "neither"),
        (r#""kms:Encrypt:x""#, "Statement.Action", "neither"),
        (r#""kms:${aws:username}""#, "Statement.Action", "neither"),
        // The Kelvin sign becomes a `k` in lower case.
        (r#""\u212ams:Encrypt""#, "Statement.Action", "neither"),
        (r#""kms:Encr\u0443pt""#, "Statement.Action", "neither"),
    ] {
        let elements = format!(r#""Action": {action}, "Resource": "*""#);
        assert_malformed(identity_error(&identity_statement(&elements)), place, says, action);
        assert_malformed(key_error(&key_statement(&elements)), place, says, action);
    }
}

#[test]
fn resources() {
    for (resource, place, says) in [
        ("[]", "Statement.Resource", "must not be empty"),
        ("null", "Statement.Resource", "must be a string"),
        (r#"["*", 1]"#, "Statement.Resource[1]", "must be a string"),
        (r#""""#, "Statement.Resource", "neither"),
        (r#""**""#, "Statement.Resource", "neither"),
        (r#""key/*""#, "Statement.Resource", "neither"),
        (r#""arn:aws:kms:us-east-1:111122223333""#, "Statement.Resource", "neither"),
        (r#""arn:aws:kms:*""#, "Statement.Resource", "neither"),
        (r#""arn:aws:kms:us-east-1:111122223333:""#, "Statement.Resource", "neither"),
        (r#""arn:aws:k*:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
        (r#""arn:*:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
        (r#""*:aws:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
        (r#""ARN:aws:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
        (r#""arn:aws::us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
    ] {
        let elements = format!(r#""Action": "*", "Resource": {resource}"#);
        assert_malformed(identity_error(&identity_statement(&elements)), place, says, resource);
        assert_malformed(key_error(&key_statement(&elements)), place, says, resource);
    }
}

#[test]
fn principals() {
    for (text, place, says) in [
        (r#""111122223333""#, "Statement.Principal", "`*` or an object"),
        (r#"["*"]"#, "Statement.Principal", "`*` or an object"),
        ("{}", "Statement.Principal", "names nobody"),
        (r#"{"Service": []}"#, "Statement.Principal.Service", "must not be empty"),
        (r#"{"Service": "a b"}"#, "Statement.Principal.Service", "names no principal"),
        (r#"{"Federated": [""]}"#, "Statement.Principal.Federated[0]", "names no principal"),
        (r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/r"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"aws": "*"}"#, "Statement.Principal", "unknown element `aws`"),
        (r#"{"AWS": "*", "AWS": "*"}"#, "Statement.Principal.AWS", "is given twice"),
        (r#"{"AWS": []}"#, "Statement.Principal.AWS", "must not be empty"),
        (r#"{"AWS": 111122223333}"#, "Statement.Principal.AWS", "must be a string"),
        (r#"{"AWS": "1"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": ""}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": "AIDAAAAAAAAAAAAAAAAA"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": "arn:aws:iam::111122223333:user/"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": "arn:aws:iam::1:root"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": "arn:aws-cn:iam::111122223333:root"}"#, "Statement.Principal.AWS", "neither"),
        (r#"{"AWS": ["*", "arn:aws:iam::111122223333:user/*"]}"#, "Statement.Principal.AWS[1]", "no wildcards"),
        (r#"{"AWS": "arn:aws:iam::*:root"}"#, "Statement.Principal.AWS", "no wildcards"),
    ] {
        assert_malformed(key_error(&principal(text)), place, says, text);
    }
    let none = policy(r#""Effect": "Allow", "Action": "*", "Resource": "*""#);
    assert_malformed(key_error(&none), "Statement.Principal", "is missing", &none);
}

#[test]
fn what_is_not_decided_yet_is_refused() {
    let text = principal(r#"{"AWS": "arn:aws:sts::111122223333:federated-user/f"}"#);
    assert_unsupported(key_error(&text), "Statement.Principal.AWS", "a federated user as principal", &text);
}

#[test]
fn an_element_or_its_opposite() {
    for (elements, place, says) in [
        (r#""Action": "*", "NotAction": "*", "Resource": "*""#, "Statement.NotAction", "beside `Action`"),
        (r#""Action": "*", "Resource": "*", "NotResource": "*""#, "Statement.NotResource", "beside `Resource`"),
        (r#""NotAction": [], "Resource": "*""#, "Statement.NotAction", "must not be empty"),
        (r#""NotAction": "x", "Resource": "*""#, "Statement.NotAction", "neither"),
        (r#""Action": "*", "NotResource": "x""#, "Statement.NotResource", "neither"),
    ] {
        assert_malformed(identity_error(&identity_statement(elements)), place, says, elements);
        assert_malformed(key_error(&key_statement(elements)), place, says, elements);
    }
    let both = policy(&format!(r#""Effect": "Allow", "Principal": "*", "NotPrincipal": "*", {ALL}"#));
    assert_malformed(key_error(&both), "Statement.NotPrincipal", "beside `Principal`", &both);
    let not = policy(&format!(r#""Effect": "Deny", "NotPrincipal": {{"AWS": "111122223333"}}, {ALL}"#));
    assert_eq!(key_error(&not), None);
}

#[test]
fn good_conditions() {
    for condition in [
        "{}",
        r#"{"StringEquals": {}}"#,
        r#"{"StringEquals": {"aws:username": "ann", "AWS:userid": ["a", 1, true]}}"#,
        r#"{"StringLike": {"s3:prefix": "${aws:username}/*"}, "StringNotLike": {"s3:prefix": "x"}}"#,
        r#"{"NumericLessThan": {"kms:RotationPeriodInDays": 365}}"#,
        r#"{"NumericEqualsIfExists": {"aws:MultiFactorAuthAge": ["1.5", "-3"]}}"#,
        r#"{"DateGreaterThan": {"aws:CurrentTime": ["2026-01-31T12:00:00Z", "2026-01-31", "1769860800", 1769860800]}}"#,
        r#"{"Bool": {"aws:SecureTransport": true, "aws:MultiFactorAuthPresent": ["False", "TRUE"]}}"#,
        r#"{"Null": {"aws:TokenIssueTime": "true"}}"#,
        r#"{"BinaryEquals": {"x:y": "QmluYXJ5"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32", "::1"]}}"#,
        r#"{"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/*", "${aws:PrincipalArn}"]}}"#,
        r#"{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "a", "aws:TagKeys": "b"}}"#,
        r#"{"ForAnyValue:StringLikeIfExists": {"kms:ResourceAliases": "alias/*"}}"#,
    ] {
        let elements = format!(r#"{ALL}, "Condition": {condition}"#);
        assert_eq!(identity_error(&identity_statement(&elements)), None, "{condition}");
        assert_eq!(key_error(&key_statement(&elements)), None, "{condition}");
    }
}

#[test]
fn bad_conditions() {
    let long = format!(r#"{{"Bool": {{"{}": "true"}}}}"#, "x".repeat(9_000));
    for (condition, place, says) in [
        ("[]", "", "must be an object"),
        (r#""x""#, "", "must be an object"),
        (r#"{"StringEqual": {"a:b": "c"}}"#, "", "`StringEqual` is no condition operator"),
        (r#"{"stringequals": {"a:b": "c"}}"#, "", "no condition operator"),
        (r#"{"NullIfExists": {"a:b": "true"}}"#, "", "no condition operator"),
        (r#"{"ForAllValues:Null": {"a:b": "true"}}"#, "", "no condition operator"),
        (r#"{"Bool": {}, "Bool": {}}"#, ".Bool", "is given twice"),
        (r#"{"Bool": "true"}"#, ".Bool", "must be an object"),
        (
            r#"{"Bool": {"aws:SecureTransport": "true", "AWS:securetransport": "false"}}"#,
            ".Bool.AWS:securetransport",
            "is given twice",
        ),
        (r#"{"Bool": {"SecureTransport": "true"}}"#, ".Bool.SecureTransport", "no condition key"),
        (r#"{"Bool": {"": "true"}}"#, ".Bool.", "no condition key"),
        (r#"{"Bool": {"a:\u0007": "true"}}"#, ".Bool.a:", "no condition key"),
        (r#"{"StringEquals": {"a:b": []}}"#, ".StringEquals.a:b", "must not be empty"),
        (r#"{"StringEquals": {"a:b": null}}"#, ".StringEquals.a:b", "must be a string"),
        (r#"{"StringEquals": {"a:b": ["c", {}]}}"#, ".StringEquals.a:b[1]", "must be a string"),
        (r#"{"StringEquals": {"a:b": "${aws:username"}}"#, ".StringEquals.a:b", "malformed policy variable"),
        (r#"{"StringEquals": {"a:b": ["x", "${}"]}}"#, ".StringEquals.a:b", "malformed policy variable"),
        (r#"{"NumericEquals": {"a:b": "seven"}}"#, ".NumericEquals.a:b", "`seven` is no number"),
        (r#"{"NumericEquals": {"a:b": "${aws:EpochTime}"}}"#, ".NumericEquals.a:b", "is no number"),
        (r#"{"DateEquals": {"a:b": "tomorrow"}}"#, ".DateEquals.a:b", "no point in time"),
        (r#"{"Bool": {"a:b": "yes"}}"#, ".Bool.a:b", "no boolean"),
        (r#"{"Null": {"a:b": "yes"}}"#, ".Null.a:b", "no boolean"),
        (r#"{"BinaryEquals": {"a:b": "abc"}}"#, ".BinaryEquals.a:b", "no base64 text"),
        (r#"{"IpAddress": {"a:b": "203.0.113.0/33"}}"#, ".IpAddress.a:b", "no address"),
        (r#"{"ArnEquals": {"a:b": "arn:aws:kms"}}"#, ".ArnEquals.a:b", "is no ARN"),
        (&long, ".Bool.", "no condition key"),
    ] {
        let elements = format!(r#"{ALL}, "Condition": {condition}"#);
        for error in [identity_error(&identity_statement(&elements)), key_error(&key_statement(&elements))] {
            let Some(PolicyError::Malformed { place: found, problem }) = error else {
                panic!("{condition}: {error:?}")
            };
            let exact = found == format!("Statement.Condition{place}") || place.ends_with('.');
            assert!(
                exact && found.starts_with("Statement.Condition") && problem.contains(says),
                "{condition}: {problem}, at {found}"
            );
            assert!(found.len() < 200 && problem.len() < 200, "{condition}");
        }
    }
    // The older language has no variables, so there is none to be malformed.
    let old = identity_statement(&format!(r#"{ALL}, "Condition": {{"StringEquals": {{"a:b": "${{"}}}}"#))
        .replace("2012", "2008");
    assert_eq!(identity_error(&old), None);
}

/// Source: AWS KMS developer guide, "kms:EncryptionContext:context-key".
#[test]
fn overly_permissive_conditions() {
    for (kind, key, refused) in [
        ("key", "kms:EncryptionContext:app", true),
        ("key", "KMS:encryptioncontext:app", true),
        ("key", "aws:RequestTag/team", true),
        ("key", "kms:EncryptionContextKeys", false),
        ("key", "aws:TagKeys", false),
        ("identity", "kms:EncryptionContext:app", false),
    ] {
        for operator in ["ForAllValues:StringEquals", "ForAllValues:StringLikeIfExists", "ForAnyValue:StringEquals"] {
            let elements = format!(r#"{ALL}, "Condition": {{"{operator}": {{"{key}": "x"}}}}"#);
            let error = if kind == "key" {
                key_error(&key_statement(&elements))
            } else {
                identity_error(&identity_statement(&elements))
            };
            let place = format!("Statement.Condition.{operator}.{key}");
            let want =
                (refused && operator.starts_with("ForAll")).then_some(PolicyError::OverlyPermissiveCondition { place });
            assert_eq!(error, want, "{kind} {operator} {key}");
        }
    }
    let text = PolicyError::OverlyPermissiveCondition { place: String::new() }.to_string();
    assert_eq!(
        text,
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches \
         requests without the specified [encryption context or tag] or with an unspecified [encryption context or \
         tag]. To fix, remove ForAllValues."
    );
}

#[test]
fn variables_in_resources() {
    let resource = |text: &str| identity_statement(&format!(r#""Action": "*", "Resource": ["*", "{text}"]"#));
    for (text, says) in [
        ("arn:aws:kms:${aws:RequestedRegion}:111122223333:key/*", "only in the last part"),
        ("arn:aws:kms:us-east-1:${aws:PrincipalAccount}:key/*", "only in the last part"),
        ("arn:aws:${x:y}:us-east-1:111122223333:key/*", "neither"),
        ("${aws:PrincipalArn}", "neither"),
        ("arn:aws:kms:us-east-1:111122223333:key/${", "malformed policy variable"),
        ("arn:aws:kms:us-east-1:111122223333:key/${aws:userid, none}", "malformed policy variable"),
    ] {
        assert_malformed(identity_error(&resource(text)), "Statement.Resource[1]", says, text);
    }
    let old = resource("arn:aws:kms:us-east-1:${1}:key/${").replace("2012", "2008");
    assert_eq!(identity_error(&old), None);
}

#[test]
fn trust_policies() {
    let trust =
        |elements: &str| TrustPolicyDocument::parse(&policy(&format!(r#""Effect": "Allow", {elements}"#))).err();
    for elements in [
        r#""Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole""#,
        r#""Principal": {"Service": "ec2.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]"#,
        r#""Principal": "*", "NotAction": "sts:TagSession", "Condition": {"StringEquals": {"sts:ExternalId": "x"}}"#,
    ] {
        assert_eq!(trust(elements), None, "{elements}");
    }
    for (elements, place, says) in [
        (r#""Action": "sts:AssumeRole""#, "Statement.Principal", "is missing"),
        (r#""Principal": "*""#, "Statement.Action", "is missing"),
        (r#""Principal": "*", "Action": "*", "Resource": "*""#, "Statement.Resource", "no such element"),
        (r#""Principal": "*", "Action": "*", "NotResource": "*""#, "Statement.NotResource", "no such element"),
        (r#""NotPrincipal": "*", "Action": "*""#, "Statement.NotPrincipal", "no such element"),
        (r#""Sid": "a b", "Principal": "*", "Action": "*""#, "Statement.Sid", "only letters and digits"),
    ] {
        assert_malformed(trust(elements), place, says, elements);
    }
}

#[test]
fn resource_control_policies() {
    let control = |elements: &str| ControlPolicy::parse(&policy(&format!(r#""Effect": "Deny", {elements}"#))).err();
    for principal in [r#""*""#, r#"{"AWS": "*"}"#] {
        assert_eq!(control(&format!(r#""Principal": {principal}, {ALL}"#)), None, "{principal}");
    }
    for (elements, place, says) in [
        (ALL.to_owned(), "Statement.Principal", "is missing"),
        (format!(r#""Principal": {{"AWS": "111122223333"}}, {ALL}"#), "Statement.Principal", "names `*` alone"),
        (format!(r#""Principal": {{"Service": "x"}}, {ALL}"#), "Statement.Principal", "names `*` alone"),
        (format!(r#""NotPrincipal": "*", {ALL}"#), "Statement.NotPrincipal", "no such element"),
        (r#""Principal": "*", "Action": "*""#.into(), "Statement.Resource", "is missing"),
    ] {
        assert_malformed(control(&elements), place, says, &elements);
    }
}

#[test]
fn identity_policies_have_rules_of_their_own() {
    for (elements, place, says) in [
        (r#""Action": "*", "Resource": "*", "Principal": "*""#, "Statement.Principal", "names no principal"),
        (r#""Action": "*", "Resource": "*", "NotPrincipal": "*""#, "Statement.NotPrincipal", "names no principal"),
        (r#""Resource": "*""#, "Statement.Action", "is missing"),
        (r#""Action": "*""#, "Statement.Resource", "is missing"),
        (r#""Action": "*", "Resource": "*", "Sid": "a b""#, "Statement.Sid", "only letters and digits"),
    ] {
        assert_malformed(identity_error(&identity_statement(elements)), place, says, elements);
    }
    let one = format!(r#"{{"Sid": "A", "Effect": "Deny", {ALL}}}"#);
    let twice = format!(r#"{{"Statement": [{one}, {one}]}}"#);
    assert_malformed(identity_error(&twice), "Statement[1].Sid", "given to two statements", &twice);
}

#[test]
fn size_and_nesting_are_bounded() {
    let padded = |text: &str, bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    let key = key_statement(ALL);
    assert_eq!(key_error(&padded(&key, 32_768)), None);
    assert_eq!(key_error(&padded(&key, 32_769)), Some(PolicyError::TooLong { bytes_max: 32_768 }));
    let identity = identity_statement(ALL);
    assert_eq!(identity_error(&padded(&identity, 131_072)), None);
    assert_eq!(identity_error(&padded(&identity, 131_073)), Some(PolicyError::TooLong { bytes_max: 131_072 }));
    let deep = format!(r#"{{"Statement": {}"#, "[".repeat(30_000));
    assert_malformed(key_error(&deep), "policy", "nested too deeply", "30,000 levels");
}

#[test]
fn errors_repeat_little_of_the_input() {
    let Some(PolicyError::Malformed { problem, .. }) =
        identity_error(&identity_statement(&format!(r#""Action": "{}", "Resource": "*""#, "x\\u0007".repeat(9_000))))
    else {
        panic!("accepted")
    };
    assert!(problem.len() < 200 && !problem.contains('\u{7}'), "{problem}");
}
