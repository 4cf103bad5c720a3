//! Roles, from the trust policy to what their sessions may do: each test tells who tries what, and what stands in the way.

use claviger_types::RoleId;
use serde_json::{Value, json};

use crate::testing::test_kms::{AWAY, HOME, Refused, Session, TestKms, policy, refused, statement, trust};
use crate::testing::test_mfa::{Phone, wrong_code};
use crate::testing::test_sessions::Opened;

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{HOME}:role/{role}")
}

fn user_arn(user: &str) -> String {
    format!("arn:aws:iam::{HOME}:user/{user}")
}

fn allow(action: &str) -> String {
    statement("Allow", action, "*")
}

/// A trust policy of one statement: whom it names, for which actions, on which condition.
fn trusting(principal: &str, actions: &[&str], condition: Value) -> String {
    let statement =
        json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Condition": condition});
    policy(&statement.to_string())
}

const ASSUME: &[&str] = &["sts:AssumeRole"];
const ALL: &[&str] = &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// A role of the first account with this trust policy and these identity statements.
fn role(kms: &TestKms, name: &str, trust: &str, statements: &str) {
    kms.ok("CreateRole", json!({"RoleName": name, "AssumeRolePolicyDocument": trust}));
    if !statements.is_empty() {
        let put = json!({"RoleName": name, "PolicyName": "p", "PolicyDocument": policy(statements)});
        kms.ok("PutRolePolicy", put);
    }
}

/// A request for a session of a role, with some more members.
fn request(role: &str, more: Value) -> Value {
    let mut body = json!({"RoleArn": arn(role), "RoleSessionName": "s1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn assume<'k>(caller: Session<'k>, role: &str, more: Value) -> Opened<'k> {
    Opened::of(caller.kms, &caller.ok("AssumeRole", request(role, more)))
}

fn forbidden(caller: &str, action: &str, role_arn: &str) -> Refused {
    let text = format!("User: {caller} is not authorized to perform: sts:{action} on resource: {role_arn}");
    refused("AccessDenied", &text)
}

#[test]
fn a_session_acts_as_its_role() {
    let kms = TestKms::new();
    let key = kms.key();
    role(&kms, "build", &trust(HOME), &allow("kms:Encrypt"));
    let reply = kms.ok("AssumeRole", request("build", json!({})));
    let id: RoleId =
        kms.ok("GetRole", json!({"RoleName": "build"}))["Role"]["RoleId"].as_str().unwrap().parse().unwrap();
    let session_arn = format!("arn:aws:sts::{HOME}:assumed-role/build/s1");
    assert_eq!(reply["AssumedRoleUser"], json!({"Arn": session_arn, "AssumedRoleId": format!("{id}:s1")}));
    let session = Opened::of(&kms, &reply);
    let who = json!({"UserId": format!("{id}:s1"), "Account": HOME, "Arn": session_arn});
    assert_eq!(session.call("GetCallerIdentity", json!({})), Ok(who));
    assert!(session.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok());
    let refusal = session.call("DisableKey", json!({"KeyId": key})).unwrap_err();
    let text = format!(
        "User: {session_arn} is not authorized to perform: kms:DisableKey on resource: {} because no identity-based \
         policy allows the kms:DisableKey action",
        kms.admin().key_arn(&key)
    );
    assert_eq!(refusal, refused("AccessDeniedException", &text));
    // A command's event names the session; the harness compares it.
    let put = json!({"RoleName": "build", "PolicyName": "p", "PolicyDocument": policy(&allow("kms:*"))});
    kms.ok("PutRolePolicy", put);
    assert!(session.call("DisableKey", json!({"KeyId": key})).is_ok());
    let not_a_user = "Must specify userName when calling with non-User credentials";
    assert_eq!(session.call("GetUser", json!({})), Err(refused("ValidationError", not_a_user)));
    let own = session.call("GetSessionToken", json!({}));
    assert_eq!(own, Err(refused("AccessDenied", "Cannot call GetSessionToken with session credentials")));
}

/// Source: IAM user guide, "How permissions for roles are granted": in one account the trust policy suffices when it names
/// the principal, and lets the account decide when it names the account; across accounts both sides must allow.
#[test]
fn who_may_assume() {
    let kms = TestKms::new();
    let assuming = statement("Allow", "sts:AssumeRole", "*");
    let users = [kms.admin(), kms.away()].map(|admin| {
        let denied = format!("{assuming},{}", statement("Deny", "sts:AssumeRole", &arn("*")));
        [admin.user("idle", ""), admin.user("allowed", &assuming), admin.user("denied", &denied)]
    });
    let named = |user: &str| json!([user_arn(user), format!("arn:aws:iam::{AWAY}:user/{user}")]);
    let statement = |effect: &str, principal: Value| {
        json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}).to_string()
    };
    let everybody = [HOME, AWAY]
        .map(|account| ["idle", "allowed", "denied"].map(|user| format!("arn:aws:iam::{account}:user/{user}")));
    let everybody = json!(everybody.concat());
    for (name, document, home, away) in [
        ("names", policy(&statement("Allow", everybody.clone())), [true, true, false], [false, true, false]),
        ("accounts", policy(&statement("Allow", json!([HOME, AWAY]))), [false, true, false], [false, true, false]),
        ("home", trust(HOME), [false, true, false], [false; 3]),
        ("anyone", trust("*"), [true, true, false], [false, true, false]),
        (
            "deny",
            policy(&format!("{},{}", statement("Allow", json!("*")), statement("Deny", named("allowed")))),
            [true, false, false],
            [false, false, false],
        ),
        (
            "another-action",
            policy(&statement("Allow", json!("*")).replace("AssumeRole", "TagSession")),
            [false; 3],
            [false; 3],
        ),
    ] {
        role(&kms, name, &document, "");
        for (users, want) in users.iter().zip([home, away]) {
            for (user, want) in users.iter().zip(want) {
                let answer = user.call("AssumeRole", request(name, json!({})));
                let shown = format!("{name} by {}: {answer:?}", user.arn());
                match answer {
                    Ok(_) => assert!(want, "{shown}"),
                    Err(refusal) => {
                        assert_eq!(refusal, forbidden(&user.arn(), "AssumeRole", &arn(name)));
                        assert!(!want, "{shown}");
                    }
                }
            }
        }
    }
}

