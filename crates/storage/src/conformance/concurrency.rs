//! What holds when many commit at once.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::model::{Contents, Random};
use super::{New, add, at, commit, load, put, put_one, replay, wait, wide};
use crate::{CommitError, Precondition, Revision};

const THREADS: u64 = 8;

/// A lease has one holder at a time, and is free again when it is dropped.
pub fn a_lease_has_one_holder(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let take = |name: &str| wait(store.lease(name, Duration::from_secs(10))).expect("a lease can be asked for");
    let held = take("one").expect("nobody holds it");
    assert!(take("one").is_none(), "somebody holds it");
    assert!(take("two").is_some(), "another name is another lease");
    drop(held);
    let leases: Vec<_> = thread::scope(|scope| {
        let takers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| take("one"))).collect();
        takers.into_iter().map(|taker| taker.join().expect("it asks")).collect()
    });
    let held: Vec<_> = leases.into_iter().flatten().collect();
    assert_eq!(held.len(), 1);
    assert!(held.iter().all(crate::Lease::is_held));
    store.close();
    assert!(!held.iter().any(crate::Lease::is_held), "a closed store grants nothing");
}

/// Whatever happens at once, there is one order: a snapshot with the watch from there is the state, wherever it was
/// taken, and each committer's own sequence is kept.
pub fn concurrent_commits_are_one_sequence(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let (snapshots, last) = thread::scope(|scope| {
        let committers: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let mut random = Random::new(thread);
                    let mut last = Revision::ZERO;
                    for step in 0..60 {
                        let mut transaction = random.transaction(&Contents::default());
                        transaction.writes.push(put(&format!("own/{thread}"), &format!("{step}")));
                        match wait(store.commit(transaction)) {
                            Ok(revision) => {
                                assert!(revision > last, "thread {thread}, step {step}");
                                last = revision;
                            }
                            Err(CommitError::Conflict { .. } | CommitError::LimitReached { .. }) => {}
                            Err(error) => panic!("thread {thread}, step {step}: {error}"),
                        }
                    }
                    last
                })
            })
            .collect();
        let loader = scope.spawn(|| (0..20).map(|_| load(store).expect("loads")).collect::<Vec<_>>());
        let last = committers.into_iter().map(|thread| thread.join().expect("it commits")).max();
        (loader.join().expect("it loads"), last.unwrap_or(Revision::ZERO))
    });
    let (state, loaded) = load(store).expect("loads");
    assert_eq!(loaded, last);
    for (mut contents, revision) in snapshots.into_iter().chain([(Contents::default(), Revision::ZERO)]) {
        let mut watch = store.watch(revision).expect("the log is long enough");
        while let Some(commit) = watch.try_next().expect("the watch holds") {
            contents.apply(&commit);
        }
        assert_eq!(contents, state, "from {revision:?}");
    }
}

/// A hundred want in, fifty places are free.
pub fn of_many_members_the_limit_is_let_in(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let outcomes = race(100, |index| {
        let member = format!("members/{index}");
        commit(store, vec![add("count", 1, 50), Precondition::Absent { path: member.clone() }], vec![put(&member, "")])
    });
    assert_eq!(outcomes.values().filter(|outcome| outcome.is_ok()).count(), 50);
    let (contents, last) = load(store).expect("loads");
    assert_eq!(contents.paths().len(), 51);
    assert_eq!(contents.value("count"), Some(50_u64.to_be_bytes().as_slice()));
    let mut watched = Contents::default();
    replay(&mut store.watch(Revision::ZERO).expect("a watch from the beginning"), &mut watched, last);
    assert_eq!(watched, contents);
    for (index, outcome) in outcomes {
        let member = contents.value(&format!("members/{index}"));
        assert_eq!(outcome.is_ok(), member.is_some(), "member {index}");
        let full = CommitError::LimitReached { path: "count".to_owned(), current: 50, limit: 50 };
        assert!(outcome.is_ok() || outcome == Err(full), "member {index}");
    }
}

/// Two at once, at 49 of 50; and two at once who both saw the same revision.
pub fn of_two_members_for_one_place_one_is_let_in(new: New<'_>) {
    for round in 0..20 {
        let subject = new(wide());
        let store = subject.store();
        commit(store, vec![add("count", 49, 50)], vec![]).expect("there is room");
        let seen = put_one(store, "seen", "");
        let adds = race(2, |index| commit(store, vec![add("count", 1, 50)], vec![put(&format!("{index}"), "")]));
        assert_eq!(adds.values().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}: {adds:?}");
        let sees = race(2, |index| commit(store, vec![at("seen", seen)], vec![put("seen", &format!("{index}"))]));
        assert_eq!(sees.values().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}: {sees:?}");
    }
}

fn race<T: Send>(count: u64, attempt: impl Fn(u64) -> T + Sync) -> BTreeMap<u64, T> {
    let attempt = &attempt;
    thread::scope(|scope| {
        let attempts: Vec<_> = (0..count).map(|index| (index, scope.spawn(move || attempt(index)))).collect();
        attempts.into_iter().map(|(index, attempt)| (index, attempt.join().expect("it commits"))).collect()
    })
}
