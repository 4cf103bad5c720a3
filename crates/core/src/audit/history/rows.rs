//! The rows of the filters that an event sets, worked out once for those that are alike.

use claviger_types::Timestamp;
use claviger_usage::Day;

use super::filter::row_numbers;
use super::terms::each_term;
use crate::audit::alike::AlikeEvents;
use crate::records::{EventHead, EventRecord};

/// The rows that an event sets, by their numbers.
pub struct Rows(Box<[u16]>);

/// Rows by entries.
pub(super) struct RowsOf {
    alike: AlikeEvents<Option<Rows>>,
    /// The latest day so far.
    latest: Day,
}

impl Default for RowsOf {
    fn default() -> Self {
        Self { alike: AlikeEvents::default(), latest: Day::FIRST }
    }
}

impl Rows {
    /// Of this event.
    pub fn of(event: &EventRecord<'_>) -> Self {
        let mut rows = Vec::new();
        each_term(event, &mut |term| rows.extend(row_numbers(term)));
        rows.sort_unstable();
        rows.dedup();
        Self(rows.into())
    }

    /// Their numbers.
    pub(super) fn numbers(&self) -> &[u16] {
        &self.0
    }
}

impl RowsOf {
    /// When the event in this entry was, and its rows; none if it may be anything, since it cannot be read.
    pub(super) fn entry(&mut self, entry: &[u8]) -> Option<(i64, &Rows)> {
        let head = EventHead::of(entry)?;
        // Those of a day that is over are not met again.
        let day = Day::of(Timestamp::from_millis(head.at));
        if self.alike.is_full() || day > self.latest {
            self.alike.clear();
        }
        self.latest = self.latest.max(day);
        let rows = self.alike.of(&head, entry, || EventRecord::parse(entry).ok().map(|event| Rows::of(&event)));
        rows.as_ref().map(|rows| (head.at, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::EventKind;

    /// However many differ, and whatever day it is, no more is held than there is room for.
    #[test]
    fn what_is_held_is_bounded() {
        const DAY_MILLIS: i64 = 86_400_000;
        let mut rows = RowsOf::default();
        let mut held = |day: i64, number: usize| {
            let name = format!("{number}{}", "x".repeat(1024 * 1024));
            let event = EventRecord {
                operation: Some(&name),
                ..EventRecord::new(EventKind::Call, day * DAY_MILLIS + 5, [0; 16])
            };
            let found = rows.entry(&event.to_bytes()).map(|(at, rows)| (at, rows.numbers().len()));
            assert_eq!(found, Some((event.at, Rows::of(&event).numbers().len())));
            rows.alike.len()
        };
        let most = (0..40).map(|number| held(7, number)).max().unwrap();
        assert!((10..20).contains(&most), "{most}");
        let before = held(7, 40);
        assert_eq!((held(7, 40), held(6, 41), held(8, 40)), (before, before + 1, 1));
        assert!(RowsOf::default().entry(b"no event").is_none());
    }
}
