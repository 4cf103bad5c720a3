//! `DisableKey`: no cryptography with this key until EnableKey. Source: API reference, DisableKey.

use claviger_types::Transition;

use crate::error::Error;
use crate::keys::checks::change_state;
use crate::keys::edits::edit;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct DisableKey {
    key_id: KeyName,
}

impl Operation for DisableKey {
    const NAME: &'static str = "DisableKey";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl PlainCommand for DisableKey {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        let state = change_state(&target.0, Transition::Disable, facts)?;
        Ok(edit(&target.0, |record| record.state = state.into()).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::TestKms;

    #[test]
    fn twice_is_as_good_as_once() {
        let kms = TestKms::new();
        let key = kms.key();
        for _ in 0..2 {
            assert_eq!(kms.ok("DisableKey", json!({"KeyId": key})), Value::Null);
            let metadata = kms.ok("DescribeKey", json!({"KeyId": key}));
            assert_eq!(metadata["KeyMetadata"]["KeyState"], "Disabled");
        }
    }
}