/// Nobody learns by asking whether there is such a role; case and path are part of its ARN.
#[test]
fn roles_that_are_not_there() {
    let kms = TestKms::new();
    role(&kms, "Build", &trust("*"), "");
    kms.ok("AssumeRole", request("Build", json!({})));
    for other in ["build", "BUILD", "team/Build", "none", "Build "] {
        let want = if other.ends_with(' ') {
            refused("ValidationError", &format!("{} is invalid", arn(other)))
        } else {
            forbidden(&kms.admin().arn(), "AssumeRole", &arn(other))
        };
        assert_eq!(kms.call("AssumeRole", request(other, json!({}))), Err(want), "{other}");
    }
    for other in [
        format!("arn:aws:iam::{AWAY}:role/Build"),
        format!("arn:aws:iam::{HOME}:user/admin"),
        format!("arn:aws:iam::{HOME}:root"),
        format!("arn:aws:sts::{HOME}:assumed-role/Build/s1"),
        "arn:aws:iam::999999999999:role/none".into(),
    ] {
        let answer = kms.call("AssumeRole", json!({"RoleArn": other, "RoleSessionName": "s1"}));
        assert_eq!(answer, Err(forbidden(&kms.admin().arn(), "AssumeRole", &other)));
    }
    for other in ["arn:aws:iam::111122223333:role/*", "ARN:aws:iam::111122223333:role/Build", "x".repeat(30).as_str()] {
        let answer = kms.call("AssumeRole", json!({"RoleArn": other, "RoleSessionName": "s1"}));
        assert_eq!(answer, Err(refused("ValidationError", &format!("{other} is invalid"))));
    }
}

