//! What one worker tells its operator of requests that failed: one reason once a second, however many fail by it. A disk
//! that is full, or a log that does not keep up, must not fill another one with lines.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);

/// What was told last.
#[derive(Default)]
pub(crate) struct Complaints {
    last: Option<(String, Instant)>,
    unsaid: u64,
}

impl Complaints {
    /// How many failures were left out before this one, if it is to be told.
    pub(crate) fn take(&mut self, reason: &str, now: Instant) -> Option<u64> {
        let told = self.last.as_ref().is_some_and(|(last, at)| last == reason && now.duration_since(*at) < PAUSE);
        if told {
            self.unsaid += 1;
            return None;
        }
        self.last = Some((reason.to_owned(), now));
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_once_a_second() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        for (reason, millis, want) in [
            ("full", 0, Some(0)),
            ("full", 1, None),
            ("full", 999, None),
            ("full", 1_000, Some(2)),
            ("full", 1_001, None),
            ("gone", 1_002, Some(1)),
            ("full", 1_003, Some(0)),
        ] {
            let now = start + Duration::from_millis(millis);
            assert_eq!(complaints.take(reason, now), want, "{reason} at {millis} ms");
        }
    }
}
