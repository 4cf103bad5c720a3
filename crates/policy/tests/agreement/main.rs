//! Random policies and every request that they could be about: the compiled evaluator must give the same answer,
//! for the same reason and by the same statement, as a slow and readable one. Damaged policies must never panic.

#![cfg(test)]

mod slow_evaluator;

use claviger_policy::{
    Action, Caller, Decision, IdentityPolicy, KeyPolicyDocument, KeyResource, PolicyError, Resource,
    decide_by_identity, decide_on_key,
};
use claviger_types::{KeyArn, ServiceName, UserId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use serde_json::{Value, json};

use slow_evaluator::{Bound, Request};

const HOME: &str = "111122223333";
const AWAY: &str = "444455556666";
const KEY_1: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const KEY_2: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

/// Callers: account, unique id, and the ARN that key policies may name. The last one took over a deleted user's name.
const CALLERS: [(&str, &str, Option<&str>); 4] = [
    (HOME, "AIDAANNANNANNANNANNA", Some("arn:aws:iam::111122223333:user/ann")),
    (HOME, "AIDABOBBOBBOBBOBBOBB", Some("arn:aws:iam::111122223333:user/ops/bob")),
    (AWAY, "AIDACARCARCARCARCARC", Some("arn:aws:iam::444455556666:user/ann")),
    (HOME, "AIDANEWANNANNANNANNA", None),
];

const ACTIONS: [(ServiceName, &str); 6] = [
    (ServiceName::Kms, "Decrypt"),
    (ServiceName::Kms, "Encrypt"),
    (ServiceName::Kms, "GenerateDataKey"),
    (ServiceName::Kms, "ReEncryptTo"),
    (ServiceName::Iam, "CreateUser"),
    (ServiceName::Claviger, "CreateAccount"),
];

/// Keys: Region, account, id.
const KEYS: [(&str, &str, &str); 3] =
    [("us-east-1", HOME, KEY_1), ("eu-west-1", HOME, KEY_2), ("us-east-1", AWAY, KEY_1)];

/// Resources that have no policy of their own.
const ARNS: [&str; 3] = [
    "arn:aws:kms:us-east-1:111122223333:alias/app/orders",
    "arn:aws:iam::111122223333:user/ops/bob",
    "arn:aws:iam::111122223333:user/od:d:/key/ann",
];

proptest! {
    // Each case is 4 callers on 6 actions: with three keys, and with five resources by identity alone, 192 decisions.
    #![proptest_config(Config::with_cases(2_000))]

    #[test]
    fn both_evaluators_agree(key in document(key_statement()), identities in vec(document(identity_statement()), 0..=2)) {
        let identities: Vec<String> = identities.iter().map(Value::to_string).collect();
        compare(&key.to_string(), &identities)?;
    }
}

proptest! {
    #![proptest_config(Config::with_cases(4_000))]

    #[test]
    fn a_damaged_policy_is_refused_or_understood(
        key in document(key_statement()),
        identity in document(identity_statement()),
        damage in vec((any::<Index>(), 0..4_usize, select(WORDS.as_slice())), 1..=3),
    ) {
        let damaged = |text: String| damage.iter().fold(text, |text, (at, removed, word)| replace(&text, at, *removed, word));
        let (key, identity) = (damaged(key.to_string()), damaged(identity.to_string()));
        if KeyPolicyDocument::parse(&key).is_ok() && IdentityPolicy::parse(&identity).is_ok() {
            compare(&key, &[identity])?;
        }
    }

    #[test]
    fn nonsense_never_panics(bytes in vec(any::<u8>(), 0..300), words in vec(select(WORDS.as_slice()), 0..40)) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), words.concat()] {
            let key = KeyPolicyDocument::parse(&text).and_then(|document| document.compile(&[]));
            for error in key.err().into_iter().chain(IdentityPolicy::parse(&text).err()) {
                let message = error.to_string();
                prop_assert!(message.len() < 400 && !message.contains(char::is_control), "{text}\ngives {message}");
            }
        }
    }
}

