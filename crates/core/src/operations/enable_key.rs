//! `EnableKey`: a disabled key is usable again. Source: API reference, EnableKey.

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
pub struct EnableKey {
    key_id: KeyName,
}

impl Operation for EnableKey {
    const NAME: &'static str = "EnableKey";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl PlainCommand for EnableKey {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        let state = change_state(&target.0, Transition::Enable, facts)?;
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
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        kms.ok("DisableKey", json!({"KeyId": key}));
        for _ in 0..2 {
            assert_eq!(kms.ok("EnableKey", json!({"KeyId": key})), Value::Null);
            assert_eq!(kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext}))["Plaintext"], "AAAA");
        }
    }
}
