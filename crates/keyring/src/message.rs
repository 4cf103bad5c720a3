//! Symmetric ciphertexts: `version 1 | suite 1 | flags 1 | key id 16 | backing key id 16 | N 16 | commitment 32 |
//! IV 12 | body | tag 16`. `docs/message-format.md` gives the reasons; `docs/test-vectors/` the proof.
//!
//! `K ‖ commitment = KBKDF(backing key, label ‖ 00 ‖ suite ‖ key id ‖ backing key id ‖ N ‖ [512]32)`. The body is
//! under K, with everything before it and the canonical encryption context as additional authenticated data. The
//! commitment is compared before anything is decrypted, so one ciphertext opens under one key only: AES-GCM alone
//! does not give that, and callers can choose their key material.

use aws_lc_rs::aead::{Aad, Nonce};
use claviger_types::{EncryptionContext, KeyId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::backing_key::BackingKeyId;
use crate::error::{InvalidCiphertext, ModuleFailed};
use crate::fields::Fields;
use crate::primitives::{IV_BYTES, TAG_BYTES, aes_256_gcm, equal_in_constant_time, kbkdf_hmac_sha256};
use crate::secret::{Plaintext, Secret};

/// Bytes that a ciphertext has beyond its plaintext.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

const HEADER_BYTES: usize = 3 + 16 + 16 + N_BYTES + COMMITMENT_BYTES + IV_BYTES;
const N_BYTES: usize = 16;
const COMMITMENT_BYTES: usize = 32;

/// Derivation by KBKDF with HMAC-SHA256, then AES-256-GCM.
const SUITE: u8 = 1;
const FLAG_MULTI_REGION: u8 = 1;
const LABEL: &[u8] = b"claviger/v1/message";

/// Which kind of deployment made a ciphertext. Each refuses the other's, so that nothing of value hangs on a
/// development directory, whose root of trust lies beside its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// `serve --dev`.
    Development,
    /// Everything else.
    Production,
}

impl Deployment {
    /// The version byte. Never 0x01, by which blobs of AWS itself begin.
    fn version(self) -> u8 {
        match self {
            Self::Development => 0xd1,
            Self::Production => 0xc1,
        }
    }
}

/// Bytes that no deployment writes as a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a ciphertext of this service")]
pub struct NotAMessage;

/// What a ciphertext says of itself in the clear. Only opening it proves any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    deployment: Deployment,
    key_id: KeyId,
    backing_key_id: BackingKeyId,
    n: [u8; N_BYTES],
    commitment: [u8; COMMITMENT_BYTES],
    iv: [u8; IV_BYTES],
}

impl Header {
    /// Reads the header of a ciphertext, and nothing behind it.
    pub fn parse(ciphertext: &[u8]) -> Result<Self, NotAMessage> {
        if ciphertext.len() < OVERHEAD_BYTES {
            return Err(NotAMessage);
        }
        let mut rest = ciphertext;
        let [version, suite, flags] = take(&mut rest)?;
        let deployment = [Deployment::Development, Deployment::Production]
            .into_iter()
            .find(|deployment| deployment.version() == version)
            .ok_or(NotAMessage)?;
        let uuid = take(&mut rest)?;
        let key_id = match (suite, flags) {
            (SUITE, 0) => KeyId::single_region(uuid),
            (SUITE, FLAG_MULTI_REGION) => KeyId::multi_region(uuid),
            _ => return Err(NotAMessage),
        };
        let backing_key_id = BackingKeyId::from_bytes(take(&mut rest)?);
        let (n, commitment, iv) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        Ok(Self { deployment, key_id, backing_key_id, n, commitment, iv })
    }

    /// Which kind of deployment it names.
    pub fn deployment(&self) -> Deployment {
        self.deployment
    }

    /// The key that it names.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The material that it names.
    pub fn backing_key_id(&self) -> BackingKeyId {
        self.backing_key_id
    }

