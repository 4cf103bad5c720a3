//! Turns: commands that met a conflict on the same record try again one after another, not all at once.
//!
//! Without them a round of N commands on one record lets one through, and the work grows with the square of N.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use tokio::sync::{Mutex, MutexGuard};

/// Places to wait at. Records that share one only wait needlessly.
const PLACES: usize = 256;

/// Who may try again on which record.
pub struct Turns {
    places: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// Held while a command tries again. A command holds one at most, so that no two wait for each other.
pub struct Turn<'a>(#[expect(dead_code, reason = "held, never read")] MutexGuard<'a, ()>);

impl Turns {
    /// Waits for a turn on the record at `path`. First come, first served.
    pub async fn take(&self, path: &str) -> Option<Turn<'_>> {
        let index = usize::try_from(self.hasher.hash_one(path)).unwrap_or_default() % PLACES;
        Some(Turn(self.places.get(index)?.lock().await))
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}
