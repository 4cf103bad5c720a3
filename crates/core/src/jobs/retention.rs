//! Removes what the audit log need not keep any longer: whole bundles of entries, from the first one on, whose last entry
//! is older than `audit.keep_days`, by the domain clock, as everything that is due.
//!
//! The event comes first, so that nothing goes without one. If the power goes between the two, the next start finds the
//! same entries and writes the event again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_keyring::Space;
use claviger_tlog::{BUNDLE_ENTRIES, Files, Reader};
use claviger_types::Timestamp;

use super::commit;
use crate::audit::Place;
use crate::error::Error;
use crate::pipeline::outcome::Changes;
use crate::records::EventHead;
use crate::service::Service;
use crate::target::Resources;

/// Bundles that one run removes: some 25 MB, so that no other job waits long.
const BUNDLES_MAX: usize = 256;

/// How far a clock may be ahead of what is likely.
const AHEAD_MAX: Duration = Duration::from_secs(86_400);

/// The job, with what it need not read again.
pub struct Retention {
    files: Arc<dyn Files>,
    /// When the log's newest event happened as the service started, and when that was.
    started: Option<(Timestamp, Instant)>,
    /// The oldest bundle that is kept: the place behind it, and when its last event happened.
    oldest: Option<(u64, Timestamp)>,
}

impl Retention {
    /// For the log in these files, whose newest event happened then.
    pub fn new(files: Arc<dyn Files>, newest: Option<Timestamp>) -> Self {
        Self { files, started: newest.map(|newest| (newest, Instant::now())), oldest: None }
    }

    /// Has those bundles removed that are due and that nobody who follows the log needs.
    pub async fn run(&mut self, service: &Service) -> Result<(), Error> {
        let upkeep = service.audit_upkeep();
        let view = service.view();
        let Some(keep) = service.settings().audit.keep.filter(|_| upkeep.key_version().is_some()) else {
            return Ok(());
        };
        let Some(account) = view.deployment().map(|deployment| deployment.first_account) else { return Ok(()) };
        let now = self.plausible(service.now(&view), service.settings().dev_clock);
        let first = upkeep.kept_from().max(upkeep.prune_before());
        let end = upkeep.size().min(upkeep.needs().needed_from());
        let is_kept = |(behind, at): (u64, Timestamp)| behind > first && at + keep > now;
        if first + BUNDLE_ENTRIES > end || self.oldest.is_some_and(is_kept) {
            return Ok(());
        }
        let place = Place::new(&view, Arc::clone(&self.files)).map_err(internal)?;
        let before = self.due(&place.reader().map_err(internal)?, first, end, now, keep)?;
        if before > first {
            commit(service, Changes::new(Space::Global), "PruneAuditLog", account, Resources::default()).await?;
            upkeep.prune(before);
        }
        Ok(())
    }

    /// What the clock says, but no later than the log's newest event and the time since make likely: a clock that is far
    /// ahead when a machine starts must not take the log away. After a long rest the next start removes what is due.
    fn plausible(&self, now: Timestamp, moved_by_hand: bool) -> Timestamp {
        match self.started {
            Some((newest, since)) if !moved_by_hand => now.min(newest + since.elapsed() + AHEAD_MAX),
            _ => now,
        }
    }

