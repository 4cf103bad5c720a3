//! Rows that have all but their period in common: how often, and when first and last.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use minicbor::{Decode, Encode};

use crate::period::{Day, Month, Period};

/// How often in one period, and when: milliseconds from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Tally {
    #[n(0)]
    pub(crate) period: Period,
    #[n(1)]
    pub(crate) first: u32,
    #[n(2)]
    pub(crate) last: u32,
    #[n(3)]
    pub(crate) count: u64,
}

impl Tally {
    /// Whether it is one that uses can have led to.
    pub(crate) fn is_sound(&self) -> bool {
        let is_in_time = match self.period {
            Period::Month(month) => month <= Month::LAST,
            Period::Day(_) => true,
        };
        is_in_time && self.count > 0 && self.first <= self.last
    }

    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// The same in the month of its day.
    fn in_month(self, horizon: Day) -> Self {
        let period = Period::of(self.period.first_day(), horizon);
        let moved = |offset| period.offset_of(self.period.at(offset));
        Self { period, first: moved(self.first), last: moved(self.last), count: self.count }
    }
}

/// Tallies in order of their periods, months before days. Nearly every use is counted in the last one, which therefore
/// stands apart: to reach the others costs another look into memory.
#[derive(Debug)]
pub(crate) struct Rows {
    earlier: Vec<Tally>,
    last: Tally,
}

impl Rows {
    /// The first row.
    pub(crate) fn new(tally: Tally) -> Self {
        Self { earlier: Vec::new(), last: tally }
    }

    /// Whether that made a new row.
    pub(crate) fn add(&mut self, tally: Tally) -> bool {
        match tally.period.cmp(&self.last.period) {
            Ordering::Equal => {
                self.last.add(tally);
                false
            }
            Ordering::Greater => {
                self.earlier.push(std::mem::replace(&mut self.last, tally));
                true
            }
            Ordering::Less => add_in_order(&mut self.earlier, tally),
        }
    }

    /// Whether a use in this period needs no new row.
    pub(crate) fn has(&self, period: Period) -> bool {
        self.last.period == period || self.earlier.binary_search_by_key(&period, |row| row.period).is_ok()
    }

    /// Adds days before `horizon` to their months.
    pub(crate) fn fold_days(&mut self, horizon: Day) {
        let months = self.earlier.partition_point(|row| row.period < Period::Day(Day::FIRST));
        let days = self.earlier.get(months..).unwrap_or_default();
        let old = days.iter().take_while(|row| row.period < Period::Day(horizon)).count();
        if old > 0 {
            let old: Vec<_> = self.earlier.drain(months..months + old).collect();
            for tally in old {
                add_in_order(&mut self.earlier, tally.in_month(horizon));
            }
        }
        if (Period::Day(Day::FIRST)..Period::Day(horizon)).contains(&self.last.period) {
            add_in_order(&mut self.earlier, self.last.in_month(horizon));
            self.last = self.earlier.pop().unwrap_or(self.last);
        }
    }

    /// Puts a row behind those that are there. None if its place is not there.
    pub(crate) fn push(&mut self, tally: Tally) -> Option<()> {
        (tally.period > self.last.period).then(|| self.earlier.push(std::mem::replace(&mut self.last, tally)))
    }

    /// Room for exactly so many more, while they are not too many to be true.
    pub(crate) fn reserve(&mut self, rows: u32) {
        self.earlier.reserve_exact(rows.min(1_024) as usize);
    }

    pub(crate) fn len(&self) -> usize {
        self.earlier.len() + 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tally> {
        self.earlier.iter().chain([&self.last])
    }

    /// Rows with any day in common with `days`, those behind a period.
    pub(crate) fn in_days<'a>(
        &'a self,
        days: &RangeInclusive<Day>,
        after: Option<Period>,
    ) -> impl Iterator<Item = &'a Tally> + use<'a> {
        let months = days.start().month()..=days.end().month();
        let days = days.clone();
        self.iter().filter(move |row| {
            let is_in = match row.period {
                Period::Month(month) => !days.is_empty() && months.contains(&month),
                Period::Day(day) => days.contains(&day),
            };
            is_in && after.is_none_or(|after| row.period > after)
        })
    }
}