/// Each condition key has what the request has, in the trust policy. The confused deputy is refused: without the external
/// id, or with another one, a stranger's request through somebody who may assume the role fails.
#[test]
fn conditions_of_trust() {
    let kms = TestKms::new();
    let tagged = json!({"Tags": [{"Key": "Team", "Value": "red"}], "TransitiveTagKeys": ["Team"]});
    let deputy = json!({"ExternalId": "customer/1"});
    for (condition, request_with, request_without) in [
        (json!({"StringEquals": {"sts:ExternalId": "customer/1"}}), &deputy, json!({})),
        (json!({"StringEquals": {"sts:ExternalId": "customer/1"}}), &deputy, json!({"ExternalId": "customer/2"})),
        (json!({"StringEquals": {"sts:ExternalId": "customer/1"}}), &deputy, json!({"ExternalId": "Customer/1"})),
        (json!({"StringLike": {"sts:RoleSessionName": "s1"}}), &json!({}), json!({"RoleSessionName": "s2"})),
        (
            json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}),
            &json!({"RoleSessionName": "admin"}),
            json!({}),
        ),
        (json!({"NumericLessThan": {"sts:DurationSeconds": "1000"}}), &json!({"DurationSeconds": 900}), json!({})),
        (
            json!({"StringEquals": {"sts:SourceIdentity": "ann"}}),
            &json!({"SourceIdentity": "ann"}),
            json!({"SourceIdentity": "bob"}),
        ),
        (
            json!({"StringEquals": {"aws:RequestTag/team": "red"}}),
            &tagged,
            json!({"Tags": [{"Key": "team", "Value": "blue"}]}),
        ),
        (json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["Team"]}}), &tagged, json!({})),
        (
            json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["Team"]}}),
            &tagged,
            json!({"Tags": [{"Key": "Team", "Value": "red"}]}),
        ),
        (
            json!({"StringEquals": {"aws:ResourceTag/stage": "dev", "iam:ResourceTag/Stage": "dev"}}),
            &json!({}),
            json!({"RoleSessionName": "*"}),
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/job": "ops"}, "Null": {"aws:MultiFactorAuthPresent": "true"}}),
            &json!({}),
            json!({"RoleSessionName": "*"}),
        ),
    ] {
        kms.ok("TagUser", json!({"UserName": "admin", "Tags": [{"Key": "Job", "Value": "ops"}]}));
        let document = trusting("*", ALL, condition.clone());
        let tags = json!([{"Key": "stage", "Value": "dev"}]);
        kms.ok("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": document, "Tags": tags}));
        let ask = |more: &Value| kms.call("AssumeRole", request("r", more.clone()));
        assert!(ask(request_with).is_ok(), "{condition} {request_with}: {:?}", ask(request_with));
        let refusal = ask(&request_without).expect_err(&format!("{condition} {request_without}"));
        let want = if request_without["RoleSessionName"] == "*" { "ValidationError" } else { "AccessDenied" };
        assert_eq!(refusal.code, want, "{condition} {request_without}");
        kms.ok("DeleteRole", json!({"RoleName": "r"}));
    }
}

/// A code that comes with the request is what the trust policy asks for, and is used up.
#[test]
fn with_a_code() {
    let kms = TestKms::new();
    let ann = kms.admin().user("ann", "");
    let phone = Phone::enabled(&kms, "ann", "phone");
    let condition =
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}});
    let fresh = json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*", "Condition": condition});
    role(&kms, "r", &trusting(&user_arn("ann"), ASSUME, condition.clone()), &format!("{fresh},{}", allow("sts:*")));
    role(&kms, "next", &trust(&arn("r")), &fresh.to_string());
    role(&kms, "strict", &trusting(&arn("r"), ASSUME, condition), "");
    let with = |code: &str| request("r", json!({"SerialNumber": phone.serial_number, "TokenCode": code}));
    assert_eq!(ann.call("AssumeRole", request("r", json!({}))), Err(forbidden(&ann.arn(), "AssumeRole", &arn("r"))));
    let code = phone.next_code();
    let invalid = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    let wrong = ann.call("AssumeRole", with(&wrong_code(&code)));
    assert_eq!(wrong, Err(refused("AccessDenied", invalid)));
    let session = Opened::of(&kms, &ann.ok("AssumeRole", with(&code)));
    assert_eq!(ann.call("AssumeRole", with(&code)), Err(refused("AccessDenied", invalid)));
    assert!(session.call("ListKeys", json!({})).is_ok());
    // The code speaks for this session, and for none that it makes.
    let next = Opened::of(&kms, &session.call("AssumeRole", request("next", json!({}))).unwrap());
    assert_eq!(next.call("ListKeys", json!({})).unwrap_err().code, "AccessDeniedException");
    assert!(session.call("AssumeRole", request("strict", json!({}))).is_ok());
    // A role has no device, and nobody another's.
    let unable = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                  number is valid and associated with this user.";
    let more = json!({"SerialNumber": phone.serial_number, "TokenCode": "123456"});
    assert_eq!(session.call("AssumeRole", request("next", more)), Err(refused("AccessDenied", unable)));
}

/// Tags and a source identity are asked about by actions of their own.
#[test]
fn what_is_asked_besides() {
    let kms = TestKms::new();
    role(&kms, "r", &trusting("*", ASSUME, json!({})), "");
    let tags = json!({"Tags": [{"Key": "team", "Value": "red"}]});
    for (more, action) in [(tags, "TagSession"), (json!({"SourceIdentity": "ann"}), "SetSourceIdentity")] {
        let want = forbidden(&kms.admin().arn(), action, &arn("r"));
        assert_eq!(kms.call("AssumeRole", request("r", more)), Err(want));
    }
}

