//! Ciphertexts in requests: what is checked of them before they are opened. Source: docs/compatibility.md, Decrypt.

use claviger_keyring::message::Header;
use claviger_types::KeyUsage;

use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::target::{CiphertextName, KeyName};
use crate::view::Key;
use crate::wire::Blob;

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
