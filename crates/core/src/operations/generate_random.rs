//! `GenerateRandom`: bytes of the module's generator. Source: API reference, GenerateRandom.

use claviger_keyring::{Plaintext, generate_data_key};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Use};
use crate::target::{Account, Authorized, Materials};
use crate::wire::{Base64, Fields};

/// The request.
pub struct GenerateRandom {
    length: usize,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    plaintext: Base64<Plaintext>,
}

impl Operation for GenerateRandom {
    const NAME: &'static str = "GenerateRandom";
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let number = fields.integer("NumberOfBytes").and_then(|number| usize::try_from(number).ok());
        // The model calls the member optional; the service does not.
        let length = number.ok_or_else(|| Error::Validation("NumberOfBytes is required.".into()))?;
        Ok(Self { length })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Use for GenerateRandom {
    fn check(&self, _: &Facts<'_>, _: &Authorized<Account>) -> Result<(), Error> {
        Ok(())
    }

    fn materials(&self, _: &Authorized<Account>) -> Materials {
        [None, None]
    }

    fn run(self, _: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        Ok(Reply { plaintext: Base64(generate_data_key(self.length)?) })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, validation, violation};

    #[test]
    fn lengths() {
        let kms = TestKms::new();
        let range = |number: u32, rule: &str| {
            violation(&format!(
                "Value '{number}' at 'numberOfBytes' failed to satisfy constraint: Member must have value {rule}"
            ))
        };
        for (body, want) in [
            (json!({}), validation("NumberOfBytes is required.")),
            (json!({"NumberOfBytes": 0}), range(0, "greater than or equal to 1")),
            (json!({"NumberOfBytes": 1025}), range(1025, "less than or equal to 1024")),
        ] {
            assert_eq!(kms.call("GenerateRandom", body.clone()), Err(want), "{body}");
        }
        for length in [1, 32, 1024] {
            let random = || kms.ok("GenerateRandom", json!({"NumberOfBytes": length}))["Plaintext"].clone();
            let bytes = STANDARD.decode(random().as_str().unwrap()).unwrap();
            assert_eq!(bytes.len(), length);
            assert!(length == 1 || random() != random(), "{length} bytes twice");
        }
    }
}