#[test]
fn how_long() {
    let kms = TestKms::new();
    role(&kms, "r", &trust("*"), &allow("sts:AssumeRole"));
    role(&kms, "next", &trust("*"), "");
    kms.ok("UpdateRole", json!({"RoleName": "next", "MaxSessionDuration": 43_200}));
    let first = assume(kms.admin(), "r", json!({}));
    let lasts =
        |opened: &Opened<'_>| (opened.session().expires_at.as_millis() - opened.session().issued_at.as_millis()) / 1000;
    assert_eq!(lasts(&first), 3600);
    for seconds in [900, 3600] {
        assert_eq!(lasts(&assume(kms.admin(), "r", json!({"DurationSeconds": seconds}))), seconds);
        let reply = first.call("AssumeRole", request("next", json!({"DurationSeconds": seconds}))).unwrap();
        assert_eq!(lasts(&Opened::of(&kms, &reply)), seconds);
    }
    assert_eq!(lasts(&assume(kms.admin(), "next", json!({"DurationSeconds": 43_200}))), 43_200);
    let too_long = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let answer = kms.call("AssumeRole", request("r", json!({"DurationSeconds": 3601})));
    assert_eq!(answer, Err(refused("ValidationError", too_long)));
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
    let answer = first.call("AssumeRole", request("next", json!({"DurationSeconds": 3601})));
    assert_eq!(answer, Err(refused("ValidationError", chained)));
    for seconds in [899, 43_201] {
        let answer = kms.call("AssumeRole", request("next", json!({"DurationSeconds": seconds})));
        assert_eq!(answer.unwrap_err().code, "ValidationError", "{seconds}");
    }
}

/// Session policies limit what the role has; together they are one layer.
#[test]
fn session_policies() {
    let kms = TestKms::new();
    let key = kms.key();
    role(&kms, "r", &trust("*"), &allow("kms:*"));
    let managed = kms.policy("limit", &allow("kms:DescribeKey"));
    let inline = policy(&allow("kms:Encrypt"));
    let may = |session: &Opened<'_>| {
        let requests = [
            ("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})),
            ("DescribeKey", json!({"KeyId": key})),
            ("ListKeys", json!({})),
        ];
        requests.map(|(operation, body)| session.call(operation, body).is_ok())
    };
    let arns = json!([{"arn": managed}]);
    let both = assume(kms.admin(), "r", json!({"Policy": inline, "PolicyArns": arns}));
    for (session, want) in [
        (&assume(kms.admin(), "r", json!({})), [true, true, true]),
        (&assume(kms.admin(), "r", json!({"Policy": inline})), [true, false, false]),
        (&assume(kms.admin(), "r", json!({"PolicyArns": arns})), [false, true, false]),
        (&both, [true, true, false]),
    ] {
        assert_eq!(may(session), want);
    }
    let refusal = both.call("ListKeys", json!({})).unwrap_err();
    assert!(refusal.message.ends_with("because no session policy allows the kms:ListKeys action"), "{refusal:?}");
    // A managed one counts as it is now; once it is gone, nothing is left that would allow anything.
    let version = json!({"PolicyArn": managed, "PolicyDocument": policy(&allow("kms:List*")), "SetAsDefault": true});
    kms.ok("CreatePolicyVersion", version);
    assert_eq!(may(&both), [true, false, true]);
    kms.ok("DeletePolicyVersion", json!({"PolicyArn": managed, "VersionId": "v1"}));
    kms.ok("DeletePolicy", json!({"PolicyArn": managed}));
    assert_eq!(may(&both), [false; 3]);
    let service = json!([{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]);
    assert_eq!(may(&assume(kms.admin(), "r", json!({"PolicyArns": service}))), [true; 3]);
}

#[test]
fn session_policies_that_are_refused() {
    let kms = TestKms::new();
    role(&kms, "r", &trust("*"), "");
    let ask = |more: Value| kms.call("AssumeRole", request("r", more)).unwrap_err();
    let away = kms.away().ok("CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": policy(&allow("kms:*"))}));
    let away = away["Policy"]["Arn"].as_str().unwrap();
    let none = format!("arn:aws:iam::{HOME}:policy/none");
    for missing in [away, &none] {
        let text = format!("Policy {missing} does not exist or is not attachable.");
        assert_eq!(ask(json!({"PolicyArns": [{"arn": missing}]})), refused("ValidationError", &text));
    }
    assert_eq!(ask(json!({"Policy": "{}"})).code, "MalformedPolicyDocument");
    let long = format!("{}{}", policy(&allow("kms:*")), " ".repeat(2048));
    let eleven = json!({"PolicyArns": vec![json!({"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}); 11]});
    for (more, path, limit) in [(json!({"Policy": long}), "policy", 2048), (eleven, "policyArns", 10)] {
        let text = format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must have length less \
             than or equal to {limit}"
        );
        assert_eq!(ask(more), refused("ValidationError", &text));
    }
}

/// The role's boundary limits its sessions as it limits users. Where a key policy names the session itself, neither
/// boundary nor session policy limits it. Source: IAM user guide, "Permissions boundaries for IAM entities".
#[test]
fn boundaries() {
    let kms = TestKms::new();
    let key = kms.key();
    let bounded = kms.policy("boundary", &allow("kms:Describe*"));
    role(&kms, "r", &trust("*"), &allow("kms:*"));
    kms.ok("PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": bounded}));
    let session = assume(kms.admin(), "r", json!({}));
    let ann = kms.admin().user("ann", &allow("kms:*"));
    kms.ok("PutUserPermissionsBoundary", json!({"UserName": "ann", "PermissionsBoundary": bounded}));
    let describe = json!({"KeyId": key});
    let encrypt = || json!({"KeyId": key, "Plaintext": "AAAA"});
    assert!(session.call("DescribeKey", describe.clone()).is_ok() && ann.call("DescribeKey", describe).is_ok());
    let ends = "because no permissions boundary allows the kms:Encrypt action";
    for refusal in [session.call("Encrypt", encrypt()), ann.call("Encrypt", encrypt())].map(Result::unwrap_err) {
        assert!(refusal.message.ends_with(ends), "{refusal:?}");
    }
    for (named, want) in [
        (arn("r"), false),
        (format!("arn:aws:sts::{HOME}:assumed-role/r/s1"), true),
        (format!("arn:aws:sts::{HOME}:assumed-role/r/s2"), false),
    ] {
        let admin =
            json!({"Effect": "Allow", "Principal": {"AWS": user_arn("admin")}, "Action": "kms:*", "Resource": "*"});
        let other = json!({"Effect": "Allow", "Principal": {"AWS": named}, "Action": "kms:Encrypt", "Resource": "*"});
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy(&format!("{admin},{other}"))}));
        assert_eq!(session.call("Encrypt", encrypt()).is_ok(), want, "{named}");
    }
}