/// Whether that made a new row.
fn add_in_order(rows: &mut Vec<Tally>, tally: Tally) -> bool {
    let found = rows.binary_search_by_key(&tally.period, |row| row.period);
    match found.map(|place| rows.get_mut(place)) {
        Ok(Some(row)) => row.add(tally),
        Ok(None) => {}
        Err(place) => rows.insert(place, tally),
    }
    found.is_err()
}

#[cfg(test)]
mod tests {
    use claviger_types::Timestamp;

    use super::*;

    fn day(text: &str) -> Day {
        Day::of(format!("{text}T00:00:00Z").parse().unwrap())
    }

    fn use_at(text: &str, horizon: Day) -> Tally {
        let at: Timestamp = text.parse().unwrap();
        let period = Period::of(Day::of(at), horizon);
        let offset = period.offset_of(at);
        Tally { period, first: offset, last: offset, count: 1 }
    }

    fn rows_of<const N: usize>(uses: [&str; N], horizon: Day) -> Rows {
        let [first, rest @ ..] = &uses[..] else { panic!("no uses") };
        let mut rows = Rows::new(use_at(first, horizon));
        let made = rest.iter().filter(|at| rows.add(use_at(at, horizon))).count();
        assert_eq!(rows.len(), made + 1);
        rows
    }

    fn shown(rows: &Rows) -> Vec<String> {
        let shown = |row: &Tally| {
            let period = match row.period {
                Period::Month(month) => month.to_string(),
                Period::Day(day) => day.to_string(),
            };
            format!("{period}: {} from {} to {}", row.count, row.period.at(row.first), row.period.at(row.last))
        };
        rows.iter().map(shown).collect()
    }

    const USES: [&str; 5] = [
        "2026-03-30T01:00:00Z",
        "2026-04-02T23:59:59.999Z",
        "2026-04-01T02:00:00Z",
        "2026-03-31T03:00:00Z",
        "2026-04-02T00:00:00Z",
    ];

    #[test]
    fn days_that_become_months_are_as_if_they_had_been_counted_so_at_once() {
        let (early, late) = (day("2026-03-01"), day("2026-04-02"));
        let mut folded = rows_of(USES, early);
        assert_eq!(folded.len(), 4);
        for horizon in [day("2026-03-31"), day("2026-04-01"), late, day("2026-04-03"), day("2026-05-01")] {
            folded.fold_days(horizon);
            let mut backwards = USES;
            backwards.reverse();
            let at_once = rows_of(backwards, horizon);
            assert_eq!(shown(&folded), shown(&at_once), "{horizon}");
        }
        assert_eq!(
            shown(&folded),
            [
                "2026-03: 2 from 2026-03-30T01:00:00.000Z to 2026-03-31T03:00:00.000Z",
                "2026-04: 3 from 2026-04-01T02:00:00.000Z to 2026-04-02T23:59:59.999Z",
            ]
        );
    }

    #[test]
    fn rows_of_some_days() {
        let rows = rows_of(USES, day("2026-04-01"));
        for (from, to, want) in [
            ("2026-03-01", "2026-04-30", 3),
            ("2026-03-05", "2026-03-06", 1),
            ("2026-04-01", "2026-04-01", 1),
            ("2026-04-02", "2026-04-01", 0),
            ("2026-04-03", "2026-04-03", 0),
            ("2026-02-28", "2026-03-01", 1),
        ] {
            assert_eq!(rows.in_days(&(day(from)..=day(to)), None).count(), want, "{from} {to}");
        }
        let all = day("2026-01-01")..=day("2026-12-31");
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(rows.in_days(&all, Some(row.period)).count(), 2 - number);
        }
    }

    #[test]
    fn a_row_that_does_not_follow_is_not_taken() {
        let tally = use_at(USES[2], Day::FIRST);
        let mut rows = Rows::new(tally);
        assert!(rows.push(use_at(USES[1], Day::FIRST)).is_some());
        assert!(rows.push(tally).is_none());
        assert!(rows.push(use_at(USES[0], Day::FIRST)).is_none());
        assert!(!Tally { count: 0, ..tally }.is_sound());
        assert!(!Tally { first: tally.last + 1, ..tally }.is_sound());
        // 2_153 is the last month.
        for (month, want) in [(2_153_u16, true), (2_154, false)] {
            let month: Month = minicbor::decode(&minicbor::to_vec(month).unwrap()).unwrap();
            assert_eq!(Tally { period: Period::Month(month), ..tally }.is_sound(), want, "{month:?}");
        }
    }
}
