//! `ScheduleKeyDeletion`: the key stops existing after a waiting time. Source: API reference, ScheduleKeyDeletion.

use std::ops::RangeInclusive;
use std::time::Duration;

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{KeyArn, Timestamp, Transition};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::change_state;
use crate::keys::edits::edit;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The model allows 1 to 365, the service only these.
const WINDOW_DAYS: RangeInclusive<i64> = 7..=30;
const WINDOW_DAYS_DEFAULT: i64 = 30;
const SECONDS_PER_DAY: u64 = 86_400;

/// The request.
pub struct ScheduleKeyDeletion {
    key_id: KeyName,
    window_days: i64,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyArn,
    deletion_date: Timestamp,
    key_state: &'static str,
    pending_window_in_days: i64,
}

impl Operation for ScheduleKeyDeletion {
    const NAME: &'static str = "ScheduleKeyDeletion";
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let window_days = fields.integer("PendingWindowInDays").unwrap_or(WINDOW_DAYS_DEFAULT);
        if !WINDOW_DAYS.contains(&window_days) {
            return Err(Error::Validation("PendingWindowInDays must be between 7 and 30".into()));
        }
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), window_days })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for ScheduleKeyDeletion {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsScheduleKeyDeletionPendingWindowInDays => Values::text(self.window_days.to_string()),
            _ => Values::Absent,
        }
    }
}

impl PlainCommand for ScheduleKeyDeletion {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<Reply>, Error> {
        let window = Duration::from_secs(self.window_days.unsigned_abs() * SECONDS_PER_DAY);
        let deletion_at = facts.now + window;
        let state = change_state(&target.0, Transition::ScheduleDeletion { deletion_at }, facts)?;
        let reply = Reply {
            key_id: target.0.arn,
            deletion_date: deletion_at,
            key_state: state.as_str(),
            pending_window_in_days: self.window_days,
        };
        Ok(edit(&target.0, |record| record.state = state.into()).reply(reply))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, validation, violation};

    /// Source: API reference, PendingWindowInDays; docs/compatibility.md: the model's range is the wider one.
    #[test]
    fn windows() {
        let kms = TestKms::new();
        let key = kms.key();
        let window = validation("PendingWindowInDays must be between 7 and 30");
        let range = |days: i64, rule: &str| {
            violation(&format!(
                "Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value {rule}"
            ))
        };
        for (days, want) in [
            (0, range(0, "greater than or equal to 1")),
            (6, window.clone()),
            (31, window.clone()),
            (365, window),
            (366, range(366, "less than or equal to 365")),
        ] {
            let answer = kms.call("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": days}));
            assert_eq!(answer, Err(want), "{days} days");
        }
        for (sent, days) in [(json!(7), 7), (json!(30), 30), (json!(null), 30)] {
            let key = kms.key();
            let reply = kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": sent}));
            let until = reply["DeletionDate"].as_f64().unwrap() - kms.now().as_seconds();
            assert!((f64::from(days) * 86_400.0 - until).abs() < 60.0, "{sent}: {until} s");
            assert_eq!(reply["KeyId"], kms.admin().key_arn(&key));
            assert_eq!((&reply["KeyState"], &reply["PendingWindowInDays"]), (&json!("PendingDeletion"), &json!(days)));
        }
    }
}
