//! What usage answers, by example.

use claviger_types::{AccessKeyId, Region, ServiceName};
use claviger_usage::{
    AccessKeyUse, Addressed, Day, Entry, Gap, KeyUsage, Operation, Outcome, Period, Settings, Use, days_without_use,
};

use crate::made::{at, empty, encrypt, fold_all, folded, import_of, key};

const ALL: std::ops::RangeInclusive<Day> = Day::FIRST..=Day::LAST;

/// Source: API reference, GetKeyLastUsage: only successful uses count, each key of a ReEncrypt by itself.
#[test]
fn the_last_use_is_the_last_successful_one_that_is_logged() {
    let one = encrypt(at(3, 0));
    let from = Use { operation: Operation::ReEncryptFrom, key: key(2), at: at(4, 0), ..one };
    let to = Use { operation: Operation::ReEncryptTo, at: at(4, 0), ..one };
    let mut usage = folded(Settings::default(), &[one]);
    usage.fold(&Entry { index: 1, request_id: [9; 16], access_key: None, uses: &[from, to] }).unwrap();
    fold_all(&mut usage, &[Use { error_code: Some("DisabledException"), at: at(5, 0), ..one }]);
    fold_all(&mut usage, &[Use { at: at(2, 0), ..one }]);
    usage.import(0, &import_of(&[Use { at: at(6, 0), ..one }, Use { key: key(3), ..one }]));

    for (number, want) in [(1, Operation::ReEncryptTo), (2, Operation::ReEncryptFrom)] {
        let last_use = *usage.key(&key(number)).unwrap().last_use().unwrap();
        assert_eq!((last_use.operation, last_use.at), (want, at(4, 0)), "key {number}");
        assert_eq!((last_use.entry, last_use.request_id), (1, [9; 16]), "key {number}");
        assert_eq!(last_use.operation.api_name(), "ReEncrypt");
    }
    assert_eq!(usage.key(&key(3)).unwrap().last_use(), None, "it was only imported");
    assert!(usage.key(&key(4)).is_none());
}

/// Source: developer guide, `kms:TrailingDaysWithoutKeyUsage`.
#[test]
fn days_without_use_are_whole_days() {
    let usage = folded(Settings::default(), &[encrypt(at(10, 500))]);
    for (number, created, now, want) in [
        (1, at(0, 0), at(10, 500), 0),
        (1, at(0, 0), at(11, 499), 0),
        (1, at(0, 0), at(11, 500), 1),
        (1, at(0, 0), at(100, 500), 90),
        (1, at(0, 0), at(9, 0), 0),
        (2, at(-400, 0), at(30, 0), 30),
        (2, at(20, 0), at(30, 0), 10),
    ] {
        let usage = usage.key(&key(number));
        let last_use = usage.as_ref().and_then(KeyUsage::last_use);
        assert_eq!(days_without_use(last_use, created, at(0, 0), now), want, "{number} {created} {now}");
    }
}

/// It may have been used while nobody looked.
#[test]
fn days_count_from_when_nothing_is_missed() {
    let mut usage = folded(Settings::default(), &[encrypt(at(10, 0))]);
    usage.skip_to(5, at(40, 0));
    assert_eq!((usage.next_entry(), usage.tracking_since()), (5, at(40, 0)));
    let used = usage.key(&key(1)).unwrap();
    assert_eq!(days_without_use(used.last_use(), at(0, 0), usage.tracking_since(), at(45, 0)), 5);
    usage.skip_to(3, at(50, 0));
    assert_eq!((usage.next_entry(), usage.tracking_since()), (5, at(50, 0)));
}

#[test]
fn the_last_use_of_an_access_key() {
    let id = |number| AccessKeyId::from_random([number; 16]);
    let region: Region = "us-east-1".parse().unwrap();
    let used = |number, days, service| AccessKeyUse { id: id(number), at: at(days, 0), region, service };
    let mut usage = empty(Settings::default());
    let uses = [used(1, 1, ServiceName::Kms), used(1, 3, ServiceName::Iam), used(1, 2, ServiceName::Sts)];
    for (index, access_key) in (0..).zip(uses) {
        usage.fold(&Entry { index, request_id: [0; 16], access_key: Some(access_key), uses: &[] }).unwrap();
    }
    assert_eq!(usage.access_key(&id(1)), Some(&used(1, 3, ServiceName::Iam)));
    assert_eq!(usage.access_key(&id(2)), None);
    usage.retain_access_keys(|known| *known != id(1));
    assert_eq!((usage.access_key(&id(1)), usage.memory_bytes()), (None, 0));
}

#[test]
fn an_entry_is_folded_once_and_none_is_left_out() {
    let mut usage = empty(Settings::default());
    let uses = [encrypt(at(0, 0))];
    let entry = |index| Entry { index, request_id: [0; 16], access_key: None, uses: &uses };
    assert_eq!(usage.fold(&entry(1)), Err(Gap { wanted: 0, found: 1 }));
    for index in [0, 0, 1, 0] {
        assert_eq!(usage.fold(&entry(index)), Ok(()));
    }
    assert_eq!(usage.next_entry(), 2);
    let totals = usage.key(&key(1)).unwrap().totals(ALL);
    assert_eq!(totals.values().sum::<u64>(), 2);
}

