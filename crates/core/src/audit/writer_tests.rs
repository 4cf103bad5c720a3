//! The writer on a store and a disk that fail: each event is in the log once, whatever happened on its way there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use claviger_keyring::{Deployment, FileRoot, RootOfTrust};
use claviger_storage::{
    ChangeLogLimits, CommitFuture, Fault, LeaseFuture, MemoryStore, Record, Revision, Store, StoreError, Transaction,
    Watch, WatchError, Write,
};
use claviger_tlog::Files;
use claviger_tlog::simulation::{Disk, Faults, Image, Random};
use claviger_types::Timestamp;

use super::follow::{Followed, FollowedEntry, Follower, Followers};
use super::queue::{Durability, Recorder, queue};
use super::writer::Turns;
use super::{AuditWriter, Outbox, Place, audit_key};
use crate::bootstrap::{self, NewDeployment};
use crate::paths::{self, PathKind};
use crate::records;
use crate::testing::test_files::TestFiles;
use crate::view::{PolicyInterner, View};
use crate::views;

/// A store without its first event, the View of it and a disk: what outlives a process.
struct Machine {
    store: Arc<MemoryStore>,
    disk: Disk,
    written: usize,
}

/// A process.
struct Process {
    turns: Turns,
    recorder: Recorder,
    runtime: tokio::runtime::Runtime,
}

static ROOT: LazyLock<Arc<dyn RootOfTrust>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    Arc::new(FileRoot::create(&folder.path().join("root")).unwrap())
});

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

impl Machine {
    fn new(limits: ChangeLogLimits) -> Self {
        let store = Arc::new(MemoryStore::with_limits(limits));
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        let account = "111122223333".parse().unwrap();
        let new = NewDeployment { account, name: "a".into(), kind: Deployment::Development, admin: None };
        block_on(bootstrap::create(&shared, ROOT.as_ref(), new)).unwrap();
        let machine = Self { store, disk: Disk::default(), written: 0 };
        // Whatever the first event is, it is none of those that are counted here.
        let first = machine.outbox().into_iter().map(|path| Write::Delete { path }).collect();
        machine.commit(first);
        machine
    }

    /// One with these records and this disk.
    fn of(records: &[(String, Vec<u8>)], image: Image, written: usize) -> Self {
        let machine = Self { store: Arc::new(MemoryStore::new()), disk: Disk::new(image), written };
        for records in records.chunks(50) {
            let put = |(path, value): &(String, Vec<u8>)| Write::Put { path: path.clone(), value: value.clone() };
            machine.commit(records.iter().map(put).collect());
        }
        machine
    }

    fn commit(&self, writes: Vec<Write>) {
        block_on(self.store.commit(Transaction { preconditions: Vec::new(), writes })).unwrap();
    }

    /// A command in one of two spaces.
    fn command(&mut self) {
        let space = ["global", "us-east-1"][self.written % 2];
        let path = paths::outbox(space, &format!("{:04}", self.written));
        let value = format!("command {:04}", self.written).into_bytes();
        self.commit(vec![Write::Put { path, value }]);
        self.written += 1;
    }

    /// What RotateAuditKey stores, if no rotation is under way.
    fn rotate(&self) {
        let view = self.view().0;
        let [stored] = &view.audit_keys().collect::<Vec<_>>()[..] else { return };
        let version = stored.key.version() + 1;
        let record = audit_key::make(&view.cluster_key().unwrap().key, version, Timestamp::from_millis(0)).unwrap().1;
        self.commit(vec![Write::Put { path: paths::audit_key(version), value: records::encode(&record) }]);
    }

    /// What the job does about it.
    fn finish_rotation(&self, process: &Process) {
        let upkeep = process.recorder.upkeep();
        let signing = upkeep.key_version().unwrap();
        for stored in self.view().0.audit_keys() {
            let version = stored.key.version();
            if version > signing {
                upkeep.sign_by(Arc::clone(stored));
            } else if version < signing {
                self.commit(vec![Write::Delete { path: paths::audit_key(version) }]);
            }
        }
    }