    /// The header of a new message, whose commitment is still to be made. 128 of the random bits make its key unique,
    /// so a key never meets a second IV; the IV is random nevertheless, in case a cloned machine draws the same N.
    pub(crate) fn new(
        deployment: Deployment,
        key_id: KeyId,
        backing_key_id: BackingKeyId,
        random: [u8; N_BYTES + IV_BYTES],
    ) -> Result<Self, ModuleFailed> {
        let (n, rest) = random.split_first_chunk().ok_or(ModuleFailed)?;
        let iv = rest.first_chunk().ok_or(ModuleFailed)?;
        Ok(Self { deployment, key_id, backing_key_id, n: *n, commitment: [0; COMMITMENT_BYTES], iv: *iv })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let flags = if self.key_id.is_multi_region() { FLAG_MULTI_REGION } else { 0 };
        out.extend_from_slice(&[self.deployment.version(), SUITE, flags]);
        out.extend_from_slice(self.key_id.as_bytes());
        out.extend_from_slice(self.backing_key_id.as_bytes());
        out.extend_from_slice(&self.n);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.iv);
    }

    /// The message key, and the commitment that such a message must carry.
    fn derive(&self, material: &[u8]) -> Result<MessageKeys, ModuleFailed> {
        let mut fixed_info = Fields::<80>::new();
        fixed_info.put(LABEL).put(&[0, SUITE]).put(self.key_id.as_bytes()).put(self.backing_key_id.as_bytes());
        fixed_info.put(&self.n).put(&512_u32.to_be_bytes());
        kbkdf_hmac_sha256(material, fixed_info.as_bytes().ok_or(ModuleFailed)?).map(MessageKeys)
    }
}

/// `K ‖ commitment`.
struct MessageKeys(Secret<64>);

impl MessageKeys {
    fn key(&self) -> Result<&[u8; 32], ModuleFailed> {
        self.0.expose().first_chunk().ok_or(ModuleFailed)
    }

    fn commitment(&self) -> Result<&[u8; COMMITMENT_BYTES], ModuleFailed> {
        self.0.expose().last_chunk().ok_or(ModuleFailed)
    }
}

