//! Those who read the log after its writer, each on a thread of its own: what one of them still needs is not pruned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// All of them.
#[derive(Default)]
pub struct Followers(Mutex<Vec<Arc<AtomicU64>>>);

/// One of them, as long as the service runs.
pub struct Follower(Arc<AtomicU64>);

impl Followers {
    /// One more, who needs the entries from this one on. To be called before the jobs start, so that nothing is pruned
    /// that it needs.
    pub fn follow(&self, from: u64) -> Follower {
        let position = Arc::new(AtomicU64::new(from));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&position));
        Follower(position)
    }

    /// The first entry that any of them needs.
    pub(crate) fn needed_from(&self) -> u64 {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.iter().map(|position| position.load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }
}

impl Follower {
    /// The entries before this one are not needed any more: what was made of them is durable.
    pub fn set_needed_from(&self, index: u64) {
        self.0.store(index, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_furthest_behind_counts() {
        let followers = Followers::default();
        assert_eq!(followers.needed_from(), u64::MAX);
        let (first, second) = (followers.follow(0), followers.follow(300));
        assert_eq!(followers.needed_from(), 0);
        first.set_needed_from(500);
        assert_eq!(followers.needed_from(), 300);
        second.set_needed_from(501);
        assert_eq!(followers.needed_from(), 500);
    }
}
