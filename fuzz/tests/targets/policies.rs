//! Policy documents: what is accepted means the same however it is written, decides without a fault, and an explicit
//! deny ends every decision.

use claviger_fuzz::{Campaign, Choices, Driver, Edited, ValueGenerator};
use std::sync::Arc;

use claviger_policy::{
    Action, ConditionKey, Context, Decision, Denial, Identity, IdentityPolicies, IdentityPolicy, KeyPolicy,
    KeyPolicyDocument, KeyResource, Layer, PolicyError, Principal, Request, Resource, StatementId, Values,
    decide_by_identity, decide_on_key,
};
use claviger_types::{AccountId, AliasArn, KeyArn, PrincipalArn, PrincipalId, RoleId, ServiceName, UserId, limits};
use serde_json::Value;

use crate::world::{AWAY, HOME, KEY_ID, MULTI_REGION_KEY_ID, REGION};

const EFFECTS: &[&str] = &["\"Allow\"", "\"Deny\"", "\"Allow\"", "\"Allow\"", "\"allow\"", "[\"Allow\"]", "null"];
const ACTIONS: &[&str] = &[
    "\"*\"",
    "\"kms:*\"",
    "\"kms:Encrypt\"",
    "\"KMS:encrypt\"",
    "\"kms:En?rypt\"",
    "[\"kms:*crypt\",\"kms:Describe*\"]",
    "\"iam:*\"",
    "\"claviger:Create*\"",
    "\"s3:GetObject\"",
    "\"kms:***E*?*t\"",
    "\"kms\"",
    "\"kms:\"",
    "[]",
    "\"*:*\"",
];
const RESOURCES: &[&str] = &[
    "\"*\"",
    "\"arn:aws:kms:*:*:*\"",
    "\"arn:aws:kms:us-east-1:111122223333:key/*\"",
    "[\"arn:aws:kms:*:*:alias/*\",\"*\"]",
    "\"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"",
    "\"arn:aws:iam::111122223333:user/?*\"",
    "\"arn:aws:kms:us-east-1:111122223333:key/mrk-*\"",
    "\"arn:aws:kms:*:111122223333:key/${aws:username}*\"",
    "\"arn:*:kms:*:*:*\"",
    "\"${aws:username}\"",
    "\"key/*\"",
    "[[]]",
];
const PRINCIPALS: &[&str] = &[
    "\"*\"",
    "{\"AWS\":\"*\"}",
    "{\"AWS\":\"111122223333\"}",
    "{\"AWS\":\"arn:aws:iam::444455556666:root\"}",
    "{\"AWS\":[\"arn:aws:iam::111122223333:user/ann\",\"arn:aws:iam::444455556666:user/a/b/bob\"]}",
    "{\"AWS\":\"arn:aws:iam::111122223333:role/r\"}",
    "{\"AWS\":\"arn:aws:sts::111122223333:assumed-role/r/s1\"}",
    "{\"Service\":\"s3.amazonaws.com\"}",
    "{\"AWS\":\"AIDA\"}",
    "{}",
];
const CONDITIONS: &[&str] = &[
    "{\"Bool\":{\"aws:SecureTransport\":\"true\"}}",
    "{\"StringEquals\":{\"aws:username\":[\"ann\",\"${aws:userid, 'x'}\"]}}",
    "{\"StringNotLike\":{\"aws:PrincipalTag/team\":\"${kms:ViaService}*\"}}",
    "{\"ForAllValues:StringLikeIfExists\":{\"aws:TagKeys\":[\"a*\",\"?\"]}}",
    "{\"ForAnyValue:StringEqualsIgnoreCase\":{\"kms:ResourceAliases\":\"alias/app\"}}",
    "{\"Null\":{\"kms:EncryptionContext:a\":\"true\"},\"NumericLessThan\":{\"kms:RotationPeriodInDays\":7}}",
    "{\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-01-31T12:00:00Z\"}}",
    "{\"NotIpAddress\":{\"aws:SourceIp\":[\"203.0.113.0/24\",\"2001:db8::/32\"]}}",
    "{\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:user/*\"}}",
];
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "*",
    "?",
    "${",
    "\\u0000",
    "\\ud800",
    "\"Condition\":{}",
    "\"NotAction\":\"*\"",
    "\"Statement\":",
    "\"Effect\":\"Deny\",",
    "\"Sid\":\"a\",",
    "\"Version\":\"2008-10-17\",",
    "arn:aws:kms:",
    "é",
    "\n",
    "null",
    "1e9999",
    "[[[[[[[[[[[[[[[[[",
    "AWS",
    "\t",
    "\u{85}",
    "\u{202e}",
];
const SAMPLE: &str = r#"{"Version":"2012-10-17","Id":"i","Statement":{"Sid":"a","Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;

/// A policy by the grammar, with parts that are now and then wrong; edited in one of four cases.
struct Documents {
    edits: Edited,
    principals: bool,
}

