//! Sealed tokens: what the service hands out to get back unread and unaltered, such as pagination markers.
//!
//! `format 1 | version 4 | N 16 | body | tag 16`, where the version is that of the key from which the token key is
//! derived: a cluster key or a session key. `K ‖ IV = KBKDF(token key, label ‖ 00 ‖ N ‖ [352]32)`:
//! a key for each token, since tokens are made without a bound and random IVs under one key allow 2^32.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use crate::cluster_key::ClusterKey;
use crate::error::ModuleFailed;
use crate::fields::Fields;
use crate::primitives::{IV_BYTES, TAG_BYTES, aes_256_gcm, derive_key, kbkdf_hmac_sha256};
use crate::random::random;
use crate::secret::{Plaintext, Secret};

const FORMAT: u8 = 1;
const PREFIX_BYTES: usize = 1 + 4 + N_BYTES;
const N_BYTES: usize = 16;

/// What tokens are for. Each purpose has a key of its own, so that none passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPurpose {
    /// What names a grant.
    Grant,
    /// Where a listing goes on.
    Marker,
}

impl TokenPurpose {
    fn label(self) -> &'static str {
        match self {
            Self::Grant => "claviger/v1/token/grant",
            Self::Marker => "claviger/v1/token/marker",
        }
    }
}

/// What a token is made unique by, drawn before it is known what the token will hold.
pub struct TokenSeed([u8; N_BYTES]);

impl TokenSeed {
    /// A fresh one.
    pub fn fresh() -> Result<Self, ModuleFailed> {
        random().map(Self)
    }
}

