//! What holds for any uses.

use std::collections::{BTreeMap, BTreeSet};

use claviger_types::{KeyArn, Timestamp};
use claviger_usage::{Alike, Bound, DAYS_KEPT, Day, Entry, Operation, Origin, Outcome, Period, Settings, Usage, Use};
use proptest::prelude::*;

use crate::made::{DAY_MILLIS, any_uses, at, empty, fold_all, folded, import_of, tight, written};

/// All of a row, as text, and its counts.
type Counted = BTreeMap<String, (u64, Timestamp, Timestamp)>;

fn rows_of(usage: &Usage) -> Counted {
    let mut rows = Counted::new();
    for key in usage.keys() {
        for row in key.rows(Day::FIRST..=Day::LAST, None) {
            let detail = row.detail.unwrap();
            let keys: Vec<_> = detail.context_keys.collect();
            let name = format!(
                "{} {} {:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {keys:?} {:?}",
                key.arn(),
                shown(row.period),
                row.origin,
                row.operation,
                detail.addressed,
                detail.backing_key,
                detail.principal_id,
                detail.principal,
                detail.source,
                detail.environment,
                detail.application,
                detail.error_code,
            );
            assert!(rows.insert(name, (row.count, row.first, row.last)).is_none());
        }
    }
    rows
}

/// The same, read off the uses: days that are older than the last one by more than is kept count as months.
fn rows_wanted(logged: &[Use<'_>], imported: &[Use<'_>]) -> Counted {
    let last = logged.iter().map(|used| Day::of(used.at)).max().unwrap_or(Day::of(at(0, 0)));
    let horizon = last.minus(DAYS_KEPT);
    let all = logged.iter().map(|used| (Origin::Logged, used));
    let mut rows = Counted::new();
    for (origin, used) in all.chain(imported.iter().map(|used| (Origin::Imported, used))) {
        let day = Day::of(used.at).to_string();
        let period = if Day::of(used.at) < horizon { &day[..7] } else { &day };
        let keys: BTreeSet<_> = used.encryption_context.iter().map(|pair| pair.0).collect();
        let name = format!(
            "{} {period} {origin:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?}",
            used.key,
            used.operation,
            used.addressed,
            used.backing_key,
            used.principal_id,
            used.principal,
            used.source,
            used.environment,
            used.application,
            keys.into_iter().collect::<Vec<_>>(),
            used.error_code,
        );
        let (count, first, last) = rows.entry(name).or_insert((0, used.at, used.at));
        (*count, *first, *last) = (*count + 1, used.at.min(*first), used.at.max(*last));
    }
    rows
}

fn shown(period: Period) -> String {
    match period {
        Period::Month(month) => month.to_string(),
        Period::Day(day) => day.to_string(),
    }
}

type Sums = BTreeMap<(KeyArn, Operation, Origin, Outcome), u64>;

fn sums_of(usage: &Usage) -> Sums {
    let mut sums = Sums::new();
    for key in usage.keys() {
        for (kind, count) in key.totals(Day::FIRST..=Day::LAST) {
            *sums.entry((key.arn(), kind.operation, kind.origin, kind.outcome)).or_default() += count;
        }
    }
    sums
}

