//! `Encrypt`: up to 4,096 bytes, bound to an encryption context. Source: API reference, Encrypt.

use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn, KeyUsage};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::material;
use crate::members::{dry_run, encryption_algorithm, encryption_context, key_name, no_grant_tokens, required_blob};
use crate::operation::{Operation, Use};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct Encrypt {
    key_id: KeyName,
    plaintext: Blob,
    encryption_context: EncryptionContext,
    algorithm: String,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    key_id: KeyArn,
    encryption_algorithm: EncryptionAlgorithm,
}

impl Operation for Encrypt {
    const NAME: &'static str = "Encrypt";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        no_grant_tokens(fields)?;
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            plaintext: required_blob(fields, "Plaintext")?,
            encryption_context: encryption_context(fields, "EncryptionContext")?,
            algorithm: encryption_algorithm(fields, "EncryptionAlgorithm"),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Use for Encrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<KeyTarget>) -> Result<(), Error> {
        check_usage(&target.0, KeyUsage::EncryptDecrypt, Self::NAME)?;
        check_enabled(&target.0, facts)?;
        check_encryption_algorithm(&target.0, &self.algorithm)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let ciphertext = material::encrypt(key, facts, self.plaintext.as_slice(), &self.encryption_context)?;
        Ok(Reply {
            ciphertext_blob: Base64(ciphertext),
            key_id: key.arn,
            encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
        })
    }
}
