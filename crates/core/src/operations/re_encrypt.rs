//! `ReEncrypt`: from one key or context to another; the plaintext stays inside. Source: API reference, ReEncrypt.

use claviger_keyring::KeyMaterialId;
use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn, KeyUsage};
use serde::Serialize;

use crate::call::Facts;
use crate::ciphertexts::{check_source, ciphertext_name};
use crate::error::Error;
use crate::key_checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::material;
use crate::members::{dry_run, encryption_algorithm, encryption_context, key_name, no_grant_tokens, required_blob};
use crate::operation::{Operation, Use};
use crate::target::{Authorized, Pair, PairName};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct ReEncrypt {
    names: PairName,
    ciphertext: Blob,
    source_context: EncryptionContext,
    source_algorithm: String,
    destination_context: EncryptionContext,
    destination_algorithm: String,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    source_key_id: KeyArn,
    key_id: KeyArn,
    source_encryption_algorithm: EncryptionAlgorithm,
    destination_encryption_algorithm: EncryptionAlgorithm,
    #[serde(serialize_with = "material::id_as_text")]
    source_key_material_id: KeyMaterialId,
    #[serde(serialize_with = "material::id_as_text")]
    destination_key_material_id: KeyMaterialId,
}

impl Operation for ReEncrypt {
    const NAME: &'static str = "ReEncrypt";
    const CROSS_ACCOUNT: bool = true;
    type Target = Pair;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        no_grant_tokens(fields)?;
        let ciphertext = required_blob(fields, "CiphertextBlob")?;
        let source = ciphertext_name(&ciphertext, fields.string("SourceKeyId"))?;
        Ok(Self {
            names: PairName { source, destination: key_name(fields, "DestinationKeyId") },
            ciphertext,
            source_context: encryption_context(fields, "SourceEncryptionContext")?,
            source_algorithm: encryption_algorithm(fields, "SourceEncryptionAlgorithm"),
            destination_context: encryption_context(fields, "DestinationEncryptionContext")?,
            destination_algorithm: encryption_algorithm(fields, "DestinationEncryptionAlgorithm"),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &PairName {
        &self.names
    }
}

impl Use for ReEncrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<Pair>) -> Result<(), Error> {
        check_source(&target.source.key, &self.names.source, &self.source_algorithm, Self::NAME, facts)?;
        check_usage(&target.destination, KeyUsage::EncryptDecrypt, Self::NAME)?;
        check_enabled(&target.destination, facts)?;
        check_encryption_algorithm(&target.destination, &self.destination_algorithm)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<Pair>) -> Result<Reply, Error> {
        let Pair { source, destination } = target.into_inner();
        let header = &self.names.source.header;
        let (plaintext, backing) =
            material::decrypt(&source.key, facts, header, self.ciphertext.as_slice(), &self.source_context)?;
        let ciphertext = material::encrypt(&destination, facts, plaintext.as_bytes(), &self.destination_context)?;
        Ok(Reply {
            ciphertext_blob: Base64(ciphertext),
            source_key_id: source.key.arn,
            key_id: destination.arn,
            source_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            destination_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            source_key_material_id: backing.material_id,
            destination_key_material_id: material::current_entry(&destination)?.material_id,
        })
    }
}
