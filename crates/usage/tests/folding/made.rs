//! Uses that are made up, and usage that was folded from them.

use claviger_types::{AccountId, KeyArn, KeyId, Timestamp};
use claviger_usage::{Addressed, Entry, Import, Limits, Operation, Settings, Usage, Use};
use proptest::prelude::*;

pub const DAY_MILLIS: i64 = 86_400_000;

/// 2026-01-01.
pub const START: i64 = 1_767_225_600_000;

pub fn at(days: i64, millis: i64) -> Timestamp {
    Timestamp::from_millis(START + days * DAY_MILLIS + millis)
}

pub fn key(number: u8) -> KeyArn {
    let account = AccountId::from_u64(111_122_223_333).unwrap();
    KeyArn { region: "eu-central-1".parse().unwrap(), account, id: KeyId::single_region([number; 16]) }
}

/// A successful Encrypt.
pub fn encrypt(at: Timestamp) -> Use<'static> {
    Use {
        at,
        key: key(1),
        operation: Operation::Encrypt,
        addressed: Addressed::AliasName,
        backing_key: Some([1; 32]),
        principal_id: "AROA1",
        principal: "arn:aws:iam::111122223333:role/one",
        source: Some("office"),
        environment: Some("prod"),
        application: Some("payments"),
        encryption_context: &[("tenant", "blue")],
        error_code: None,
        event_copy: 0,
    }
}

/// Usage since the start, with nothing in it.
pub fn empty(settings: Settings) -> Usage {
    Usage::new(settings, 0, at(0, 0))
}

/// Folds one entry for each use.
pub fn fold_all(usage: &mut Usage, uses: &[Use<'_>]) {
    for used in uses {
        let index = usage.next_entry();
        let request_id = [u8::try_from(index % 256).unwrap(); 16];
        usage.fold(&Entry { index, request_id, access_key: None, uses: &[*used] }).unwrap();
    }
}

pub fn folded(settings: Settings, uses: &[Use<'_>]) -> Usage {
    let mut usage = empty(settings);
    fold_all(&mut usage, uses);
    usage
}

/// An import of these uses on the first day, each of an event of its own.
pub fn import_of(uses: &[Use<'_>]) -> Import {
    let mut import = Import::new(at(0, 0));
    for (number, used) in (0_u128..).zip(uses) {
        import.push(number.to_be_bytes(), used).unwrap();
    }
    import
}

pub fn written(usage: &Usage) -> Vec<u8> {
    let mut bytes = Vec::new();
    usage.write_snapshot(&mut bytes).unwrap();
    bytes
}

/// Bounds that a few uses meet.
pub fn tight() -> Settings {
    let limits = Limits {
        memory_bytes: 6_000,
        rows_per_key: 12,
        principals_per_key: 3,
        labels_per_key: 2,
        values_per_context_key: 2,
    };
    Settings { limits, ..Settings::default() }
}

/// Uses over 220 days, most of them near each other, of few principals, keys and labels.
pub fn any_use() -> impl Strategy<Value = Use<'static>> {
    let principals = ["one", "two", "three", "four", "five"].map(|name| {
        let arn: &str = format!("arn:aws:iam::111122223333:role/{name}").leak();
        (name, arn)
    });
    let contexts: [&[(&str, &str)]; 5] = [
        &[],
        &[("tenant", "blue")],
        &[("tenant", "red"), ("a", "b")],
        &[("a", "b"), ("tenant", "green")],
        &[("SecretARN", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s")],
    ];
    let label = |texts: [&'static str; 3]| prop::option::of(prop::sample::select(texts.to_vec()));
    let when = (0..220_i64, 0..DAY_MILLIS).prop_map(|(day, millis)| at(day, millis));
    let what = (prop::sample::select(Operation::ALL.to_vec()), prop::option::of(Just([1; 32])));
    let addressed = prop::sample::select(vec![Addressed::KeyId, Addressed::AliasName, Addressed::Ciphertext]);
    let who = prop::sample::select(principals.to_vec());
    let labels = (label(["office", "vpn", "ci"]), label(["prod", "test", "dev"]), label(["a", "b", "c"]));
    let outcome = label(["AccessDeniedException", "DisabledException", "KMSInvalidStateException"]);
    let context = prop::sample::select(contexts.to_vec());
    (when, 0..3_u8, what, addressed, who, labels, context, outcome).prop_map(
        |(at, number, (operation, backing_key), addressed, principal, labels, encryption_context, error_code)| Use {
            at,
            key: key(number),
            operation,
            addressed,
            backing_key,
            principal_id: principal.0,
            principal: principal.1,
            source: labels.0,
            environment: labels.1,
            application: labels.2,
            encryption_context,
            error_code,
            event_copy: 0,
        },
    )
}

pub fn any_uses() -> impl Strategy<Value = Vec<Use<'static>>> {
    prop::collection::vec(any_use(), 0..60)
}