    /// A start ends the rotation: each key that was ever stored signed the log in its turn, and the last one only is left.
    fn assert_rotated(&self, process: &mut Process, place: &str) {
        for _ in 0..2 {
            self.finish_rotation(process);
            assert!(process.turn(), "{place}");
        }
        let view = self.view().0;
        let versions: Vec<_> = view.audit_keys().map(|stored| stored.key.version()).collect();
        assert_eq!(versions, [process.recorder.upkeep().key_version().unwrap()], "{place}");
        let reader = self.place(&view).reader().unwrap();
        assert_eq!(reader.keys().keys().count(), versions[0] as usize, "{place}");
        let newest = format!("{}\n", reader.keys().keys().next_back().unwrap());
        assert_eq!(self.disk.read("verifier-key", newest.len()).unwrap(), newest.as_bytes(), "{place}");
    }

    fn outbox(&self) -> Vec<String> {
        let mut found = Vec::new();
        let is_event = |path: &str| matches!(paths::parse(path), Some((PathKind::Outbox, _, _)));
        self.store.load(&mut |record| found.extend(is_event(record.path).then(|| record.path.to_owned()))).unwrap();
        found
    }

    fn view(&self) -> (View, Vec<(String, Vec<u8>)>) {
        let loaded = views::load(self.store.as_ref(), ROOT.as_ref(), &mut PolicyInterner::default()).unwrap();
        (loaded.view, loaded.events)
    }

    fn start(&self) -> Process {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    fn try_start(&self) -> Result<Process, super::log::LogError> {
        self.try_start_with(Arc::clone(&self.store) as _, Followers::default())
    }

    fn try_start_followed(&self, followers: Followers) -> Result<Process, super::log::LogError> {
        self.try_start_with(Arc::clone(&self.store) as _, followers)
    }

    /// A process that commits through this store, which is the machine's.
    fn try_start_on(&self, store: Arc<dyn Store>) -> Result<Process, super::log::LogError> {
        self.try_start_with(store, Followers::default())
    }

    fn try_start_with(&self, store: Arc<dyn Store>, followers: Followers) -> Result<Process, super::log::LogError> {
        let (view, events) = self.view();
        let watch = self.store.watch(view.revision()).unwrap();
        let outbox = Outbox::new(store, watch, events);
        let (recorder, queue) = queue();
        let turns = Turns::open(self.place(&view), queue, outbox, view.audit_position(), followers)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Ok(Process { turns, recorder, runtime })
    }

    fn place(&self, view: &View) -> Place {
        Place::new(view, Arc::new(self.disk.clone())).unwrap()
    }

    /// How often each entry is in the log.
    fn logged(&self) -> BTreeMap<String, usize> {
        let place = self.place(&self.view().0);
        super::verify(&place, &mut |_, _| {}).unwrap();
        let mut logged = BTreeMap::new();
        let reader = place.reader().unwrap();
        for entry in reader.entries(reader.kept_from()..u64::MAX) {
            *logged.entry(String::from_utf8(entry.unwrap().1).unwrap()).or_insert(0) += 1;
        }
        logged
    }

    /// Each command once, and of the others none twice.
    fn assert_exact(&self, place: &str) {
        let logged = self.logged();
        for number in 0..self.written {
            let name = format!("command {number:04}");
            assert_eq!(logged.get(&name), Some(&1), "{place}: {name}");
        }
        assert!(logged.values().all(|count| *count == 1), "{place}: {logged:?}");
        assert_eq!(self.outbox(), Vec::<String>::new(), "{place}");
    }
}

fn records_of(store: &MemoryStore) -> Vec<(String, Vec<u8>)> {
    let mut records = Vec::new();
    store.load(&mut |record| records.push((record.path.to_owned(), record.value.to_vec()))).unwrap();
    records
}

impl Process {
    fn turn(&mut self) -> bool {
        self.turns.turn(&self.runtime)
    }

