//! What one commit does and refuses.

use super::model::{Contents, Random};
use super::{New, absent, add, at, commit, conflict, delete, load, put, put_one, replay, wide};
use crate::{BYTES_MAX, CommitError, OPERATIONS_MAX, Revision, Write};

/// `Absent` lets one of two makers of a record through.
pub fn absent_holds_for_a_path_without_record(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    commit(store, vec![absent("a")], vec![put("a", "first")]).expect("nothing is there");
    assert_eq!(commit(store, vec![absent("a")], vec![put("a", "second")]), Err(conflict("a")));
    commit(store, vec![absent("a/b")], vec![put("a/b", "")]).expect("a longer path is another path");
    commit(store, vec![], vec![delete("a")]).expect("a delete");
    commit(store, vec![absent("a")], vec![put("a", "third")]).expect("nothing is there again");
    assert_eq!(load(store).expect("loads").0.value("a"), Some("third".as_bytes()));
}

/// A transaction is applied whole or not at all.
pub fn a_refused_transaction_leaves_nothing(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    put_one(store, "there", "1");
    let before = load(store).expect("loads");
    let mut watch = store.watch(before.1).expect("a watch from now");
    let writes = || vec![put("new", "2"), delete("there"), put("other", "3")];
    let refused = [
        vec![add("counter", 1, 9), absent("there")],
        vec![add("counter", 1, 9), at("missing", Revision::from_u64(1))],
        vec![add("counter", 1, 9), add("other counter", 1, 0)],
        vec![absent("new"), add("counter", -1, 9)],
    ];
    for preconditions in refused {
        let answer = commit(store, preconditions.clone(), writes());
        assert!(answer.is_err(), "{preconditions:?}");
        assert_eq!(load(store).expect("loads").0, before.0, "{preconditions:?}");
    }
    let last = commit(store, vec![add("counter", 1, 9)], writes()).expect("all holds");
    let mut contents = before.0;
    replay(&mut watch, &mut contents, last);
    assert_eq!(contents, load(store).expect("loads").0);
    assert_eq!(contents.paths(), ["counter", "new", "other"]);
}

/// A record's revision is that of the commit that wrote it last.
pub fn a_revision_holds_until_the_record_is_written_again(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let first = put_one(store, "a", "1");
    let other = put_one(store, "b", "1");
    assert!(other > first);
    assert_eq!(load(store).expect("loads").0.revision("a"), Some(first));
    assert_eq!(commit(store, vec![at("a", other)], vec![put("a", "2")]), Err(conflict("a")));
    let second = commit(store, vec![at("a", first)], vec![put("a", "1")]).expect("as it was");
    assert_eq!(commit(store, vec![at("a", first)], vec![put("a", "3")]), Err(conflict("a")), "even for equal bytes");
    commit(store, vec![at("a", second)], vec![delete("a")]).expect("as it was");
    assert_eq!(commit(store, vec![at("a", second)], vec![put("a", "4")]), Err(conflict("a")));
    let counted = commit(store, vec![add("counter", 1, 9)], vec![]).expect("an add");
    commit(store, vec![at("counter", counted)], vec![put("d", "")]).expect("counters have revisions too");
}

/// `OPERATIONS_MAX` and `BYTES_MAX` are let through, one more is not.
pub fn a_transaction_has_limits(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let paths = |count: usize| (0..count).map(|index| format!("{index}")).collect::<Vec<_>>();
    let many = |preconditions: usize, writes: usize| {
        let preconditions = paths(preconditions).iter().map(|path| absent(path)).collect();
        commit(store, preconditions, paths(writes).iter().map(|path| put(path, "")).collect())
    };
    assert_eq!(many(1, OPERATIONS_MAX), Err(CommitError::TooLarge));
    assert_eq!(many(OPERATIONS_MAX + 1, 0), Err(CommitError::TooLarge));
    many(OPERATIONS_MAX / 2, OPERATIONS_MAX / 2).expect("within the limits");
    many(0, OPERATIONS_MAX).expect("within the limits");
    let long = |bytes: usize| {
        let value = vec![7; bytes - "path".len()];
        commit(store, vec![], vec![Write::Put { path: "path".to_owned(), value }])
    };
    assert_eq!(long(BYTES_MAX + 1), Err(CommitError::TooLarge));
    long(BYTES_MAX).expect("within the limits");
    let (contents, _) = load(store).expect("loads");
    assert_eq!(contents.value("path").map(<[u8]>::len), Some(BYTES_MAX - 4));
}

/// It answers a revision that watches reach without it, and shows up nowhere.
pub fn a_transaction_that_changes_nothing_is_a_question(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    assert_eq!(commit(store, vec![], vec![]), Ok(Revision::ZERO));
    let first = put_one(store, "a", "1");
    let mut watch = store.watch(first).expect("a watch from now");
    assert_eq!(commit(store, vec![], vec![]), Ok(first));
    assert_eq!(commit(store, vec![at("a", first), absent("b")], vec![]), Ok(first));
    assert_eq!(commit(store, vec![absent("a")], vec![]), Err(conflict("a")));
    assert_eq!(commit(store, vec![add("c", 0, 0)], vec![delete("b")]), Ok(first));
    let second = put_one(store, "a", "2");
    assert_eq!(watch.next_blocking().expect("the watch holds").revision, second);
}