/// Seals a plaintext under a header whose commitment is still to be made.
pub(crate) fn seal(
    material: &[u8],
    mut header: Header,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Vec<u8>, ModuleFailed> {
    let keys = header.derive(material)?;
    header.commitment = *keys.commitment()?;
    seal_body(&keys, &header, plaintext, context)
}

/// One allocation: the additional authenticated data is built behind the message and cut off again.
fn seal_body(
    keys: &MessageKeys,
    header: &Header,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Vec<u8>, ModuleFailed> {
    let message_bytes = HEADER_BYTES + plaintext.len() + TAG_BYTES;
    let mut blob = Vec::with_capacity(message_bytes + HEADER_BYTES + context.canonical_len());
    header.write(&mut blob);
    blob.resize(message_bytes, 0);
    header.write(&mut blob);
    context.write_canonical(&mut blob);

    let (message, aad) = blob.split_at_mut_checked(message_bytes).ok_or(ModuleFailed)?;
    let sealed = message.get_mut(HEADER_BYTES..).ok_or(ModuleFailed)?;
    let (body, tag) = sealed.split_at_mut_checked(plaintext.len()).ok_or(ModuleFailed)?;
    aes_256_gcm(keys.key()?)?
        .seal_out_of_place_scatter(Nonce::assume_unique_for_key(header.iv), Aad::from(&*aad), plaintext, body, &[], tag)
        .map_err(|_| ModuleFailed)?;
    blob.truncate(message_bytes);
    Ok(blob)
}

/// A message that is whole but for its commitment, which is another key's: only comparing it refuses the message.
#[cfg(test)]
pub(crate) fn seal_with_another_commitment(material: &[u8], mut header: Header, plaintext: &[u8]) -> Vec<u8> {
    let keys = header.derive(material).unwrap();
    header.commitment = *header.derive(&[0xee; 32]).unwrap().commitment().unwrap();
    seal_body(&keys, &header, plaintext, &EncryptionContext::default()).unwrap()
}

/// Opens what [`seal`] made.
pub(crate) fn open(
    material: &[u8],
    ciphertext: &[u8],
    context: &EncryptionContext,
) -> Result<Plaintext, InvalidCiphertext> {
    let header = Header::parse(ciphertext).map_err(|_| InvalidCiphertext)?;
    let keys = header.derive(material).map_err(|_| InvalidCiphertext)?;
    let commitment = keys.commitment().map_err(|_| InvalidCiphertext)?;
    if !equal_in_constant_time(commitment, &header.commitment) {
        return Err(InvalidCiphertext);
    }
    let (header_bytes, sealed) = ciphertext.split_first_chunk::<HEADER_BYTES>().ok_or(InvalidCiphertext)?;
    let (body, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(InvalidCiphertext)?;

    // As in `seal`: room for the plaintext, then the additional authenticated data, which is cut off again.
    let mut buffer = Zeroizing::new(Vec::with_capacity(body.len() + HEADER_BYTES + context.canonical_len()));
    buffer.resize(body.len(), 0);
    buffer.extend_from_slice(header_bytes);
    context.write_canonical(&mut buffer);
    let (plaintext, aad) = buffer.split_at_mut_checked(body.len()).ok_or(InvalidCiphertext)?;
    let key = keys.key().and_then(aes_256_gcm).map_err(|_| InvalidCiphertext)?;
    key.open_separate_gather(Nonce::assume_unique_for_key(header.iv), Aad::from(&*aad), body, tag, plaintext)
        .map_err(|_| InvalidCiphertext)?;
    Ok(Plaintext::from_first(buffer, body.len()))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], NotAMessage> {
    let (first, after) = rest.split_first_chunk().ok_or(NotAMessage)?;
    *rest = after;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use KeySpec::SymmetricDefault;
    use claviger_types::KeySpec;
    use proptest::prelude::*;

    use super::*;
    use crate::backing_key::BackingKey;
    use crate::fixture::*;

    const PRODUCTION: Deployment = Deployment::Production;

    fn key() -> BackingKey {
        backing_key(SINGLE_REGION, SymmetricDefault, 1)
    }

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        EncryptionContext::from_pairs(owned).unwrap()
    }

    #[test]
    fn overhead_and_header() {
        assert_eq!(OVERHEAD_BYTES, 111);
        for (text, deployment, start) in [
            (SINGLE_REGION, Deployment::Production, [0xc1, 1, 0]),
            (SINGLE_REGION, Deployment::Development, [0xd1, 1, 0]),
            (MULTI_REGION, Deployment::Production, [0xc1, 1, 1]),
        ] {
            let key = backing_key(text, SymmetricDefault, 1);
            let ciphertext = key.encrypt(deployment, &[7; 32], &context(&[])).unwrap();
            assert_eq!((ciphertext.len(), &ciphertext[..3]), (143, &start[..]), "{text}");
            let header = Header::parse(&ciphertext).unwrap();
            assert_eq!((header.deployment(), header.key_id().to_string()), (deployment, text.to_owned()));
            assert_eq!(header.backing_key_id(), key.material_id().backing_key_id());
        }
        assert_eq!(key().encrypt(PRODUCTION, &[0; 4096], &context(&[])).unwrap().len(), 4207);
    }

    #[test]
    fn no_other_header_is_a_message() {
        let good = key().encrypt(PRODUCTION, b"x", &context(&[])).unwrap();
        for version in 0..=255_u8 {
            let known = [0xc1, 0xd1].contains(&version);
            assert_eq!(Header::parse(&[&[version], &good[1..]].concat()).is_ok(), known, "version {version}");
            let suite = [&good[..1], &[version], &good[2..]].concat();
            assert_eq!(Header::parse(&suite).is_ok(), version == SUITE, "suite {version}");
            let flags = [&good[..2], &[version], &good[3..]].concat();
            assert_eq!(Header::parse(&flags).is_ok(), version <= 1, "flags {version}");
        }
        for length in 0..OVERHEAD_BYTES {
            assert_eq!(Header::parse(&good[..length]), Err(NotAMessage), "{length} bytes");
        }
    }

    #[test]
    fn no_two_messages_share_random_bits() {
        let [a, b] = [(); 2].map(|()| Header::parse(&key().encrypt(PRODUCTION, b"x", &context(&[])).unwrap()).unwrap());
        assert_ne!(a.n, b.n);
        assert_ne!(a.iv, b.iv);
        assert_ne!(a.commitment, b.commitment);
    }

    #[test]
    fn every_bit_counts() {
        let context = context(&[("purpose", "test")]);
        let ciphertext = key().encrypt(PRODUCTION, b"some data", &context).unwrap();
        assert!(key().decrypt(PRODUCTION, &ciphertext, &context).is_ok());
        for (bit, altered) in one_bit_flips(&ciphertext) {
            assert_eq!(key().decrypt(PRODUCTION, &altered, &context).err(), Some(InvalidCiphertext), "bit {bit}");
        }
        for altered in wrong_lengths(&ciphertext) {
            let refused = key().decrypt(PRODUCTION, &altered, &context).err();
            assert_eq!(refused, Some(InvalidCiphertext), "{} bytes", altered.len());
        }
    }

    #[test]
    fn the_context_must_be_the_same() {
        let ciphertext = key().encrypt(PRODUCTION, b"data", &context(&[("a", "1"), ("b", "2")])).unwrap();
        for (pairs, want) in [
            (&[("a", "1"), ("b", "2")][..], true),
            (&[("b", "2"), ("a", "1")], true),
            (&[], false),
            (&[("a", "1")], false),
            (&[("A", "1"), ("b", "2")], false),
            (&[("a", "1"), ("b", "3")], false),
            (&[("a", "1"), ("b", "2"), ("c", "")], false),
            (&[("a", "1b"), ("", "2")], false),
        ] {
            assert_eq!(key().decrypt(PRODUCTION, &ciphertext, &context(pairs)).is_ok(), want, "{pairs:?}");
        }
        let bare = key().encrypt(PRODUCTION, b"data", &EncryptionContext::default()).unwrap();
        assert!(key().decrypt(PRODUCTION, &bare, &context(&[])).is_ok());
        assert!(key().decrypt(PRODUCTION, &bare, &context(&[("", "")])).is_err());
    }

    #[test]
    fn another_key_or_deployment_is_refused() {
        let none = context(&[]);
        let ciphertext = key().encrypt(PRODUCTION, b"data", &none).unwrap();
        assert!(key().decrypt(Deployment::Development, &ciphertext, &none).is_err());
        let dev = key().encrypt(Deployment::Development, b"data", &none).unwrap();
        assert!(key().decrypt(PRODUCTION, &dev, &none).is_err());
        assert!(key().decrypt(Deployment::Development, &dev, &none).is_ok());
        for (name, other) in [
            ("key", backing_key("1234abcd-12ab-34cd-56ef-1234567890ac", SymmetricDefault, 1)),
            ("kind of key id", backing_key(MULTI_REGION, SymmetricDefault, 1)),
            ("material", backing_key(SINGLE_REGION, SymmetricDefault, 2)),
        ] {
            assert!(other.decrypt(PRODUCTION, &ciphertext, &none).is_err(), "other {name}");
        }
    }

    /// All else of the message is right, so this fails if nobody compares the commitment.
    #[test]
    fn a_message_commits_to_its_key() {
        let material: [u8; 32] = counting(1);
        let id = key().material_id().backing_key_id();
        let header = || Header::new(PRODUCTION, SINGLE_REGION.parse().unwrap(), id, counting(0x60)).unwrap();
        let good = seal(&material, header(), b"data", &context(&[])).unwrap();
        assert_eq!(key().decrypt(PRODUCTION, &good, &context(&[])).ok().unwrap().as_bytes(), b"data");
        let bad = seal_with_another_commitment(&material, header(), b"data");
        assert_eq!(key().decrypt(PRODUCTION, &bad, &context(&[])).err(), Some(InvalidCiphertext));
    }

    /// As if two names had been stored for one material.
    #[test]
    fn a_message_that_names_other_material_is_refused() {
        let other = backing_key(SINGLE_REGION, SymmetricDefault, 2).material_id().backing_key_id();
        let header = Header::new(PRODUCTION, SINGLE_REGION.parse().unwrap(), other, counting(0x60)).unwrap();
        let sealed = seal(&counting::<32>(1), header, b"data", &context(&[])).unwrap();
        assert_eq!(key().decrypt(PRODUCTION, &sealed, &context(&[])).err(), Some(InvalidCiphertext));
    }

    proptest! {
        #[test]
        fn what_was_encrypted_is_decrypted(
            plaintext in proptest::collection::vec(any::<u8>(), 0..4200),
            pairs in proptest::collection::hash_map(".{0,12}", ".{0,20}", 0..6),
            start: u8,
            multi_region: bool,
        ) {
            let key_id = if multi_region { MULTI_REGION } else { SINGLE_REGION };
            let key = backing_key(key_id, SymmetricDefault, start);
            let context = EncryptionContext::from_pairs(pairs.into_iter().collect()).unwrap();
            let ciphertext = key.encrypt(PRODUCTION, &plaintext, &context).unwrap();
            prop_assert_eq!(ciphertext.len(), plaintext.len() + OVERHEAD_BYTES);
            let decrypted = key.decrypt(PRODUCTION, &ciphertext, &context).ok().unwrap();
            prop_assert_eq!(decrypted.as_bytes(), plaintext);
        }

        #[test]
        fn strangers_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(key().decrypt(PRODUCTION, &bytes, &context(&[])).is_err());
        }

        #[test]
        fn strangers_bytes_behind_a_good_start_are_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            kept in 0..145_usize,
        ) {
            let good = key().encrypt(PRODUCTION, &[7; 34], &context(&[])).unwrap();
            let altered = [&good[..kept], &bytes].concat();
            prop_assume!(altered != good);
            prop_assert!(key().decrypt(PRODUCTION, &altered, &context(&[])).is_err());
        }
    }
}
