//! Power loss at any moment: no acknowledged commit is lost and none is half there.
//!
//! A workload runs on a disk that remembers everything. Then, for thousands of moments, the disk is made as a power
//! loss at that moment may leave it: all that was synced, and of the rest a random part, torn and reordered. The store
//! must open on it and hold exactly the state after some commit, not before the last one that was acknowledged by
//! then. A third of the images lose power again while they recover or soon after; some are of a process that was
//! killed, whose successor's machine then loses power.

use std::collections::{BTreeMap, HashSet};
use std::thread;

use claviger_storage::conformance::{Contents, Random, commit, delete, load, put, wait};
use claviger_storage::{ChangeLogLimits, EmbeddedStore, Precondition, Revision, Store, Transaction, Write};

use crate::disk::{Disk, Event, power_loss};

const COMMITTERS: u64 = 4;
const ROUNDS: u64 = 12;

#[test]
fn no_acknowledged_commit_is_lost_and_none_is_half_there() {
    let images = std::env::var("CLAVIGER_POWER_LOSS_IMAGES").ok();
    let images: usize = images.map_or(10_000, |images| images.parse().expect("CLAVIGER_POWER_LOSS_IMAGES is a number"));
    const IMAGES_PER_LIFE: usize = 500;
    let lives = images.div_ceil(IMAGES_PER_LIFE);
    let workers = thread::available_parallelism().map_or(2, usize::from).min(lives);
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for life in (worker..lives).step_by(workers) {
                        let count = IMAGES_PER_LIFE.min(images - life * IMAGES_PER_LIFE);
                        lose_power(&Life::live(life as u64), count, &mut tally);
                    }
                    tally
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no image fails")).fold(Tally::default(), Tally::plus)
    });
    println!("{tally:?}");
    assert_eq!(tally.images, images);
    // What was not acknowledged is sometimes there and sometimes not, else the disk is no worse than a good one.
    assert!(images < 1_000 || tally.beyond > images / 50 && tally.again > images / 5, "{tally:?}");
}

#[derive(Debug, Default)]
struct Tally {
    images: usize,
    /// Images that hold a commit which nobody had been told of.
    beyond: usize,
    /// Images that lost power a second time.
    again: usize,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        let Self { images, beyond, again } = other;
        Self { images: self.images + images, beyond: self.beyond + beyond, again: self.again + again }
    }
}

/// One run of a workload, and all that can be known of it.
struct Life {
    seed: u64,
    base: Vec<u8>,
    events: Vec<Event>,
    /// The moment at which each commit's caller had been told, at the latest.
    told: Vec<(usize, Revision)>,
    /// The contents after each commit.
    states: BTreeMap<Revision, Contents>,
}

impl Life {
    fn live(seed: u64) -> Self {
        // The file is made whole before it gets its name, so nobody loses power while it is made.
        let blank = Disk::new(Vec::new());
        EmbeddedStore::create_on(blank.medium(), ChangeLogLimits::default()).expect("an empty disk").close();
        let base = blank.content();
        let disk = Disk::new(base.clone());
        let store = EmbeddedStore::open_on(disk.medium(), ChangeLogLimits::default()).expect("a new store");
        let told = work(&store, &disk, seed);
        let states = states(&store, Contents::default(), Revision::ZERO);
        store.close();
        let (_, events) = disk.history();
        Self { seed, base, events, told, states }
    }

    /// The last revision of which somebody had been told by that moment.
    fn acknowledged(&self, moment: usize) -> Revision {
        let told = self.told.iter().filter(|(when, _)| *when <= moment).map(|(_, revision)| *revision);
        told.max().unwrap_or(Revision::ZERO)
    }
}

/// Several committers at once; returns when each commit was told, in events of the disk.
fn work(store: &EmbeddedStore, disk: &Disk, seed: u64) -> Vec<(usize, Revision)> {
    thread::scope(|scope| {
        let committers: Vec<_> = (0..COMMITTERS)
            .map(|committer| {
                scope.spawn(move || {
                    let mut random = Random::new(seed * COMMITTERS + committer);
                    let mut told = Vec::new();
                    for round in 0..ROUNDS {
                        let revision = wait(store.commit(transaction(&mut random, committer, round)));
                        let revision = revision.expect("nothing is in the way");
                        told.push((disk.moment(), revision));
                    }
                    told
                })
            })
            .collect();
        committers.into_iter().flat_map(|committer| committer.join().expect("it commits")).collect()
    })
}

