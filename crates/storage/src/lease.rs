//! Leases within one process, for the stores that only one process can open.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::store::StoreError;

/// Being the only one who does something. Dropping it lets others have it.
pub struct Lease {
    name: String,
    leases: Arc<Leases>,
}

impl Lease {
    /// Whether it is still held. A holder asks before each step of long work, and stops if it is not.
    pub fn is_held(&self) -> bool {
        lock(&self.leases.held).is_some()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = lock(&self.leases.held).as_mut() {
            held.remove(&self.name);
        }
    }
}

/// The names that are held, or nothing once the store is closed.
pub(crate) struct Leases {
    held: Mutex<Option<BTreeSet<String>>>,
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self { held: Mutex::new(Some(BTreeSet::new())) }
    }

    pub(crate) fn take(self: &Arc<Self>, name: &str) -> Result<Option<Lease>, StoreError> {
        let mut held = lock(&self.held);
        let names = held.as_mut().ok_or(StoreError::Closed)?;
        let taken = names.insert(name.to_owned());
        Ok(taken.then(|| Lease { name: name.to_owned(), leases: Arc::clone(self) }))
    }

    /// Every lease ends.
    pub(crate) fn close(&self) {
        *lock(&self.held) = None;
    }
}