proptest! {
    /// Rows are those that a plain count gives: whenever days became months, in whatever order uses came, and whatever was
    /// imported between.
    #[test]
    fn rows_are_a_plain_count(logged in any_uses(), imported in any_uses(), seed in any::<u64>()) {
        let mut usage = empty(Settings::default());
        let middle = logged.len() / 2;
        fold_all(&mut usage, &logged[..middle]);
        usage.import(0, &import_of(&imported));
        fold_all(&mut usage, &logged[middle..]);
        prop_assert_eq!(rows_of(&usage), rows_wanted(&logged, &imported));
        prop_assert_eq!(usage.row_count(), rows_of(&usage).len());
        prop_assert_eq!(usage.merged().total(), 0);

        let mut shuffled = logged.clone();
        shuffled.sort_by_key(|used| seed.rotate_left(u32::try_from(used.at.as_millis() % 64).unwrap()));
        let mut again = empty(Settings::default());
        again.import(0, &import_of(&imported));
        fold_all(&mut again, &shuffled);
        prop_assert_eq!(rows_of(&again), rows_of(&usage));
        prop_assert_eq!(again.memory_bytes(), usage.memory_bytes());
    }

    /// Entries that are alike may be put together: the same comes of it.
    #[test]
    fn alike_entries_may_be_put_together(logged in any_uses(), times in 1..4_u64, spread in 0..1_000_i64) {
        let mut one_by_one = empty(Settings::default());
        let mut together = empty(Settings::default());
        for used in &logged {
            // Within the day, since only so many entries are alike.
            let later = |number: u64| {
                let millis = used.at.as_millis().rem_euclid(DAY_MILLIS) + spread * i64::try_from(number).unwrap();
                used.at.offset_by(millis.min(DAY_MILLIS - 1) - used.at.as_millis().rem_euclid(DAY_MILLIS))
            };
            let all: Vec<_> = (0..times).map(|number| Use { at: later(number), ..*used }).collect();
            fold_all(&mut one_by_one, &all);
            let end = one_by_one.next_entry();
            let request_id = [u8::try_from((end - 1) % 256).unwrap(); 16];
            let uses = &all[all.len() - 1..];
            let latest = Entry { index: end - 1, request_id, access_key: None, uses };
            together.fold_to(end, [Alike { latest, first_at: used.at, count: times }]);
        }
        prop_assert_eq!(written(&together), written(&one_by_one));
        prop_assert_eq!(together.row_count(), one_by_one.row_count());
    }

    /// No bound loses a count, and each use without a row of its own is told of, in its key and in all.
    #[test]
    fn bounds_lose_no_count(logged in any_uses(), imported in any_uses()) {
        let mut bounded = empty(tight());
        bounded.import(0, &import_of(&imported));
        fold_all(&mut bounded, &logged);
        let mut free = empty(Settings::default());
        free.import(0, &import_of(&imported));
        fold_all(&mut free, &logged);
        prop_assert_eq!(sums_of(&bounded), sums_of(&free));

        let mut without_detail = 0;
        for key in bounded.keys() {
            let rows = key.rows(Day::FIRST..=Day::LAST, None);
            let merged: u64 = rows.filter(|row| row.detail.is_none()).map(|row| row.count).sum();
            prop_assert_eq!(key.merged().total(), merged);
            without_detail += merged;
        }
        prop_assert_eq!(bounded.merged().total(), without_detail);
    }

    /// Bounds bound: rows with detail, principals and labels of a key stay within them.
    #[test]
    fn bounds_are_kept(logged in any_uses()) {
        let usage = folded(tight(), &logged);
        for key in usage.keys() {
            let details: Vec<_> = key.rows(Day::FIRST..=Day::LAST, None).filter_map(|row| row.detail).collect();
            let most = tight().limits;
            prop_assert!(details.len() <= most.rows_per_key);
            let principals: BTreeSet<_> = details.iter().map(|detail| detail.principal).collect();
            let sources: BTreeSet<_> = details.iter().filter_map(|detail| detail.source).collect();
            let contexts: BTreeSet<_> = details.iter().map(|detail| detail.context_keys.collect::<Vec<_>>()).collect();
            let errors: BTreeSet<_> = details.iter().filter_map(|detail| detail.error_code).collect();
            prop_assert!(principals.len() <= most.principals_per_key);
            prop_assert!(sources.len() <= most.labels_per_key);
            prop_assert!(contexts.iter().filter(|keys| !keys.is_empty()).count() <= most.labels_per_key);
            prop_assert!(errors.len() <= most.labels_per_key / 2, "failures have half of the room");
            for protected in key.protects() {
                prop_assert!(protected.values().len() <= most.values_per_context_key);
            }
        }
    }

    /// The memory that is reckoned is that of what is there, whatever came and went.
    #[test]
    fn memory_is_given_back(logged in any_uses()) {
        let mut usage = folded(Settings::default(), &logged);
        let full = usage.memory_bytes();
        usage.retain_keys(|_| true);
        prop_assert_eq!(usage.memory_bytes(), full);
        usage.retain_keys(|_| false);
        let texts = usage.memory_bytes();
        fold_all(&mut usage, &logged);
        prop_assert_eq!(usage.memory_bytes(), full, "texts stay: {} bytes", texts);
    }
}

#[test]
fn each_bound_is_told_by_its_name() {
    let long = "x".repeat(2_000);
    let names: Vec<String> = (0..4).map(|number| number.to_string()).collect();
    let contexts: Vec<[(&str, &str); 1]> = names.iter().map(|name| [(name.as_str(), "")]).collect();
    let one = crate::made::encrypt(at(0, 0));
    let cases: [(Bound, u64, Vec<Use<'_>>); 9] = [
        (Bound::Principals, 1, names.iter().map(|name| Use { principal_id: name, ..one }).collect()),
        (Bound::Sources, 2, names.iter().map(|name| Use { source: Some(name), ..one }).collect()),
        (Bound::Environments, 2, names.iter().map(|name| Use { environment: Some(name), ..one }).collect()),
        (Bound::Applications, 2, names.iter().map(|name| Use { application: Some(name), ..one }).collect()),
        (Bound::ContextKeySets, 2, contexts.iter().map(|pairs| Use { encryption_context: pairs, ..one }).collect()),
        (Bound::ErrorCodes, 3, names.iter().map(|name| Use { error_code: Some(name), ..one }).collect()),
        (Bound::Applications, 1, vec![Use { application: Some(&long), ..one }]),
        (Bound::RowsOfKey, 8, (0..20).map(|day| Use { at: at(day, 0), ..one }).collect()),
        (Bound::Memory, 1, (0..11).map(|key| Use { key: crate::made::key(key), ..one }).collect()),
    ];
    for (bound, merged, uses) in cases {
        let mut settings = tight();
        if bound == Bound::Memory {
            settings.limits.memory_bytes = 10 * 700;
        } else {
            settings.limits.memory_bytes = 1 << 20;
        }
        let usage = folded(settings, &uses);
        if bound == Bound::Memory {
            assert!(usage.merged().by(bound) >= merged, "{bound:?}");
        } else {
            assert_eq!(usage.merged().by(bound), merged, "{bound:?}");
        }
        assert_eq!(usage.merged().total(), usage.merged().by(bound), "{bound:?}");
    }
}
