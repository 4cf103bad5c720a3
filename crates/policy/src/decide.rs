//! The decision: may this caller do this action on this resource, and which statement says so?
//!
//! An explicit deny ends it. On a key, the key policy is the root of trust: it allows the caller itself, or it lets
//! the caller's account in, whose identity policies then decide. Across accounts both must allow. A decision
//! allocates nothing, unless a resource pattern other than `*` has to be compared.
//!
//! Which operations work across accounts at all is not known here: who asks refuses the others.
//! Source: IAM user guide, "Policy evaluation logic"; AWS KMS developer guide, "Key policies".

use claviger_types::KeyArn;

use crate::identity_policy::IdentityPolicy;
use crate::key_policy::KeyPolicy;
use crate::request::{Action, Caller, Resource, Target};
use crate::statement::Effect;

/// A key and its policy.
#[derive(Clone, Copy)]
pub struct KeyResource<'a> {
    /// The key.
    pub arn: KeyArn,
    /// Its policy.
    pub policy: &'a KeyPolicy,
}

/// May it be done?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Reason),
    /// No.
    Deny(Denial),
}

/// What allows. Statements count from 0; where several would do, it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An identity policy, for an action without a key.
    Identity(IdentityStatement),
    /// The key policy alone.
    KeyPolicy {
        /// The statement that allows the caller.
        statement: usize,
    },
    /// The key policy together with an identity policy.
    KeyPolicyAndIdentity {
        /// The key policy's statement that allows the caller or lets its account in.
        statement: usize,
        /// The statement that allows the caller.
        identity: IdentityStatement,
    },
}

/// What denies, as error messages name it. Statements count from 0; where several would do, it is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// An identity policy denies.
    ExplicitIdentity(IdentityStatement),
    /// The key policy denies.
    ExplicitResource {
        /// The statement that denies the caller.
        statement: usize,
    },
    /// The key policy, if there is one, would let an identity policy allow it, but none does.
    NoIdentityAllow,
    /// The key policy neither allows the caller nor lets its account in.
    NoResourceAllow,
}

/// A statement among the caller's identity policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityStatement {
    /// The policy's place, from 0, in the order in which they were given to the decision.
    pub policy: usize,
    /// The statement's place in it, from 0.
    pub statement: usize,
}

/// Decides an action on a key.
pub fn decide_on_key<'p>(
    caller: Caller,
    action: Action,
    key: KeyResource<'_>,
    identity: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Decision {
    let target = Target::new(caller, action, Resource::Arn(&key.arn));
    let verdict = key.policy.verdict(caller, action, &target);
    if let Some(statement) = verdict.deny {
        return Decision::Deny(Denial::ExplicitResource { statement });
    }
    let identity = match identity_verdict(action, &target, identity) {
        Some((Effect::Deny, statement)) => return Decision::Deny(Denial::ExplicitIdentity(statement)),
        Some((Effect::Allow, statement)) => Some(statement),
        None => None,
    };
    let same_account = caller.account == key.arn.account;
    match (verdict.allow_caller, verdict.allow_account) {
        (Some(statement), _) if same_account => Decision::Allow(Reason::KeyPolicy { statement }),
        (Some(statement), _) | (None, Some(statement)) => match identity {
            Some(identity) => Decision::Allow(Reason::KeyPolicyAndIdentity { statement, identity }),
            None => Decision::Deny(Denial::NoIdentityAllow),
        },
        (None, None) => Decision::Deny(Denial::NoResourceAllow),
    }
}

/// Decides an action in the caller's own account for which no key policy is asked: on an alias, on an IAM resource,
/// or on no resource of its own.
pub fn decide_by_identity<'p>(
    caller: Caller,
    action: Action,
    resource: Resource<'_>,
    identity: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Decision {
    match identity_verdict(action, &Target::new(caller, action, resource), identity) {
        Some((Effect::Allow, statement)) => Decision::Allow(Reason::Identity(statement)),
        Some((Effect::Deny, statement)) => Decision::Deny(Denial::ExplicitIdentity(statement)),
        None => Decision::Deny(Denial::NoIdentityAllow),
    }
}

/// The first statement of all these policies that denies, or else the first that allows.
fn identity_verdict<'p>(
    action: Action,
    target: &Target<'_>,
    policies: impl IntoIterator<Item = &'p IdentityPolicy>,
) -> Option<(Effect, IdentityStatement)> {
    let mut allow = None;
    for (policy, identity_policy) in policies.into_iter().enumerate() {
        match identity_policy.verdict(action, target) {
            Some((Effect::Deny, statement)) => return Some((Effect::Deny, IdentityStatement { policy, statement })),
            Some((Effect::Allow, statement)) if allow.is_none() => {
                allow = Some((Effect::Allow, IdentityStatement { policy, statement }));
            }
            Some((Effect::Allow, _)) | None => {}
        }
    }
    allow
}

