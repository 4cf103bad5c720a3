//! `SetDevClock`: the domain clock moves on. Source: models/claviger, SetDevClock.

use claviger_keyring::Space;
use claviger_types::{ServiceName, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::records::DevClockRecord;
use crate::target::{Authorized, Deployment};
use crate::wire::Fields;

/// The request.
pub struct SetDevClock {
    now: Timestamp,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    now: Timestamp,
}

impl Operation for SetDevClock {
    const NAME: &'static str = "SetDevClock";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let now = fields.timestamp("Now").ok_or_else(|| Error::Internal("Now passed the constraints".into()))?;
        Ok(Self { now })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl PlainCommand for SetDevClock {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<Deployment>) -> Result<Outcome<Reply>, Error> {
        if !facts.settings.dev_clock {
            return Err(Error::Unsupported(
                "The clock moves only on a server that was started with --dev-clock.".into(),
            ));
        }
        let ahead = self.now.as_millis().saturating_sub(facts.now.as_millis());
        if ahead < 0 {
            return Err(Error::Validation(format!(
                "Now must not be before the domain clock, which shows {}",
                facts.now
            )));
        }
        let offset_millis = facts.view.dev_clock_offset_millis().saturating_add(ahead);
        let changes = Changes::new(Space::Global).put(paths::dev_clock(), &DevClockRecord { offset_millis });
        Ok(changes.reply(Reply { now: self.now }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::Settings;
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn the_clock_moves_on_only() {
        let kms = TestKms::new();
        let start = kms.now();
        let in_an_hour = start + Duration::from_secs(3600);
        let reply = kms.ok("SetDevClock", json!({"Now": in_an_hour}));
        assert_eq!(reply, json!({"Now": in_an_hour}));
        assert!((in_an_hour..in_an_hour + Duration::from_secs(60)).contains(&kms.now()));
        let refusal = kms.call("SetDevClock", json!({"Now": start})).unwrap_err();
        assert!(refusal.message.starts_with("Now must not be before the domain clock, which shows "), "{refusal:?}");
    }

    #[test]
    fn only_where_the_settings_allow_it() {
        let kms = TestKms::with_settings(Settings::default());
        let text = "The clock moves only on a server that was started with --dev-clock.";
        let answer = kms.call("SetDevClock", json!({"Now": kms.now() + Duration::from_secs(60)}));
        assert_eq!(answer, Err(refused("UnsupportedOperationException", text)));
    }
}
