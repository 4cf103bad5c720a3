//! The rows of the filters that an event sets, worked out once for those that are alike.

use claviger_usage::Day;
use indexmap::IndexMap;
use smallvec::SmallVec;

use super::filter::row_numbers;
use super::terms::each_term;
use crate::audit::follow::FollowedEntry;
use crate::audit::outline::{Fingerprint, FingerprintHasher};
use crate::records::EventRecord;

/// Rows of so many different events are held at most, and of those that are looked for together.
const DIFFERENT_MAX: usize = 100_000;

/// Rows of most events: four for each of eight terms.
const USUAL: usize = 32;

/// The rows that an event sets, by their numbers.
pub struct Rows(SmallVec<[u16; USUAL]>);

/// Rows by entries.
pub(super) struct RowsOf {
    /// None of those that cannot be read.
    alike: IndexMap<Fingerprint, Option<Rows>, FingerprintHasher>,
    /// The latest day so far.
    latest: Day,
}

impl Default for RowsOf {
    fn default() -> Self {
        Self { alike: IndexMap::default(), latest: Day::FIRST }
    }
}

impl Rows {
    /// Of this event.
    pub fn of(event: &EventRecord<'_>) -> Self {
        let mut rows = SmallVec::new();
        each_term(event, &mut |term| rows.extend(row_numbers(term)));
        rows.sort_unstable();
        rows.dedup();
        Self(rows)
    }

    /// Their numbers.
    pub(super) fn numbers(&self) -> &[u16] {
        &self.0
    }
}

impl RowsOf {
    /// When the events in these entries were, and their rows; none for what may be anything, since it cannot be read. All
    /// are looked up before the first is told: so cache misses overlap.
    pub(super) fn of(&mut self, entries: &[FollowedEntry<'_>]) -> impl Iterator<Item = Option<(i64, &Rows)>> {
        // Those of a day that is over are not met again.
        let latest = entries.iter().filter_map(|entry| entry.outline).map(|outline| outline.day()).max();
        let latest = latest.unwrap_or(self.latest);
        if latest > self.latest || self.alike.len() >= DIFFERENT_MAX {
            self.alike.clear();
        }
        self.latest = self.latest.max(latest);
        let places: Vec<_> = entries.iter().map(|entry| self.place(entry)).collect();
        places.into_iter().map(|place| {
            let (at, place) = place?;
            let (_, rows) = self.alike.get_index(place)?;
            rows.as_ref().map(|rows| (at, rows))
        })
    }

    /// When the event was, and where its rows are.
    fn place(&mut self, entry: &FollowedEntry<'_>) -> Option<(i64, usize)> {
        let outline = entry.outline?;
        let alike = self.alike.entry(outline.fingerprint);
        let place = alike.index();
        alike.or_insert_with(|| EventRecord::parse(entry.bytes).ok().map(|event| Rows::of(&event)));
        Some((outline.at, place))
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
            let name = number.to_string();
            let event = EventRecord {
                operation: Some(&name),
                ..EventRecord::new(EventKind::Call, day * DAY_MILLIS + 5, [0; 16])
            };
            let bytes = event.to_bytes();
            let found = rows.of(&[FollowedEntry::of(0, &bytes)]).next().unwrap();
            let found = found.map(|(at, rows)| (at, rows.numbers().to_vec()));
            assert_eq!(found, Some((event.at, Rows::of(&event).numbers().to_vec())));
            rows.alike.len()
        };
        let most = (0..DIFFERENT_MAX + 5).map(|number| held(7, number)).max().unwrap();
        assert_eq!(most, DIFFERENT_MAX);
        let before = held(7, 40);
        assert_eq!((held(7, 40), held(6, 41), held(8, 40)), (before, before + 1, 1));
        assert!(RowsOf::default().of(&[FollowedEntry::of(0, b"no event")]).next().unwrap().is_none());
    }
}