#[cfg(test)]
mod tests {
    use claviger_types::{AliasArn, PrincipalArn, Region, ServiceName, UserId};

    use super::*;
    use crate::{KeyPolicyDocument, PolicyError};

    const HOME: &str = "111122223333";
    const AWAY: &str = "444455556666";
    const ANN: [u8; 16] = [1; 16];
    const BOB: [u8; 16] = [2; 16];

    fn caller(account: &str, user: [u8; 16]) -> Caller {
        Caller { account: account.parse().unwrap(), user: UserId::from_random(user) }
    }

    fn kms(name: &'static str) -> Action {
        Action { service: ServiceName::Kms, name }
    }

    fn key_arn() -> KeyArn {
        KeyArn {
            region: "us-east-1".parse().unwrap(),
            account: HOME.parse().unwrap(),
            id: "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap(),
        }
    }

    /// The key policy of these statements, in which `ann` of both accounts is the user `ANN`.
    fn key_policy(statements: &str) -> KeyPolicy {
        let document = KeyPolicyDocument::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap();
        let ids: Vec<_> = document.users().map(|arn| (arn.clone(), UserId::from_random(ANN))).collect();
        document.compile(&ids).unwrap()
    }

    fn identity(statements: &str) -> IdentityPolicy {
        IdentityPolicy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap()
    }

    fn on_key(caller: Caller, action: Action, key: &str, identities: &[&str]) -> Decision {
        let policy = key_policy(key);
        let identities: Vec<_> = identities.iter().map(|statements| identity(statements)).collect();
        decide_on_key(caller, action, KeyResource { arn: key_arn(), policy: &policy }, &identities)
    }

