//! What those who make something of the log that outlives its entries still need of it: that is not pruned. Whoever
//! only tells of what is kept, as the index does, needs nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Of all of them.
#[derive(Default)]
pub struct Needs(Mutex<Vec<Arc<AtomicU64>>>);

/// Of one of them, as long as the service runs.
pub struct Need(Arc<AtomicU64>);

impl Needs {
    /// One more, who needs the entries from this one on. To be called before the jobs start, so that nothing is pruned
    /// that it needs.
    pub fn add(&self, from: u64) -> Need {
        let position = Arc::new(AtomicU64::new(from));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&position));
        Need(position)
    }

    /// The first entry that any of them needs.
    pub(crate) fn needed_from(&self) -> u64 {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.iter().map(|position| position.load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }
}

impl Need {
    /// The entries before this one are not needed any more: what was made of them is durable.
    pub fn set_from(&self, index: u64) {
        self.0.store(index, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_furthest_behind_counts() {
        let needs = Needs::default();
        assert_eq!(needs.needed_from(), u64::MAX);
        let (first, second) = (needs.add(0), needs.add(300));
        assert_eq!(needs.needed_from(), 0);
        first.set_from(500);
        assert_eq!(needs.needed_from(), 300);
        second.set_from(501);
        assert_eq!(needs.needed_from(), 500);
    }
}
