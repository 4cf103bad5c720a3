//! `GenerateRandom`: bytes of the module's generator. Source: API reference, GenerateRandom.

use claviger_keyring::{Plaintext, generate_data_key};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Operation, Use};
use crate::target::{Account, Authorized};
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

    fn run(self, _: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        Ok(Reply { plaintext: Base64(generate_data_key(self.length)?) })
    }
}