/// Session tags beat the role's own, transitive ones go on and cannot be changed. Source: IAM user guide, "Pass session
/// tags in AWS STS".
#[test]
fn tags() {
    let kms = TestKms::new();
    let condition = json!({"StringEquals": {"aws:PrincipalTag/team": "red", "aws:PrincipalTag/stage": "dev"}});
    let by_tags = json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*", "Condition": condition});
    let statements = format!("{by_tags},{}", allow("sts:*"));
    for name in ["a", "b"] {
        role(&kms, name, &trusting("*", ALL, json!({})), &statements);
        let tags = json!([{"Key": "Team", "Value": "blue"}, {"Key": "stage", "Value": "dev"}]);
        kms.ok("TagRole", json!({"RoleName": name, "Tags": tags}));
    }
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let may = |session: &Opened<'_>| session.call("ListKeys", json!({})).is_ok();
    assert!(!may(&assume(kms.admin(), "a", json!({}))), "the role's own tag is another");
    let plain = assume(kms.admin(), "a", json!({"Tags": [tag("team", "red")]}));
    let transitive = assume(kms.admin(), "a", json!({"Tags": [tag("team", "red")], "TransitiveTagKeys": ["TEAM"]}));
    assert!(may(&plain) && may(&transitive));
    let chain = |session: &Opened<'_>, more: Value| session.call("AssumeRole", request("b", more));
    for (session, want) in [(&plain, false), (&transitive, true)] {
        let next = Opened::of(&kms, &chain(session, json!({})).unwrap());
        assert_eq!(may(&next), want);
        let again = Opened::of(&kms, &next.call("AssumeRole", request("a", json!({}))).unwrap());
        assert_eq!(may(&again), want);
    }
    let fixed = "The tag tEam is inherited as a transitive tag and cannot be given another value.";
    let answer = chain(&transitive, json!({"Tags": [tag("tEam", "blue")]}));
    assert_eq!(answer, Err(refused("ValidationError", fixed)));
    assert!(chain(&plain, json!({"Tags": [tag("team", "blue")]})).is_ok());
    // Inherited tags are asked about like given ones.
    role(&kms, "untagged", &trusting("*", ASSUME, json!({})), "");
    let want = forbidden(&format!("arn:aws:sts::{HOME}:assumed-role/a/s1"), "TagSession", &arn("untagged"));
    assert_eq!(transitive.call("AssumeRole", request("untagged", json!({}))), Err(want));
    assert!(plain.call("AssumeRole", request("untagged", json!({}))).is_ok());
    for (more, text) in [
        (
            json!({"Tags": [tag("a", ""), tag("A", "")]}),
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            json!({"Tags": [tag("a", "")], "TransitiveTagKeys": ["b"]}),
            "The specified transitive tag key must be included in the requested tags.",
        ),
        (json!({"Tags": [tag("AWS:a", "")]}), "User tag keys cannot begin with aws:, which is reserved."),
    ] {
        assert_eq!(kms.call("AssumeRole", request("a", more)), Err(refused("ValidationError", text)));
    }
}

