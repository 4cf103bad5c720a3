//! The spans of time that rows count: days, and months of what is older. All in UTC.

use std::fmt;

use claviger_types::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use minicbor::{Decode, Encode};

const DAY_MILLIS: i64 = 86_400_000;

/// The days before the last one of which uses are known that have rows of their own. A window of so many days to now is
/// therefore always counted by days.
pub const DAYS_KEPT: u16 = 90;

/// A day, from 1970 on. Times before or after all days count as the first or the last, in 2149.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Day(#[n(0)] u16);

impl Day {
    /// The first one.
    pub const FIRST: Self = Self(0);

    /// The last one.
    pub const LAST: Self = Self(u16::MAX);

    /// The day of a point in time.
    pub fn of(time: Timestamp) -> Self {
        let days = time.as_millis().div_euclid(DAY_MILLIS);
        Self(u16::try_from(days.max(0)).unwrap_or(u16::MAX))
    }

    /// So many days earlier.
    pub fn minus(self, days: u16) -> Self {
        Self(self.0.saturating_sub(days))
    }

    fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * DAY_MILLIS)
    }

    fn date(self) -> Date {
        // INVARIANT: the calendar holds all days to 2149, so the fallback is never taken.
        let start = jiff::Timestamp::from_millisecond(self.start().as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Offset::UTC.to_datetime(start).date()
    }

    pub(crate) fn month(self) -> Month {
        let date = self.date();
        let months = (i32::from(date.year()) - 1970) * 12 + i32::from(date.month()) - 1;
        Month(u16::try_from(months).unwrap_or_default())
    }
}

impl fmt::Display for Day {
    /// `2026-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

/// A month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Month(#[n(0)] u16);

impl Month {
    /// The month of the last day.
    pub(crate) const LAST: Self = Self(2_153);

    fn first_day(self) -> Day {
        // INVARIANT: no month is later than the last one, so neither fallback is taken.
        let year = i16::try_from(1970 + self.0 / 12).unwrap_or(i16::MAX);
        let month = i8::try_from(self.0 % 12 + 1).unwrap_or(1);
        let first = Date::new(year, month, 1).and_then(|first| Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)));
        first.map_or(Day::FIRST, |first| Day::of(Timestamp::from_millis(first.as_millisecond())))
    }

    fn last_day(self) -> Day {
        match Self(self.0.saturating_add(1)).first_day() {
            // The last month ends with the last day, which no month begins with.
            Day::LAST => Day::LAST,
            next => next.minus(1),
        }
    }
}

impl fmt::Display for Month {
    /// `2026-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first_day().date();
        write!(f, "{:04}-{:02}", first.year(), first.month())
    }
}

/// What a row counts. Months come first in order: what is counted by months is older than all that is counted by days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Period {
    /// A month, as far as it is older than the days.
    #[n(0)]
    Month(#[n(0)] Month),
    /// A day.
    #[n(1)]
    Day(#[n(0)] Day),
}

impl Period {
    /// Where a day is counted if days before `horizon` are counted by months.
    pub(crate) fn of(day: Day, horizon: Day) -> Self {
        if day < horizon { Self::Month(day.month()) } else { Self::Day(day) }
    }

    /// Its first day.
    pub fn first_day(self) -> Day {
        match self {
            Self::Month(month) => month.first_day(),
            Self::Day(day) => day,
        }
    }

    /// Its last day.
    pub fn last_day(self) -> Day {
        match self {
            Self::Month(month) => month.last_day(),
            Self::Day(day) => day,
        }
    }

    /// Milliseconds from its beginning to `time`. Those of a month fit: they are fewer than 2^32.
    pub(crate) fn offset_of(self, time: Timestamp) -> u32 {
        let offset = time.as_millis().saturating_sub(self.first_day().start().as_millis());
        u32::try_from(offset.max(0)).unwrap_or(u32::MAX)
    }

    /// The time so many milliseconds from its beginning.
    pub(crate) fn at(self, offset: u32) -> Timestamp {
        self.first_day().start().offset_by(i64::from(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_and_months_of_times() {
        for (at, day, month, first, last) in [
            ("1970-01-01T00:00:00Z", "1970-01-01", "1970-01", "1970-01-01", "1970-01-31"),
            ("1969-12-31T23:59:59Z", "1970-01-01", "1970-01", "1970-01-01", "1970-01-31"),
            ("2024-02-29T23:59:59.999Z", "2024-02-29", "2024-02", "2024-02-01", "2024-02-29"),
            ("2026-03-01T00:00:00Z", "2026-03-01", "2026-03", "2026-03-01", "2026-03-31"),
            ("2026-12-31T12:00:00Z", "2026-12-31", "2026-12", "2026-12-01", "2026-12-31"),
            ("2149-06-06T12:00:00Z", "2149-06-06", "2149-06", "2149-06-01", "2149-06-06"),
            ("2500-01-01T00:00:00Z", "2149-06-06", "2149-06", "2149-06-01", "2149-06-06"),
        ] {
            let found = Day::of(time(at));
            let period = Period::Month(found.month());
            assert_eq!(found.to_string(), day, "{at}");
            assert_eq!(found.month().to_string(), month, "{at}");
            assert_eq!(period.first_day().to_string(), first, "{at}");
            assert_eq!(period.last_day().to_string(), last, "{at}");
        }
    }

    #[test]
    fn the_last_month_is_that_of_the_last_day() {
        assert_eq!(Month::LAST, Day::LAST.month());
    }

    #[test]
    fn times_within_a_period_are_kept_to_the_millisecond() {
        for at in ["2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00Z", "2026-07-15T11:12:13.014Z"] {
            let day = Day::of(time(at));
            for period in [Period::Day(day), Period::Month(day.month())] {
                assert_eq!(period.at(period.offset_of(time(at))), time(at), "{at} {period:?}");
            }
        }
    }

    #[test]
    fn what_is_older_than_the_horizon_is_counted_by_months() {
        let horizon = Day::of(time("2026-05-02T00:00:00Z"));
        for (at, want) in [("2026-05-01T23:59:59.999Z", false), ("2026-05-02T00:00:00Z", true)] {
            let period = Period::of(Day::of(time(at)), horizon);
            assert_eq!(matches!(period, Period::Day(_)), want, "{at}");
        }
    }
}
