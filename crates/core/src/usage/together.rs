//! Entries that are alike, put together before they are counted. Most requests of a second differ from another one in
//! nothing but their time and id, so that an entry costs a checksum and a comparison of bytes.

use std::collections::HashMap;

use claviger_types::Timestamp;
use claviger_usage::Day;

use crate::records::{EventHead, EventKind};

/// Entries that are put together at most, and bytes of those that differ.
const ENTRIES_MAX: u64 = 1_048_576;
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// So many that differ are counted in some milliseconds.
const FEW: usize = 4_096;

/// Entries of the log that follow one another.
#[derive(Default)]
pub(super) struct Together {
    groups: Vec<Group>,
    /// Groups by the checksum of what their events have in common. Of those that share one, the newest.
    places: HashMap<u32, usize>,
    entries: u64,
    bytes: usize,
}

/// Entries that are alike.
pub(super) struct Group {
    /// The latest one's place and event.
    pub(super) index: u64,
    pub(super) event: Vec<u8>,
    at: i64,
    pub(super) first_at: Timestamp,
    pub(super) count: u64,
    /// Where what they have in common begins.
    rest: usize,
}

impl Together {
    /// Takes an entry. One that is no event of a caller's request tells nothing of usage.
    pub(super) fn push(&mut self, index: u64, event: &[u8]) {
        self.entries += 1;
        let Some(EventHead { kind: EventKind::Call, at, rest }) = EventHead::of(event) else { return };
        let common = event.get(rest..).unwrap_or_default();
        let checksum = crc32fast::hash(common);
        let known = self.places.get(&checksum).and_then(|place| self.groups.get_mut(*place));
        if let Some(group) = known.filter(|group| group.is_like(at, common)) {
            group.count += 1;
            group.first_at = group.first_at.min(Timestamp::from_millis(at));
            if at >= group.at {
                (group.index, group.at, group.rest) = (index, at, rest);
                group.event.clear();
                group.event.extend_from_slice(event);
            }
            return;
        }
        self.bytes += event.len();
        self.places.insert(checksum, self.groups.len());
        let event = event.to_vec();
        self.groups.push(Group { index, event, at, first_at: Timestamp::from_millis(at), count: 1, rest });
    }

    /// Whether they are to be counted before there are more.
    pub(super) fn is_full(&self) -> bool {
        self.entries >= ENTRIES_MAX || self.bytes >= BYTES_MAX
    }

    /// Whether there are so few that differ that it costs little to count them.
    pub(super) fn are_few(&self) -> bool {
        self.groups.len() <= FEW
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// All of them, in the order of their first ones.
    pub(super) fn take(&mut self) -> Vec<Group> {
        std::mem::take(self).groups
    }
}

impl Group {
    fn is_like(&self, at: i64, common: &[u8]) -> bool {
        let day = |millis| Day::of(Timestamp::from_millis(millis));
        self.event.get(self.rest..) == Some(common) && day(self.at) == day(at)
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

    fn call(at: i64, id: u8, operation: &str) -> Vec<u8> {
        event(EventKind::Call, at, id, operation)
    }

    type Shown = (u64, u64, i64, i64, [u8; 16], String);

    fn shown(group: &Group) -> Shown {
        let event = EventRecord::parse(&group.event).unwrap();
        let (first_at, at) = (group.first_at.as_millis() - NOON, event.at - NOON);
        (group.index, group.count, first_at, at, event.id, event.operation.unwrap().to_owned())
    }

    #[test]
    fn entries_that_differ_in_time_and_id_alone_are_one() {
        let mut together = Together::default();
        let entries = [
            call(NOON, 1, "Encrypt"),
            call(NOON + 5, 2, "Decrypt"),
            call(NOON + 3, 3, "Encrypt"),
            event(EventKind::Job, NOON, 4, "Encrypt"),
            // Handed over late.
            call(NOON - 1, 5, "Encrypt"),
            call(NOON + 3, 6, "Encrypt"),
            b"no event".to_vec(),
            call(NOON + DAY_MILLIS, 7, "Encrypt"),
            call(NOON + DAY_MILLIS, 8, "Encrypt"),
        ];
        for (index, entry) in (10..).zip(entries) {
            together.push(index, &entry);
        }
        assert!(!together.is_empty() && !together.is_full());
        let groups = together.take();
        let want = [
            (15, 4, -1, 3, [6; 16], "Encrypt".to_owned()),
            (11, 1, 5, 5, [2; 16], "Decrypt".to_owned()),
            (18, 2, DAY_MILLIS, DAY_MILLIS, [8; 16], "Encrypt".to_owned()),
        ];
        assert_eq!(groups.iter().map(shown).collect::<Vec<_>>(), want);
        assert!(together.is_empty());
    }

    #[test]
    fn there_are_so_many_at_most() {
        let mut together = Together::default();
        for index in 0..ENTRIES_MAX {
            assert!(!together.is_full(), "{index}");
            together.push(index, &call(NOON, 1, "Encrypt"));
        }
        assert!(together.is_full());
        assert_eq!(together.take().len(), 1);
        let long = "x".repeat(BYTES_MAX / 2);
        for (index, id) in (0..).zip(["a", "b"]) {
            assert!(!together.is_full(), "{index}");
            together.push(index, &call(NOON, 1, &format!("{long}{id}")));
        }
        assert!(together.is_full());
    }
}
