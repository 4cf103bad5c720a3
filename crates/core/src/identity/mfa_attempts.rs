//! Wrong one-time codes, counted in memory: whoever has a user's access key must not be able to guess codes until one is
//! right. Of a million codes three are good at any time, so some guesses in some minutes gain nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use claviger_types::Timestamp;

use crate::error::Error;

/// Wrong codes of one device in one period, at this node. Source: our own choice.
const WRONG_MAX: u32 = 10;

/// How long they count.
const PERIOD: Duration = Duration::from_secs(10 * 60);

/// Devices at which those whose period is over are forgotten.
const SWEEP_AT: usize = 1024;

/// Wrong codes by device.
#[derive(Default)]
pub struct MfaAttempts(Mutex<HashMap<[u8; 16], Wrong>>);

struct Wrong {
    count: u32,
    since: Timestamp,
}

impl MfaAttempts {
    /// Refuses to look at a code while there were too many wrong ones.
    pub fn admit(&self, device: [u8; 16], now: Timestamp) -> Result<(), Error> {
        match self.wrong().get(&device) {
            Some(wrong) if wrong.count >= WRONG_MAX && now < wrong.since + PERIOD => Err(Error::Throttled),
            _ => Ok(()),
        }
    }

    /// Counts the code if it was wrong.
    pub fn count(&self, device: [u8; 16], now: Timestamp, judged: &Result<(), Error>) {
        if judged.is_ok() {
            return;
        }
        let mut wrong = self.wrong();
        if wrong.len() >= SWEEP_AT {
            wrong.retain(|_, wrong| now < wrong.since + PERIOD);
        }
        let entry = wrong.entry(device).or_insert(Wrong { count: 0, since: now });
        if now >= entry.since + PERIOD {
            *entry = Wrong { count: 0, since: now };
        }
        entry.count += 1;
    }

    /// A panic elsewhere leaves whole counts behind.
    fn wrong(&self) -> MutexGuard<'_, HashMap<[u8; 16], Wrong>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_ones_in_ten_minutes() {
        let attempts = MfaAttempts::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        for guess in 0..10 {
            assert!(attempts.admit([1; 16], at(guess)).is_ok(), "{guess}");
            attempts.count([1; 16], at(guess), &Ok(()));
            attempts.count([1; 16], at(guess), &Err(Error::InvalidAuthenticationCode));
        }
        for (device, seconds, want) in [(1, 10, false), (2, 10, true), (1, 599, false), (1, 600, true)] {
            assert_eq!(attempts.admit([device; 16], at(seconds)).is_ok(), want, "device {device} at {seconds} s");
        }
        attempts.count([1; 16], at(600), &Err(Error::InvalidAuthenticationCode));
        assert!(attempts.admit([1; 16], at(601)).is_ok());
    }
}
