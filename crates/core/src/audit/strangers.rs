//! How many events the requests of those get who are not authenticated: so many in a minute, and the rest one together.
//! A stranger must not fill the disk.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_types::Timestamp;

/// Events of strangers in one minute. Source: our own choice.
const EVENTS_PER_MINUTE: u32 = 100;

const MINUTE_MILLIS: i64 = 60_000;

/// Requests of strangers.
#[derive(Default)]
pub struct Strangers(Mutex<State>);

#[derive(Default)]
struct State {
    minute: i64,
    in_minute: u32,
    counted: u64,
    tally: Tally,
}

/// What became of them since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that have an event of their own.
    pub recorded: u64,
    /// Those that were counted.
    pub counted: u64,
}

impl Strangers {
    /// Whether one more may have an event of its own.
    pub fn take(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let minute = minute_of(now);
        if state.minute != minute {
            (state.minute, state.in_minute) = (minute, 0);
        }
        let free = state.in_minute < EVENTS_PER_MINUTE;
        if free {
            state.in_minute += 1;
        }
        free
    }

    /// The event of one was taken.
    pub fn recorded(&self) {
        self.state().tally.recorded += 1;
    }

    /// Counts one.
    pub fn count(&self) {
        let mut state = self.state();
        state.counted += 1;
        state.tally.counted += 1;
    }

    /// Counts those again whose event was not taken.
    pub fn count_again(&self, counted: u64) {
        self.state().counted += counted;
    }

    /// Those that were counted, if the minute in which they came is over.
    pub fn take_counted(&self, now: Timestamp, end: bool) -> u64 {
        let mut state = self.state();
        if end || state.minute != minute_of(now) { std::mem::take(&mut state.counted) } else { 0 }
    }

    /// What became of them so far.
    pub fn tally(&self) -> Tally {
        self.state().tally
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(MINUTE_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_a_minute_and_the_rest_together() {
        let strangers = Strangers::default();
        let at = |seconds: i64| Timestamp::from_millis(1_700_000_040_000 + seconds * 1000);
        let arrive = |seconds: i64| {
            let taken = strangers.take(at(seconds));
            if taken {
                strangers.recorded()
            } else {
                strangers.count()
            }
            taken
        };
        let taken = (0..250).filter(|number| arrive(number / 5)).count();
        assert_eq!(taken, 100);
        assert_eq!(strangers.take_counted(at(59), false), 0, "the minute goes on");
        assert_eq!(strangers.take_counted(at(60), false), 150);
        assert_eq!(strangers.take_counted(at(60), false), 0);
        assert!(arrive(60));
        assert_eq!((0..100).filter(|_| arrive(61)).count(), 99);
        assert_eq!(strangers.take_counted(at(61), true), 1);
        strangers.count_again(1);
        assert_eq!(strangers.take_counted(at(120), false), 1);
        assert_eq!(strangers.tally(), Tally { recorded: 200, counted: 151 });
    }
}
