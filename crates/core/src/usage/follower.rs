//! The thread that counts usage: it takes what the log's writer has made durable, counts it once in a second, and writes a
//! snapshot once in a minute. What it was not handed, because it was behind or had not started, it reads in the log.
//!
//! A stop at any moment loses nothing: a snapshot says how far it goes, and all after it is read in the log again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claviger_tlog::{Files, LogError, Reader};
use claviger_types::Timestamp;
use claviger_usage::{Settings, Usage};

use super::folding::Folding;
use super::snapshot;
use crate::audit::{Followed, Next, Place};
use crate::records::EventHead;
use crate::service::Service;

/// How long entries wait to be counted with others.
const TURN: Duration = Duration::from_secs(1);

/// Between two snapshots, if there is anything new.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60);

/// To write snapshots takes no more than this part of the time.
const SNAPSHOT_SHARE: u32 = 100;

/// Between two attempts to read a log that cannot be read.
const RETRY: Duration = Duration::from_secs(10);

/// A log that was never pruned holds everything.
const ALWAYS: Timestamp = Timestamp::from_millis(0);

/// Since when nothing is missed, while everything is.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// The running thread.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Follower {
    /// Reads the snapshot in `files`, and starts to count what the log has beside it. The log is open already.
    pub fn start(service: Arc<Service>, place: Place, followed: Followed, files: Arc<dyn Files>) -> io::Result<Self> {
        let mut following = Following::open(service, place, followed, files)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || following.run_or_forget(&stopped);
        let thread = thread::Builder::new().name("usage".into()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    /// Counts what the log's writer, which has ended, has left, and ends.
    pub fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        // A panic was logged where it happened.
        let _ = self.thread.join();
    }
}

/// What the thread works on.
pub(super) struct Following {
    service: Arc<Service>,
    place: Place,
    followed: Followed,
    files: Arc<dyn Files>,
    folding: Folding,
    /// Whether the log was read to its end, so that there is something to be told.
    is_known: bool,
    counted_at: Instant,
    snapshots: Snapshots,
    /// When to read the log again after it could not be read.
    retry_at: Option<Instant>,
}

/// When the next snapshot is due.
struct Snapshots {
    /// What the one on the disk says of itself.
    saved: Option<(u64, Timestamp)>,
    saved_at: Instant,
    took: Duration,
}

impl Following {
    /// While requests leave no events, everything is missed, and that must be known of after any end: it is written down
    /// at once. From the next start on with which they leave them again, nothing is.
    pub(super) fn open(
        service: Arc<Service>,
        place: Place,
        followed: Followed,
        files: Arc<dyn Files>,
    ) -> io::Result<Self> {
        let settings =
            Settings { resource_context_keys: service.settings().usage.resource_names.clone(), ..Settings::default() };
        let usage = usable_snapshot(&*files, &settings, followed.log_size());
        let saved = usage.as_ref().map(|usage| (usage.next_entry(), usage.tracking_since()));
        let mut folding = Folding::new(usage.unwrap_or_else(|| Usage::new(settings, 0, ALWAYS)));
        let (is_tracked, now) = (service.settings().audit.requests, Instant::now());
        if !is_tracked {
            folding.track_since(NEVER);
        } else if folding.usage().tracking_since() == NEVER {
            folding.track_since(service.now(&service.view()));
        }
        let snapshots = Snapshots { saved, saved_at: now, took: Duration::ZERO };
        let (is_known, counted_at, retry_at) = (false, now, None);
        let mut this = Self { service, place, followed, files, folding, is_known, counted_at, snapshots, retry_at };
        if !is_tracked {
            this.save()?;
        }
        Ok(this)
    }

    /// After a panic nothing is told, rather than something old.
    fn run_or_forget(&mut self, stopped: &AtomicBool) {
        let service = Arc::clone(&self.service);
        if catch_unwind(AssertUnwindSafe(|| self.run(stopped))).is_err() {
            tracing::error!("the thread that counts usage panicked; usage is not told any more");
            service.usage().put(None);
        }
    }

    fn run(&mut self, stopped: &AtomicBool) {
        let first = self.folding.next_entry();
        self.catch_up(stopped);
        self.count();
        let read = self.folding.next_entry().saturating_sub(first);
        tracing::info!(read, rows = self.folding.usage().row_count(), "usage is counted");
        while self.turn(TURN, stopped) {}
        self.count();
        self.save_or_report();
    }