#[test]
fn rows_are_read_page_by_page() {
    let one = encrypt(at(0, 0));
    let mut uses = Vec::new();
    for day in 0..120 {
        uses.push(Use { at: at(day, 0), ..one });
        uses.push(Use { at: at(day, 0), principal: "arn:aws:iam::111122223333:role/two", ..one });
    }
    let usage = folded(Settings::default(), &uses);
    let key = usage.key(&key(1)).unwrap();
    let whole: Vec<_> = key.rows(ALL, None).collect();
    // Days 0 to 28 of January count as a month: 119 - 90 = 29.
    assert_eq!(whole.len(), 2 * (1 + 91));
    assert!(whole.is_sorted_by(|one, next| one.place < next.place));

    for size in [1, 7, 92, 93, 500] {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page: Vec<_> = key.rows(ALL, after).take(size).collect();
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            paged.extend(page);
        }
        assert_eq!(paged, whole, "pages of {size}");
    }
    let days = Day::of(at(28, 0))..=Day::of(at(30, 0));
    let some: Vec<_> = key.rows(days, None).map(|row| row.period).collect();
    let [month, one, two] = [whole[0].period, Period::Day(Day::of(at(29, 0))), Period::Day(Day::of(at(30, 0)))];
    assert_eq!(some, [month, one, two, month, one, two]);
}

#[test]
fn what_a_principal_did_with_all_keys() {
    let one = encrypt(at(0, 0));
    let other = Use { principal_id: "AROA2", principal: "arn:aws:iam::111122223333:role/two", ..one };
    let namesake = Use { principal_id: "AROA3", ..one };
    let uses = [one, Use { key: key(2), ..one }, other, Use { key: key(3), ..other }, namesake];
    let usage = folded(Settings::default(), &uses);
    for (principal, want) in [
        ("AROA1", vec![key(1), key(2)]),
        ("AROA2", vec![key(1), key(3)]),
        ("arn:aws:iam::111122223333:role/one", vec![key(1), key(1), key(2)]),
        ("arn:aws:iam::111122223333:role/nobody", vec![]),
        ("prod", vec![]),
    ] {
        let found: Vec<_> = usage.of_principal(principal, ALL).map(|(key, _)| key).collect();
        assert_eq!(found, want, "{principal}");
    }
    let later = Day::of(at(1, 0))..=Day::LAST;
    assert_eq!(usage.of_principal("AROA1", later).count(), 0);
}

#[test]
fn totals_by_what_was_done_and_how_the_key_was_named() {
    let one = encrypt(at(0, 0));
    let by_id = Use { addressed: Addressed::KeyId, ..one };
    let refused = Use { error_code: Some("AccessDeniedException"), ..by_id };
    let usage = folded(Settings::default(), &[one, Use { at: at(1, 0), ..one }, by_id, refused]);
    let totals = usage.key(&key(1)).unwrap().totals(ALL);
    let count = |addressed, outcome| {
        let of_it = totals.iter().filter(|(kind, _)| kind.addressed == Some(addressed) && kind.outcome == outcome);
        of_it.map(|(_, count)| count).sum::<u64>()
    };
    assert_eq!(count(Addressed::AliasName, Outcome::Success), 2);
    assert_eq!(count(Addressed::KeyId, Outcome::Success), 1);
    assert_eq!(count(Addressed::KeyId, Outcome::Failure), 1);
    assert_eq!(totals.values().sum::<u64>(), 4);
}

#[test]
fn what_a_key_protects() {
    let one = encrypt(at(0, 0));
    let pairs = [("tenant", "red"), ("aws:s3:arn", "arn:aws:s3:::b"), ("purpose", "x")];
    let red = Use { encryption_context: &pairs, ..one };
    let failed = Use { encryption_context: &[("tenant", "nobody")], error_code: Some("DisabledException"), ..one };
    let mut usage = folded(crate::made::tight(), &[one, red, red, failed]);
    fold_all(&mut usage, &[Use { encryption_context: &[("tenant", "green")], ..one }; 2]);
    usage.import(0, &import_of(&[Use { encryption_context: &[("tenant", "white")], ..one }]));
    let shown: Vec<_> = usage
        .key(&key(1))
        .unwrap()
        .protects()
        .map(|of| format!("{:?} {} {:?} {}", of.origin(), of.context_key(), of.values(), of.uses_beyond()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"Logged tenant ["blue", "red"] 2"#,
            r#"Logged aws:s3:arn ["arn:aws:s3:::b"] 0"#,
            r#"Imported tenant ["white"] 0"#,
        ]
    );
}

#[test]
fn a_key_is_forgotten_only_when_told_to() {
    let one = encrypt(at(0, 0));
    let mut usage = folded(Settings::default(), &[one, Use { key: key(2), ..one }]);
    usage.retain_keys(|arn| *arn != key(1));
    assert!(usage.key(&key(1)).is_none());
    assert_eq!(usage.keys().map(|key| key.arn()).collect::<Vec<_>>(), [key(2)]);
    assert_eq!(usage.of_principal("AROA1", ALL).count(), 1);
}
