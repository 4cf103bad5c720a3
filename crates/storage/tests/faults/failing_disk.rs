//! Disks that fail at any operation, once or for a while, and disks that are full.

use claviger_storage::conformance::{Contents, Random, commit, load, put, replay};
use claviger_storage::{ChangeLogLimits, CommitError, EmbeddedStore, Precondition, Revision, Store, StoreError, Write};

use crate::disk::{Disk, Faults};

const COMMITS: usize = 12;

/// Each operation of a workload fails, in each of these ways. Answers must be true: what was acknowledged is there,
/// what failed is not, and what is unknown is there or not, the same for loads, watches and later openings.
#[test]
fn every_operation_may_fail() {
    let operations = {
        let (store, disk) = new_store();
        work(&store);
        disk.operations()
    };
    assert!(operations > 50, "the workload is too small: {operations} operations");
    let ways = [
        ("once", 1, false, false),
        ("three times", 3, false, false),
        ("from then on", usize::MAX, false, false),
        ("once, and forgets", 1, true, false),
        ("from then on, and forgets", usize::MAX, true, false),
        ("once, and is away", 1, false, true),
    ];
    let mut seen = Seen::default();
    for (way, count, failed_syncs_forget, unopenable) in ways {
        for operation in 0..operations {
            let (store, disk) = new_store();
            let operations = Some((disk.operations() + operation, count));
            disk.set_faults(Faults { operations, failed_syncs_forget, unopenable, ..Faults::default() });
            let answers = work(&store);
            disk.set_faults(Faults::default());
            seen.check(&store, &disk, &answers, &format!("operation {operation} fails {way}"));
        }
    }
    assert!(seen.failed > 0 && seen.unknown_there > 0 && seen.unknown_lost > 0, "{seen:?}");
}

