//! What watches show, and when they say that they cannot.

use std::thread;

use super::model::Contents;
use super::{New, commit, delete, load, put, put_one, replay, wait, wide};
use crate::{ChangeLogLimits, Revision, WatchError};

/// A watch that fell behind the log must not show what comes after the gap.
pub fn a_slow_watch_is_told_that_it_missed_something(new: New<'_>) {
    let subject = new(ChangeLogLimits { commits: 3, ..wide() });
    let store = subject.store();
    let mut watch = store.watch(Revision::ZERO).expect("a watch from the beginning");
    let first = put_one(store, "a", "0");
    assert_eq!(watch.next_blocking().expect("the watch holds").revision, first);
    for index in 1..=4 {
        put_one(store, "a", &format!("{index}"));
    }
    assert_eq!(watch.next_blocking().err(), Some(WatchError::Compacted));
    assert_eq!(watch.try_next().err(), Some(WatchError::Compacted), "it stays so");
    assert_eq!(wait(watch.next()).err(), Some(WatchError::Compacted), "it stays so");
}

/// A task that waits is woken, and takes what came in between.
pub fn a_task_is_woken_by_a_commit(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let mut watch = store.watch(Revision::ZERO).expect("a watch from the beginning");
    thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let mut contents = Contents::default();
            while contents.value("end").is_none() {
                contents.apply(&wait(watch.next()).expect("the watch holds"));
            }
            contents
        });
        for index in 0..100 {
            put_one(store, &format!("{}", index % 7), &format!("{index}"));
        }
        put_one(store, "end", "");
        assert_eq!(watching.join().expect("it watches"), load(store).expect("loads").0);
    });
}

/// A thread that waits is woken.
pub fn a_thread_is_woken_by_a_commit(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let mut watch = store.watch(Revision::ZERO).expect("a watch from the beginning");
    thread::scope(|scope| {
        let watching = scope.spawn(move || watch.next_blocking().map(|commit| commit.revision));
        let revision = put_one(store, "a", "1");
        assert_eq!(watching.join().expect("it watches"), Ok(revision));
    });
}

/// The log reaches back so far, and says so when asked for more.
pub fn a_watch_from_before_the_log_is_refused(new: New<'_>) {
    let subject = new(ChangeLogLimits { commits: 3, ..wide() });
    let store = subject.store();
    let revisions: Vec<_> = (0..5).map(|index| put_one(store, "a", &format!("{index}"))).collect();
    for (index, revision) in revisions.iter().enumerate() {
        let shown: Result<Vec<_>, _> = store.watch(*revision).map(|mut watch| {
            let commits = std::iter::from_fn(|| watch.try_next().expect("the watch holds"));
            commits.map(|commit| commit.revision).collect()
        });
        let want = if index == 0 { Err(WatchError::Compacted) } else { Ok(revisions[index + 1..].to_vec()) };
        assert_eq!(shown, want, "after commit {index}");
    }
    assert_eq!(store.watch(Revision::ZERO).err(), Some(WatchError::Compacted));
    let (_, loaded) = load(store).expect("loads");
    assert!(store.watch(loaded).is_ok(), "a load is always a place to watch from");
}

/// Every commit after the revision, in order, whether it was there before the watch or comes after it.
pub fn a_watch_shows_the_past_and_then_the_present(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let first = put_one(store, "a", "1");
    let (mut contents, loaded) = load(store).expect("loads");
    assert_eq!(loaded, first);
    commit(store, vec![], vec![put("b", "2"), delete("a")]).expect("a commit");
    let mut from_past = store.watch(first).expect("a watch from the past");
    let mut from_start = store.watch(Revision::ZERO).expect("a watch from the beginning");
    let last = commit(store, vec![], vec![put("a", "3"), delete("missing")]).expect("a commit");
    replay(&mut from_past, &mut contents, last);
    assert_eq!(contents, load(store).expect("loads").0);
    let mut whole = Contents::default();
    replay(&mut from_start, &mut whole, last);
    assert_eq!(whole, contents);
    assert!(from_past.try_next().expect("the watch holds").is_none(), "nothing more has happened");
    let commit = store.watch(first).and_then(|mut watch| watch.next_blocking()).expect("the watch holds");
    let shown: Vec<_> = commit.changes.iter().map(|change| (change.path.as_str(), change.value.as_deref())).collect();
    assert_eq!(shown, [("b", Some("2".as_bytes())), ("a", None)]);
}

/// Large commits leave the log sooner.
pub fn the_log_is_bounded_by_bytes_too(new: New<'_>) {
    let subject = new(ChangeLogLimits { bytes: 1000, ..wide() });
    let store = subject.store();
    let first = put_one(store, "a", &"x".repeat(300));
    let second = put_one(store, "a", &"x".repeat(300));
    assert!(store.watch(Revision::ZERO).is_ok());
    put_one(store, "a", &"x".repeat(600));
    assert_eq!(store.watch(Revision::ZERO).err(), Some(WatchError::Compacted));
    assert!(store.watch(first).is_ok());
    put_one(store, "a", &"x".repeat(2000));
    assert_eq!(store.watch(second).err(), Some(WatchError::Compacted), "a commit larger than the log is not kept");
}