/// What a session is given by whoever assumes the role never widens a pattern.
#[test]
fn nothing_is_injected_into_policies() {
    let kms = TestKms::new();
    let resource = format!("arn:aws:kms:us-east-1:{HOME}:alias/${{aws:PrincipalTag/team}}-x");
    let statements = format!(
        "{},{}",
        statement("Allow", "kms:DeleteAlias", &resource),
        statement("Allow", "kms:*", "arn:aws:kms:*:*:key/*")
    );
    role(&kms, "r", &trusting("*", ALL, json!({})), &statements);
    kms.ok("CreateAlias", json!({"AliasName": "alias/blue-x", "TargetKeyId": kms.key()}));
    for value in ["*", "${aws:PrincipalTag/team}", "?lue", "${*}", "blue\n", "red", "blue-x/../", "", "BLUE"] {
        let tags = json!({"Tags": [{"Key": "team", "Value": value}]});
        let Ok(reply) = kms.call("AssumeRole", request("r", tags)) else { continue };
        assert!(!value.contains(['*', '?', '$', '\n']), "{value:?}");
        let answer = Opened::of(&kms, &reply).call("DeleteAlias", json!({"AliasName": "alias/blue-x"}));
        assert_eq!(answer.expect_err(value).code, "AccessDeniedException", "{value:?}");
    }
    for name in ["*", "${aws:username}", "a b", "a/b", "a:b", "s", "é1"] {
        let answer = kms.call("AssumeRole", request("r", json!({"RoleSessionName": name})));
        assert_eq!(answer.expect_err(name).code, "ValidationError", "{name}");
    }
    let session = assume(kms.admin(), "r", json!({"Tags": [{"Key": "team", "Value": "blue"}]}));
    assert!(session.call("DeleteAlias", json!({"AliasName": "alias/blue-x"})).is_ok());
}

/// Once said, it is said for all that comes after.
#[test]
fn source_identity() {
    let kms = TestKms::new();
    let condition = json!({"StringEquals": {"aws:SourceIdentity": "ann"}});
    let listing = json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*", "Condition": condition});
    for name in ["a", "b"] {
        role(&kms, name, &trusting("*", ALL, json!({})), &format!("{listing},{}", allow("sts:*")));
    }
    let reply = kms.ok("AssumeRole", request("a", json!({"SourceIdentity": "ann"})));
    assert_eq!(reply["SourceIdentity"], "ann");
    let first = Opened::of(&kms, &reply);
    let chain = |more: Value| first.call("AssumeRole", request("b", more));
    for more in [json!({}), json!({"SourceIdentity": "ann"})] {
        let next = chain(more).unwrap();
        assert_eq!(next["SourceIdentity"], "ann");
        assert!(Opened::of(&kms, &next).call("ListKeys", json!({})).is_ok());
    }
    let text = "The source identity of a session cannot be changed.";
    assert_eq!(chain(json!({"SourceIdentity": "bob"})), Err(refused("AccessDenied", text)));
    role(&kms, "unsaid", &trusting("*", ASSUME, json!({})), "");
    let want = forbidden(&format!("arn:aws:sts::{HOME}:assumed-role/a/s1"), "SetSourceIdentity", &arn("unsaid"));
    assert_eq!(first.call("AssumeRole", request("unsaid", json!({}))), Err(want));
    assert!(assume(kms.admin(), "a", json!({})).call("ListKeys", json!({})).is_err());
}