/// Pieces of policies, good and bad.
const WORDS: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "*",
    "?",
    "**",
    "${",
    "0",
    "null",
    "true",
    "é",
    "\\u0000",
    "\\ud800",
    "\"Version\":",
    "\"2012-10-17\"",
    "\"Id\":",
    "\"Statement\":",
    "\"Sid\":",
    "\"Effect\":",
    "\"Allow\"",
    "\"Deny\"",
    "\"Principal\":",
    "\"AWS\":",
    "\"Service\":",
    "\"Action\":",
    "\"Resource\":",
    "\"NotAction\":",
    "\"Condition\":",
    "\"*\"",
    "\"kms:*\"",
    "\"kms:encrypt\"",
    "\"111122223333\"",
    "\"arn:aws:iam::111122223333:root\"",
    "\"arn:aws:iam::111122223333:user/ann\"",
    "\"arn:aws:kms:us-east-1:111122223333:*\"",
    "arn:",
    "kms:",
    "{\"Statement\":[",
];

/// Decides every request by both evaluators. The policies were accepted.
fn compare(key: &str, identities: &[String]) -> Result<(), TestCaseError> {
    let slow_key: Value = serde_json::from_str(key).unwrap();
    let slow_identities: Vec<Value> = identities.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let users: Vec<Bound> =
        CALLERS.iter().filter_map(|(_, id, arn)| arn.map(|arn| (arn.to_owned(), (*id).to_owned()))).collect();
    let ids: Vec<_> = users.iter().map(|(arn, id)| (arn.parse().unwrap(), id.parse::<UserId>().unwrap())).collect();

    let policy = match KeyPolicyDocument::parse(key).unwrap().compile(&ids) {
        Err(PolicyError::UnknownPrincipal { arn }) if !ids.iter().any(|(known, _)| *known == arn) => return Ok(()),
        other => other.unwrap(),
    };
    let parsed: Vec<_> = identities.iter().map(|text| IdentityPolicy::parse(text).unwrap()).collect();

    let callers = CALLERS.iter().flat_map(|caller| ACTIONS.iter().map(move |action| (caller, action)));
    for ((account, user, _), (service, name)) in callers {
        let caller = Caller { account: account.parse().unwrap(), user: user.parse().unwrap() };
        let action = Action { service: *service, name };
        let action_text = format!("{service}:{name}");
        let check = |on: &str, fast: Decision, slow: &dyn Fn(&Request<'_>) -> Decision| {
            let request = Request { account, user, action: &action_text, resource: on };
            prop_assert_eq!(fast, slow(&request), "{:?} on {}\nkey {}\nidentities {:#?}", caller, on, key, identities);
            Ok(())
        };
        for (region, owner, id) in KEYS {
            let arn =
                KeyArn { region: region.parse().unwrap(), account: owner.parse().unwrap(), id: id.parse().unwrap() };
            let fast = decide_on_key(caller, action, KeyResource { arn, policy: &policy }, &parsed);
            let slow =
                |request: &Request<'_>| slow_evaluator::on_key(request, owner, &slow_key, &users, &slow_identities);
            check(&format!("arn:aws:kms:{region}:{owner}:key/{id}"), fast, &slow)?;
        }
        let slow = |request: &Request<'_>| slow_evaluator::by_identity(request, &slow_identities);
        for arn in ARNS {
            check(arn, decide_by_identity(caller, action, Resource::Arn(&arn), &parsed), &slow)?;
        }
        for region in ["us-east-1", ""] {
            let fast = decide_by_identity(caller, action, Resource::Any(region.parse().ok()), &parsed);
            check(&format!("arn:aws:{service}:{region}:{account}:*"), fast, &slow)?;
        }
    }
    Ok(())
}