    fn request(&self, number: usize) {
        self.recorder.hand_over(None, |bytes| bytes.extend(format!("request {number:04}").as_bytes())).unwrap();
    }
}

#[test]
fn events_that_the_watch_forgot() {
    let mut machine = Machine::new(ChangeLogLimits { commits: 2, bytes: 1 << 20 });
    let mut process = machine.start();
    for _ in 0..2 {
        (0..10).for_each(|_| machine.command());
        assert!(process.turn());
    }
    machine.assert_exact("after two turns");
}

/// Whatever happens to the commit that takes events out, and whether or not the process lives on.
#[test]
fn a_store_that_fails() {
    for fault in [Fault::Failed, Fault::UnknownLost, Fault::UnknownWritten] {
        for restart in [false, true] {
            let mut machine = Machine::new(ChangeLogLimits::default());
            (0..200).for_each(|_| machine.command());
            let mut process = machine.start();
            machine.store.fail_next(fault);
            process.request(0);
            assert!(process.turn(), "the log itself is well");
            assert_eq!(process.recorder.health(), Ok(()));
            // Commits of unknown outcome are settled before anything else is written.
            machine.command();
            if restart {
                drop(process);
                process = machine.start();
            }
            process.request(1);
            assert!(process.turn());
            machine.assert_exact(&format!("{fault:?} restart={restart}"));
            assert_eq!(machine.logged().len(), 203);
        }
    }
}

/// Each single operation of the disk fails, once or for good until it is mended. What was handed over is written in the
/// end, once; meanwhile requests are refused, and those that wait for their event are told.
#[test]
fn a_disk_that_fails() {
    for count in [1, usize::MAX] {
        let mut failed = 0;
        for operation in 0.. {
            let mut machine = Machine::new(ChangeLogLimits::default());
            let mut process = machine.start();
            let from = machine.disk.counted() + operation;
            machine.disk.set_faults(Faults { operations: Some((from, count)), room: None });
            let mut refused = false;
            for turn in 0..4 {
                machine.command();
                process.request(turn);
                let waits = process
                    .recorder
                    .hand_over_and_wait(None, |bytes| bytes.extend(format!("strict {turn}").as_bytes()))
                    .unwrap();
                let written = process.turn();
                assert_eq!(process.recorder.health().is_ok(), written);
                assert_eq!(block_on(waits.wait()).is_ok(), written, "operation {operation}, turn {turn}");
                refused |= !written;
            }
            machine.disk.set_faults(Faults::default());
            assert!(process.turn());
            assert_eq!((process.recorder.health(), process.recorder.progress().waiting), (Ok(()), 0));
            machine.assert_exact(&format!("operation {operation} of {count}"));
            assert_eq!(machine.logged().len(), 12, "operation {operation}");
            failed += usize::from(refused);
            if machine.disk.counted() < from {
                break;
            }
        }
        assert!(failed > 20, "{failed}");
    }
}

#[test]
fn a_full_disk() {
    let mut machine = Machine::new(ChangeLogLimits::default());
    let mut process = machine.start();
    machine.disk.set_faults(Faults { operations: None, room: Some(3_000) });
    let mut number = 0;
    loop {
        machine.command();
        process.request(number);
        number += 1;
        if !process.turn() {
            break;
        }
    }
    let reason = process.recorder.health().unwrap_err();
    assert!(reason.starts_with("the audit log cannot be written: "), "{reason}");
    assert!(!process.turn());
    machine.disk.set_faults(Faults::default());
    assert!(process.turn());
    machine.assert_exact("once there was room again");
    assert_eq!(machine.logged().len(), 2 * number);
}

/// Each single operation of the disk fails while the key is rotated, once or for good until it is mended. Requests go on
/// as long as their events can be written, and the rotation is made once.
#[test]
fn a_disk_that_fails_at_a_rotation() {
    for count in [1, usize::MAX] {
        let mut failed = 0;
        for operation in 0.. {
            let mut machine = Machine::new(ChangeLogLimits::default());
            let mut process = machine.start();
            process.request(0);
            assert!(process.turn());
            machine.rotate();
            machine.finish_rotation(&process);
            let from = machine.disk.counted() + operation;
            machine.disk.set_faults(Faults { operations: Some((from, count)), room: None });
            assert!(process.turn());
            failed += usize::from(process.recorder.upkeep().next_key().is_some());
            assert_eq!(process.recorder.health(), Ok(()), "operation {operation}: no event waits");
            machine.command();
            process.request(1);
            process.turn();
            machine.disk.set_faults(Faults::default());
            let place = format!("operation {operation} of {count}");
            machine.assert_rotated(&mut process, &place);
            machine.assert_exact(&place);
            assert_eq!((process.recorder.health(), machine.logged().len()), (Ok(()), 3), "{place}");
            if machine.disk.counted() < from {
                break;
            }
        }
        assert!(failed > 5, "{failed}");
    }
}

/// What waits for the disk is tried again later; what is told of the log goes on.
#[test]
fn figures_after_a_rotation_that_failed() {
    let machine = Machine::new(ChangeLogLimits::default());
    let mut process = machine.start();
    process.turns.upkeep_retry = Duration::from_secs(3600);
    assert!(process.turn());
    machine.rotate();
    machine.finish_rotation(&process);
    machine.disk.set_faults(Faults { operations: Some((machine.disk.counted(), 1)), room: None });
    assert!(process.turn());
    let upkeep = |process: &Process| {
        let upkeep = process.recorder.upkeep();
        (upkeep.next_key().is_some(), upkeep.key_version(), upkeep.size())
    };
    assert_eq!(upkeep(&process), (true, Some(1), 0));
    for number in 1..3 {
        process.request(0);
        assert!(process.turn());
        assert_eq!(upkeep(&process), (true, Some(1), number));
    }
}

/// A store that tells of each commit.
struct Telling<F> {
    store: Arc<MemoryStore>,
    committed: F,
}

impl<F: Fn() + Send + Sync + 'static> Store for Telling<F> {
    fn load(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<Revision, StoreError> {
        self.store.load(visit)
    }

    fn commit(&self, transaction: Transaction) -> CommitFuture<'_> {
        Box::pin(async move {
            let committed = self.store.commit(transaction).await;
            (self.committed)();
            committed
        })
    }

    fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        self.store.watch(after)
    }

    fn lease(&self, name: &str, ttl: Duration) -> LeaseFuture<'_> {
        self.store.lease(name, ttl)
    }

    fn close(&self) {
        self.store.close();
    }
}

/// The power goes at any moment: no command's event is lost, and none is there twice; of the others those are there whose
/// group was committed; a rotation is ended by the next start. The settled position is stored now and then. The store is as it was at that moment, since its own commits are durable.
#[test]
fn power_loss() {
    /// The disk's operations so far, the store's records then, how many commands there were, how many requests were safe.
    type Moment = (usize, Vec<(String, Vec<u8>)>, usize, usize);

    for seed in 0..12 {
        let mut random = Random::new(seed);
        let mut machine = Machine::new(ChangeLogLimits::default());
        let moments: Arc<Mutex<Vec<Moment>>> = Arc::default();
        let written = Arc::new(AtomicUsize::new(0));
        let note = {
            let (moments, written) = (Arc::clone(&moments), Arc::clone(&written));
            let (store, disk) = (Arc::clone(&machine.store), machine.disk.clone());
            move |safe| {
                let moment = (disk.moment(), records_of(&store), written.load(Ordering::SeqCst), safe);
                moments.lock().unwrap().push(moment);
            }
        };
        let telling = Telling {
            store: Arc::clone(&machine.store),
            committed: {
                let note = note.clone();
                move || note(0)
            },
        };
        let mut process = machine.try_start_on(Arc::new(telling)).unwrap_or_else(|error| panic!("{error}"));
        if seed % 2 == 0 {
            // Nothing is removed, but the position is stored in each turn.
            process.recorder.upkeep().prune(1);
        }
        let mut requests = 0;
        for _ in 0..10 {
            for _ in 0..random.below(40) {
                if random.percent(30) {
                    machine.command();
                } else {
                    process.request(requests);
                    requests += 1;
                }
            }
            let before = requests;
            if random.percent(40) {
                machine.rotate();
            }
            written.store(machine.written, Ordering::SeqCst);
            note(0);
            machine.finish_rotation(&process);
            note(0);
            assert!(process.turn());
            note(before);
        }
        drop(process);
        let (base, operations) = machine.disk.history();
        let moments = moments.lock().unwrap();
        for _ in 0..40 {
            let moment = random.below(operations.len() + 1);
            let Some(latest) = moments.iter().rposition(|(when, ..)| *when <= moment) else { continue };
            // At the moment of a commit of the store's, the power goes before it or after it.
            let before = latest > 0 && moments[latest].0 == moment && random.percent(50);
            let at = latest - usize::from(before);
            let (_, records, written, _) = &moments[at];
            let safe = moments[..=at].iter().map(|(.., safe)| *safe).max().unwrap_or(0);
            let mut image = base.clone();
            operations[..moment].iter().for_each(|operation| image.apply(operation));
            let after = Machine::of(records, image.after_power_loss(&mut random), *written);
            let mut process = after.start();
            assert!(process.turn());
            let place = format!("seed {seed}, moment {moment}");
            after.assert_exact(&place);
            after.assert_rotated(&mut process, &place);
            let logged = after.logged();
            for number in 0..safe {
                assert!(logged.contains_key(&format!("request {number:04}")), "{place}: request {number}");
            }
        }
    }
}