/// Records that belong together, of many sizes, and a counter.
fn transaction(random: &mut Random, committer: u64, round: u64) -> Transaction {
    let size = [10, 100, 400, 3_000, 9_000][random.below(5)];
    let value = format!("{round} ").repeat(size / 2);
    let mut writes: Vec<_> = (0..1 + random.below(6))
        .map(|index| Write::Put { path: format!("{committer}/{index}"), value: value.clone().into_bytes() })
        .collect();
    writes.push(Write::Put { path: format!("{committer}/round/{round}"), value: value.into_bytes() });
    if round > 3 && random.percent(30) {
        writes.push(delete(&format!("{committer}/round/{}", round - 3)));
    }
    let counter = Precondition::BoundedAdd { path: "commits".to_owned(), delta: 1, limit: u64::MAX };
    Transaction { preconditions: vec![counter], writes }
}

/// The contents after each commit since that revision, as the watch tells.
fn states(store: &EmbeddedStore, mut contents: Contents, since: Revision) -> BTreeMap<Revision, Contents> {
    let mut states = BTreeMap::from([(since, contents.clone())]);
    let mut watch = store.watch(since).expect("the log is long enough");
    while let Some(commit) = watch.try_next().expect("the watch holds") {
        contents.apply(&commit);
        states.insert(commit.revision, contents.clone());
    }
    states
}

fn lose_power(life: &Life, images: usize, tally: &mut Tally) {
    let mut random = Random::new(life.seed ^ 0x0FF0);
    let mut moments: Vec<_> = (0..images).map(|_| random.below(life.events.len() + 1)).collect();
    moments.sort_unstable();
    let mut synced = life.base.clone();
    let mut since = 0;
    for moment in moments {
        for (index, event) in life.events[..moment].iter().enumerate().skip(since) {
            if matches!(event, Event::Sync) {
                life.events[since..index].iter().for_each(|event| event.apply(&mut synced));
                since = index + 1;
            }
        }
        let unsynced = &life.events[since..moment];
        let place = format!("life {}, moment {moment}", life.seed);
        let acknowledged = life.acknowledged(moment);
        tally.images += 1;
        // One in ten is killed first: its successor reads what was never synced.
        let disk = match random.percent(10) {
            true => Disk::after_kill(synced.clone(), unsynced.to_vec()),
            false => Disk::new(power_loss(&synced, unsynced, &mut random)),
        };
        let store = EmbeddedStore::open_on(disk.medium(), ChangeLogLimits::default());
        let store = store.unwrap_or_else(|error| panic!("{place}: {error}"));
        let opened = disk.moment();
        let shown = assert_whole(&store, &life.states, acknowledged, &place);
        tally.beyond += usize::from(shown > acknowledged);
        if random.percent(34) {
            tally.again += 1;
            lose_power_again(store, &disk, (opened, acknowledged, shown), life, &place, &mut random);
        }
    }
}

/// The power is lost once more: while the store was opened, while it committed again, or while it was closed.
fn lose_power_again(
    store: EmbeddedStore,
    disk: &Disk,
    (opened, acknowledged, shown): (usize, Revision, Revision),
    life: &Life,
    place: &str,
    random: &mut Random,
) {
    let value = "after ".repeat(1 + random.below(600));
    let last = commit(&store, vec![], vec![put("after/1", &value), put("after/2", &value)]);
    let last = last.unwrap_or_else(|error| panic!("{place}: {error}"));
    let told = disk.moment();
    let mut known = life.states.clone();
    known.extend(states(&store, life.states[&shown].clone(), shown));
    store.close();
    let (base, events) = disk.history();
    let moment = random.below(events.len() + 1);
    let since = events[..moment].iter().rposition(|event| matches!(event, Event::Sync)).map_or(0, |sync| sync + 1);
    let mut synced = base;
    events[..since].iter().for_each(|event| event.apply(&mut synced));
    let image = power_loss(&synced, &events[since..moment], random);
    let at_least = match moment {
        _ if moment >= told => last,
        _ if moment >= opened => shown,
        _ => acknowledged,
    };
    let place = format!("{place}, then again at {moment}");
    let store = EmbeddedStore::open_on(Disk::new(image).medium(), ChangeLogLimits::default());
    let store = store.unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_whole(&store, &known, at_least, &place);
}

/// The store holds exactly the contents after one commit, and not an earlier one than that.
fn assert_whole(
    store: &EmbeddedStore,
    states: &BTreeMap<Revision, Contents>,
    at_least: Revision,
    place: &str,
) -> Revision {
    let (contents, revision) = load(store).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(revision >= at_least, "{place}: it stands at {revision:?}, and {at_least:?} was acknowledged");
    let want = states.get(&revision).unwrap_or_else(|| panic!("{place}: nobody committed {revision:?}"));
    let paths: HashSet<_> = contents.paths().into_iter().chain(want.paths()).map(str::to_owned).collect();
    let wrong: Vec<_> = paths.iter().filter(|path| contents.value(path) != want.value(path)).collect();
    assert!(contents == *want, "{place}: at {revision:?} these are wrong: {wrong:?}");
    revision
}
