//! Entries of the log that are alike: events which differ in their time of day and their id alone. Most are, and whoever
//! reads all of them works out once for many what one says.

use std::mem;

use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::records::{EventHead, EventKind};

const DAY_MILLIS: i64 = 86_400_000;

/// Bytes of events that are held at most, unless a single one is longer.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The kinds of entries that were met, and what is kept of each.
pub(crate) struct Kinds<T> {
    kinds: IndexMap<Sign, Kind<T>>,
    /// Those that others have taken the place of by the same sign, and that are not looked for.
    displaced: Vec<Kind<T>>,
    /// The first event of each, one behind the other.
    bytes: Vec<u8>,
}

/// What events of one kind have, and seldom others: what kind of event it is, the day, and the checksum of the rest.
type Sign = (EventKind, i64, u32);

/// Events that are alike.
struct Kind<T> {
    /// Where in the bytes the first event begins, what they have in common begins, and both end.
    first: usize,
    common: usize,
    end: usize,
    kept: T,
}

impl<T> Default for Kinds<T> {
    fn default() -> Self {
        Self { kinds: IndexMap::new(), displaced: Vec::new(), bytes: Vec::new() }
    }
}

impl<T> Kinds<T> {
    /// What is kept of events like this one, whose head this is; of the first, `keep` makes it.
    pub(crate) fn of(&mut self, head: &EventHead, event: &[u8], keep: impl FnOnce() -> T) -> &mut T {
        let Self { kinds, displaced, bytes } = self;
        let common = event.get(head.rest..).unwrap_or_default();
        let first = |bytes: &mut Vec<u8>| {
            let first = bytes.len();
            bytes.extend_from_slice(event);
            let end = bytes.len();
            Kind { first, common: end - common.len(), end, kept: keep() }
        };
        let sign = (head.kind, head.at.div_euclid(DAY_MILLIS), crc32fast::hash(common));
        let kind = match kinds.entry(sign) {
            Entry::Vacant(place) => place.insert(first(bytes)),
            Entry::Occupied(known) => {
                let kind = known.into_mut();
                if bytes.get(kind.common..kind.end) != Some(common) {
                    displaced.push(mem::replace(kind, first(bytes)));
                }
                kind
            }
        };
        &mut kind.kept
    }

    /// How many kinds there are.
    pub(crate) fn len(&self) -> usize {
        self.kinds.len() + self.displaced.len()
    }

    /// Whether they are to be cleared before there are more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES_MAX
    }

    /// The first event of each kind and what is kept, in the order in which they were met.
    pub(crate) fn met(&self) -> impl Iterator<Item = (&[u8], &T)> {
        let mut kinds: Vec<_> = self.kinds.values().chain(&self.displaced).collect();
        kinds.sort_unstable_by_key(|kind| kind.first);
        kinds.into_iter().map(|kind| (self.bytes.get(kind.first..kind.end).unwrap_or_default(), &kind.kept))
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::EventRecord;

    const NOON: i64 = 20_000 * DAY_MILLIS + DAY_MILLIS / 2;

    fn event(kind: EventKind, at: i64, id: u8, operation: &str) -> Vec<u8> {
        EventRecord { operation: Some(operation), ..EventRecord::new(kind, at, [id; 16]) }.to_bytes()
    }

    #[test]
    fn events_that_differ_in_time_and_id_alone() {
        let mut kinds = Kinds::default();
        for (kind, at, id, operation, first_id, count) in [
            (EventKind::Call, NOON, 1, "Encrypt", 1, 1),
            (EventKind::Call, NOON + 5, 2, "Decrypt", 2, 1),
            (EventKind::Call, NOON + 3, 3, "Encrypt", 1, 2),
            (EventKind::Job, NOON, 4, "Encrypt", 4, 1),
            (EventKind::Call, NOON - 1, 5, "Encrypt", 1, 3),
            (EventKind::Call, NOON + DAY_MILLIS, 6, "Encrypt", 6, 1),
            (EventKind::Call, NOON + DAY_MILLIS + 1, 7, "Encrypt", 6, 2),
            (EventKind::Call, NOON + 1, 8, "Decrypt", 2, 2),
        ] {
            let event = event(kind, at, id, operation);
            let (first, seen) = kinds.of(&EventHead::of(&event).unwrap(), &event, || (id, 0));
            *seen += 1;
            assert_eq!((*first, *seen), (first_id, count), "{id}");
        }
        let seen = |(event, (id, seen)): (&[u8], &(u8, u64))| {
            assert_eq!(EventRecord::parse(event).unwrap().id, [*id; 16]);
            (*id, *seen)
        };
        assert_eq!(kinds.met().map(seen).collect::<Vec<_>>(), [(1, 3), (2, 2), (4, 1), (6, 2)]);
        assert_eq!(kinds.len(), 4);
        kinds.clear();
        assert_eq!(kinds.met().count(), 0);
    }

    /// Two texts with the same CRC-32, as anybody can find them, are two kinds.
    #[test]
    fn events_with_the_same_checksum() {
        let events = ["erJIIsgT", "hKrOElKs"].map(|name| event(EventKind::Call, NOON, 1, name));
        let rest = |event: &[u8]| event[EventHead::of(event).unwrap().rest..].to_vec();
        assert_eq!(crc32fast::hash(&rest(&events[0])), crc32fast::hash(&rest(&events[1])));
        let mut kinds = Kinds::default();
        for _ in 0..2 {
            for (number, event) in events.iter().enumerate() {
                assert_eq!(*kinds.of(&EventHead::of(event).unwrap(), event, || number), number);
            }
        }
        assert_eq!(kinds.len(), 4, "they take each other's place");
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut kinds = Kinds::default();
        let long = "x".repeat(BYTES_MAX / 2);
        for name in ["a", "b"] {
            assert!(!kinds.is_full(), "{name}");
            let event = event(EventKind::Call, NOON, 1, &format!("{long}{name}"));
            kinds.of(&EventHead::of(&event).unwrap(), &event, || ());
        }
        assert!(kinds.is_full());
        kinds.clear();
        assert!(!kinds.is_full());
    }
}