/// The version of the cluster key, or of the session key, that a token names in the clear. Only opening the token proves it.
pub fn sealed_version(sealed: &[u8]) -> Option<u32> {
    let (&[FORMAT], rest) = sealed.split_first_chunk()? else { return None };
    rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Seals and opens tokens of one purpose.
pub struct TokenKey {
    version: u32,
    secret: Secret<32>,
}

impl ClusterKey {
    /// The key for tokens of this purpose.
    pub fn token_key(&self, purpose: TokenPurpose) -> Result<TokenKey, ModuleFailed> {
        TokenKey::derived(self.version(), self.secret(), purpose.label())
    }
}

impl TokenKey {
    /// The token key that `label` names under one version of a key.
    pub(crate) fn derived(version: u32, key: &Secret<32>, label: &str) -> Result<Self, ModuleFailed> {
        Ok(Self { version, secret: derive_key(key, label)? })
    }

    /// A token that opens with the same `aad` only: account, operation, filter.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, ModuleFailed> {
        self.seal_with_n(aad, plaintext, random()?)
    }

    /// The same, of a seed that was drawn before. Of all that is sealed with one seed, only one token may be handed out.
    pub fn seal_seeded(&self, seed: &TokenSeed, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, ModuleFailed> {
        self.seal_with_n(aad, plaintext, seed.0)
    }

    /// What [`TokenKey::seal`] or [`TokenKey::seal_seeded`] sealed, if this is such a token, unaltered, and `aad` is the same.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Plaintext> {
        if sealed_version(sealed) != Some(self.version) {
            return None;
        }
        let (prefix, rest) = sealed.split_first_chunk::<PREFIX_BYTES>()?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let (key, nonce) = self.derive(prefix.last_chunk()?).ok()?;
        let mut plaintext = Zeroizing::new(vec![0; body.len()]);
        let aad = [prefix.as_slice(), aad].concat();
        key.open_separate_gather(nonce, Aad::from(aad), body, tag, &mut plaintext).ok()?;
        Some(Plaintext::from_first(plaintext, body.len()))
    }

    pub(crate) fn seal_with_n(&self, aad: &[u8], plaintext: &[u8], n: [u8; N_BYTES]) -> Result<Vec<u8>, ModuleFailed> {
        let sealed_bytes = PREFIX_BYTES + plaintext.len() + TAG_BYTES;
        let mut sealed = Vec::with_capacity(sealed_bytes);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.version.to_be_bytes());
        sealed.extend_from_slice(&n);
        let aad = [&sealed, aad].concat();
        sealed.resize(sealed_bytes, 0);
        let (body, tag) = sealed
            .get_mut(PREFIX_BYTES..)
            .and_then(|sealed| sealed.split_at_mut_checked(plaintext.len()))
            .ok_or(ModuleFailed)?;
        let (key, nonce) = self.derive(&n)?;
        key.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, body, &[], tag).map_err(|_| ModuleFailed)?;
        Ok(sealed)
    }

    fn derive(&self, n: &[u8; N_BYTES]) -> Result<(LessSafeKey, Nonce), ModuleFailed> {
        let mut fixed_info = Fields::<64>::new();
        fixed_info.put(b"claviger/v1/token").put(&[0]).put(n).put(&352_u32.to_be_bytes());
        let derived =
            kbkdf_hmac_sha256::<{ 32 + IV_BYTES }>(self.secret.expose(), fixed_info.as_bytes().ok_or(ModuleFailed)?)?;
        let (key, iv) = derived.expose().split_first_chunk().ok_or(ModuleFailed)?;
        let iv = iv.first_chunk().ok_or(ModuleFailed)?;
        Ok((aes_256_gcm(key)?, Nonce::assume_unique_for_key(*iv)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{cluster_key, one_bit_flips, secret, wrong_lengths};

    fn token_key() -> TokenKey {
        cluster_key().token_key(TokenPurpose::Marker).unwrap()
    }

    #[test]
    fn opens_unaltered_and_in_its_own_place_only() {
        let key = token_key();
        let sealed = key.seal(b"place", b"after this").unwrap();
        assert_eq!(sealed_version(&sealed), Some(3));
        assert_eq!(key.open(b"place", &sealed).unwrap().as_bytes(), b"after this");
        assert!(key.open(b"elsewhere", &sealed).is_none());
        assert!(key.open(b"", &sealed).is_none());
        for (bit, altered) in one_bit_flips(&sealed) {
            assert!(key.open(b"place", &altered).is_none(), "bit {bit}");
        }
        for altered in wrong_lengths(&sealed) {
            assert!(key.open(b"place", &altered).is_none(), "{} bytes", altered.len());
        }
        assert_ne!(sealed, key.seal(b"place", b"after this").unwrap());
    }

    /// A command that decides again has the same seed: the same token, if it decides the same.
    #[test]
    fn a_seed_is_a_token() {
        let (key, seed) = (token_key(), TokenSeed::fresh().unwrap());
        let sealed = key.seal_seeded(&seed, b"place", b"grant").unwrap();
        assert_eq!(key.open(b"place", &sealed).unwrap().as_bytes(), b"grant");
        assert_eq!(key.seal_seeded(&seed, b"place", b"grant").unwrap(), sealed);
        assert_ne!(key.seal_seeded(&TokenSeed::fresh().unwrap(), b"place", b"grant").unwrap(), sealed);
    }

    #[test]
    fn another_key_is_refused() {
        let sealed = token_key().seal(b"place", b"after this").unwrap();
        let other_secret = ClusterKey::from_secret(3, secret(0x21)).unwrap().token_key(TokenPurpose::Marker).unwrap();
        let other_version = ClusterKey::from_secret(4, secret(0x20)).unwrap().token_key(TokenPurpose::Marker).unwrap();
        let other_purpose = cluster_key().token_key(TokenPurpose::Grant).unwrap();
        for (name, other) in [("secret", other_secret), ("version", other_version), ("purpose", other_purpose)] {
            assert!(other.open(b"place", &sealed).is_none(), "other {name}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened(aad: Vec<u8>, plaintext: Vec<u8>) {
            let key = token_key();
            let sealed = key.seal(&aad, &plaintext).unwrap();
            let opened = key.open(&aad, &sealed).unwrap();
            prop_assert_eq!(opened.as_bytes(), plaintext);
        }

        #[test]
        fn strangers_bytes_are_refused(aad: Vec<u8>, bytes: Vec<u8>) {
            prop_assert!(token_key().open(&aad, &bytes).is_none());
            prop_assert!(token_key().open(&aad, &[&[1, 0, 0, 0, 3], bytes.as_slice()].concat()).is_none());
        }
    }
}
