//! A key that signs, for the examples.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use claviger_tlog::Signer;

/// An Ed25519 key.
pub struct Key(pub Ed25519KeyPair);

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap_or_default()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap_or([0; 64])
    }
}