/// Nothing is pruned that a start would look for, and what a crash interrupts is asked for again.
#[test]
fn pruning() {
    let mut machine = Machine::new(ChangeLogLimits::default());
    let mut followers = Followers::default();
    let follower = followers.add(machine.place(&machine.view().0), 0);
    let mut process = machine.try_start_followed(followers).unwrap();
    for turn in 0..3 {
        (0..300).for_each(|number| process.request(300 * turn + number));
        machine.command();
        assert!(process.turn());
    }
    assert!(machine.view().0.audit_position() < 512, "the position is stored now and then only");
    process.recorder.upkeep().prune(512);
    let before = machine.disk.moment();
    assert!(process.turn());
    assert_eq!((process.recorder.upkeep().kept_from(), machine.view().0.audit_position()), (512, 903));
    assert_eq!(follower.kept_from(), 512);
    let first = machine.place(&machine.view().0).reader().unwrap().kept_from();
    assert_eq!((first, machine.logged().len()), (512, 903 - 512));
    drop(process);
    let (base, operations) = machine.disk.history();
    let mut random = Random::new(0);
    for moment in before..=operations.len() {
        let mut image = base.clone();
        operations[..moment].iter().for_each(|operation| image.apply(operation));
        let after = Machine::of(&records_of(&machine.store), image.after_power_loss(&mut random), machine.written);
        let mut process = after.start();
        process.recorder.upkeep().prune(512);
        assert!(process.turn());
        let upkeep = process.recorder.upkeep();
        assert_eq!((upkeep.kept_from(), upkeep.size()), (512, 903), "moment {moment}");
        assert_eq!(after.logged(), machine.logged(), "moment {moment}");
    }
    assert!(operations.len() > before + 5);
}

/// Whoever takes the log away is found out at the next start.
#[test]
fn a_log_that_is_gone() {
    let mut machine = Machine::new(ChangeLogLimits::default());
    machine.command();
    assert!(machine.start().turn());
    machine.disk = Disk::default();
    let error = machine.try_start().err().unwrap().to_string();
    assert_eq!(error, "the audit log has 0 entries, and 1 were written");
}

