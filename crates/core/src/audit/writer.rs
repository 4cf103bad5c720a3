//! The one thread that writes the log. It takes what waits in the queue and in the outbox, commits it as a group, and
//! then takes the outbox's events out of the store.
//!
//! An event of the outbox is in the log once: it is taken out only after the group that it is in is durable, and a start
//! compares what still waits with the log's entries since the settled position, below which nothing of the log waits any
//! more. An event of the queue is in the log once: a group whose commit failed is looked for before it is written again.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::follow::Followers;
use super::log::{Log, LogError, Place};
use super::outbox::{Outbox, OutboxError};
use super::queue::{Batch, Entries, EventQueue};
use crate::paths;
use crate::records::{self, AuditPositionRecord};

/// Entries between two writings of the settled position: what a start may have to read.
const POSITION_ENTRIES: u64 = 65_536;

/// Between two attempts to write after one failed.
const RETRY: Duration = Duration::from_secs(1);

/// The same for what only jobs wait for.
const UPKEEP_RETRY: Duration = Duration::from_secs(60);

/// Between two turns, whatever the configuration says: an idle server rests.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Bytes of one group, unless the first that waits is larger.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// The running writer.
pub struct AuditWriter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// The writer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log's side.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No thread could be started.
    #[error("cannot start the audit log's thread: {0}")]
    Thread(#[from] io::Error),
}

impl AuditWriter {
    /// Opens the log and starts to write it. `settled` is the position that the store holds; `group` is how long an event
    /// of the queue may wait. `followers` are shown what is committed, until the writer has ended.
    pub fn start(
        place: Place,
        queue: EventQueue,
        outbox: Outbox,
        settled: u64,
        group: Duration,
        followers: Followers,
    ) -> Result<Self, StartError> {
        let mut turns = Turns::open(place, queue, outbox, settled, followers)?;
        turns.upkeep_retry = UPKEEP_RETRY;
        tracing::info!(key = %turns.log.verifier_key(), entries = turns.log.size(), "the audit log is open");
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || turns.run_or_fail(&runtime, group, &stopped);
        let thread = thread::Builder::new().name("audit".into()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Writes what is left and ends.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        // A panic was logged where it happened.
        let _ = self.thread.join();
    }
}

/// What the thread works on.
pub(crate) struct Turns {
    log: Log,
    queue: EventQueue,
    outbox: Outbox,
    /// What is to be written next, in this order.
    backlog: VecDeque<Waiting>,
    /// So many of its first were being written when something failed: they are written again as they were.
    in_flight: usize,
    /// The position that the store holds.
    settled: u64,
    followers: Followers,
    /// When upkeep is tried again after it failed, and how long after.
    upkeep_at: Option<Instant>,
    pub(super) upkeep_retry: Duration,
}

/// What waits for the log.
enum Waiting {
    /// An event of the outbox, where it still is.
    Outbox { path: String, event: Entries },
    /// Events of requests.
    Queue(Batch),
}

impl Turns {
    pub(crate) fn open(
        place: Place,
        queue: EventQueue,
        mut outbox: Outbox,
        settled: u64,
        followers: Followers,
    ) -> Result<Self, LogError> {
        let log = Log::open(place)?;
        queue.shared.upkeep.tell(&log);
        queue.shared.upkeep.tell_key(&log);
        if log.size() < settled {
            return Err(LogError::Foreign { wanted: settled, found: log.size() });
        }
        let waiting: HashSet<Vec<u8>> = outbox.waiting().map(<[u8]>::to_vec).collect();
        if !waiting.is_empty() {
            let mut found = HashSet::new();
            log.read_from(settled, &mut |entry| {
                if waiting.contains(entry) {
                    found.insert(entry.to_vec());
                }
            })?;
            outbox.found_logged(&found);
        }
        followers.opened(log.size());
        Ok(Self {
            log,
            queue,
            outbox,
            backlog: VecDeque::new(),
            in_flight: 0,
            settled,
            followers,
            upkeep_at: None,
            upkeep_retry: Duration::ZERO,
        })
    }

    /// A panic must not leave requests that are answered without their event.
    fn run_or_fail(&mut self, runtime: &Runtime, group: Duration, stopped: &AtomicBool) {
        let shared = Arc::clone(&self.queue.shared);
        shared.set_writer(thread::current());
        if catch_unwind(AssertUnwindSafe(|| self.run(runtime, group, stopped))).is_err() {
            tracing::error!("the audit log's thread panicked; requests are refused");
            shared.fail("the audit log's thread panicked".into());
        }
    }

    fn run(&mut self, runtime: &Runtime, group: Duration, stopped: &AtomicBool) {
        loop {
            // Read first: what was handed over before the stop is written by the turn that follows.
            let last = stopped.load(Ordering::SeqCst);
            let started = Instant::now();
            let turned = self.turn(runtime);
            if last {
                return report(self.settle(runtime, 1));
            }
            let rest = if turned { group.saturating_sub(started.elapsed()) } else { RETRY };
            thread::park_timeout(rest.max(PAUSE_MIN));
        }
    }

