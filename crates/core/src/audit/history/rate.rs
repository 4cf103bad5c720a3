//! How often an account may look events up in a Region: so many times in each second of the clock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use claviger_types::{AccountId, Region, Timestamp};

/// What was asked in the second that is.
pub(super) struct Rate {
    per_second: u32,
    second: Mutex<Second>,
}

#[derive(Default)]
struct Second {
    number: i64,
    asked: HashMap<(AccountId, Region), u32>,
}

impl Rate {
    /// So many requests are answered in a second.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, second: Mutex::default() }
    }

    /// Whether one more request is answered.
    pub(super) fn take(&self, account: AccountId, region: Region, now: Timestamp) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.as_millis().div_euclid(1000);
        if second.number != number {
            *second = Second { number, asked: HashMap::new() };
        }
        let asked = second.asked.entry((account, region)).or_default();
        let free = *asked < self.per_second;
        *asked += u32::from(free);
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_in_a_second_for_each_account_and_region() {
        let rate = Rate::new(2);
        let take = |account: &str, region: &str, millis| {
            rate.take(account.parse().unwrap(), region.parse().unwrap(), Timestamp::from_millis(millis))
        };
        for (account, region, millis, want) in [
            ("111122223333", "us-east-1", 0, true),
            ("111122223333", "us-east-1", 10, true),
            ("111122223333", "us-east-1", 999, false),
            ("111122223333", "eu-west-1", 999, true),
            ("444455556666", "us-east-1", 999, true),
            ("111122223333", "us-east-1", 1000, true),
            ("111122223333", "us-east-1", 1999, true),
            ("111122223333", "us-east-1", 1999, false),
        ] {
            assert_eq!(take(account, region, millis), want, "{account} {region} {millis}");
        }
    }
}
