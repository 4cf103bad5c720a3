//! `Decrypt`: the key is the one that the ciphertext names. Source: API reference, Decrypt.

use claviger_keyring::{KeyMaterialId, Plaintext};
use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn};
use serde::Serialize;

use crate::call::Facts;
use crate::ciphertexts::{check_source, ciphertext_name};
use crate::error::Error;
use crate::material;
use crate::members::{dry_run, encryption_algorithm, encryption_context, no_grant_tokens, required_blob};
use crate::operation::{Operation, Use};
use crate::target::{Authorized, CiphertextKey, CiphertextName};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct Decrypt {
    name: CiphertextName,
    ciphertext: Blob,
    encryption_context: EncryptionContext,
    algorithm: String,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyArn,
    plaintext: Base64<Plaintext>,
    encryption_algorithm: EncryptionAlgorithm,
    #[serde(serialize_with = "material::id_as_text")]
    key_material_id: KeyMaterialId,
}

impl Operation for Decrypt {
    const NAME: &'static str = "Decrypt";
    const CROSS_ACCOUNT: bool = true;
    type Target = CiphertextKey;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        no_grant_tokens(fields)?;
        let ciphertext = required_blob(fields, "CiphertextBlob")?;
        Ok(Self {
            name: ciphertext_name(&ciphertext, fields.string("KeyId"))?,
            ciphertext,
            encryption_context: encryption_context(fields, "EncryptionContext")?,
            algorithm: encryption_algorithm(fields, "EncryptionAlgorithm"),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &CiphertextName {
        &self.name
    }
}

impl Use for Decrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<CiphertextKey>) -> Result<(), Error> {
        check_source(&target.key, &self.name, &self.algorithm, Self::NAME, facts)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<CiphertextKey>) -> Result<Reply, Error> {
        let (header, context) = (&self.name.header, &self.encryption_context);
        let (plaintext, backing) = material::decrypt(&target.key, facts, header, self.ciphertext.as_slice(), context)?;
        Ok(Reply {
            key_id: target.key.arn,
            plaintext: Base64(plaintext),
            encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            key_material_id: backing.material_id,
        })
    }
}