impl ValueGenerator for Documents {
    type Output = String;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<String> {
        let mut choices = Choices::new(driver);
        let statements: Vec<String> = (0..=choices.below(4)).map(|_| self.statement(&mut choices)).collect();
        let version = if choices.one_in(8) { "" } else { r#""Version":"2012-10-17","# };
        let mut text = format!(r#"{{{version}"Statement":[{}]}}"#, statements.join(",")).into_bytes();
        if choices.one_in(4) {
            for _ in 0..=choices.below(3) {
                self.edits.edit(&mut choices, &mut text);
            }
        }
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Documents {
    fn statement<D: Driver>(&self, choices: &mut Choices<'_, D>) -> String {
        let mut elements = Vec::new();
        let mut add = |choices: &mut Choices<'_, D>, name: &str, values: &[&str], wanted: bool| {
            // The first values are good ones, so that most statements are.
            let count = if choices.one_in(16) { values.len() } else { values.len() / 2 };
            let value = values[choices.below(count)];
            if wanted != choices.one_in(32) {
                elements.push(format!("\"{name}\":{value}"));
            }
        };
        add(choices, "Effect", EFFECTS, true);
        add(choices, "Principal", PRINCIPALS, self.principals);
        add(choices, "Action", ACTIONS, true);
        add(choices, "Resource", RESOURCES, true);
        let condition = CONDITIONS[choices.below(CONDITIONS.len())];
        let conditional = !choices.one_in(3);
        add(choices, "Condition", &[condition, "{}"], conditional);
        format!("{{{}}}", elements.join(","))
    }
}

fn documents(principals: bool) -> Documents {
    Documents { edits: Edited::new([SAMPLE], WORDS), principals }
}

/// Key policies.
pub fn key_policies(campaign: Campaign) {
    let everyone =
        key_policy(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#).unwrap();
    campaign.run(documents(true), |text| {
        let policy = match key_policy(text) {
            Ok(policy) => policy,
            Err(error) => return refused(&error, text, limits::KEY_POLICY_BYTES_MAX),
        };
        let admin = Arc::new(IdentityPolicy::parse(ADMIN).unwrap());
        let decided = key_decisions(&policy, &admin);
        for other in other_forms(text).iter().filter(|other| other.len() <= limits::KEY_POLICY_BYTES_MAX) {
            let same = key_policy(other).unwrap_or_else(|error| panic!("{other} is refused: {error}"));
            assert_eq!(key_decisions(&same, &admin), decided, "{other}");
        }
        // Denying beats all that the policy says; and no policy takes from one that is not its own.
        let denying = with_first_statement(text, r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#);
        if denying.len() <= limits::KEY_POLICY_BYTES_MAX {
            let denied = denied_by(Layer::Resource);
            assert!(key_decisions(&key_policy(&denying).unwrap(), &admin).iter().all(|decision| *decision == denied));
        }
        assert!(key_decisions(&everyone, &admin).iter().all(|decision| matches!(decision, Decision::Allow(_))));
        true
    });
}

/// Policies of users.
pub fn identity_policies(campaign: Campaign) {
    campaign.run(documents(false), |text| {
        let policy = match IdentityPolicy::parse(text) {
            Ok(policy) => policy,
            Err(error) => return refused(&error, text, limits::POLICY_DOCUMENT_BYTES_MAX),
        };
        let policy = Arc::new(policy);
        let decided = identity_decisions(&[&policy]);
        for other in other_forms(text).iter().filter(|other| other.len() <= limits::POLICY_DOCUMENT_BYTES_MAX) {
            let same = IdentityPolicy::parse(other).unwrap_or_else(|error| panic!("{other} is refused: {error}"));
            assert_eq!(identity_decisions(&[&Arc::new(same)]), decided, "{other}");
        }
        let admin = Arc::new(IdentityPolicy::parse(ADMIN).unwrap());
        let deny = Arc::new(IdentityPolicy::parse(&ADMIN.replace("Allow", "Deny")).unwrap());
        let explicitly = |decision: &Decision| matches!(decision, Decision::Deny(Denial { statement: Some(_), .. }));
        for (alone, beside) in decided.iter().zip(identity_decisions(&[&policy, &admin])) {
            let denies = explicitly(alone);
            assert_eq!(matches!(beside, Decision::Allow(_)), !denies, "{alone:?} beside an admin's: {beside:?}");
        }
        assert!(identity_decisions(&[&policy, &deny]).iter().all(explicitly));
        true
    });
}

const ADMIN: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn key_policy(text: &str) -> Result<KeyPolicy, PolicyError> {
    let document = KeyPolicyDocument::parse(text)?;
    let id = |arn: &PrincipalArn, number: u8| match arn {
        PrincipalArn::Root(_) | PrincipalArn::User { .. } => PrincipalId::User(user(number)),
        PrincipalArn::Role { .. } | PrincipalArn::Session { .. } => {
            PrincipalId::Role(RoleId::from_random([number; 16]))
        }
    };
    let ids: Vec<_> =
        document.principals().zip((0_u8..).cycle()).map(|(arn, number)| (arn.clone(), id(arn, number))).collect();
    document.compile(&ids)
}

fn user(number: u8) -> UserId {
    UserId::from_random([number; 16])
}

/// Its text is for the caller, on one line, and short whatever was sent.
fn refused(error: &PolicyError, text: &str, bytes_max: usize) -> bool {
    assert_eq!(matches!(error, PolicyError::TooLong { .. }), text.len() > bytes_max);
    let message = error.to_string();
    assert!(!message.is_empty() && message.len() < 1024, "{} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
    false
}

/// The same policy, written otherwise: an accepted one has no name twice, so that a tree holds all of it.
fn other_forms(text: &str) -> [String; 2] {
    let tree: Value = serde_json::from_str(text).unwrap();
    [tree.to_string(), format!("\r\n{tree:#}\t")]
}

fn with_first_statement(text: &str, statement: &str) -> String {
    let mut tree: Value = serde_json::from_str(text).unwrap();
    let statements = match tree["Statement"].take() {
        Value::Array(statements) => statements,
        one => vec![one],
    };
    let first = serde_json::from_str(statement).unwrap();
    tree["Statement"] = std::iter::once(first).chain(statements).collect();
    tree.to_string()
}

fn denied_by(layer: Layer) -> Decision {
    Decision::Deny(Denial { layer, statement: Some(StatementId { policy: 0, statement: 0 }) })
}

fn callers() -> impl Iterator<Item = (AccountId, UserId)> {
    let accounts = [HOME, AWAY].map(|account| account.parse().unwrap());
    accounts.into_iter().flat_map(|account| [0, 1, 200].map(|number| (account, user(number))))
}

fn principal((account, user): (AccountId, UserId), policies: &IdentityPolicies) -> Principal<'_> {
    let identity = Identity::User(user);
    Principal { account, identity, policies, boundary: None, session_policies: None, service_control: &[] }
}

/// Some of what a request may hold.
struct Circumstances;

impl Context for Circumstances {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::AwsCurrentTime => Values::text("2026-02-01T00:00:00Z"),
            ConditionKey::AwsPrincipalArn => Values::text("arn:aws:iam::111122223333:user/ann"),
            ConditionKey::AwsSecureTransport => Values::boolean(true),
            ConditionKey::AwsSourceIp => Values::text("203.0.113.7"),
            ConditionKey::AwsTagKeys => Values::Many(vec!["ab".into(), "c".into()]),
            ConditionKey::AwsUserName => Values::text("ann"),
            ConditionKey::KmsResourceAliases => Values::Many(vec!["alias/App".into()]),
            _ => Values::Absent,
        }
    }
}

const ASKED: [(ServiceName, &str); 5] = [
    (ServiceName::Kms, "Encrypt"),
    (ServiceName::Kms, "ReEncryptFrom"),
    (ServiceName::Kms, "DescribeKey"),
    (ServiceName::Iam, "CreateUser"),
    (ServiceName::Claviger, "CreateAccount"),
];

fn asked() -> impl Iterator<Item = Action> {
    ASKED.into_iter().map(|(service, name)| Action::of(service, name).unwrap())
}

fn key_decisions(policy: &KeyPolicy, identity: &Arc<IdentityPolicy>) -> Vec<Decision> {
    let policies = IdentityPolicies::merge(vec![Arc::clone(identity)]);
    let mut decisions = Vec::new();
    for caller in callers() {
        let principal = principal(caller, &policies);
        for action in asked() {
            let request = Request { principal: &principal, action, context: &Circumstances };
            for id in [KEY_ID, MULTI_REGION_KEY_ID] {
                let arn =
                    KeyArn { region: REGION.parse().unwrap(), account: HOME.parse().unwrap(), id: id.parse().unwrap() };
                let key = KeyResource { arn, policy, resource_control: &[] };
                decisions.push(decide_on_key(&request, &key, []));
            }
        }
    }
    decisions
}

fn identity_decisions(policies: &[&Arc<IdentityPolicy>]) -> Vec<Decision> {
    let policies = IdentityPolicies::merge(policies.iter().map(|policy| Arc::clone(policy)).collect());
    let region = REGION.parse().unwrap();
    let alias = AliasArn { region, account: HOME.parse().unwrap(), name: "alias/app".parse().unwrap() };
    let mut decisions = Vec::new();
    for caller in callers() {
        let principal = principal(caller, &policies);
        for action in asked() {
            let request = Request { principal: &principal, action, context: &Circumstances };
            for resource in [Resource::Any(None), Resource::Any(Some(region)), Resource::Arn(&alias)] {
                decisions.push(decide_by_identity(&request, resource));
            }
        }
    }
    decisions
}
