//! Those who follow the log: each committed entry is shown to each of them once, in its order, on a thread of their
//! own.
//!
//! The writer hands over what it committed, as long as a follower keeps up; whatever it had no room for, or was there
//! before, the follower reads from the log's files. So a follower that is slow, or has stopped, costs the writer
//! nothing.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::log::{LogError, Place};
use super::outline::Outline;
use super::queue::Entries;

/// Bytes of entries that may wait for one follower.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Entries that a follower who is behind reads at once, before it can be asked to end.
const READ_AT_ONCE: u64 = 65_536;

/// Entries that are shown at once, at most. Whoever looks something up for each of them does so for all before it uses what
/// it found: so cache misses overlap.
const TOGETHER: usize = 256;

/// The writer's end: all who follow.
#[derive(Default)]
pub struct Followers {
    committed: Arc<AtomicU64>,
    kept_from: Arc<AtomicU64>,
    tails: Vec<Tail>,
}

/// The way to one follower.
struct Tail {
    sender: Sender<Arc<Group>>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// Entries that were committed together.
struct Group {
    first: u64,
    parts: Vec<Entries>,
    /// Of each entry: worked out by the first who follows, for all.
    outlines: OnceLock<Vec<Option<Outline>>>,
    bytes: usize,
}

/// An entry of the log, as it is shown to one who follows.
#[derive(Clone, Copy)]
pub(crate) struct FollowedEntry<'e> {
    /// Its place.
    pub(crate) index: u64,
    /// What was logged.
    pub(crate) bytes: &'e [u8],
    /// Its outline; none if it is no event that can be read.
    pub(crate) outline: Option<Outline>,
}

/// One who follows.
pub struct Follower {
    place: Place,
    receiver: Receiver<Arc<Group>>,
    waiting_bytes: Arc<AtomicUsize>,
    committed: Arc<AtomicU64>,
    kept_from: Arc<AtomicU64>,
    next: u64,
}

/// Whether there will be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// The writer has ended, and all that it committed was shown.
    Ended,
    /// The log goes on.
    Open,
}

impl Group {
    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().flat_map(Entries::iter)
    }

    fn outlines(&self) -> &[Option<Outline>] {
        self.outlines.get_or_init(|| self.entries().map(Outline::of).collect())
    }
}

impl<'e> FollowedEntry<'e> {
    /// The entry at that place.
    pub(crate) fn of(index: u64, bytes: &'e [u8]) -> Self {
        Self { index, bytes, outline: Outline::of(bytes) }
    }
}

impl Followers {
    /// One more, who is shown the entries from `next` on.
    pub fn add(&mut self, place: Place, next: u64) -> Follower {
        let (sender, receiver) = channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        self.tails.push(Tail { sender, waiting_bytes: Arc::clone(&waiting_bytes) });
        let (committed, kept_from) = (Arc::clone(&self.committed), Arc::clone(&self.kept_from));
        Follower { place, receiver, waiting_bytes, committed, kept_from, next }
    }

    /// The log has so many entries.
    pub(crate) fn opened(&self, size: u64) {
        self.committed.store(size, Ordering::Release);
    }

    /// The entries before this one were pruned.
    pub(crate) fn pruned(&self, kept_from: u64) {
        self.kept_from.store(kept_from, Ordering::Relaxed);
    }

    /// These entries were committed, from the place `first` on.
    pub(crate) fn committed(&self, first: u64, parts: Vec<Entries>) {
        let size = first + parts.iter().map(|part| part.iter().len() as u64).sum::<u64>();
        let bytes = parts.iter().map(Entries::bytes).sum();
        let group = Arc::new(Group { first, parts, outlines: OnceLock::new(), bytes });
        for tail in &self.tails {
            if tail.waiting_bytes.load(Ordering::Relaxed) + bytes <= WAITING_BYTES_MAX {
                tail.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
                // A follower that is gone reads nothing any more.
                let _ = tail.sender.send(Arc::clone(&group));
            }
        }
        self.committed.store(size, Ordering::Release);
    }
}

impl Follower {
    /// Begins at this place instead.
    pub fn begin_at(&mut self, next: u64) {
        self.next = next;
    }

    /// The place of the entry that is shown next.
    #[cfg(test)]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many entries the log has.
    pub fn log_size(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// The first entry that was not pruned, as far as the writer has told.
    pub fn kept_from(&self) -> u64 {
        self.kept_from.load(Ordering::Relaxed)
    }

    /// Whether all that the log has was shown.
    pub fn is_up_to_date(&self) -> bool {
        self.next >= self.log_size()
    }

    /// Shows what was committed since the last time, or a part of it, after waiting so long for it. Entries that were
    /// pruned are left out. After an error the same is shown again.
    pub(crate) fn follow(
        &mut self,
        wait: Duration,
        visit: &mut dyn FnMut(&[FollowedEntry<'_>]),
    ) -> Result<Followed, LogError> {
        // Whoever is behind reads on at once.
        let wait = if self.is_up_to_date() { wait } else { Duration::ZERO };
        let mut received = self.receiver.recv_timeout(wait);
        while let Ok(group) = received {
            self.waiting_bytes.fetch_sub(group.bytes, Ordering::Relaxed);
            // What does not follow is read from the log's files, which may have shown the beginning of the next already.
            if group.first <= self.next {
                let known = usize::try_from(self.next - group.first).unwrap_or(usize::MAX);
                let entries = group.entries().zip(group.outlines());
                let mut entries = (group.first..)
                    .zip(entries)
                    .skip(known)
                    .map(|(index, (bytes, outline))| FollowedEntry { index, bytes, outline: *outline })
                    .peekable();
                while entries.peek().is_some() {
                    let together: Vec<_> = entries.by_ref().take(TOGETHER).collect();
                    visit(&together);
                    self.next += together.len() as u64;
                }
            }
            received = self.receiver.recv_timeout(Duration::ZERO);
        }
        self.read_up_to(self.log_size().min(self.next + READ_AT_ONCE), visit)?;
        let ended = matches!(received, Err(RecvTimeoutError::Disconnected)) && self.is_up_to_date();
        Ok(if ended { Followed::Ended } else { Followed::Open })
    }

    /// Takes nothing in, and waits so long unless the writer ends.
    pub fn wait(&mut self, most: Duration) -> Followed {
        let until = Instant::now() + most;
        loop {
            match self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                // It is read in the log later.
                Ok(group) => self.waiting_bytes.fetch_sub(group.bytes, Ordering::Relaxed),
                Err(RecvTimeoutError::Timeout) => return Followed::Open,
                Err(RecvTimeoutError::Disconnected) => return Followed::Ended,
            };
        }
    }

    fn read_up_to(&mut self, end: u64, visit: &mut dyn FnMut(&[FollowedEntry<'_>])) -> Result<(), LogError> {
        if self.next >= end {
            return Ok(());
        }
        let reader = self.place.reader()?;
        if reader.kept_from() > self.next {
            self.next = reader.kept_from();
        }
        let mut entries = reader.entries(self.next..end.max(self.next));
        loop {
            let together: Vec<_> = entries.by_ref().take(TOGETHER).collect::<Result<_, _>>()?;
            if together.is_empty() {
                break;
            }
            visit(&together.iter().map(|(index, bytes)| FollowedEntry::of(*index, bytes)).collect::<Vec<_>>());
            self.next += together.len() as u64;
        }
        Ok(())
    }
}
