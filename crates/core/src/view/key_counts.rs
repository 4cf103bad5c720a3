//! How many keys there are in each state, kept as they change: nobody walks through a million of them to count.

use claviger_types::{KeyState, Timestamp};

use super::View;

/// Keys by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Not usable.
    pub disabled: u64,
    /// Usable.
    pub enabled: u64,
    /// Waiting for their deletion.
    pub pending_deletion: u64,
}

impl KeyCounts {
    pub(super) fn add(&mut self, state: KeyState) {
        *self.slot(state) += 1;
    }

    pub(super) fn remove(&mut self, state: KeyState) {
        let slot = self.slot(state);
        *slot = slot.saturating_sub(1);
    }

    fn slot(&mut self, state: KeyState) -> &mut u64 {
        match state {
            KeyState::Disabled => &mut self.disabled,
            KeyState::Enabled => &mut self.enabled,
            KeyState::PendingDeletion { .. } => &mut self.pending_deletion,
        }
    }
}

impl View {
    /// The keys of all Regions that exist at `now`. Those that are due are few: a job deletes them.
    pub fn key_counts(&self, now: Timestamp) -> KeyCounts {
        let mut all = KeyCounts::default();
        for (region, view) in &self.regions {
            all.disabled += view.key_counts.disabled;
            all.enabled += view.key_counts.enabled;
            all.pending_deletion += view.key_counts.pending_deletion;
            all.pending_deletion -= self.deletions_due(*region, now).count() as u64;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::jobs;
    use crate::testing::test_kms::TestKms;

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    /// Each way into a state and out of it; a key that is due is gone before a job has deleted it.
    #[test]
    fn as_many_as_there_are() {
        let kms = TestKms::new();
        let counts = || {
            let counts = kms.view().key_counts(kms.now());
            (counts.disabled, counts.enabled, counts.pending_deletion)
        };
        let keys: Vec<_> = (0..5).map(|_| kms.key()).collect();
        assert_eq!(counts(), (0, 5, 0));
        for (operation, key, want) in [
            ("DisableKey", 0, (1, 4, 0)),
            ("DisableKey", 1, (2, 3, 0)),
            ("EnableKey", 1, (1, 4, 0)),
            ("ScheduleKeyDeletion", 0, (0, 4, 1)),
            ("ScheduleKeyDeletion", 1, (0, 3, 2)),
            ("CancelKeyDeletion", 1, (1, 3, 1)),
            ("ScheduleKeyDeletion", 2, (1, 2, 2)),
        ] {
            let window = if operation == "ScheduleKeyDeletion" { Some(7) } else { None };
            let body = match window {
                Some(days) => json!({"KeyId": keys[key], "PendingWindowInDays": days}),
                None => json!({"KeyId": keys[key]}),
            };
            kms.ok(operation, body);
            assert_eq!(counts(), want, "{operation} of key {key}");
        }
        kms.ok("UpdateKeyDescription", json!({"KeyId": keys[3], "Description": "other"}));
        assert_eq!(counts(), (1, 2, 2));
        kms.pass(WEEK);
        assert_eq!(counts(), (1, 2, 0), "due");
        kms.block_on(jobs::persist(kms.service()));
        assert_eq!(counts(), (1, 2, 0), "deleted");
    }
}