/// A policy of one to four statements; one may stand without a list.
fn document(statement: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let version = select(vec![None, Some("2012-10-17"), Some("2008-10-17")]);
    (version, vec(statement, 1..=4), any::<bool>()).prop_map(|(version, mut statements, bare)| {
        let statements = match statements.len() {
            1 if bare => statements.remove(0),
            _ => Value::Array(statements),
        };
        match version {
            Some(version) => json!({"Version": version, "Statement": statements}),
            None => json!({"Statement": statements}),
        }
    })
}

fn key_statement() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        1 => Just(json!("*")),
        5 => one_or_more(select(vec![
            "*", HOME, AWAY, "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root",
            "arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/ops/bob",
            "arn:aws:iam::444455556666:user/ann",
        ]).prop_map(str::to_owned)).prop_map(|named| json!({"AWS": named})),
    ];
    (effect(), principal, option::weighted(0.95, actions()), option::weighted(0.95, resources())).prop_map(
        |(effect, principal, action, resource)| {
            let mut statement = json!({"Effect": effect, "Principal": principal});
            let elements = [("Action", action), ("Resource", resource)];
            for (name, value) in elements.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                statement[name] = value;
            }
            statement
        },
    )
}

fn identity_statement() -> impl Strategy<Value = Value> {
    (effect(), actions(), resources())
        .prop_map(|(effect, action, resource)| json!({"Effect": effect, "Action": action, "Resource": resource}))
}

fn effect() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("Allow"), 1 => Just("Deny")]
}

fn actions() -> impl Strategy<Value = Value> {
    let fixed =
        select(vec!["*", "kms:*", "KMS:encrypt", "kms:Generate*", "kms:*crypt*", "iam:*", "s3:*", "sts:Encrypt"]);
    let name = (select(ACTIONS.as_slice()), vec(edit(), 0..=2)).prop_map(|((service, name), edits)| {
        format!(
            "{service}:{}",
            edits.iter().fold(name.to_owned(), |text, (at, removed, word)| replace(&text, at, *removed, word))
        )
    });
    one_or_more(prop_oneof![2 => fixed.prop_map(str::to_owned), 3 => name])
}

fn resources() -> impl Strategy<Value = Value> {
    let key = select(KEYS.as_slice()).prop_map(|(region, owner, id)| format!("arn:aws:kms:{region}:{owner}:key/{id}"));
    let arn = prop_oneof![3 => key, 2 => select(ARNS.as_slice()).prop_map(str::to_owned)];
    // Edits come after `arn:aws:kms:`, where wildcards may stand, and leave the colons where they are: part by part.
    let edited = (arn, vec(edit(), 3)).prop_map(|(arn, edits)| {
        let mut parts: Vec<String> = arn.splitn(6, ':').map(str::to_owned).collect();
        for (part, (at, removed, word)) in parts[3..].iter_mut().zip(&edits) {
            if *removed > 0 {
                *part = replace(part, at, *removed - 1, word);
            }
        }
        parts.join(":")
    });
    let fixed = select(vec!["*", "arn:aws:kms:*:*:key/*", "arn:aws:kms:us-east-1:111122223333:*", "arn:aws:iam::*:*"]);
    one_or_more(prop_oneof![2 => fixed.prop_map(str::to_owned), 3 => edited])
}

/// Where to put a wildcard, and how many characters it takes away.
fn edit() -> impl Strategy<Value = (Index, usize, &'static str)> {
    (any::<Index>(), 0..12_usize, select(vec!["*", "*", "?", "??"]))
}

fn replace(text: &str, at: &Index, removed: usize, word: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len() + 1);
    let end = characters.len().min(at + removed);
    characters[..at].iter().copied().chain(word.chars()).chain(characters[end..].iter().copied()).collect()
}

fn one_or_more(text: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    (vec(text, 1..=3), any::<bool>()).prop_map(|(mut texts, bare)| match texts.len() {
        1 if bare => Value::String(texts.remove(0)),
        _ => json!(texts),
    })
}