/// Syncs that reached the disk and yet are reported as failed.
#[test]
fn a_commit_that_is_there_in_spite_of_the_error_is_acknowledged() {
    let (store, disk) = new_store();
    disk.set_faults(Faults { syncs_deny: true, unopenable: true, ..Faults::default() });
    let unknown = commit(&store, vec![], vec![put("a", "1")]);
    assert!(matches!(unknown, Err(CommitError::Unknown(_))), "{unknown:?}");
    let closed = load(&store).err();
    assert!(matches!(closed, Some(StoreError::Failed(_))), "{closed:?}");
    let refused = commit(&store, vec![], vec![put("b", "1")]);
    assert!(matches!(refused, Err(CommitError::Failed(_))), "nothing is written while the file is away: {refused:?}");
    let mut watch = store.watch(Revision::ZERO).unwrap();
    assert_eq!(watch.try_next().unwrap(), None);
    // Nobody commits, and yet the store tries again.
    disk.set_faults(Faults::default());
    let shown = watch.next_blocking().unwrap();
    assert_eq!(shown.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(load(&store).unwrap().1, shown.revision);
    assert!(store.commit_stats().read().failures >= 1);
}

/// Another disk in the place of the one that failed, or an older copy of it, is not taken for it.
#[test]
fn a_file_that_was_swapped_is_refused() {
    let (store, disk) = new_store();
    let older = disk.content();
    commit(&store, vec![], vec![put("a", "1")]).unwrap();
    let (other, other_disk) = new_store();
    other.close();
    for (what, content) in [("an older copy", older), ("another store", other_disk.content())] {
        let whole = disk.content();
        disk.set_faults(Faults { operations: Some((disk.operations(), 1)), unopenable: true, ..Faults::default() });
        commit(&store, vec![], vec![put("b", "1")]).unwrap_err();
        disk.set_content(content);
        disk.set_faults(Faults::default());
        let answer = commit(&store, vec![], vec![put("c", "1")]);
        let Err(CommitError::Failed(reason)) = answer else { panic!("{what}: {answer:?}") };
        assert!(reason.contains("not as this process left it"), "{what}: {reason}");
        disk.set_content(whole);
        commit(&store, vec![], vec![]).unwrap_or_else(|error| panic!("{what}: the right one is back: {error}"));
    }
    assert_eq!(load(&store).unwrap().0.paths(), ["a"]);
}

/// A full disk is an error like any other, and none once there is room.
#[test]
fn a_full_disk_loses_nothing_and_works_again() {
    let mut full = 0;
    for extra in (0..40).map(|step| step * 30_000) {
        let (store, disk) = new_store();
        let mut watch = store.watch(Revision::ZERO).unwrap();
        disk.set_faults(Faults { room: Some(disk.content().len() + extra), ..Faults::default() });
        let fill = |name: &str, index: usize| {
            commit(&store, vec![], vec![Write::Put { path: format!("{name}/{index}"), value: vec![1; 50_000] }])
        };
        let written = (0..100).take_while(|index| fill("before", *index).is_ok()).count();
        full += usize::from(written < 100);
        for index in 0..3 {
            let answer = fill("full", index);
            assert!(matches!(answer, Err(CommitError::Failed(_))), "extra {extra}, {written} written: {answer:?}");
        }
        let (contents, _) = load(&store).expect("a full disk can be read");
        assert_eq!(contents.paths().len(), written, "extra {extra}");
        disk.set_faults(Faults::default());
        let last = fill("after", 0).unwrap_or_else(|error| panic!("extra {extra}: there is room again: {error}"));
        let mut watched = Contents::default();
        replay(&mut watch, &mut watched, last);
        assert_eq!(watched, load(&store).unwrap().0, "extra {extra}");
        assert_eq!(watched.paths().len(), written + 1, "extra {extra}");
    }
    assert_eq!(full, 40, "the disk was never full");
}

fn new_store() -> (EmbeddedStore, Disk) {
    let disk = Disk::new(Vec::new());
    let store = EmbeddedStore::create_on(disk.medium(), ChangeLogLimits::default()).expect("an empty disk");
    (store, disk)
}

/// Commits that can be told apart: each has two records of its own and adds to the counter.
fn work(store: &EmbeddedStore) -> Vec<Result<Revision, CommitError>> {
    let mut random = Random::new(7);
    let commits = (0..COMMITS).map(|index| {
        let value = "x".repeat(random.below(9_000));
        let counter = Precondition::BoundedAdd { path: "count".to_owned(), delta: 1, limit: u64::MAX };
        commit(store, vec![counter], vec![put(&format!("{index}/1"), &value), put(&format!("{index}/2"), &value)])
    });
    commits.collect()
}

/// What became of the commits of all runs.
#[derive(Debug, Default)]
struct Seen {
    failed: usize,
    unknown_there: usize,
    unknown_lost: usize,
}

impl Seen {
    fn check(&mut self, store: &EmbeddedStore, disk: &Disk, answers: &[Result<Revision, CommitError>], place: &str) {
        let last = commit(store, vec![], vec![put("last", "")]);
        let last = last.unwrap_or_else(|error| panic!("{place}: it does not work again: {error}"));
        let (contents, revision) = load(store).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(revision, last, "{place}");
        let mut there: u64 = 0;
        for (index, answer) in answers.iter().enumerate() {
            let [first, second] = [1, 2].map(|half| contents.revision(&format!("{index}/{half}")));
            assert_eq!(first, second, "{place}: commit {index} is half there");
            there += u64::from(first.is_some());
            match answer {
                Ok(revision) => assert_eq!(first, Some(*revision), "{place}: commit {index}"),
                Err(CommitError::Failed(_)) => {
                    self.failed += 1;
                    assert_eq!(first, None, "{place}: commit {index} failed and is there");
                }
                Err(CommitError::Unknown(_)) if first.is_some() => self.unknown_there += 1,
                Err(CommitError::Unknown(_)) => self.unknown_lost += 1,
                Err(error) => panic!("{place}: commit {index}: {error}"),
            }
        }
        let counted = contents.value("count").map_or(0, |value| u64::from_be_bytes(value.try_into().unwrap()));
        assert_eq!(counted, there, "{place}");
        let mut watched = Contents::default();
        replay(&mut store.watch(Revision::ZERO).unwrap(), &mut watched, last);
        assert_eq!(watched, contents, "{place}: the watch differs");
        let copy = Disk::new(disk.content());
        let copy = EmbeddedStore::open_on(copy.medium(), ChangeLogLimits::default());
        let copy = copy.unwrap_or_else(|error| panic!("{place}: a copy cannot be opened: {error}"));
        assert_eq!(load(&copy).unwrap(), (contents, last), "{place}: a copy differs");
    }
}