/// A panic refuses requests from then on, and whoever waits for its event is told.
#[test]
fn a_writer_that_panics() {
    let machine = Machine::new(ChangeLogLimits::default());
    let (view, events) = machine.view();
    let panics = Arc::new(AtomicBool::new(false));
    let driver = Arc::clone(&panics);
    let files = TestFiles::new(machine.disk.clone())
        .before_writes(move || assert!(!driver.load(Ordering::SeqCst), "as the test wants it"));
    let watch = machine.store.watch(view.revision()).unwrap();
    let outbox = Outbox::new(Arc::clone(&machine.store) as _, watch, events);
    let (recorder, queue) = queue();
    let place = Place::new(&view, Arc::new(files)).unwrap();
    let writer = AuditWriter::start(place, queue, outbox, 0, Duration::from_secs(60), Followers::default()).unwrap();
    let waiting =
        |event: &str| recorder.hand_over_and_wait(None, |bytes| bytes.extend(event.as_bytes())).map(Durability::wait);
    block_on(waiting("before").unwrap()).unwrap();
    panics.store(true, Ordering::SeqCst);
    assert!(block_on(waiting("meanwhile").unwrap()).is_err());
    writer.stop();
    assert_eq!(recorder.health(), Err("the audit log's thread panicked".into()));
    assert!(waiting("after").is_err());
    panics.store(false, Ordering::SeqCst);
    assert_eq!(machine.logged(), BTreeMap::from([("before".to_owned(), 1)]));
}

/// What was handed over before the end is written, without waiting for its group's time.
#[test]
fn an_orderly_end() {
    let mut machine = Machine::new(ChangeLogLimits::default());
    let (view, events) = machine.view();
    let watch = machine.store.watch(view.revision()).unwrap();
    let outbox = Outbox::new(Arc::clone(&machine.store) as _, watch, events);
    let (recorder, queue) = queue();
    let place = machine.place(&view);
    let mut followers = Followers::default();
    let mut follower = followers.add(place.clone(), 0);
    let writer = AuditWriter::start(place, queue, outbox, 0, Duration::from_secs(60), followers).unwrap();
    machine.command();
    recorder.hand_over(None, |bytes| bytes.extend(b"request")).unwrap();
    writer.stop();
    machine.assert_exact("at the end");
    assert_eq!((machine.logged().len(), machine.view().0.audit_position()), (2, 2));
    let mut shown = 0;
    assert_eq!(follower.follow(Duration::ZERO, &mut |entries| shown += entries.len()).unwrap(), Followed::Ended);
    assert_eq!(shown, 2);
}

/// A follower is shown each committed entry once, in its order: those that were there before it, those that are handed to
/// it, and those for which it had no room.
#[test]
fn followers() {
    let mut machine = Machine::new(ChangeLogLimits::default());
    (0..300).for_each(|_| machine.command());
    assert!(machine.start().turn());
    let mut followers = Followers::default();
    let place = machine.place(&machine.view().0);
    let (mut quick, mut slow) = (followers.add(place.clone(), 0), followers.add(place, 290));
    let mut process = machine.try_start_followed(followers).unwrap();
    let (mut to_quick, mut to_slow) = (Vec::new(), Vec::new());
    let shown = |follower: &mut Follower, entries: &mut Vec<(u64, Vec<u8>)>| {
        let visit = &mut |shown: &[FollowedEntry<'_>]| {
            entries.extend(shown.iter().map(|entry| (entry.index, entry.bytes.to_vec())));
        };
        assert_eq!(follower.follow(Duration::ZERO, visit).unwrap(), Followed::Open);
    };
    for turn in 0..5 {
        shown(&mut quick, &mut to_quick);
        for number in 0..50 {
            process.recorder.hand_over(None, |bytes| bytes.extend(vec![turn; 60_000 + number])).unwrap();
        }
        process.request(usize::from(turn));
        assert!(process.turn());
    }
    for (follower, entries, from) in [(&mut quick, &mut to_quick, 0), (&mut slow, &mut to_slow, 290)] {
        shown(follower, entries);
        let place = machine.place(&machine.view().0);
        let logged: Vec<_> = place.reader().unwrap().entries(from..u64::MAX).map(Result::unwrap).collect();
        assert_eq!(logged.len() as u64, 555 - from);
        assert!(*entries == logged, "from {from}");
        assert_eq!(follower.next(), 555);
    }
}
