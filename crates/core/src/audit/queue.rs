//! The way of an event from a request to the log's writer: bounded, in memory, without a lock.
//!
//! Requests hand their events over before they are answered. When the writer cannot write, or is too far behind,
//! requests are refused: an answer without its event is worse than none. Those of an account that fills the queue are
//! refused first (`room.rs`).
//!
//! Each thread that answers requests writes its events one behind the other into a batch of its own, which the writer takes
//! away as a whole: an event costs no allocation, and no thread frees what another one allocated.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use claviger_types::AccountId;
use crossbeam_utils::atomic::AtomicCell;
use thread_local::ThreadLocal;
use tokio::sync::oneshot;

use super::room::{Room, Taken};
use super::upkeep::Upkeep;

/// So many events are a group of their own: the writer does not wait for more.
pub(super) const GROUP_EVENTS: u64 = 8_192;

/// A batch of so many bytes is complete. The log's groups are made of whole batches.
const BATCH_BYTES: usize = 256 * 1024;

/// How often the writer looks for a batch that its thread is just writing to. Long before, the event is written.
const LOOKS: usize = 1_000;

/// The requests' end.
pub struct Recorder {
    complete: Sender<Batch>,
    shared: Arc<Shared>,
}

/// The writer's end.
pub struct EventQueue {
    complete: Receiver<Batch>,
    pub(super) shared: Arc<Shared>,
}

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Nobody writes the log any more.
    #[error("nobody writes the audit log any more")]
    Closed,
    /// Its account has as many waiting as it may.
    #[error("too many events of the account wait for the audit log")]
    Throttled,
}

/// Whether an event is durable: waits until it is, or cannot be made so now.
pub struct Durability(oneshot::Receiver<()>);

/// Events of one thread on their way, in the order in which they were handed over.
pub(super) struct Batch {
    begun: Instant,
    events: Entries,
    taken: Vec<Taken>,
    /// Told once the batch is durable; dropped if it cannot be made so now.
    durable: Vec<oneshot::Sender<()>>,
}

/// Entries of the log, or what is to become that, one behind the other.
#[derive(Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    /// Where each one ends in `bytes`.
    ends: Vec<usize>,
}

/// Where a thread's batch is while nobody writes to it or takes it.
#[derive(Default)]
struct Slot {
    batch: AtomicCell<Option<Box<Batch>>>,
    /// Its thread is writing an event.
    held: AtomicBool,
}

/// What both ends know.
pub(super) struct Shared {
    slots: ThreadLocal<Slot>,
    /// Nobody takes events any more.
    closed: AtomicBool,
    room: Room,
    /// Each request looks at it.
    failed: AtomicBool,
    failure: Mutex<String>,
    writer: OnceLock<Thread>,
    started: Instant,
    /// Milliseconds from the start to the last commit.
    committed_at: AtomicU64,
    entries: AtomicU64,
    from_outbox: AtomicU64,
    failures: AtomicU64,
    pub(super) upkeep: Upkeep,
}

/// How the log gets on, for `/metrics`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Events of reads, uses and refusals that wait.
    pub(crate) waiting: u64,
    /// Their bytes.
    pub(crate) waiting_bytes: u64,
    /// Those that found no room, since the start.
    pub(crate) refused: u64,
    /// Whether requests are refused because the log cannot be written.
    pub(crate) failed: bool,
    /// Since the last commit of the log.
    pub(crate) since_commit: Duration,
    /// Entries of the log since the start.
    pub(crate) entries: u64,
    /// Those of them that came from the outbox.
    pub(crate) from_outbox: u64,
    /// Commits of the log that failed.
    pub(crate) failures: u64,
}

/// A queue's two ends.
pub fn queue() -> (Recorder, EventQueue) {
    let (sender, receiver) = channel();
    let shared = Arc::new(Shared {
        slots: ThreadLocal::new(),
        closed: AtomicBool::new(false),
        room: Room::default(),
        failed: AtomicBool::new(false),
        failure: Mutex::default(),
        writer: OnceLock::new(),
        started: Instant::now(),
        committed_at: AtomicU64::new(0),
        entries: AtomicU64::new(0),
        from_outbox: AtomicU64::new(0),
        failures: AtomicU64::new(0),
        upkeep: Upkeep::default(),
    });
    (Recorder { complete: sender, shared: Arc::clone(&shared) }, EventQueue { complete: receiver, shared })
}

impl Recorder {
    /// Hands an event over, which `write` appends to what is there: of a request of this account, or of nobody that is
    /// known.
    pub fn hand_over(&self, account: Option<AccountId>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), NotTaken> {
        self.push(account, write, None)
    }

