//! Ciphertexts in requests: what is checked of them before they are opened. Source: docs/compatibility.md, order of checks.

use claviger_keyring::message::Header;
use claviger_types::KeyUsage;

use crate::error::Error;
use crate::keys::checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::pipeline::call::Facts;
use crate::target::{CiphertextName, KeyName};
use crate::view::Key;
use crate::wire::{Blob, Fields};

/// The request's ciphertext. The constraints let it be left out beside DryRunModifiers only, which are not there yet.
pub fn ciphertext_blob(fields: &mut Fields, operation: &str) -> Result<Blob, Error> {
    let missing = || Error::Unsupported(format!("Claviger does not support DryRunModifiers in {operation} yet."));
    fields.blob("CiphertextBlob").ok_or_else(missing)
}

/// How the request names the ciphertext's key. A ciphertext without a header of ours is refused before anything else.
pub fn ciphertext_name(ciphertext: &Blob, key_id: Option<String>) -> Result<CiphertextName, Error> {
    let header = Header::parse(ciphertext.as_slice()).map_err(|_| Error::InvalidCiphertext)?;
    Ok(CiphertextName { header, key: key_id.map(KeyName::any) })
}

/// The key is the ciphertext's, then usage, state, algorithm: in this order.
pub fn check_source(
    key: &Key,
    name: &CiphertextName,
    algorithm: &str,
    operation: &str,
    facts: &Facts<'_>,
) -> Result<(), Error> {
    if key.arn.id != name.header.key_id() {
        return Err(Error::IncorrectKey);
    }
    check_usage(key, KeyUsage::EncryptDecrypt, operation)?;
    check_enabled(key, facts)?;
    check_encryption_algorithm(key, algorithm)
}