    const ROOT: &str = r#"{"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}"#;
    const AWAY_ROOT: &str =
        r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "444455556666"}}"#;
    const TO_ANN: &str = r#"{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}}"#;
    const TO_AWAY_ANN: &str = r#"{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::444455556666:user/ann"}}"#;
    const TO_ANYONE: &str = r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": "*"}"#;
    const NO_ACTION: &str = r#"{"Effect": "Allow", "Resource": "*", "Principal": "*"}"#;
    const NO_RESOURCE: &str = r#"{"Effect": "Allow", "Action": "*", "Principal": "*"}"#;
    const DENY_ROOT: &str = r#"{"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}"#;
    const DENY_AWAY: &str =
        r#"{"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "444455556666"}}"#;
    const DENY_ANN: &str = r#"{"Effect": "Deny", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}}"#;
    const DENY_ANYONE_OTHER_KEY: &str = r#"{"Effect": "Deny", "Action": "kms:*", "Principal": "*",
        "Resource": "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000"}"#;
    const ADMIN: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
    const ENCRYPT_HERE: &str = r#"{"Effect": "Allow", "Action": "kms:encrypt", "Resource":
        "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}"#;
    const ALIASES: &str =
        r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:us-east-1:111122223333:alias/*"}"#;
    const DENY_KEYS: &str =
        r#"{"Effect": "Deny", "Action": "kms:Enc*", "Resource": "arn:aws:kms:*:111122223333:key/*"}"#;

    fn key_alone(statement: usize) -> Decision {
        Decision::Allow(Reason::KeyPolicy { statement })
    }

    fn both(statement: usize, policy: usize, identity: usize) -> Decision {
        let identity = IdentityStatement { policy, statement: identity };
        Decision::Allow(Reason::KeyPolicyAndIdentity { statement, identity })
    }

    fn key_denies(statement: usize) -> Decision {
        Decision::Deny(Denial::ExplicitResource { statement })
    }

    fn identity_denies(policy: usize, statement: usize) -> Decision {
        Decision::Deny(Denial::ExplicitIdentity(IdentityStatement { policy, statement }))
    }

    const NO_IDENTITY: Decision = Decision::Deny(Denial::NoIdentityAllow);
    const NO_RESOURCE_ALLOW: Decision = Decision::Deny(Denial::NoResourceAllow);

    /// Name, caller, statements of the key policy, identity policies, what is decided.
    type Case<'a> = (&'a str, Caller, &'a [&'a str], &'a [&'a str], Decision);

    #[test]
    fn in_the_keys_account() {
        let (ann, bob) = (caller(HOME, ANN), caller(HOME, BOB));
        let cases: [Case<'_>; 21] = [
            ("the account is let in, an identity policy allows", ann, &[ROOT], &[ADMIN], both(0, 0, 0)),
            ("by the key's own ARN", ann, &[ROOT], &[ENCRYPT_HERE], both(0, 0, 0)),
            (
                "the second policy's second statement",
                ann,
                &[ROOT],
                &[ALIASES, &format!("{ALIASES}, {ADMIN}")],
                both(0, 1, 1),
            ),
            ("to let the account in is no permission", ann, &[ROOT], &[], NO_IDENTITY),
            ("an alias's ARN gives no use of its key", ann, &[ROOT], &[ALIASES], NO_IDENTITY),
            ("an identity policy alone counts for nothing", ann, &[AWAY_ROOT], &[ADMIN], NO_RESOURCE_ALLOW),
            ("the key policy allows the user alone", ann, &[ROOT, TO_ANN], &[], key_alone(1)),
            ("but not another one", bob, &[TO_ANN], &[ADMIN], NO_RESOURCE_ALLOW),
            ("anyone in the key's account needs nothing else", bob, &[TO_ANYONE], &[], key_alone(0)),
            ("a statement without actions has no effect", ann, &[NO_ACTION], &[ADMIN], NO_RESOURCE_ALLOW),
            ("a statement without resources has no effect", ann, &[NO_RESOURCE], &[ADMIN], NO_RESOURCE_ALLOW),
            ("a denied account is all its users", ann, &[TO_ANYONE, TO_ANN, DENY_ROOT], &[ADMIN], key_denies(2)),
            ("another denied account is not", ann, &[DENY_AWAY, TO_ANN], &[], key_alone(1)),
            ("the first deny is named", ann, &[ROOT, DENY_ANN, DENY_ROOT], &[ADMIN], key_denies(1)),
            ("a denied user", ann, &[DENY_ANN, TO_ANYONE], &[ADMIN], key_denies(0)),
            ("is not another one", bob, &[DENY_ANN, TO_ANYONE], &[ADMIN], key_alone(1)),
            ("a deny for another key", ann, &[DENY_ANYONE_OTHER_KEY, TO_ANYONE], &[], key_alone(1)),
            (
                "an identity policy's deny beats the key policy",
                ann,
                &[TO_ANN],
                &[ADMIN, DENY_KEYS],
                identity_denies(1, 0),
            ),
            ("even where nothing allows", ann, &[AWAY_ROOT], &[DENY_KEYS], identity_denies(0, 0)),
            ("the key policy's deny is named first", ann, &[DENY_ANN], &[DENY_KEYS], key_denies(0)),
            ("the first allow is named", ann, &[TO_ANYONE, TO_ANN], &[], key_alone(0)),
        ];
        for (name, who, key, identities, want) in cases {
            assert_eq!(on_key(who, kms("Encrypt"), &key.join(","), identities), want, "{name}");
        }
        assert_eq!(on_key(ann, kms("Decrypt"), TO_ANN, &[]), NO_RESOURCE_ALLOW, "another action");
        assert_eq!(on_key(ann, kms("Decrypt"), ROOT, &[ENCRYPT_HERE]), NO_IDENTITY, "another action");
    }

    #[test]
    fn across_accounts_both_must_allow() {
        let ann = caller(AWAY, ANN);
        let cases: [(&str, &[&str], &[&str], Decision); 8] = [
            ("account and identity policy", &[ROOT, AWAY_ROOT], &[ADMIN], both(1, 0, 0)),
            ("account only", &[ROOT, AWAY_ROOT], &[], NO_IDENTITY),
            ("user and identity policy", &[TO_AWAY_ANN], &[ENCRYPT_HERE], both(0, 0, 0)),
            ("user only", &[TO_AWAY_ANN], &[], NO_IDENTITY),
            ("anyone and identity policy", &[TO_ANYONE], &[ADMIN], both(0, 0, 0)),
            ("anyone only", &[TO_ANYONE], &[ALIASES], NO_IDENTITY),
            ("identity policy only", &[ROOT], &[ADMIN], NO_RESOURCE_ALLOW),
            ("denied account", &[TO_ANYONE, DENY_AWAY], &[ADMIN], key_denies(1)),
        ];
        for (name, key, identities, want) in cases {
            assert_eq!(on_key(ann, kms("Encrypt"), &key.join(","), identities), want, "{name}");
        }
    }

    #[test]
    fn without_a_key() {
        let region = |name: &str| name.parse::<Region>().unwrap();
        let alias = AliasArn {
            region: region("us-east-1"),
            account: HOME.parse().unwrap(),
            name: "alias/app".parse().unwrap(),
        };
        let allow = |pattern: &str, effect: &str| {
            identity(&format!(r#"{{"Effect": "{effect}", "Action": ["kms:*", "iam:*"], "Resource": "{pattern}"}}"#))
        };
        let (list, user) = (kms("ListKeys"), Action { service: ServiceName::Iam, name: "ListUsers" });
        let (here, there) = (Resource::Any(Some(region("us-east-1"))), Resource::Any(Some(region("eu-west-1"))));
        for (pattern, action, resource, want) in [
            ("*", list, here, true),
            ("arn:aws:kms:us-east-1:111122223333:*", list, here, true),
            ("arn:aws:kms:us-east-1:111122223333:*", list, there, false),
            ("arn:aws:kms:*:*:*", list, there, true),
            ("arn:aws:kms:us-east-1:444455556666:*", list, here, false),
            ("arn:aws:kms:us-east-1:111122223333:key/*", list, here, false),
            ("arn:aws:iam::111122223333:*", list, here, false),
            ("arn:aws:iam::111122223333:*", user, Resource::Any(None), true),
            ("arn:aws:iam::111122223333:user/*", user, Resource::Any(None), false),
            ("arn:aws:kms:us-east-1:111122223333:alias/a?p", list, Resource::Arn(&alias), true),
            ("arn:aws:kms:us-east-1:111122223333:key/*", list, Resource::Arn(&alias), false),
        ] {
            let ann = caller(HOME, ANN);
            let statement = IdentityStatement { policy: 0, statement: 0 };
            let allowed = decide_by_identity(ann, action, resource, &[allow(pattern, "Allow")]);
            let expected = if want { Decision::Allow(Reason::Identity(statement)) } else { NO_IDENTITY };
            assert_eq!(allowed, expected, "{action} by {pattern}");
            let denied = decide_by_identity(ann, action, resource, &[allow(pattern, "Deny"), identity(ADMIN)]);
            let statement = IdentityStatement { policy: 1, statement: 0 };
            let expected = if want { identity_denies(0, 0) } else { Decision::Allow(Reason::Identity(statement)) };
            assert_eq!(denied, expected, "{action} denied by {pattern}");
        }
        assert_eq!(decide_by_identity(caller(HOME, ANN), list, here, &[]), NO_IDENTITY);
    }

    #[test]
    fn a_later_user_of_the_same_name_is_somebody_else() {
        let policy = key_policy(&[TO_ANN, DENY_AWAY].join(","));
        let key = KeyResource { arn: key_arn(), policy: &policy };
        assert_eq!(decide_on_key(caller(HOME, ANN), kms("Encrypt"), key, &[]), key_alone(0));
        assert_eq!(decide_on_key(caller(HOME, [3; 16]), kms("Encrypt"), key, &[]), NO_RESOURCE_ALLOW);
    }

    #[test]
    fn a_user_that_does_not_exist_is_refused() {
        let text = format!(r#"{{"Statement": [{TO_ANN}, {ROOT}, {TO_AWAY_ANN}, {DENY_ANN}]}}"#);
        let ann: PrincipalArn = format!("arn:aws:iam::{HOME}:user/ann").parse().unwrap();
        let away: PrincipalArn = format!("arn:aws:iam::{AWAY}:user/ann").parse().unwrap();
        let parse = || KeyPolicyDocument::parse(&text).unwrap();
        assert_eq!(parse().users().collect::<Vec<_>>(), [&ann, &away]);
        let error = parse().compile(&[(ann.clone(), UserId::from_random(ANN))]).err();
        assert_eq!(error, Some(PolicyError::UnknownPrincipal { arn: away.clone() }));
        assert_eq!(parse().compile(&[]).err(), Some(PolicyError::UnknownPrincipal { arn: ann }));
        // The name in another case or under another path is another ARN.
        for other in [format!("arn:aws:iam::{HOME}:user/Ann"), format!("arn:aws:iam::{HOME}:user/x/ann")] {
            let ids = [other.parse().unwrap(), away.clone()].map(|arn| (arn, UserId::from_random(ANN)));
            assert!(parse().compile(&ids).is_err(), "{other}");
        }
    }

    #[test]
    fn the_deciding_statement_has_a_name() {
        let policy = key_policy(&[TO_ANN, ROOT].join(","));
        assert_eq!(policy.sid(0), None);
        assert_eq!(policy.sid(1), Some("Enable IAM User Permissions"));
        assert_eq!(policy.sid(2), None);
        let named = identity(&ADMIN.replacen('{', r#"{"Sid": "A1", "#, 1));
        assert_eq!((named.sid(0), named.sid(1)), (Some("A1"), None));
    }

    #[test]
    fn policies_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<KeyPolicy>();
        shared::<IdentityPolicy>();
    }
}
