//! Policy documents: what is accepted means the same however it is written, decides without a fault, and an explicit
//! deny ends every decision.

use claviger_fuzz::{Campaign, Choices, Driver, Edited, ValueGenerator};
use claviger_policy::{
    Action, Caller, Decision, Denial, IdentityPolicy, KeyPolicy, KeyPolicyDocument, KeyResource, PolicyError, Resource,
    decide_by_identity, decide_on_key,
};
use claviger_types::{AliasArn, KeyArn, ServiceName, UserId, limits};
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
    "{\"Service\":\"s3.amazonaws.com\"}",
    "{\"AWS\":\"AIDA\"}",
    "{}",
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
        add(choices, "Condition", &["{}", "{}"], false);
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
        let admin = IdentityPolicy::parse(ADMIN).unwrap();
        let decided = key_decisions(&policy, &admin);
        for other in other_forms(text).iter().filter(|other| other.len() <= limits::KEY_POLICY_BYTES_MAX) {
            let same = key_policy(other).unwrap_or_else(|error| panic!("{other} is refused: {error}"));
            assert_eq!(key_decisions(&same, &admin), decided, "{other}");
        }
        // Denying beats all that the policy says; and no policy takes from one that is not its own.
        let denying = with_first_statement(text, r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#);
        if denying.len() <= limits::KEY_POLICY_BYTES_MAX {
            let denied = Decision::Deny(Denial::ExplicitResource { statement: 0 });
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
        let decided = identity_decisions(&[&policy]);
        for other in other_forms(text).iter().filter(|other| other.len() <= limits::POLICY_DOCUMENT_BYTES_MAX) {
            let same = IdentityPolicy::parse(other).unwrap_or_else(|error| panic!("{other} is refused: {error}"));
            assert_eq!(identity_decisions(&[&same]), decided, "{other}");
        }
        let admin = IdentityPolicy::parse(ADMIN).unwrap();
        let deny = IdentityPolicy::parse(&ADMIN.replace("Allow", "Deny")).unwrap();
        for (alone, beside) in decided.iter().zip(identity_decisions(&[&policy, &admin])) {
            let denies = matches!(alone, Decision::Deny(Denial::ExplicitIdentity(_)));
            assert_eq!(matches!(beside, Decision::Allow(_)), !denies, "{alone:?} beside an admin's: {beside:?}");
        }
        let denied = identity_decisions(&[&policy, &deny]);
        assert!(denied.iter().all(|decision| matches!(decision, Decision::Deny(Denial::ExplicitIdentity(_)))));
        true
    });
}

const ADMIN: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn key_policy(text: &str) -> Result<KeyPolicy, PolicyError> {
    let document = KeyPolicyDocument::parse(text)?;
    let users: Vec<_> = document.users().cloned().collect();
    let ids: Vec<_> = users.into_iter().zip(0_u8..).map(|(arn, number)| (arn, user(number))).collect();
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

fn callers() -> impl Iterator<Item = Caller> {
    let accounts = [HOME, AWAY].map(|account| account.parse().unwrap());
    accounts.into_iter().flat_map(|account| [0, 1, 200].map(|number| Caller { account, user: user(number) }))
}

const ASKED: [(ServiceName, &str); 5] = [
    (ServiceName::Kms, "Encrypt"),
    (ServiceName::Kms, "ReEncryptFrom"),
    (ServiceName::Kms, "DescribeKey"),
    (ServiceName::Iam, "CreateUser"),
    (ServiceName::Claviger, "CreateAccount"),
];

fn key_decisions(policy: &KeyPolicy, identity: &IdentityPolicy) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for caller in callers() {
        for (service, name) in ASKED {
            for id in [KEY_ID, MULTI_REGION_KEY_ID] {
                let arn =
                    KeyArn { region: REGION.parse().unwrap(), account: HOME.parse().unwrap(), id: id.parse().unwrap() };
                let key = KeyResource { arn, policy };
                decisions.push(decide_on_key(caller, Action { service, name }, key, [identity]));
            }
        }
    }
    decisions
}

fn identity_decisions(policies: &[&IdentityPolicy]) -> Vec<Decision> {
    let region = REGION.parse().unwrap();
    let alias = AliasArn { region, account: HOME.parse().unwrap(), name: "alias/app".parse().unwrap() };
    let mut decisions = Vec::new();
    for caller in callers() {
        for (service, name) in ASKED {
            for resource in [Resource::Any(None), Resource::Any(Some(region)), Resource::Arn(&alias)] {
                let policies = policies.iter().copied();
                decisions.push(decide_by_identity(caller, Action { service, name }, resource, policies));
            }
        }
    }
    decisions
}
