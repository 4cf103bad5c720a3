//! Key states and the one table of their changes. Source: developer guide, "Key states of AWS KMS keys".

use crate::Timestamp;

/// The state that is stored with a key. What it means at some moment is [`KeyState::at`]'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// No cryptography until enabled.
    Disabled,
    /// Usable.
    Enabled,
    /// Waiting for its deletion.
    PendingDeletion {
        /// When the key stops existing.
        deletion_at: Timestamp,
    },
}

/// The state of a key at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateAt {
    /// The deletion date has passed: the key does not exist any more, whether or not a job has removed it already.
    Gone,
    /// The key exists, in this state.
    Present(KeyState),
}

/// What a command asks of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// CancelKeyDeletion.
    CancelDeletion,
    /// DisableKey.
    Disable,
    /// EnableKey.
    Enable,
    /// ScheduleKeyDeletion.
    ScheduleDeletion {
        /// When the key is to stop existing.
        deletion_at: Timestamp,
    },
}

/// The transition is not allowed from this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key state does not allow this change")]
pub struct InvalidTransition {
    /// The state that forbids it.
    pub from: KeyState,
}

impl KeyState {
    /// The state at `now`. Time takes effect by itself, on every reader at once; jobs only clean up.
    pub fn at(self, now: Timestamp) -> StateAt {
        match self {
            Self::PendingDeletion { deletion_at } if deletion_at <= now => StateAt::Gone,
            state => StateAt::Present(state),
        }
    }

    /// The state after `change`. Enabling and disabling are idempotent; a cancelled deletion leaves the key disabled.
    pub fn apply(self, change: Transition) -> Result<Self, InvalidTransition> {
        use {KeyState as S, Transition as T};
        match (self, change) {
            (S::Enabled | S::Disabled, T::Disable) | (S::PendingDeletion { .. }, T::CancelDeletion) => Ok(S::Disabled),
            (S::Enabled | S::Disabled, T::Enable) => Ok(S::Enabled),
            (S::Enabled | S::Disabled, T::ScheduleDeletion { deletion_at }) => Ok(S::PendingDeletion { deletion_at }),
            (from @ S::PendingDeletion { .. }, T::Enable | T::Disable | T::ScheduleDeletion { .. })
            | (from @ (S::Enabled | S::Disabled), T::CancelDeletion) => Err(InvalidTransition { from }),
        }
    }

    /// The name that DescribeKey shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Enabled => "Enabled",
            Self::PendingDeletion { .. } => "PendingDeletion",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_millis(99);

    /// The guide's table, every pair of it.
    #[test]
    fn every_pair() {
        use {KeyState as S, Transition as T};
        let pending = S::PendingDeletion { deletion_at: LATER };
        let schedule = T::ScheduleDeletion { deletion_at: LATER };
        for (from, change, want) in [
            (S::Enabled, T::Enable, Some(S::Enabled)),
            (S::Enabled, T::Disable, Some(S::Disabled)),
            (S::Enabled, schedule, Some(pending)),
            (S::Enabled, T::CancelDeletion, None),
            (S::Disabled, T::Enable, Some(S::Enabled)),
            (S::Disabled, T::Disable, Some(S::Disabled)),
            (S::Disabled, schedule, Some(pending)),
            (S::Disabled, T::CancelDeletion, None),
            (pending, T::Enable, None),
            (pending, T::Disable, None),
            (pending, schedule, None),
            (pending, T::CancelDeletion, Some(S::Disabled)),
        ] {
            assert_eq!(from.apply(change).ok(), want, "{from:?} {change:?}");
        }
    }

    #[test]
    fn deletion_takes_effect_at_its_date() {
        let pending = KeyState::PendingDeletion { deletion_at: LATER };
        for (now, want) in [(98, StateAt::Present(pending)), (99, StateAt::Gone), (100, StateAt::Gone)] {
            assert_eq!(pending.at(Timestamp::from_millis(now)), want, "now={now}");
        }
    }
}