    /// Takes what comes next. Says whether more may come.
    pub(super) fn turn(&mut self, wait: Duration, stopped: &AtomicBool) -> bool {
        let next = self.followed.next(wait);
        let more = !matches!(next, Next::End);
        if let Next::Group(group) = next {
            (group.first..).zip(group.events).for_each(|(index, event)| self.take(index, event));
        }
        self.catch_up(stopped);
        if self.counted_at.elapsed() >= TURN {
            self.count();
        }
        self.save_if_due();
        more
    }

    /// An entry that does not follow is left: it is read in the log.
    fn take(&mut self, index: u64, event: Vec<u8>) {
        self.folding.push(index, event);
        if self.folding.is_full() {
            self.folding.count();
            self.save_if_due();
        }
    }

    /// Reads in the log what is there and was not handed over.
    pub(super) fn catch_up(&mut self, stopped: &AtomicBool) {
        if self.retry_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        while self.folding.next_entry() < self.followed.log_size() {
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            if let Err(error) = self.read_log(stopped) {
                tracing::error!(%error, "usage cannot be read from the audit log, and is not told until it can");
                self.service.usage().put(None);
                (self.is_known, self.retry_at) = (false, Some(Instant::now() + RETRY));
                return;
            }
        }
        (self.is_known, self.retry_at) = (true, None);
    }

    fn read_log(&mut self, stopped: &AtomicBool) -> Result<(), LogError> {
        let reader = self.place.reader()?;
        let kept_from = reader.kept_from();
        if self.folding.next_entry() < kept_from {
            let since = self.first_kept_at(&reader)?;
            tracing::warn!(%since, "the audit log was pruned: what it held of usage before is missed");
            self.folding.skip_to(kept_from, since);
        }
        for entry in reader.entries(self.folding.next_entry()..u64::MAX) {
            let (index, event) = entry?;
            self.take(index, event);
            if stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// When the first entry that was not pruned was written; now, if there is none.
    fn first_kept_at(&self, reader: &Reader) -> Result<Timestamp, LogError> {
        let first = reader.entries(reader.kept_from()..u64::MAX).next().transpose()?;
        let at = first.and_then(|(_, event)| EventHead::of(&event)).map(|head| Timestamp::from_millis(head.at));
        Ok(at.unwrap_or_else(|| self.service.now(&self.service.view())))
    }

    /// Counts what was taken, and tells it.
    pub(super) fn count(&mut self) {
        self.counted_at = Instant::now();
        self.folding.count();
        self.folding.sweep(&self.service.view());
        if self.is_known {
            self.service.usage().put(Some(self.folding.last_uses()));
        }
    }

    fn save_if_due(&mut self) {
        let Snapshots { saved_at, took, .. } = self.snapshots;
        if saved_at.elapsed() >= SNAPSHOT_EVERY.max(took * SNAPSHOT_SHARE) {
            self.save_or_report();
        }
    }

    fn save_or_report(&mut self) {
        if let Err(error) = self.save() {
            tracing::error!(%error, "the usage snapshot cannot be written; a start will read more of the audit log");
        }
    }

    /// Writes a snapshot of what is counted, if there is anything new.
    pub(super) fn save(&mut self) -> io::Result<()> {
        let started = Instant::now();
        let usage = self.folding.usage();
        let now = Some((usage.next_entry(), usage.tracking_since()));
        let written = if self.snapshots.saved == now { Ok(()) } else { snapshot::write(&*self.files, usage) };
        (self.snapshots.saved_at, self.snapshots.took) = (Instant::now(), started.elapsed());
        written.map(|()| self.snapshots.saved = now)
    }
}

/// The snapshot, if it is of this log. One that cannot be used is set aside, and all is counted again.
fn usable_snapshot(files: &dyn Files, settings: &Settings, log_size: u64) -> Option<Usage> {
    let reason = match snapshot::read(files, settings.clone()) {
        Ok(Some(usage)) if usage.next_entry() > log_size => "it goes further than the audit log".to_owned(),
        Ok(usage) => return usage,
        Err(error) => error.to_string(),
    };
    tracing::warn!(reason, "the usage snapshot is set aside, and usage is counted from the audit log again");
    if let Err(error) = snapshot::set_aside(files) {
        tracing::warn!(%error, "the usage snapshot cannot be set aside");
    }
    None
}
