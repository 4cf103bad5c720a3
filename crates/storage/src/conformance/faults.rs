//! What a store does when commits fail, and when it is closed.

use std::thread;
use std::time::Duration;

use super::{New, add, commit, load, put, put_one, replay, wait, wide};
use crate::{CommitError, Fault, Revision, StoreError, WatchError};

/// Closing settles what was committed and ends everything else.
pub fn a_closed_store_refuses_and_its_watches_end(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    let mut idle = store.watch(Revision::ZERO).expect("a watch from the beginning");
    let revision = put_one(store, "a", "1");
    let mut waiting = store.watch(revision).expect("a watch from now");
    thread::scope(|scope| {
        let waiting = scope.spawn(move || waiting.next_blocking().err());
        store.close();
        assert_eq!(waiting.join().expect("it watches"), Some(WatchError::Closed));
    });
    assert_eq!(idle.next_blocking().map(|commit| commit.revision), Ok(revision), "what was committed is shown");
    assert_eq!(idle.next_blocking().err(), Some(WatchError::Closed));
    assert_eq!(wait(idle.next()).err(), Some(WatchError::Closed));
    assert_eq!(store.watch(revision).err(), Some(WatchError::Closed));
    assert_eq!(commit(store, vec![], vec![put("a", "2")]), Err(CommitError::Closed));
    assert_eq!(load(store).err(), Some(StoreError::Closed));
    assert_eq!(wait(store.lease("a", Duration::from_secs(1))).err(), Some(StoreError::Closed));
    store.close();
}

/// After `Failed` the store is as before, and works.
pub fn a_failed_commit_left_nothing(new: New<'_>) {
    let subject = new(wide());
    let store = subject.store();
    put_one(store, "a", "1");
    let (mut contents, before) = load(store).expect("loads");
    let mut watch = store.watch(before).expect("a watch from now");
    subject.fail_next(Fault::Failed);
    let answer = commit(store, vec![add("counter", 1, 9)], vec![put("a", "2")]);
    assert!(matches!(answer, Err(CommitError::Failed(_))), "{answer:?}");
    subject.mend();
    let last = commit(store, vec![add("counter", 1, 9)], vec![put("b", "3")]).expect("it works again");
    replay(&mut watch, &mut contents, last);
    assert_eq!(load(store).expect("loads"), (contents, last));
}

/// After `Unknown` the commit is there, for loads and watches alike, or it is nowhere; and it comes before what is
/// committed later.
pub fn an_unknown_commit_is_settled_before_the_next(new: New<'_>) {
    for (fault, written) in [(Fault::UnknownWritten, true), (Fault::UnknownLost, false)] {
        let subject = new(wide());
        let store = subject.store();
        put_one(store, "a", "1");
        let (mut contents, before) = load(store).expect("loads");
        let mut watch = store.watch(before).expect("a watch from now");
        subject.fail_next(fault);
        let answer = commit(store, vec![add("counter", 1, 9)], vec![put("a", "2")]);
        assert!(matches!(answer, Err(CommitError::Unknown(_))), "{fault:?}: {answer:?}");
        assert!(watch.try_next().expect("the watch holds").is_none(), "{fault:?}: what is in doubt is not shown");
        subject.mend();
        // An empty transaction is enough to settle it.
        let settled = commit(store, vec![], vec![]).expect("it works again");
        assert_eq!(settled, load(store).expect("loads").1, "{fault:?}: an answer is a revision that watches reach");
        let shown = watch.try_next().expect("the watch holds");
        assert_eq!(shown.is_some(), written, "{fault:?}");
        if let Some(commit) = shown {
            assert_eq!(commit.revision, settled, "{fault:?}");
            contents.apply(&commit);
        }
        let last = commit(store, vec![add("counter", 1, 9)], vec![put("b", "3")]).expect("it works again");
        replay(&mut watch, &mut contents, last);
        assert_eq!(load(store).expect("loads"), (contents, last), "{fault:?}");
    }
}
