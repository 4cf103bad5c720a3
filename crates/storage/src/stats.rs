//! How long commits take: plain counters that the caller may read at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds, in microseconds, of the buckets of [`CommitTimes::buckets`]; the last bucket has none.
pub const MICROS_BOUNDS: [u64; 14] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// Counters of a store's writer.
#[derive(Debug, Default)]
pub struct CommitStats {
    batches: AtomicU64,
    commits: AtomicU64,
    failures: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; MICROS_BOUNDS.len() + 1],
}

/// What the counters stood at. Each is exact; together they are not of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitTimes {
    /// Batches made durable, each by one commit of the file.
    pub batches: u64,
    /// Transactions in those batches that changed something.
    pub commits: u64,
    /// Batches that failed or whose outcome is unknown.
    pub failures: u64,
    /// Microseconds spent on all durable batches together.
    pub micros: u64,
    /// Durable batches by duration, not cumulative; the bounds are [`MICROS_BOUNDS`].
    pub buckets: [u64; MICROS_BOUNDS.len() + 1],
}

impl CommitStats {
    /// What the counters stand at.
    pub fn read(&self) -> CommitTimes {
        CommitTimes {
            batches: self.batches.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            buckets: self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn durable(&self, commits: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        let index = MICROS_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_falls_in_the_first_bucket_whose_bound_it_keeps() {
        for (micros, want) in [(0, 0), (100, 0), (101, 1), (1_000, 3), (5_000_000, 13), (5_000_001, 14)] {
            let stats = CommitStats::default();
            stats.durable(3, Duration::from_micros(micros));
            let times = stats.read();
            let full: Vec<usize> = (0..times.buckets.len()).filter(|index| times.buckets[*index] == 1).collect();
            assert_eq!(full, [want], "micros={micros}");
            assert_eq!((times.batches, times.commits, times.micros, times.failures), (1, 3, micros, 0));
        }
    }
}
