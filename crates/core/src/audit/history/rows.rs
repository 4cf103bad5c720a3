//! The rows of the filters that an event sets, worked out once for those that are alike.

use super::filter::row_numbers;
use super::terms::each_term;
use crate::audit::alike::Kinds;
use crate::records::{EventHead, EventRecord};

/// The rows that an event sets, by their numbers.
pub struct Rows(Box<[u16]>);

/// Rows by entries.
#[derive(Default)]
pub(super) struct RowsOf(Kinds<Option<Rows>>);

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
        if self.0.is_full() {
            self.0.clear();
        }
        let rows = self.0.of(&head, entry, || EventRecord::parse(entry).ok().map(|event| Rows::of(&event)));
        rows.as_ref().map(|rows| (head.at, rows))
    }
}
