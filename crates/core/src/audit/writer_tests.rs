//! The writer on a store and a disk that fail: each event is in the log once, whatever happened on its way there.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use claviger_keyring::{Deployment, FileRoot, RootOfTrust};
use claviger_storage::{ChangeLogLimits, Fault, MemoryStore, Store, Transaction, Write};
use claviger_tlog::{Files, Reader};

use self::disk::{Disk, Faults, Random};
use super::queue::{Recorder, queue};
use super::writer::Turns;
use super::{AuditWriter, Outbox, Place, announcer};
use crate::bootstrap::{self, NewDeployment};
use crate::paths::{self, PathKind};
use crate::view::{PolicyInterner, View};
use crate::views;

#[expect(dead_code, reason = "the log's own tests use all of it")]
#[path = "../../../tlog/tests/faults/disk.rs"]
pub(crate) mod disk;

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
        let (view, events) = self.view();
        let watch = self.store.watch(view.revision()).unwrap();
        let outbox = Outbox::new(Arc::clone(&self.store) as _, watch, events);
        let (recorder, queue) = queue();
        let turns = Turns::open(self.place(&view), queue, outbox, view.audit_position())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Ok(Process { turns, recorder, runtime })
    }

    fn place(&self, view: &View) -> Place {
        Place::new(view, Arc::new(self.disk.clone())).unwrap()
    }

    /// How often each entry is in the log.
    fn logged(&self) -> BTreeMap<String, usize> {
        let files: Arc<dyn Files> = Arc::new(self.disk.clone());
        let key = self.place(&self.view().0).verifier_key();
        claviger_tlog::verify(Arc::clone(&files), &key, None, &mut |_, _| {}).unwrap();
        let mut logged = BTreeMap::new();
        for entry in Reader::open(files, &key).unwrap().entries(0..u64::MAX) {
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

impl Process {
    fn turn(&mut self) -> bool {
        self.turns.turn(&self.runtime)
    }

    fn request(&self, number: usize) {
        self.recorder.hand_over(format!("request {number:04}").into_bytes()).unwrap();
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
                let waits = process.recorder.hand_over_and_wait(format!("strict {turn}").into_bytes()).unwrap();
                let written = process.turn();
                assert_eq!(process.recorder.health().is_ok(), written);
                assert_eq!(block_on(waits).is_ok(), written, "operation {operation}, turn {turn}");
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

/// The power goes at any moment: no command's event is lost, and none is there twice; of the others those are there whose
/// group was committed. The store is as it was at that moment, since its own commits are durable.
#[test]
fn power_loss() {
    /// The disk's operations so far, the store's records then, how many commands there were, how many requests were safe.
    type Moment = (usize, Vec<(String, Vec<u8>)>, usize, usize);

    for seed in 0..12 {
        let mut random = Random::new(seed);
        let mut machine = Machine::new(ChangeLogLimits::default());
        let mut process = machine.start();
        let moments: Mutex<Vec<Moment>> = Mutex::default();
        let note = |machine: &Machine, safe: usize| {
            let mut records = Vec::new();
            machine.store.load(&mut |record| records.push((record.path.to_owned(), record.value.to_vec()))).unwrap();
            moments.lock().unwrap().push((machine.disk.moment(), records, machine.written, safe));
        };
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
            note(&machine, 0);
            assert!(process.turn());
            note(&machine, before);
        }
        drop(process);
        let (base, operations) = machine.disk.history();
        let moments = moments.into_inner().unwrap();
        for _ in 0..40 {
            let moment = random.below(operations.len() + 1);
            // The store was changed before a turn, and after the log's commit: either state may go with the disk's.
            let Some(at) = moments.iter().rposition(|(when, ..)| *when <= moment) else { continue };
            let (_, records, written, _) = &moments[at];
            let safe = moments[..=at].iter().map(|(.., safe)| *safe).max().unwrap_or(0);
            let mut image = base.clone();
            operations[..moment].iter().for_each(|operation| image.apply(operation));
            let store = Arc::new(MemoryStore::new());
            let disk = Disk::new(image.after_power_loss(&mut random));
            let after = Machine { store, disk, written: *written };
            for records in records.chunks(50) {
                let put = |(path, value): &(String, Vec<u8>)| Write::Put { path: path.clone(), value: value.clone() };
                after.commit(records.iter().map(put).collect());
            }
            assert!(after.start().turn());
            let place = format!("seed {seed}, moment {moment}");
            after.assert_exact(&place);
            let logged = after.logged();
            for number in 0..safe {
                assert!(logged.contains_key(&format!("request {number:04}")), "{place}: request {number}");
            }
        }
    }
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

/// A disk whose driver has a bug.
struct Panicking {
    disk: Disk,
    panics: Arc<AtomicBool>,
}

impl Files for Panicking {
    fn read(&self, path: &str, most: usize) -> io::Result<Vec<u8>> {
        self.disk.read(path, most)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.disk.create_directory(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        self.disk.write(path, bytes)
    }

    fn sync(&self, paths: &[&str]) -> io::Result<()> {
        self.disk.sync(paths)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.disk.lock()
    }
}

/// A panic refuses requests from then on, and whoever waits for its event is told.
#[test]
fn a_writer_that_panics() {
    let machine = Machine::new(ChangeLogLimits::default());
    let (view, events) = machine.view();
    let panics = Arc::new(AtomicBool::new(false));
    let files = Panicking { disk: machine.disk.clone(), panics: Arc::clone(&panics) };
    let watch = machine.store.watch(view.revision()).unwrap();
    let outbox = Outbox::new(Arc::clone(&machine.store) as _, watch, events);
    let (recorder, queue) = queue();
    let place = Place::new(&view, Arc::new(files)).unwrap();
    let writer =
        AuditWriter::start(place, queue, outbox, 0, Duration::from_secs(60), announcer(Arc::default()).0).unwrap();
    let waiting = |event: &str| recorder.hand_over_and_wait(event.as_bytes().to_vec());
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
    let writer = AuditWriter::start(
        machine.place(&view),
        queue,
        outbox,
        0,
        Duration::from_secs(60),
        announcer(Arc::default()).0,
    )
    .unwrap();
    machine.command();
    recorder.hand_over(b"request".to_vec()).unwrap();
    writer.stop();
    machine.assert_exact("at the end");
    assert_eq!((machine.logged().len(), machine.view().0.audit_position()), (2, 2));
}