    /// Hands an event over that is waited for.
    pub fn hand_over_and_wait(
        &self,
        account: Option<AccountId>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Durability, NotTaken> {
        let (durable, waiting) = oneshot::channel();
        self.push(account, write, Some(durable))?;
        self.shared.wake();
        Ok(Durability(waiting))
    }

    /// Why no events can be recorded, if so.
    pub fn health(&self) -> Result<(), String> {
        if self.shared.failed.load(Ordering::Relaxed) { Err(self.shared.failure()) } else { Ok(()) }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// What the writer does besides.
    pub(crate) fn upkeep(&self) -> &Upkeep {
        &self.shared.upkeep
    }

    fn push(
        &self,
        account: Option<AccountId>,
        write: impl FnOnce(&mut Vec<u8>),
        durable: Option<oneshot::Sender<()>>,
    ) -> Result<(), NotTaken> {
        let crowded = self.shared.slots.get_or_default().write(|batch| {
            let bytes = &mut batch.events.bytes;
            let start = bytes.len();
            write(bytes);
            let end = bytes.len();
            // Not before: from here on the batch is there for whoever closes the queue.
            if self.shared.closed.load(Ordering::SeqCst) {
                batch.durable.clear();
                return Err(NotTaken::Closed);
            }
            let room = self.shared.room.take(account, end.saturating_sub(start));
            let (taken, before) = room.ok_or(NotTaken::Throttled)?;
            taken.push(&mut batch.taken);
            batch.events.ends.push(end);
            batch.durable.extend(durable);
            if end >= BATCH_BYTES {
                let complete = mem::replace(batch, Batch::new(end));
                // It fails only if the queue was closed meanwhile, and then all that it held is gone.
                let _ = self.complete.send(complete);
            }
            Ok::<_, NotTaken>(before + 1 == GROUP_EVENTS)
        })?;
        if crowded {
            self.shared.wake();
        }
        Ok(())
    }
}

impl Durability {
    /// The error is the operator's to read.
    pub async fn wait(self) -> Result<(), String> {
        self.0.await.map_err(|_| "the event could not be made durable".to_owned())
    }
}

impl EventQueue {
    /// All that was handed over, the events of each thread in their order.
    pub(super) fn take(&self) -> Vec<Batch> {
        // The threads' batches first: those that were complete before them are then there too.
        let begun: Vec<_> = self.shared.slots.iter().filter_map(Slot::take).collect();
        let mut batches: Vec<_> = self.complete.try_iter().collect();
        batches.extend(begun);
        batches.sort_by_key(|batch| batch.begun);
        batches
    }

    /// All events that were handed over, as one who keeps no log takes them.
    pub fn drain(&self) -> Vec<Vec<u8>> {
        let batches = self.take();
        batches.iter().for_each(|batch| self.shared.done(batch));
        batches.iter().flat_map(|batch| batch.events.iter().map(<[u8]>::to_vec)).collect()
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Those who wait are told.
        drop(self.take());
    }
}

impl Batch {
    fn new(capacity: usize) -> Self {
        let events = Entries { bytes: Vec::with_capacity(capacity), ends: Vec::new() };
        Self { begun: Instant::now(), events, taken: Vec::new(), durable: Vec::new() }
    }

    /// The events.
    pub(super) fn events(&self) -> &Entries {
        &self.events
    }

    /// Tells those who wait that the events are durable, and returns these.
    pub(super) fn set_durable(self) -> Entries {
        for waiting in self.durable {
            // The request may be gone by now.
            let _ = waiting.send(());
        }
        self.events
    }

    /// Tells those who wait that it failed for now.
    pub(super) fn give_up(&mut self) {
        self.durable.clear();
    }
}

impl Entries {
    /// A single one.
    pub(crate) fn one(entry: Vec<u8>) -> Self {
        Self { ends: vec![entry.len()], bytes: entry }
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let entry = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            entry
        })
    }

    /// How many bytes they have together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Without what comes behind the last whole one.
    fn cut(&mut self) {
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }
}

impl Slot {
    /// Writes to the batch; what is no whole event then goes again. Only its thread may call this.
    fn write<R>(&self, write: impl FnOnce(&mut Batch) -> R) -> R {
        self.held.store(true, Ordering::SeqCst);
        let mut batch = self.batch.take().unwrap_or_else(|| Box::new(Batch::new(0)));
        // Events that were answered for must not go with a request that panics.
        let written = catch_unwind(AssertUnwindSafe(|| write(&mut batch)));
        batch.events.cut();
        self.batch.store(Some(batch));
        self.held.store(false, Ordering::Release);
        written.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// What its thread handed over. In the moment in which it writes an event the batch is nowhere: so look again.
    fn take(&self) -> Option<Batch> {
        for _ in 0..LOOKS {
            let batch = self.batch.take();
            if batch.is_some() || !self.held.load(Ordering::SeqCst) {
                return batch.map(|batch| *batch).filter(|batch| !batch.events.ends.is_empty());
            }
            thread::yield_now();
        }
        None
    }
}

impl Shared {
    /// The thread that is to be woken.
    pub(super) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    pub(super) fn wake(&self) {
        if let Some(thread) = self.writer.get() {
            thread.unpark();
        }
    }