/// A session stands on its role and on all through whom it came to be. A role of the same name is another.
#[test]
fn it_dies_with_whom_it_stands_on() {
    let invalid = || refused("UnrecognizedClientException", "The security token included in the request is invalid.");
    for end in ["role", "user", "revoke role", "revoke user", "first role"] {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        role(&kms, "first", &trust(&user_arn("ann")), &allow("sts:AssumeRole"));
        role(&kms, "last", &trust(&arn("first")), &allow("kms:*"));
        let first = assume(ann, "first", json!({}));
        let last = Opened::of(&kms, &first.call("AssumeRole", request("last", json!({}))).unwrap());
        let who = |session: &Opened<'_>| session.call("ListKeys", json!({}));
        assert!(who(&last).is_ok(), "{end}");
        let delete = |role: &str| {
            kms.ok("DeleteRolePolicy", json!({"RoleName": role, "PolicyName": "p"}));
            kms.ok("DeleteRole", json!({"RoleName": role}));
        };
        match end {
            "role" => delete("last"),
            "first role" => delete("first"),
            "user" => {
                let access_key = json!({"UserName": "ann", "AccessKeyId": ann.access_key_id.to_string()});
                kms.ok("DeleteAccessKey", access_key);
                kms.ok("DeleteUser", json!({"UserName": "ann"}));
            }
            "revoke role" => drop(kms.ok("RevokeSessions", json!({"PrincipalArn": arn("last")}))),
            _ => drop(kms.ok("RevokeSessions", json!({"PrincipalArn": user_arn("ann")}))),
        }
        assert_eq!(who(&last), Err(invalid()), "{end}");
        if end == "role" {
            role(&kms, "last", &trust(&arn("first")), &allow("kms:*"));
            assert_eq!(who(&last), Err(invalid()), "a role of the same name");
        }
    }
}

/// What names a role is bound to it: policies and grants show the unique id of one that is gone, and its successor is
/// nobody to them.
#[test]
fn a_role_of_the_same_name_is_not_the_same_role() {
    let kms = TestKms::new();
    let key = kms.key();
    role(&kms, "r", &trust(HOME), "");
    let id = kms.ok("GetRole", json!({"RoleName": "r"}))["Role"]["RoleId"].as_str().unwrap().to_owned();
    let session_arn = format!("arn:aws:sts::{HOME}:assumed-role/r/s1");
    let document = |named: Value| {
        let admin =
            json!({"Effect": "Allow", "Principal": {"AWS": user_arn("admin")}, "Action": "kms:*", "Resource": "*"});
        let other = json!({"Sid": arn("r"), "Effect": "Allow", "Principal": {"AWS": named}, "Action": "kms:DescribeKey", "Resource": "*"});
        policy(&format!("{admin},{other}"))
    };
    let put = document(json!([arn("r"), session_arn]));
    kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": put}));
    role(&kms, "other", &trust(&arn("r")), "");
    for grantee in [arn("r"), session_arn.clone()] {
        kms.ok("CreateGrant", json!({"KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt"]}));
    }
    let shown = || {
        let policy = kms.ok("GetKeyPolicy", json!({"KeyId": key}))["Policy"].as_str().unwrap().to_owned();
        let trust = kms.ok("GetRole", json!({"RoleName": "other"}))["Role"]["AssumeRolePolicyDocument"].clone();
        let grants = kms.ok("ListGrants", json!({"KeyId": key}))["Grants"].clone();
        let mut grantees: Vec<_> = grants
            .as_array()
            .unwrap()
            .iter()
            .map(|grant| grant["GranteePrincipal"].as_str().unwrap().to_owned())
            .collect();
        grantees.sort();
        (policy, trust.to_string(), grantees)
    };
    let may = |role: &str| {
        let session = assume(kms.admin(), role, json!({}));
        let encrypt = session.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok();
        let other = session.call("AssumeRole", request("other", json!({}))).is_ok();
        [session.call("DescribeKey", json!({"KeyId": key})).is_ok(), encrypt, other]
    };
    assert_eq!(shown().0, put);
    assert_eq!(may("r"), [true; 3]);
    kms.ok("DeleteRole", json!({"RoleName": "r"}));
    let (policy, trust, grantees) = shown();
    assert_eq!(policy, document(json!([id, format!("{id}:s1")])));
    assert!(trust.contains(&id) && !trust.contains("role%2Fr"), "{trust}");
    assert_eq!(grantees, [id.clone(), format!("{id}:s1")]);
    for grantee in grantees {
        let listed = kms.ok("ListGrants", json!({"KeyId": key, "GranteePrincipal": grantee}))["Grants"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{grantee}");
    }
    role(&kms, "r", &self::trust(HOME), "");
    assert_eq!(may("r"), [false; 3]);
    assert_eq!(shown().0, policy);
    // A user who is gone is shown so, too.
    let ann = kms.ok("CreateUser", json!({"UserName": "ann"}))["User"]["UserId"].clone();
    kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": document(json!(user_arn("ann")))}));
    kms.ok("UpdateUser", json!({"UserName": "ann", "NewUserName": "anna"}));
    assert_eq!(shown().0, document(json!(user_arn("anna"))));
    kms.ok("DeleteUser", json!({"UserName": "anna"}));
    assert_eq!(shown().0, document(ann));
}

