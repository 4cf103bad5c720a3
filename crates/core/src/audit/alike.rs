//! Entries of the log that are alike: events which differ in their time of day and their id alone. Most are, and whoever
//! reads all of them works out once for many what one says.

use std::mem;

use claviger_types::Timestamp;
use claviger_usage::Day;
use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::records::{EventHead, EventKind};

/// Bytes of events that are held at most, unless a single one is longer.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Groups of events that are alike, as they were met, and what is kept of each group.
pub(crate) struct AlikeEvents<T> {
    groups: IndexMap<Fingerprint, Group<T>>,
    /// Those whose place others with the same fingerprint have taken. They are not looked for.
    displaced: Vec<Group<T>>,
    /// The first event of each, one behind the other.
    bytes: Vec<u8>,
}

/// What events that are alike have in common, and seldom others: the kind, the day, and the checksum of the rest.
type Fingerprint = (EventKind, Day, u32);

/// Events that are alike.
struct Group<T> {
    /// Where in the bytes the first event begins, what they have in common begins, and both end.
    first: usize,
    common: usize,
    end: usize,
    kept: T,
}

impl<T> Default for AlikeEvents<T> {
    fn default() -> Self {
        Self { groups: IndexMap::new(), displaced: Vec::new(), bytes: Vec::new() }
    }
}

impl<T> AlikeEvents<T> {
    /// What is kept of events like this one, whose head this is; of the first, `keep` makes it.
    pub(crate) fn of(&mut self, head: &EventHead, event: &[u8], keep: impl FnOnce() -> T) -> &mut T {
        let Self { groups, displaced, bytes } = self;
        let common = event.get(head.rest..).unwrap_or_default();
        let first = |bytes: &mut Vec<u8>| {
            let first = bytes.len();
            bytes.extend_from_slice(event);
            let end = bytes.len();
            Group { first, common: end - common.len(), end, kept: keep() }
        };
        let fingerprint = (head.kind, Day::of(Timestamp::from_millis(head.at)), crc32fast::hash(common));
        let group = match groups.entry(fingerprint) {
            Entry::Vacant(place) => place.insert(first(bytes)),
            Entry::Occupied(known) => {
                let group = known.into_mut();
                if bytes.get(group.common..group.end) != Some(common) {
                    displaced.push(mem::replace(group, first(bytes)));
                }
                group
            }
        };
        &mut group.kept
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len() + self.displaced.len()
    }

    /// Whether they are to be cleared before there are more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES_MAX
    }

    /// The first event of each group and what is kept of it, in the order in which they were met.
    pub(crate) fn met(&self) -> impl Iterator<Item = (&[u8], &T)> {
        let mut groups: Vec<_> = self.groups.values().chain(&self.displaced).collect();
        groups.sort_unstable_by_key(|group| group.first);
        groups.into_iter().map(|group| (self.bytes.get(group.first..group.end).unwrap_or_default(), &group.kept))
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

    const DAY_MILLIS: i64 = 86_400_000;
    const NOON: i64 = 20_000 * DAY_MILLIS + DAY_MILLIS / 2;

    fn event(kind: EventKind, at: i64, id: u8, operation: &str) -> Vec<u8> {
        EventRecord { operation: Some(operation), ..EventRecord::new(kind, at, [id; 16]) }.to_bytes()
    }

    #[test]
    fn events_that_differ_in_time_and_id_alone() {
        let mut alike = AlikeEvents::default();
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
            let (first, seen) = alike.of(&EventHead::of(&event).unwrap(), &event, || (id, 0));
            *seen += 1;
            assert_eq!((*first, *seen), (first_id, count), "{id}");
        }
        let seen = |(event, (id, seen)): (&[u8], &(u8, u64))| {
            assert_eq!(EventRecord::parse(event).unwrap().id, [*id; 16]);
            (*id, *seen)
        };
        assert_eq!(alike.met().map(seen).collect::<Vec<_>>(), [(1, 3), (2, 2), (4, 1), (6, 2)]);
        assert_eq!(alike.len(), 4);
        alike.clear();
        assert_eq!(alike.met().count(), 0);
    }

    /// Two texts with the same CRC-32, as anybody can find them, are not alike.
    #[test]
    fn events_with_the_same_checksum() {
        let events = ["erJIIsgT", "hKrOElKs"].map(|name| event(EventKind::Call, NOON, 1, name));
        let rest = |event: &[u8]| event[EventHead::of(event).unwrap().rest..].to_vec();
        assert_eq!(crc32fast::hash(&rest(&events[0])), crc32fast::hash(&rest(&events[1])));
        let mut alike = AlikeEvents::default();
        for _ in 0..2 {
            for (number, event) in events.iter().enumerate() {
                assert_eq!(*alike.of(&EventHead::of(event).unwrap(), event, || number), number);
            }
        }
        assert_eq!(alike.len(), 4, "they take each other's place");
    }

    #[test]
    fn no_more_is_held_than_there_is_room_for() {
        let mut alike = AlikeEvents::default();
        let long = "x".repeat(BYTES_MAX / 2);
        for name in ["a", "b"] {
            assert!(!alike.is_full(), "{name}");
            let event = event(EventKind::Call, NOON, 1, &format!("{long}{name}"));
            alike.of(&EventHead::of(&event).unwrap(), &event, || ());
        }
        assert!(alike.is_full());
        alike.clear();
        assert!(!alike.is_full());
    }
}