    /// These events wait no more.
    pub(super) fn done(&self, batch: &Batch) {
        batch.taken.iter().for_each(|taken| self.room.give_back(taken));
    }

    pub(super) fn committed(&self, entries: u64, from_outbox: u64) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.committed_at.store(millis, Ordering::Relaxed);
        self.entries.fetch_add(entries, Ordering::Relaxed);
        self.from_outbox.fetch_add(from_outbox, Ordering::Relaxed);
        self.failed.store(false, Ordering::Relaxed);
    }

    /// From here on requests are refused, until a commit succeeds.
    pub(super) fn fail(&self, reason: String) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failed.store(true, Ordering::Relaxed);
    }

    fn failure(&self) -> String {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn progress(&self) -> Progress {
        let committed_at = Duration::from_millis(self.committed_at.load(Ordering::Relaxed));
        let (waiting, waiting_bytes) = self.room.waiting();
        Progress {
            waiting,
            waiting_bytes,
            refused: self.room.refused(),
            failed: self.failed.load(Ordering::Relaxed),
            since_commit: self.started.elapsed().saturating_sub(committed_at),
            entries: self.entries.load(Ordering::Relaxed),
            from_outbox: self.from_outbox.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_fills_the_queue_is_throttled() {
        let (recorder, queue) = queue();
        let account = "111122223333".parse().ok();
        let large = |bytes: &mut Vec<u8>| bytes.resize(bytes.len() + 1024 * 1024, 0);
        let mut taken = 0;
        while recorder.hand_over(account, large).is_ok() {
            taken += 1;
        }
        assert_eq!(recorder.hand_over(account, large), Err(NotTaken::Throttled));
        assert!(recorder.hand_over_and_wait(account, large).is_err());
        assert_eq!((recorder.progress().waiting, recorder.progress().refused), (taken, 3));
        assert_eq!((queue.drain().len() as u64, recorder.progress().waiting), (taken, 0));
        assert_eq!(recorder.hand_over(account, large), Ok(()), "what was taken away makes room again");
    }

    /// Whoever takes events away meanwhile: none is lost, none is there twice, and those of a thread are in their order.
    #[test]
    fn threads_hand_over_while_events_are_taken() {
        const EVENTS: usize = 20_000;
        let (recorder, queue) = queue();
        let mut taken: Vec<Vec<u8>> = Vec::new();
        thread::scope(|scope| {
            let recorder = &recorder;
            let mut threads = Vec::new();
            for number in 0..3_u8 {
                threads.push(scope.spawn(move || {
                    for event in 0..EVENTS {
                        let text = format!("{number} {event:06} {}", "x".repeat(event % 90));
                        recorder.hand_over(None, |bytes| bytes.extend(text.as_bytes())).unwrap();
                    }
                }));
            }
            while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
                taken.extend(queue.drain());
            }
        });
        taken.extend(queue.drain());
        assert_eq!((taken.len(), recorder.progress().waiting), (3 * EVENTS, 0));
        for number in b'0'..b'3' {
            let of_thread: Vec<_> = taken.iter().filter(|event| event[0] == number).map(|event| &event[..8]).collect();
            assert!(of_thread.is_sorted() && of_thread.len() == EVENTS, "{}", char::from(number));
        }
    }

    /// What a request wrote before it panicked is no event, and those before it stay.
    #[test]
    fn a_request_that_panics() {
        let (recorder, queue) = queue();
        recorder.hand_over(None, |bytes| bytes.extend(b"before")).unwrap();
        let panicking = || {
            recorder.hand_over(None, |bytes| {
                bytes.extend(b"half");
                panic!("on its way");
            })
        };
        catch_unwind(AssertUnwindSafe(panicking)).unwrap_err();
        recorder.hand_over(None, |bytes| bytes.extend(b"after")).unwrap();
        assert_eq!(queue.drain(), [b"before".to_vec(), b"after".to_vec()]);
        assert_eq!(recorder.progress().waiting, 0);
    }

    #[test]
    fn nothing_is_taken_that_nobody_writes() {
        let (recorder, queue) = queue();
        drop(queue);
        assert_eq!(recorder.hand_over(None, |bytes| bytes.push(0)), Err(NotTaken::Closed));
        assert_eq!(recorder.progress().waiting, 0);
    }

    #[test]
    fn nothing_is_taken_that_was_being_written_when_the_queue_closed() {
        let (recorder, queue) = queue();
        let close_and_write = |bytes: &mut Vec<u8>| {
            drop(queue);
            bytes.push(0);
        };
        assert_eq!(recorder.hand_over(None, close_and_write), Err(NotTaken::Closed));
        assert_eq!(recorder.progress().waiting, 0);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_when_the_queue_closes() {
        let (recorder, queue) = queue();
        let durability = recorder.hand_over_and_wait(None, |bytes| bytes.push(0)).unwrap();
        drop(queue);
        assert!(durability.wait().await.is_err());
    }
}