/// A grant to a role serves all its sessions, one to a session only that.
#[test]
fn grants() {
    let kms = TestKms::new();
    let key = kms.key();
    role(&kms, "r", &trust("*"), "");
    let encrypt = |name: &str| {
        let session = assume(kms.admin(), "r", json!({"RoleSessionName": name}));
        session.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok()
    };
    let session_arn = format!("arn:aws:sts::{HOME}:assumed-role/r/s1");
    for (grantee, want) in [(session_arn.clone(), [true, false]), (arn("r"), [true, true])] {
        let body = json!({"KeyId": key, "GranteePrincipal": grantee, "RetiringPrincipal": session_arn, "Operations": ["Encrypt"]});
        let id = kms.ok("CreateGrant", body)["GrantId"].clone();
        assert_eq!([encrypt("s1"), encrypt("s2")], want, "{grantee}");
        let retirable = |arn: &str| {
            let listed = kms.ok("ListRetirableGrants", json!({"RetiringPrincipal": arn}));
            listed["Grants"].as_array().unwrap().len()
        };
        assert_eq!([retirable(&session_arn), retirable(&arn("r"))], [1, 0]);
        let retire = json!({"KeyId": kms.admin().key_arn(&key), "GrantId": id});
        let other = assume(kms.admin(), "r", json!({"RoleSessionName": "s2"}));
        assert_eq!(other.call("RetireGrant", retire.clone()).unwrap_err().code, "AccessDeniedException");
        let session = assume(kms.admin(), "r", json!({}));
        assert!(session.call("RetireGrant", retire).is_ok());
        assert!(!encrypt("s1"));
    }
}

/// Who goes round in circles makes no token longer, and the chain is bounded.
#[test]
fn chains_are_bounded() {
    let kms = TestKms::new();
    let name = |number: usize| format!("r{number}");
    (0..17).for_each(|number| role(&kms, &name(number), &trust("*"), ""));
    let mut session = assume(kms.admin(), "r0", json!({}));
    for role in ["r1", "r0", "r1", "r0", "r1"] {
        session = Opened::of(&kms, &session.call("AssumeRole", request(role, json!({}))).unwrap());
    }
    assert_eq!(session.session().assumed_through.len(), 3);
    for number in 2..16 {
        session = Opened::of(&kms, &session.call("AssumeRole", request(&name(number), json!({}))).unwrap());
    }
    let answer = session.call("AssumeRole", request("r16", json!({})));
    let text = "A session cannot come to be through more than 16 principals.";
    assert_eq!(answer, Err(refused("AccessDenied", text)));
}

/// A token must never be longer than what is taken back.
#[test]
fn as_much_as_a_session_may_hold() {
    let kms = TestKms::new();
    role(&kms, "r", &trusting("*", ALL, json!({})), "");
    let tags = |count: usize, bytes: usize| -> Value {
        (0..count).map(|number| json!({"Key": format!("k{number:02}"), "Value": "v".repeat(bytes)})).collect()
    };
    let full = kms.ok("AssumeRole", request("r", json!({"Tags": tags(50, 160)})));
    assert_eq!(full["PackedPolicySize"], 100);
    assert!(Opened::of(&kms, &full).call("GetCallerIdentity", json!({})).is_ok());
    let answer = kms.call("AssumeRole", request("r", json!({"Tags": tags(50, 161)})));
    let text = "Session policies and session tags together take 101% of the allowed packed size.";
    assert_eq!(answer, Err(refused("PackedPolicyTooLarge", text)));
    let none = kms.ok("AssumeRole", request("r", json!({})));
    assert_eq!(none.get("PackedPolicySize"), None);
}
