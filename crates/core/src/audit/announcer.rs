//! The way of what is in the log to one who reads on. The writer never waits for it: what finds no room on this way is
//! read in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Groups that may wait: some half a second of all that one node answers.
const GROUPS_MAX: usize = 8;

/// The writer's end.
pub struct Announcer {
    groups: SyncSender<Group>,
    log_size: Arc<AtomicU64>,
}

/// The end of one who reads on.
pub struct Followed {
    groups: Receiver<Group>,
    log_size: Arc<AtomicU64>,
}

/// Entries of the log that follow one another.
pub struct Group {
    /// The place of the first one.
    pub first: u64,
    /// All of them.
    pub events: Vec<Vec<u8>>,
}

/// What may come next.
pub enum Next {
    /// A group, if nothing before it was left out.
    Group(Group),
    /// Nothing, in that time.
    Nothing,
    /// Nothing ever: the writer has ended.
    End,
}

/// The two ends. How many entries the log has is written to `log_size`.
pub fn announcer(log_size: Arc<AtomicU64>) -> (Announcer, Followed) {
    let (sender, groups) = sync_channel(GROUPS_MAX);
    (Announcer { groups: sender, log_size: Arc::clone(&log_size) }, Followed { groups, log_size })
}

impl Announcer {
    /// So many entries are durable.
    pub(crate) fn opened(&self, log_size: u64) {
        self.log_size.store(log_size, Ordering::Release);
    }

    /// These are too.
    pub(crate) fn announce(&self, first: u64, events: Vec<Vec<u8>>) {
        self.opened(first + events.len() as u64);
        // Whoever is too far behind, or gone, is not waited for.
        let _ = self.groups.try_send(Group { first, events });
    }
}

impl Followed {
    /// What comes next.
    pub fn next(&self, wait: Duration) -> Next {
        match self.groups.recv_timeout(wait) {
            Ok(group) => Next::Group(group),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// How many entries the log has.
    pub fn log_size(&self) -> u64 {
        self.log_size.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_does_not_wait() {
        let size = Arc::new(AtomicU64::new(0));
        let (announcer, followed) = announcer(Arc::clone(&size));
        announcer.opened(3);
        for number in 0..20 {
            announcer.announce(3 + number * 2, vec![vec![1], vec![2]]);
        }
        assert_eq!((followed.log_size(), size.load(Ordering::Relaxed)), (43, 43));
        drop(announcer);
        let mut firsts = Vec::new();
        while let Next::Group(group) = followed.next(Duration::ZERO) {
            assert_eq!(group.events, [[1], [2]]);
            firsts.push(group.first);
        }
        assert_eq!(firsts, [3, 5, 7, 9, 11, 13, 15, 17]);
        assert!(matches!(followed.next(Duration::ZERO), Next::End));
    }
}
