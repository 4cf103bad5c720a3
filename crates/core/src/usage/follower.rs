//! The thread that counts usage: it follows the log, counts once in a second, and writes a snapshot once in a minute.
//! Under load it counts less often: the longer entries wait, the more of them are alike, and the less each one costs.
//!
//! A stop at any moment loses nothing: a snapshot says how far it goes, and all after it is read in the log again. What no
//! snapshot holds yet is not pruned. An import is on the disk before it is counted, and counted before it is answered; a
//! snapshot says up to which import it goes, and a start counts the later ones.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claviger_tlog::Files;
use claviger_types::Timestamp;
use claviger_usage::{Settings, Usage};

use super::folding::Folding;
use super::importing::Asked;
use super::imports::{Imports, NotKept};
use super::snapshot;
use crate::audit::{Followed, FollowedEntry, Follower, Need};
use crate::error::Error;
use crate::service::Service;

/// How long entries wait to be counted with others.
const TURN: Duration = Duration::from_secs(1);

/// The same, if there are many that differ.
const LONG_TURN: Duration = Duration::from_secs(30);

/// The same while imports come, each of which waits for its answer.
const SHORT_TURN: Duration = Duration::from_millis(20);

/// How long imports are counted at a time after a start.
const CATCHING_UP: Duration = Duration::from_millis(200);

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
pub struct UsageCounter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl UsageCounter {
    /// Reads the snapshot in `files`, and starts to count what the log has beside it. The log is open already.
    pub fn start(service: Arc<Service>, follower: Follower, files: Arc<dyn Files>) -> io::Result<Self> {
        let mut counting = Counting::open(service, follower, files)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || counting.run_or_forget(&stopped);
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
pub(super) struct Counting {
    service: Arc<Service>,
    follower: Follower,
    files: Arc<dyn Files>,
    folding: Folding,
    imports: Imports,
    asked: Receiver<Asked>,
    /// What no snapshot holds yet.
    need: Need,
    counted_at: Instant,
    snapshots: Snapshots,
    /// When to read the log again after it could not be read.
    retry_at: Option<Instant>,
}

/// When the next snapshot is due.
struct Snapshots {
    /// What the one on the disk says of itself.
    saved: Option<(u64, Timestamp, u64)>,
    saved_at: Instant,
    took: Duration,
}

impl Counting {
    /// While requests leave no events, everything is missed, and that must be known of after any end: it is written down
    /// at once. From the next start on with which they leave them again, nothing is.
    pub(super) fn open(service: Arc<Service>, mut follower: Follower, files: Arc<dyn Files>) -> io::Result<Self> {
        let settings =
            Settings { resource_context_keys: service.settings().usage.resource_names.clone(), ..Settings::default() };
        let usage = usable_snapshot(&*files, &settings, follower.log_size());
        let saved = usage.as_ref().map(state_of);
        let mut folding = Folding::new(usage.unwrap_or_else(|| Usage::new(settings, 0, ALWAYS)));
        let imports = Imports::open(Arc::clone(&files), folding.usage().next_import())?;
        let (sender, asked) = channel();
        service.importing().begin(sender);
        follower.begin_at(folding.next_entry());
        let need = service.audit_upkeep().needs().add(folding.next_entry());
        let (is_tracked, now) = (service.settings().audit.requests, Instant::now());
        if !is_tracked {
            folding.track_since(NEVER);
        } else if folding.usage().tracking_since() == NEVER {
            folding.track_since(service.now(&service.view()));
        }
        let snapshots = Snapshots { saved, saved_at: now, took: Duration::ZERO };
        let retry_at = None;
        let mut this =
            Self { service, follower, files, folding, imports, asked, need, counted_at: now, snapshots, retry_at };
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
        // Who is far behind when the server stops reads on after the next start.
        let far_behind = |this: &Self| stopped.load(Ordering::SeqCst) && !this.follower.is_up_to_date();
        while self.turn(TURN) && !far_behind(self) {}
        self.count();
        self.save_or_report();
    }

    /// Takes what comes next. Says whether more may come.
    pub(super) fn turn(&mut self, wait: Duration) -> bool {
        self.take_imports();
        let wait = match (self.imports.are_counted(), self.imports.are_coming()) {
            (false, _) => Duration::ZERO,
            (true, true) => wait.min(SHORT_TURN),
            (true, false) => wait,
        };
        if self.retry_at.is_some_and(|at| at > Instant::now()) {
            thread::sleep(wait);
            return true;
        }
        let Self { service, follower, folding, .. } = self;
        let take_all =
            &mut |entries: &[FollowedEntry<'_>]| entries.iter().for_each(|entry| take(service, folding, *entry));
        let followed = follower.follow(wait, take_all);
        self.retry_at = followed.as_ref().is_err().then(|| Instant::now() + RETRY);
        let more = followed.unwrap_or_else(|error| {
            tracing::error!(%error, "usage cannot be read from the audit log, and is not told until it can");
            self.service.usage().put(None);
            Followed::Open
        });
        let first = self.service.usage().last_uses().is_none() && self.is_up_to_date();
        let turn = if self.folding.are_few() { TURN } else { LONG_TURN };
        if first || self.counted_at.elapsed() >= turn {
            self.count();
        }
        self.save_if_due();
        more == Followed::Open
    }

    /// Whether all is counted that the log and the imports hold.
    fn is_up_to_date(&self) -> bool {
        self.follower.is_up_to_date() && self.imports.are_counted()
    }

    /// Counts imports: first those that a start finds, for a while, then those that are asked for.
    fn take_imports(&mut self) {
        let started = Instant::now();
        while started.elapsed() < CATCHING_UP
            && let Some((number, import)) = self.imports.next_uncounted()
        {
            self.folding.import(number, &import);
        }
        let known = self.service.usage().last_uses().is_some();
        let asked: Vec<_> = self.asked.try_iter().collect();
        let mut answers = Vec::new();
        for mut asked in asked {
            let outcome = if known { self.take_import(&mut asked) } else { Err(Error::Throttled) };
            answers.push((asked, outcome));
        }
        // What is answered is told already.
        if answers.iter().any(|(_, outcome)| outcome.is_ok()) {
            self.service.usage().put(Some(self.folding.last_uses()));
        }
        answers.into_iter().for_each(|(asked, outcome)| asked.answer(outcome));
        self.imports.forget_if_idle();
    }

    fn take_import(&mut self, asked: &mut Asked) -> Result<(), Error> {
        let import = &mut asked.waiting.file.import;
        let kept = self.imports.keep(import).map_err(|error| match error {
            NotKept::Full => Error::LimitExceeded("No more uses can be imported of this account.".into()),
            NotKept::Stored(error) => Error::Internal(format!("an import is not kept: {error}")),
        })?;
        if let Some(number) = kept {
            self.folding.import(number, import);
        }
        Ok(())
    }

    /// Counts what was taken, and tells it if that is all there is.
    pub(super) fn count(&mut self) {
        self.counted_at = Instant::now();
        self.folding.count();
        self.folding.sweep(&self.service.view());
        let told = self.service.usage().last_uses().is_some();
        if self.retry_at.is_none() && (told || self.is_up_to_date()) {
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
        let now = Some(state_of(usage));
        let written = if self.snapshots.saved == now { Ok(()) } else { snapshot::write(&*self.files, usage) };
        (self.snapshots.saved_at, self.snapshots.took) = (Instant::now(), started.elapsed());
        written?;
        self.snapshots.saved = now;
        self.need.set_from(self.folding.usage().next_entry());
        Ok(())
    }
}

/// Which entries and imports it holds, and since when nothing is missed: what tells two snapshots apart.
fn state_of(usage: &Usage) -> (u64, Timestamp, u64) {
    (usage.next_entry(), usage.tracking_since(), usage.next_import())
}

/// Takes an entry. Those that are missing before it were pruned.
fn take(service: &Service, folding: &mut Folding, entry: FollowedEntry<'_>) {
    if entry.index > folding.next_entry() {
        let at = entry.outline.map(|outline| Timestamp::from_millis(outline.at));
        let since = at.unwrap_or_else(|| service.now(&service.view()));
        tracing::warn!(%since, "the audit log was pruned: what it held of usage before is missed");
        folding.skip_to(entry.index, since);
    }
    folding.push(entry);
    if folding.is_full() {
        folding.count();
    }
}

/// The snapshot, if it is of this log. One that cannot be used is set aside, and all is counted again.
fn usable_snapshot(files: &dyn Files, settings: &Settings, log_size: u64) -> Option<Usage> {
    let reason = match snapshot::read(files, settings.clone()) {
        Ok(Some(usage)) if usage.next_entry() > log_size => "it goes further than the audit log".to_owned(),
        Ok(usage) => return usage,
        Err(error) => error.to_string(),
    };
    tracing::warn!(
        reason,
        "the usage snapshot is set aside, and usage is counted from the audit log and the imports again"
    );
    if let Err(error) = snapshot::set_aside(files) {
        tracing::warn!(%error, "the usage snapshot cannot be set aside");
    }
    None
}
