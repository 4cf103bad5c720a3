//! The way of an event from a request to the log's writer: bounded, in memory, without a lock.
//!
//! Requests hand their events over before they are answered. When the writer cannot write, or is too far behind,
//! requests are refused: an answer without its event is worse than none.
//!
//! Each thread that answers requests writes its events one behind the other into a batch of its own, which the writer takes
//! away as a whole: an event costs no allocation, and no thread frees what another one allocated.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_utils::atomic::AtomicCell;
use thread_local::ThreadLocal;
use tokio::sync::oneshot;

/// Events that may wait: some seconds of all that one node answers.
const EVENTS_MAX: u64 = 262_144;

/// Bytes that they may have together.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// So many events are a group of their own: the writer does not wait for more.
pub(super) const GROUP_EVENTS: u64 = 8_192;

/// A batch of so many bytes is complete. The log's groups are made of whole batches.
const BATCH_BYTES: usize = 256 * 1024;

/// How often the writer looks for a batch that its thread is just writing to. Long before, the event is written.
const LOOKS: usize = 1_000;

/// One event among those that wait, in the high half; its bytes are in the low one.
const ONE_EVENT: u64 = 1 << 32;

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

/// Events of one thread on their way, in the order in which they were handed over.
pub(super) struct Batch {
    begun: Instant,
    bytes: Vec<u8>,
    /// Where each event ends in `bytes`.
    ends: Vec<usize>,
    /// Told once the batch is durable; dropped if it cannot be made so now.
    durable: Vec<oneshot::Sender<()>>,
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
    /// Events that wait, and their bytes.
    waiting: AtomicU64,
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
}

/// How the log gets on, for `/metrics`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Events of reads, uses and refusals that wait.
    pub(crate) waiting: u64,
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
        waiting: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        failure: Mutex::default(),
        writer: OnceLock::new(),
        started: Instant::now(),
        committed_at: AtomicU64::new(0),
        entries: AtomicU64::new(0),
        from_outbox: AtomicU64::new(0),
        failures: AtomicU64::new(0),
    });
    (Recorder { complete: sender, shared: Arc::clone(&shared) }, EventQueue { complete: receiver, shared })
}

impl Recorder {
    /// Hands an event over. The error is the operator's to read.
    pub fn hand_over(&self, event: &[u8]) -> Result<(), String> {
        self.push(event, None)
    }

    /// Hands an event over; what is returned resolves once it is durable.
    pub fn hand_over_and_wait(
        &self,
        event: &[u8],
    ) -> Result<impl Future<Output = Result<(), String>> + Send + use<>, String> {
        let (durable, waiting) = oneshot::channel();
        self.push(event, Some(durable))?;
        self.shared.wake();
        Ok(async { waiting.await.map_err(|_| "the event could not be made durable".to_owned()) })
    }

    /// Why no events can be recorded, if so.
    pub fn health(&self) -> Result<(), String> {
        if self.shared.failed.load(Ordering::Relaxed) { Err(self.shared.failure()) } else { Ok(()) }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.shared.progress()
    }

    fn push(&self, event: &[u8], durable: Option<oneshot::Sender<()>>) -> Result<(), String> {
        let size = ONE_EVENT | event.len() as u64;
        let before = self.shared.waiting.fetch_add(size, Ordering::Relaxed);
        let after = before + size;
        if events(after) > EVENTS_MAX || bytes(after) > BYTES_MAX || self.shared.closed.load(Ordering::Relaxed) {
            self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
            return Err("the audit log does not keep up".to_owned());
        }
        let complete = self.shared.slots.get_or_default().add(event, durable);
        if let Some(batch) = complete {
            // It fails only if the queue was closed meanwhile, and then all that it held is gone.
            let _ = self.complete.send(batch);
        }
        if events(before) < GROUP_EVENTS && events(after) >= GROUP_EVENTS {
            self.shared.wake();
        }
        Ok(())
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
        batches.iter().flat_map(|batch| batch.events().map(<[u8]>::to_vec)).collect()
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
    }
}

impl Batch {
    fn new() -> Self {
        Self { begun: Instant::now(), bytes: Vec::new(), ends: Vec::new(), durable: Vec::new() }
    }

    /// The events.
    pub(super) fn events(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let event = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            event
        })
    }

    /// Bytes of the events together.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Tells those who wait that the events are durable.
    pub(super) fn set_durable(self) {
        for waiting in self.durable {
            // The request may be gone by now.
            let _ = waiting.send(());
        }
    }

    /// Tells those who wait that it failed for now.
    pub(super) fn give_up(&mut self) {
        self.durable.clear();
    }
}

impl Slot {
    /// Adds an event to the batch, and returns it if it is complete. Only its thread may call this.
    fn add(&self, event: &[u8], durable: Option<oneshot::Sender<()>>) -> Option<Batch> {
        self.held.store(true, Ordering::Relaxed);
        let mut batch = self.batch.take().unwrap_or_else(|| Box::new(Batch::new()));
        batch.bytes.extend_from_slice(event);
        batch.ends.push(batch.bytes.len());
        batch.durable.extend(durable);
        let (begun, complete) =
            if batch.bytes.len() < BATCH_BYTES { (Some(batch), None) } else { (None, Some(*batch)) };
        self.batch.store(begun);
        self.held.store(false, Ordering::Release);
        complete
    }

    /// What its thread handed over. In the moment in which it writes an event the batch is nowhere: so look again.
    fn take(&self) -> Option<Batch> {
        for _ in 0..LOOKS {
            let batch = self.batch.take();
            if batch.is_some() || !self.held.load(Ordering::Relaxed) {
                return batch.map(|batch| *batch);
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
        let size = ONE_EVENT * batch.ends.len() as u64 + batch.bytes() as u64;
        self.waiting.fetch_sub(size, Ordering::Relaxed);
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
        Progress {
            waiting: events(self.waiting.load(Ordering::Relaxed)),
            since_commit: self.started.elapsed().saturating_sub(committed_at),
            entries: self.entries.load(Ordering::Relaxed),
            from_outbox: self.from_outbox.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

fn events(waiting: u64) -> u64 {
    waiting >> 32
}

fn bytes(waiting: u64) -> u64 {
    waiting & (ONE_EVENT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let (recorder, queue) = queue();
        let large = usize::try_from(BYTES_MAX / 4).unwrap();
        for number in 0..4 {
            recorder.hand_over(&vec![0; large]).unwrap_or_else(|error| panic!("{number}: {error}"));
        }
        assert!(recorder.hand_over(&[0]).is_err());
        assert_eq!(queue.drain().len(), 4);
        for number in 0..EVENTS_MAX {
            recorder.hand_over(&[0]).unwrap_or_else(|error| panic!("{number}: {error}"));
        }
        assert!(recorder.hand_over(&[0]).is_err());
        assert_eq!((recorder.progress().waiting, queue.drain().len() as u64), (EVENTS_MAX, EVENTS_MAX));
        assert_eq!(recorder.progress().waiting, 0);
    }

    #[test]
    fn nothing_is_taken_that_nobody_writes() {
        let (recorder, queue) = queue();
        drop(queue);
        assert!(recorder.hand_over(&[0]).is_err());
        assert_eq!(recorder.progress().waiting, 0);
    }
}
