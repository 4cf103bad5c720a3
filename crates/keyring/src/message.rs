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
use crate::random::random;
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

    /// The header of a new message. 128 random bits make its key unique, so a key never meets a second IV; the IV is
    /// random nevertheless, in case a cloned machine draws the same bits again.
    pub(crate) fn fresh(
        deployment: Deployment,
        key_id: KeyId,
        backing_key_id: BackingKeyId,
    ) -> Result<Self, ModuleFailed> {
        let drawn: [u8; N_BYTES + IV_BYTES] = random()?;
        let (n, rest) = drawn.split_first_chunk().ok_or(ModuleFailed)?;
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
///
/// One allocation: the additional authenticated data is built behind the message and cut off again.
pub(crate) fn seal(
    material: &[u8],
    mut header: Header,
    plaintext: &[u8],
    context: &EncryptionContext,
) -> Result<Vec<u8>, ModuleFailed> {
    let keys = header.derive(material)?;
    header.commitment = *keys.commitment()?;
    let message_bytes = HEADER_BYTES + plaintext.len() + TAG_BYTES;
    let mut blob = Vec::with_capacity(message_bytes + HEADER_BYTES + context.canonical_len());
    header.write(&mut blob);
    blob.resize(message_bytes, 0);
    header.write(&mut blob);
    context.write_canonical(&mut blob);

    let (message, aad) = blob.split_at_mut_checked(message_bytes).ok_or(ModuleFailed)?;
    let sealed = message.get_mut(HEADER_BYTES..).ok_or(ModuleFailed)?;
    let (body, tag) = sealed.split_at_mut_checked(plaintext.len()).ok_or(ModuleFailed)?;
    let nonce = Nonce::assume_unique_for_key(header.iv);
    aes_256_gcm(keys.key()?)?
        .seal_out_of_place_scatter(nonce, Aad::from(&*aad), plaintext, body, &[], tag)
        .map_err(|_| ModuleFailed)?;
    blob.truncate(message_bytes);
    Ok(blob)
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