/// Bounded adds, one after another on one counter.
pub fn bounded_adds_keep_their_bounds(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let full =
        |current: u64, limit: u64| Err::<(), _>(CommitError::LimitReached { path: "n".to_owned(), current, limit });
    let steps: [(i64, u64, Result<(), CommitError>, u64); 14] = [
        (-1, 50, Err(conflict("n")), 0),
        (1, 0, full(0, 0), 0),
        (49, 50, Ok(()), 49),
        (2, 50, full(49, 50), 49),
        (1, 50, Ok(()), 50),
        (1, 50, full(50, 50), 50),
        (0, 10, Ok(()), 50),
        // A limit that was lowered forbids no deleting.
        (-1, 10, Ok(()), 49),
        (1, 10, full(49, 10), 49),
        (-50, 50, Err(conflict("n")), 49),
        (i64::MIN, 50, Err(conflict("n")), 49),
        (-49, 50, Ok(()), 0),
        (i64::MAX, u64::MAX, Ok(()), i64::MAX as u64),
        (i64::MAX, u64::MAX - 2, full(i64::MAX as u64, u64::MAX - 2), i64::MAX as u64),
    ];
    for (index, (delta, limit, want, then)) in steps.into_iter().enumerate() {
        let answer = commit(store, vec![add("n", delta, limit)], vec![]).map(drop);
        assert_eq!(answer, want, "step {index}: add {delta} of {limit}");
        let (contents, _) = load(store).expect("loads");
        let stored = contents.value("n").map(<[u8]>::to_vec);
        let want = (then > 0).then(|| then.to_be_bytes().to_vec());
        assert_eq!(stored, want, "step {index}: a counter of 0 is no record");
    }
    put_one(store, "text", "no counter");
    let answer = commit(store, vec![add("text", 1, 9)], vec![]);
    assert!(matches!(answer, Err(CommitError::Failed(_))), "{answer:?}");
}

/// Such a transaction makes no sense, and a watch could not show it.
pub fn no_path_is_changed_twice(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let twice = [
        (vec![], vec![put("a", "1"), put("a", "2")]),
        (vec![], vec![put("a", "1"), delete("a")]),
        (vec![add("a", 1, 9), add("a", 1, 9)], vec![]),
        (vec![add("a", 1, 9)], vec![put("a", "1")]),
    ];
    for (preconditions, writes) in twice {
        let answer = commit(store, preconditions.clone(), writes.clone());
        assert!(matches!(answer, Err(CommitError::Failed(_))), "{preconditions:?} {writes:?}: {answer:?}");
    }
    assert_eq!(load(store).expect("loads"), (Contents::default(), Revision::ZERO));
    let once = commit(store, vec![absent("a"), absent("a")], vec![put("a", "1")]);
    once.expect("preconditions may be about one path");
}

/// Thousands of random transactions: answers, contents and watch are those of the model.
pub fn random_transactions_do_what_the_model_does(new: New<'_>) {
    let (mut applied, mut refused) = (0, 0);
    for seed in 0..8 {
        let subject = new(wide());
        let store = subject.store();
        let mut random = Random::new(seed);
        let mut model = Contents::default();
        let mut watched = Contents::default();
        let mut watch = store.watch(Revision::ZERO).expect("a watch from the beginning");
        for step in 0..250 {
            let transaction = random.transaction(&model);
            let predicted = model.predict(&transaction);
            let answer = commit(store, transaction.preconditions.clone(), transaction.writes.clone());
            match (predicted, answer) {
                (Ok(mut after), Ok(revision)) => {
                    applied += 1;
                    after.date(revision);
                    if after != model {
                        replay(&mut watch, &mut watched, revision);
                    }
                    model = after;
                }
                (predicted, answer) => {
                    refused += 1;
                    let want = predicted.map(|_| Revision::ZERO);
                    assert_eq!(answer, want, "seed {seed}, step {step}: {transaction:?}");
                }
            }
            assert_eq!(watched, model, "seed {seed}, step {step}: {transaction:?}");
        }
        assert_eq!(load(store).expect("loads").0, model, "seed {seed}");
    }
    assert!(applied > 500 && refused > 200, "the random transactions are dull: {applied} applied, {refused} refused");
}

/// The order is that of the bytes of the paths, and any bytes can be stored.
pub fn records_are_loaded_in_the_order_of_their_paths(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let ordered = ["", "A", "a", "a ", "a!", "a/", "a/b", "a0", "aa", "b", "z", "ä", "水", "\u{10FFFF}"];
    for path in ordered.iter().rev() {
        put_one(store, path, &format!("of {path}"));
    }
    put_one(store, "a/b", "\0\n\u{FFFF}");
    // `load` asserts the order.
    let (contents, _) = load(store).expect("loads");
    assert_eq!(contents.paths(), ordered);
    assert_eq!(contents.value(""), Some("of ".as_bytes()));
    assert_eq!(contents.value("a/b"), Some("\0\n\u{FFFF}".as_bytes()));
}
