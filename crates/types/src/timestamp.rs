//! Points in time.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::Malformed;

/// Milliseconds since the Unix epoch: the precision that AWS prints.
///
/// Serialized as JSON 1.1 does it: a number of seconds with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch; the fraction holds the milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// From seconds since the epoch, as clients send them. `None` if it is no finite number or out of range.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked the line before")]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let millis = (seconds * 1000.0).round();
        (millis.is_finite() && millis.abs() < 1e15).then_some(Self(millis as i64))
    }

    /// `2026-01-31T12:00:00Z`, the form of the Query protocol; the fraction is dropped.
    pub fn to_iso8601(self) -> String {
        self.as_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `20260131T120000Z`, the form of SigV4.
    pub fn to_amz_date(self) -> String {
        self.as_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// `Jan 31, 2026, 12:00:00 PM`, the form of CloudTrail's records; the fraction is dropped.
    pub fn to_long_text(self) -> String {
        self.as_jiff().strftime("%b %-d, %Y, %-I:%M:%S %p").to_string()
    }

    /// Moved by `offset_millis`, saturating.
    pub fn offset_by(self, offset_millis: i64) -> Self {
        Self(self.0.saturating_add(offset_millis))
    }

    fn as_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.offset_by(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Timestamp {
    type Err = Malformed;

    /// Reads RFC 3339, as in `2026-01-31T12:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse::<jiff::Timestamp>().map(|time| Self(time.as_millisecond())).map_err(|_| Malformed("RFC 3339 time"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.as_jiff())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let time = Timestamp::from_millis(1_593_622_000_191);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1593622000.191");
        assert_eq!(time.to_iso8601(), "2020-07-01T16:46:40Z");
        assert_eq!(time.to_amz_date(), "20200701T164640Z");
        assert_eq!(time.to_long_text(), "Jul 1, 2020, 4:46:40 PM");
        assert_eq!(time.to_string(), "2020-07-01T16:46:40.191Z");
        assert_eq!("2020-07-01T16:46:40.191Z".parse(), Ok(time));
        assert_eq!(Timestamp::from_seconds(1_593_622_000.191), Some(time));
        assert_eq!(Timestamp::from_seconds(f64::NAN), None);
        assert_eq!(Timestamp::from_seconds(1e300), None);
    }
}
