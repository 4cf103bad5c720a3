//! The way of an event from a request to the log's writer: bounded, in memory, without a lock.
//!
//! Requests hand their events over before they are answered. When the writer cannot write, or is too far behind,
//! requests are refused: an answer without its event is worse than none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::upkeep::Upkeep;

/// Events that may wait: some seconds of all that one node answers.
const EVENTS_MAX: u64 = 262_144;

/// Bytes that they may have together.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// So many events are a group of their own: the writer does not wait for more.
pub(super) const GROUP_EVENTS: u64 = 8_192;

/// One event among those that wait, in the high half; its bytes are in the low one.
const ONE_EVENT: u64 = 1 << 32;

/// The requests' end.
pub struct Recorder {
    sender: Sender<Handed>,
    shared: Arc<Shared>,
}

/// The writer's end.
pub struct EventQueue {
    receiver: Receiver<Handed>,
    pub(super) shared: Arc<Shared>,
}

/// An event on its way.
pub(super) struct Handed {
    pub(super) event: Vec<u8>,
    /// Told once the event is durable; dropped if it cannot be made so now.
    pub(super) durable: Option<oneshot::Sender<()>>,
}

/// What both ends know.
pub(super) struct Shared {
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
    pub(super) upkeep: Upkeep,
}

/// How the log gets on, for `/metrics`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Events of reads, uses and refusals that wait.
    pub(crate) waiting: u64,
    /// Their bytes.
    pub(crate) waiting_bytes: u64,
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
        waiting: AtomicU64::new(0),
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
    (Recorder { sender, shared: Arc::clone(&shared) }, EventQueue { receiver, shared })
}

impl Recorder {
    /// Hands an event over. The error is the operator's to read.
    pub fn hand_over(&self, event: Vec<u8>) -> Result<(), String> {
        self.push(Handed { event, durable: None }).map(drop)
    }

    /// Hands an event over; what is returned resolves once it is durable.
    pub fn hand_over_and_wait(
        &self,
        event: Vec<u8>,
    ) -> Result<impl Future<Output = Result<(), String>> + Send + use<>, String> {
        let (durable, waiting) = oneshot::channel();
        self.push(Handed { event, durable: Some(durable) })?;
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

    /// What the writer does besides.
    pub(crate) fn upkeep(&self) -> &Upkeep {
        &self.shared.upkeep
    }

    fn push(&self, handed: Handed) -> Result<(), String> {
        let size = ONE_EVENT | handed.event.len() as u64;
        let before = self.shared.waiting.fetch_add(size, Ordering::Relaxed);
        let after = before + size;
        let sent = events(after) <= EVENTS_MAX && bytes(after) <= BYTES_MAX && self.sender.send(handed).is_ok();
        if !sent {
            self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
            return Err("the audit log does not keep up".to_owned());
        }
        if events(before) < GROUP_EVENTS && events(after) >= GROUP_EVENTS {
            self.shared.wake();
        }
        Ok(())
    }
}

impl EventQueue {
    /// The next event, if there is one.
    pub(super) fn next(&self) -> Option<Handed> {
        self.receiver.try_recv().ok()
    }

    /// All events that were handed over, as one who keeps no log takes them.
    pub fn drain(&self) -> Vec<Vec<u8>> {
        let taken = |handed: Handed| {
            self.shared.done(&handed.event);
            handed.event
        };
        self.receiver.try_iter().map(taken).collect()
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

    /// An event waits no more.
    pub(super) fn done(&self, event: &[u8]) {
        self.waiting.fetch_sub(ONE_EVENT | event.len() as u64, Ordering::Relaxed);
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
        let waiting = self.waiting.load(Ordering::Relaxed);
        Progress {
            waiting: events(waiting),
            waiting_bytes: bytes(waiting),
            failed: self.failed.load(Ordering::Relaxed),
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
            recorder.hand_over(vec![0; large]).unwrap_or_else(|error| panic!("{number}: {error}"));
        }
        assert!(recorder.hand_over(vec![0]).is_err());
        assert_eq!(queue.drain().len(), 4);
        for number in 0..EVENTS_MAX {
            recorder.hand_over(vec![0]).unwrap_or_else(|error| panic!("{number}: {error}"));
        }
        assert!(recorder.hand_over(vec![0]).is_err());
        assert_eq!((recorder.progress().waiting, queue.drain().len() as u64), (EVENTS_MAX, EVENTS_MAX));
        assert_eq!(recorder.progress().waiting, 0);
    }

    #[test]
    fn nothing_is_taken_that_nobody_writes() {
        let (recorder, queue) = queue();
        drop(queue);
        assert!(recorder.hand_over(vec![0]).is_err());
        assert_eq!(recorder.progress().waiting, 0);
    }
}
