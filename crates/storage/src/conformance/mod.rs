//! The suite that every store must pass: in words, what the `Store` trait promises.
//!
//! A store's own tests say `claviger_storage::conformance!(new)`, where `new` makes an empty [`Subject`] that keeps so
//! much of the past. The model in `model` is written apart from the stores' own code.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod commits;
mod concurrency;
mod faults;
mod model;
mod watches;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

pub use commits::*;
pub use concurrency::*;
pub use faults::*;
pub use model::{Contents, Random};
pub use watches::*;

use crate::{
    ChangeLogLimits, CommitError, Fault, Precondition, Revision, Store, StoreError, Transaction, Watch, Write,
};

/// A store, and the hand that makes it fail.
pub trait Subject: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn Store;

    /// The next commit that changes something fails so. After `Unknown…` the store stays unable to write until
    /// `mend`, if it is of that kind.
    fn fail_next(&self, fault: Fault);

    /// Faults end.
    fn mend(&self);
}

/// Makes an empty store.
pub type New<'a> = &'a dyn Fn(ChangeLogLimits) -> Box<dyn Subject>;

/// Makes one test of each promise.
#[macro_export]
macro_rules! conformance {
    ($new:expr) => {
        $crate::conformance!(@each $new;
            absent_holds_for_a_path_without_record
            a_refused_transaction_leaves_nothing
            a_revision_holds_until_the_record_is_written_again
            a_transaction_has_limits
            a_transaction_that_changes_nothing_is_a_question
            bounded_adds_keep_their_bounds
            no_path_is_changed_twice
            random_transactions_do_what_the_model_does
            records_are_loaded_in_the_order_of_their_paths
            a_lease_has_one_holder
            concurrent_commits_are_one_sequence
            of_many_members_the_limit_is_let_in
            of_two_members_for_one_place_one_is_let_in
            a_closed_store_refuses_and_its_watches_end
            a_failed_commit_left_nothing
            an_unknown_commit_is_settled_before_the_next
            a_slow_watch_is_told_that_it_missed_something
            a_task_is_woken_by_a_commit
            a_thread_is_woken_by_a_commit
            a_watch_from_before_the_log_is_refused
            a_watch_shows_the_past_and_then_the_present
            the_log_is_bounded_by_bytes_too
        );
    };
    (@each $new:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::$name(&$new);
            }
        )*
    };
}

/// Runs a future on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Commits, and waits for the answer.
pub fn commit(
    store: &dyn Store,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
) -> Result<Revision, CommitError> {
    wait(store.commit(Transaction { preconditions, writes }))
}

/// Puts one record, which must succeed.
pub fn put_one(store: &dyn Store, path: &str, value: &str) -> Revision {
    commit(store, vec![], vec![put(path, value)]).expect("a put without preconditions")
}

/// A write that puts.
pub fn put(path: &str, value: &str) -> Write {
    Write::Put { path: path.to_owned(), value: value.as_bytes().to_vec() }
}

/// A write that deletes.
pub fn delete(path: &str) -> Write {
    Write::Delete { path: path.to_owned() }
}

fn absent(path: &str) -> Precondition {
    Precondition::Absent { path: path.to_owned() }
}

fn at(path: &str, revision: Revision) -> Precondition {
    Precondition::Revision { path: path.to_owned(), revision }
}

fn add(path: &str, delta: i64, limit: u64) -> Precondition {
    Precondition::BoundedAdd { path: path.to_owned(), delta, limit }
}

fn conflict(path: &str) -> CommitError {
    CommitError::Conflict { path: path.to_owned() }
}

fn wide() -> ChangeLogLimits {
    ChangeLogLimits::default()
}

/// The whole store, and the revision of the snapshot.
pub fn load(store: &dyn Store) -> Result<(Contents, Revision), StoreError> {
    let mut contents = Contents::default();
    let mut last: Option<String> = None;
    let revision = store.load(&mut |record| {
        if let Some(last) = &last {
            assert!(last.as_bytes() < record.path.as_bytes(), "`{last}` came before `{}`", record.path);
        }
        last = Some(record.path.to_owned());
        contents.insert(record.path, record.value, record.revision);
    })?;
    Ok((contents, revision))
}

/// Applies everything that the watch has to show, and returns the last revision.
pub fn replay(watch: &mut Watch, contents: &mut Contents, until: Revision) {
    let mut last = Revision::ZERO;
    while last < until {
        let commit = watch.next_blocking().expect("the watch holds");
        assert!(commit.revision > last, "{:?} came after {last:?}", commit.revision);
        last = commit.revision;
        contents.apply(&commit);
    }
    assert_eq!(last, until, "the watch shows a commit that nobody made");
}
