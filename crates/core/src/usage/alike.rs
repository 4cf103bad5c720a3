//! Events that are alike, put together: what they differ in is their time of day and their id alone.

use std::collections::HashMap;

use crate::audit::{Fingerprint, FingerprintHasher};

/// Bytes of events that are held at most, unless a single one is longer.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Groups of events that are alike, and what is kept of each group.
pub(super) struct AlikeEvents<T> {
    groups: HashMap<Fingerprint, Group<T>, FingerprintHasher>,
    /// The first event of each, one behind the other.
    bytes: Vec<u8>,
}

/// Events that are alike.
struct Group<T> {
    /// Where in the bytes the first event begins and ends.
    first: usize,
    end: usize,
    kept: T,
}

impl<T> Default for AlikeEvents<T> {
    fn default() -> Self {
        Self { groups: HashMap::default(), bytes: Vec::new() }
    }
}

impl<T> AlikeEvents<T> {
    /// What is kept of events like this one; of the first, `keep` makes it.
    pub(super) fn of(&mut self, fingerprint: Fingerprint, event: &[u8], keep: impl FnOnce() -> T) -> &mut T {
        let bytes = &mut self.bytes;
        let group = self.groups.entry(fingerprint).or_insert_with(|| {
            let first = bytes.len();
            bytes.extend_from_slice(event);
            Group { first, end: bytes.len(), kept: keep() }
        });
        &mut group.kept
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether they are to be cleared before there are more.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES_MAX
    }

    /// The first event of each group and what is kept of it, in the order in which they were met.
    pub(super) fn met(&self) -> impl Iterator<Item = (&[u8], &T)> {
        let mut groups: Vec<_> = self.groups.values().collect();
        groups.sort_unstable_by_key(|group| group.first);
        groups.into_iter().map(|group| (self.bytes.get(group.first..group.end).unwrap_or_default(), &group.kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Outline;
    use crate::records::{EventKind, EventRecord};

    fn event(at: i64, operation: &str) -> (Fingerprint, Vec<u8>) {
        let id = at.to_be_bytes().repeat(2).try_into().unwrap();
        let event = EventRecord { operation: Some(operation), ..EventRecord::new(EventKind::Call, at, id) }.to_bytes();
        (Outline::of(&event).unwrap().fingerprint, event)
    }

    #[test]
    fn events_that_differ_in_time_and_id_alone() {
        let mut alike = AlikeEvents::default();
        for (at, operation, first, count) in [(1, "Encrypt", 1, 1), (2, "Decrypt", 2, 1), (3, "Encrypt", 1, 2)] {
            let (fingerprint, event) = event(at, operation);
            let (first_at, seen) = alike.of(fingerprint, &event, || (at, 0));
            *seen += 1;
            assert_eq!((*first_at, *seen), (first, count), "{at}");
        }
        let met = alike.met().map(|(event, (at, seen))| (EventRecord::parse(event).unwrap().at, *at, *seen));
        assert_eq!(met.collect::<Vec<_>>(), [(1, 1, 2), (2, 2, 1)]);
        assert_eq!(alike.len(), 2);
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut alike = AlikeEvents::default();
        let long = "x".repeat(BYTES_MAX / 2);
        for name in ["a", "b"] {
            assert!(!alike.is_full(), "{name}");
            let (fingerprint, event) = event(1, &format!("{long}{name}"));
            alike.of(fingerprint, &event, || ());
        }
        assert!(alike.is_full());
    }
}