    /// Writes all that waits; what comes meanwhile is for the next turn. Says whether the log could be written; that the
    /// outbox cannot be emptied stops nobody, since its events are safe there.
    pub(crate) fn turn(&mut self, runtime: &Runtime) -> bool {
        self.gather();
        loop {
            if let Err(error) = self.write_group() {
                self.fail(&error);
                return false;
            }
            // Those too that a start found in the log.
            report(runtime.block_on(self.outbox.remove_logged()));
            if self.backlog.is_empty() {
                break;
            }
        }
        report(self.settle(runtime, POSITION_ENTRIES));
        if self.upkeep_at.is_none_or(|at| at <= Instant::now()) {
            let (rotated, pruned) = (self.rotate(), self.prune(runtime));
            if rotated.is_ok() {
                self.queue.shared.upkeep.tell_key(&self.log);
            }
            self.followers.pruned(self.log.kept_from());
            let failed = rotated.is_err() || pruned.is_err();
            self.upkeep_at = failed.then(|| Instant::now() + self.upkeep_retry);
            for error in [rotated, pruned].into_iter().filter_map(Result::err) {
                tracing::error!(%error, "the audit key is not changed, or the audit log not pruned, yet");
            }
        }
        self.queue.shared.upkeep.tell(&self.log);
        true
    }

    /// Signs by the key that a job has handed over. What fails is tried again; requests do not wait for it.
    fn rotate(&mut self) -> Result<(), LogError> {
        let Some(key) = self.queue.shared.upkeep.next_key() else { return Ok(()) };
        self.log.rotate(key)?;
        tracing::info!(key = %self.log.verifier_key(), entries = self.log.size(), "another key signs the audit log");
        Ok(())
    }

    /// Removes what a job wants removed; the same holds for it.
    fn prune(&mut self, runtime: &Runtime) -> Result<(), LogError> {
        let before = self.queue.shared.upkeep.prune_before();
        if before <= self.log.kept_from() && self.upkeep_at.is_none() {
            return Ok(());
        }
        // A start looks for the outbox's events from the settled position on.
        report(self.settle(runtime, 1));
        self.log.prune(before.min(self.settled))
    }

    /// Takes what waits.
    fn gather(&mut self) {
        report(self.outbox.notice());
        while let Some((path, event)) = self.outbox.next() {
            self.backlog.push_back(Waiting::Outbox { path, event: Entries::one(event) });
        }
        self.backlog.extend(self.queue.take().into_iter().map(Waiting::Queue));
    }

    fn write_group(&mut self) -> Result<(), LogError> {
        if self.in_flight == 0 {
            self.in_flight = self.next_group();
        }
        if self.in_flight == 0 {
            return Ok(());
        }
        let group = self.backlog.range(..self.in_flight);
        let entries: Vec<&[u8]> = group.flat_map(|waiting| waiting.events().iter()).collect();
        let first = self.log.size();
        self.log.commit(&entries)?;
        let (written, mut from_outbox) = (entries.len() as u64, 0);
        let mut parts = Vec::with_capacity(self.in_flight);
        for waiting in self.backlog.drain(..self.in_flight) {
            match waiting {
                Waiting::Outbox { path, event } => {
                    parts.push(event);
                    from_outbox += 1;
                    self.outbox.set_logged(path);
                }
                Waiting::Queue(batch) => {
                    self.queue.shared.done(&batch);
                    parts.push(batch.set_durable());
                }
            }
        }
        self.followers.committed(first, parts);
        self.queue.shared.committed(written, from_outbox);
        self.in_flight = 0;
        Ok(())
    }

    /// How many of the first that wait are written at once.
    fn next_group(&self) -> usize {
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            let first = bytes == 0;
            bytes += waiting.events().bytes();
            first || bytes <= GROUP_BYTES
        };
        self.backlog.iter().take_while(fits).count()
    }

    /// Requests are refused until the log can be written again. Those that wait for their event are refused now; what they
    /// did may be in the log later.
    fn fail(&mut self, error: &LogError) {
        let waiting: usize = self.backlog.iter().map(|waiting| waiting.events().iter().len()).sum();
        tracing::error!(%error, waiting, "the audit log cannot be written; requests are refused");
        self.queue.shared.fail(format!("the audit log cannot be written: {error}"));
        for waiting in &mut self.backlog {
            if let Waiting::Queue(batch) = waiting {
                batch.give_up();
            }
        }
    }

    /// Stores how far the log holds nothing that waits in the outbox, if that is so many entries further than was stored.
    /// The first position is stored at once: from then on a log that is gone is missed.
    fn settle(&mut self, runtime: &Runtime, entries: u64) -> Result<(), OutboxError> {
        let size = self.log.size();
        let due = if self.settled == 0 { 1 } else { self.settled + entries };
        if size < due || self.outbox.has_logged() || self.in_flight > 0 {
            return Ok(());
        }
        let value = records::encode(&AuditPositionRecord { settled: size });
        runtime.block_on(self.outbox.put(paths::audit_position(), value))?;
        self.settled = size;
        Ok(())
    }
}

impl Waiting {
    fn events(&self) -> &Entries {
        match self {
            Self::Outbox { event, .. } => event,
            Self::Queue(batch) => batch.events(),
        }
    }
}

fn report(outcome: Result<(), OutboxError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "events wait in the outbox");
    }
}
