//! Cryptography with a key's material: the backing key is unwrapped for each use, and dropped after it.

use claviger_keyring::message::Header;
use claviger_keyring::{BackingKey, BackingKeyBinding, KeyMaterialId, Plaintext};
use claviger_types::EncryptionContext;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::{self, Key};

/// Encrypts with the current backing key.
pub fn encrypt(key: &Key, facts: &Facts<'_>, plaintext: &[u8], context: &EncryptionContext) -> Result<Vec<u8>, Error> {
    Ok(current(key)?.encrypt(facts.deployment()?, plaintext, context)?)
}

/// Decrypts with the backing key that the ciphertext names; also says which one that is.
pub fn decrypt<'k>(
    key: &'k Key,
    facts: &Facts<'_>,
    header: &Header,
    ciphertext: &[u8],
    context: &EncryptionContext,
) -> Result<(Plaintext, &'k view::BackingKey), Error> {
    let made_by = |backing: &&view::BackingKey| backing.material_id.backing_key_id() == header.backing_key_id();
    let backing = key.backing_keys.iter().find(made_by).ok_or(Error::InvalidCiphertext)?;
    let opened = open(key, backing)?.decrypt(facts.deployment()?, ciphertext, context);
    Ok((opened.map_err(|_| Error::InvalidCiphertext)?, backing))
}

/// The backing key that makes ciphertexts and MACs now.
pub fn current(key: &Key) -> Result<BackingKey, Error> {
    open(key, current_entry(key)?)
}

/// The same, wrapped, with its id.
pub fn current_entry(key: &Key) -> Result<&view::BackingKey, Error> {
    key.current_backing_key().ok_or_else(|| Error::Internal(format!("{} has no backing key", key.arn)))
}

/// The id of the backing key that makes ciphertexts and MACs now.
pub fn current_id(key: &Key) -> Option<KeyMaterialId> {
    key.current_backing_key().map(|backing| backing.material_id)
}

/// The id of the backing key that a ciphertext names, if the key has it.
pub fn named_id(key: &Key, header: &Header) -> Option<KeyMaterialId> {
    let made_by = |backing: &&view::BackingKey| backing.material_id.backing_key_id() == header.backing_key_id();
    key.backing_keys.iter().find(made_by).map(|backing| backing.material_id)
}

fn open(key: &Key, backing: &view::BackingKey) -> Result<BackingKey, Error> {
    let binding = BackingKeyBinding { key_id: key.arn.id, spec: key.spec };
    let opened = backing.domain.key.unwrap_backing_key(binding, &backing.material_id, &backing.wrapped);
    opened.map_err(|error| Error::Internal(format!("{}: {error}", key.arn)))
}

/// A material id on the wire: 64 hex digits.
pub fn id_as_text<S: serde::Serializer>(id: &KeyMaterialId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