    /// Before which place bundles may go; `first` if none may.
    fn due(&mut self, log: &Reader, first: u64, end: u64, now: Timestamp, keep: Duration) -> Result<u64, Error> {
        let (mut before, mut next) = (first, first);
        self.oldest = None;
        for _ in 0..BUNDLES_MAX {
            let behind = next + BUNDLE_ENTRIES;
            if behind > end {
                break;
            }
            let entry = log.entry(behind - 1).map_err(internal)?;
            let at = EventHead::of(&entry).map(|head| Timestamp::from_millis(head.at));
            match at {
                Some(at) if at + keep <= now => before = behind,
                Some(at) if at <= now => {
                    self.oldest.get_or_insert((behind, at));
                    break;
                }
                // A clock that was ahead wrote it, or it says nothing: a later bundle tells how old it is at least.
                _ => {}
            }
            next = behind;
        }
        if before == first {
            // Nothing tells how old these are: they are kept as if they were of now.
            self.oldest.get_or_insert((next, now));
        }
        Ok(before)
    }
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("the audit log is not pruned: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{AuditSettings, Settings};
    use crate::testing::test_events::event_of;
    use crate::testing::test_log::TestLog;

    const DAY: Duration = Duration::from_secs(86_400);

    /// A node with a log of its own, and the job.
    struct Node {
        log: TestLog,
        job: Retention,
    }

    impl Node {
        fn new(keep: Option<Duration>) -> Self {
            let audit = AuditSettings { keep, ..AuditSettings::default() };
            let log = TestLog::new(Settings { dev_clock: true, audit, ..Settings::default() });
            let job = Retention::new(Arc::clone(&log.files), None);
            Self { log, job }
        }

        /// Runs the job; how many events it left.
        fn run(&mut self) -> usize {
            let commits = self.log.kms.store.commits();
            self.log.block_on(self.job.run(&self.log.service)).unwrap();
            let commits = self.log.kms.store.commits_since(commits);
            for commit in &commits {
                assert_eq!(event_of(commit).1.operation, Some("PruneAuditLog"));
            }
            commits.len()
        }

        /// Has the writer do what the job asked for; the first entry that is kept then.
        fn kept_from(&mut self) -> u64 {
            self.log.turn();
            self.log.service.audit_upkeep().kept_from()
        }
    }

    /// A clock that is far ahead when the machine starts, and one that was so for a while.
    #[test]
    fn clocks_that_are_wrong() {
        let audit = AuditSettings { keep: Some(2 * DAY), ..AuditSettings::default() };
        let mut log = TestLog::new(Settings { audit, ..Settings::default() });
        log.fill(768, 9 * DAY);
        let newest = log.service.wall_now().offset_by(-9 * 86_400_000);
        let job = Retention::new(Arc::clone(&log.files), Some(newest));
        let mut node = Node { log, job };
        assert_eq!((node.run(), node.kept_from()), (0, 0), "to the log it is a week earlier");
        node.job = Retention::new(Arc::clone(&node.log.files), None);
        assert_eq!((node.run(), node.kept_from()), (1, 768));

        let mut node = Node::new(Some(2 * DAY));
        node.log.fill(256, 9 * DAY);
        let ahead = node.log.service.now(&node.log.service.view()) + 400 * DAY;
        node.log.fill_at(512, ahead);
        node.log.fill(768, 9 * DAY);
        assert_eq!((node.run(), node.kept_from()), (1, 768), "what follows them tells that they are old");
    }

    #[test]
    fn bundles_go_when_their_last_entry_is_too_old() {
        let mut node = Node::new(Some(2 * DAY));
        node.log.fill(255, 9 * DAY);
        assert_eq!((node.run(), node.kept_from()), (0, 0), "no bundle is full");
        node.log.fill(511, 9 * DAY);
        node.log.fill(768, DAY);
        node.log.fill(800, 9 * DAY);
        assert_eq!(node.run(), 1);
        assert_eq!((node.run(), node.kept_from(), node.run()), (0, 256, 0), "the second one's last entry is young");
        node.log.kms.pass(DAY);
        node.log.meet();
        assert_eq!((node.run(), node.kept_from(), node.run()), (1, 768, 0), "what is not full stays");
    }

    #[test]
    fn what_somebody_needs_stays() {
        let mut node = Node::new(Some(DAY));
        let needs = node.log.service.audit_upkeep().needs();
        let (slow, fast) = (needs.add(0), needs.add(0));
        node.log.fill(1_024, 9 * DAY);
        assert_eq!((node.run(), node.kept_from()), (0, 0));
        fast.set_from(1_024);
        slow.set_from(700);
        assert_eq!((node.run(), node.kept_from(), node.run()), (1, 512, 0));
        slow.set_from(1_024);
        assert_eq!((node.run(), node.kept_from(), node.run()), (1, 1_024, 0));
    }

    #[test]
    fn a_run_is_bounded() {
        let mut node = Node::new(Some(DAY));
        let bound = BUNDLES_MAX as u64 * BUNDLE_ENTRIES;
        node.log.fill(bound + BUNDLE_ENTRIES, 9 * DAY);
        assert_eq!((node.run(), node.kept_from()), (1, bound));
        assert_eq!((node.run(), node.kept_from()), (1, bound + BUNDLE_ENTRIES));
    }

    #[test]
    fn without_a_bound_all_is_kept() {
        let mut node = Node::new(None);
        node.log.fill(600, 1_000 * DAY);
        assert_eq!((node.run(), node.kept_from()), (0, 0));
    }
}
