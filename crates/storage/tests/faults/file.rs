//! The store's file: made whole, opened once, found again.

use std::fs;
use std::path::Path;

use claviger_storage::conformance::{commit, load, put};
use claviger_storage::{ChangeLogLimits, EmbeddedStore, OpenError, Revision, Store};

fn open(path: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(path, ChangeLogLimits::default())
}

fn create(path: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::create(path, ChangeLogLimits::default())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_store_is_found_again_as_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    assert!(matches!(open(&path), Err(OpenError::NotFound)));
    let store = EmbeddedStore::open_or_create(&path, ChangeLogLimits::default()).unwrap();
    let id = store.id();
    commit(&store, vec![], vec![put("a", "1"), put("b", "2")]).unwrap();
    let left = load(&store).unwrap();
    drop(store);
    assert_eq!(names(directory.path()), ["state"]);
    let store = EmbeddedStore::open_or_create(&path, ChangeLogLimits::default()).unwrap();
    assert_eq!(load(&store).unwrap(), left);
    assert_eq!(store.id(), id);
    assert!(store.watch(Revision::ZERO).is_err(), "the past is not kept over a restart");
    let next = commit(&store, vec![], vec![put("a", "3")]).unwrap();
    assert!(next > left.1);
    let times = store.commit_stats().read();
    assert_eq!((times.batches, times.commits, times.failures), (1, 1, 0));
    drop(store);
    EmbeddedStore::check(&path).unwrap();
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let first = create(&path).unwrap();
    for attempt in 0..3 {
        let second = open(&path).err();
        assert!(matches!(second, Some(OpenError::AlreadyOpen)), "attempt {attempt}: {second:?}");
        assert!(matches!(EmbeddedStore::check(&path), Err(OpenError::AlreadyOpen)));
        commit(&first, vec![], vec![put("a", "1")]).expect("the first is not disturbed");
    }
    first.close();
    assert_eq!(load(&open(&path).unwrap()).unwrap().0.paths(), ["a"]);
}

#[test]
fn a_file_that_is_there_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(&path, "something else").unwrap();
    assert!(matches!(create(&path), Err(OpenError::AlreadyExists)));
    let opened = EmbeddedStore::open_or_create(&path, ChangeLogLimits::default()).err();
    assert!(matches!(opened, Some(OpenError::NotAStore)), "{opened:?}");
    assert_eq!(fs::read(&path).unwrap(), b"something else");
    assert_eq!(names(directory.path()), ["state"]);
    let missing = create(&directory.path().join("missing/state")).err();
    assert!(matches!(missing, Some(OpenError::NotFound)), "{missing:?}");
}

/// A crash while a file is made leaves a draft, which is no obstacle and does not stay.
#[test]
fn what_a_crash_left_while_creating_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(directory.path().join("state.draft-1"), "half a file").unwrap();
    fs::write(directory.path().join("statement"), "of somebody else").unwrap();
    drop(create(&path).unwrap());
    assert_eq!(names(directory.path()), ["state", "statement"]);
}

#[test]
fn many_who_create_at_once_share_one_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let creators: Vec<_> =
            (0..8).map(|_| scope.spawn(|| EmbeddedStore::open_or_create(&path, ChangeLogLimits::default()))).collect();
        creators.into_iter().map(|creator| creator.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in &outcomes {
        assert!(matches!(outcome, Ok(_) | Err(OpenError::AlreadyOpen)), "{:?}", outcome.as_ref().err());
    }
    assert_eq!(names(directory.path()), ["state"]);
    drop(outcomes);
    load(&open(&path).unwrap()).unwrap();
}

#[test]
#[cfg(unix)]
fn others_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    drop(create(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_check_reads_what_opening_trusts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let store = create(&path).unwrap();
    let value = "a value that is long enough to be found in the file";
    commit(&store, vec![], vec![put("a", value)]).unwrap();
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let found: Vec<_> =
        (0..bytes.len() - value.len()).filter(|at| bytes[*at..].starts_with(value.as_bytes())).collect();
    assert!(!found.is_empty());
    found.iter().for_each(|at| bytes[*at] ^= 1);
    fs::write(&path, bytes).unwrap();
    assert!(open(&path).is_ok(), "opening does not read records");
    let checked = EmbeddedStore::check(&path).err();
    assert!(matches!(checked, Some(OpenError::Damaged(_))), "{checked:?}");
}
