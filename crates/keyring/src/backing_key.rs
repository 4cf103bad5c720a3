//! Backing keys: the material of KMS keys, wrapped by a domain key at rest and unwrapped for each use.

use std::fmt;

use aws_lc_rs::hmac;
use claviger_types::{EncryptionContext, KeyId, KeySpec, MacAlgorithm};

use crate::domain_key::DomainKey;
use crate::error::{Damaged, InvalidCiphertext, InvalidMac, ModuleFailed, RewrapError, UseError};
use crate::message::{self, Deployment, Header};
use crate::primitives::{hkdf_sha256, hmac_sha256};
use crate::random::{fill_random, random};
use crate::secret::{Plaintext, Secret};
use crate::wrap::{Binding, unwrap, wrap};

/// Bytes of the longest material: that of `HMAC_512`.
const MATERIAL_BYTES_MAX: usize = 64;

/// Names key material: the same for the same material under the same key id, in every Region, and for a second import.
///
/// `HMAC-SHA256(HKDF-SHA256(material, "claviger/v1/key material id"), key id)`. HKDF puts the material where a
/// message stands in HMAC, so that nobody can have it computed by `GenerateMac`; and no Region or account goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMaterialId([u8; 32]);

/// Names key material inside ciphertexts: the first half of its [`KeyMaterialId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackingKeyId([u8; 16]);

/// The KMS key that a backing key belongs to; a wrapped backing key opens under no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackingKeyBinding {
    /// The key's id, its kind included.
    pub key_id: KeyId,
    /// The key's spec.
    pub spec: KeySpec,
}

/// A backing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedBackingKey {
    /// Names the material.
    pub material_id: KeyMaterialId,
    /// The material under the domain key.
    pub wrapped: Vec<u8>,
}

/// The material of one KMS key, ready for one use.
pub struct BackingKey {
    binding: BackingKeyBinding,
    material_id: KeyMaterialId,
    material: Material,
}

impl DomainKey {
    /// A new backing key, which only its wrapped form leaves.
    pub fn generate_backing_key(&self, binding: BackingKeyBinding) -> Result<WrappedBackingKey, ModuleFailed> {
        let material = Material::fill_with(binding.spec, fill_random)?;
        self.wrap_material(&binding, &material, random()?)
    }

    /// The backing key of this name that this domain key wrapped for this KMS key.
    pub fn unwrap_backing_key(
        &self,
        binding: BackingKeyBinding,
        material_id: &KeyMaterialId,
        wrapped: &[u8],
    ) -> Result<BackingKey, Damaged> {
        let place = self.backing_key_binding(&binding, material_id);
        let material = Material::fill_with(binding.spec, |bytes| unwrap(self.wrapping_key(), &place, wrapped, bytes))?;
        Ok(BackingKey { binding, material_id: *material_id, material })
    }

    /// Wraps under this domain key what another one wrapped.
    pub fn rewrap_backing_key(
        &self,
        from: &DomainKey,
        binding: BackingKeyBinding,
        material_id: &KeyMaterialId,
        wrapped: &[u8],
    ) -> Result<Vec<u8>, RewrapError> {
        let backing_key = from.unwrap_backing_key(binding, material_id, wrapped)?;
        let place = self.backing_key_binding(&binding, material_id);
        Ok(wrap(self.wrapping_key(), &place, random()?, backing_key.material.expose())?)
    }

    pub(crate) fn wrap_material(
        &self,
        binding: &BackingKeyBinding,
        material: &Material,
        iv: [u8; 12],
    ) -> Result<WrappedBackingKey, ModuleFailed> {
        let material_id = KeyMaterialId::of(&binding.key_id, material)?;
        let place = self.backing_key_binding(binding, &material_id);
        let wrapped = wrap(self.wrapping_key(), &place, iv, material.expose())?;
        Ok(WrappedBackingKey { material_id, wrapped })
    }

    fn backing_key_binding(&self, binding: &BackingKeyBinding, material_id: &KeyMaterialId) -> Binding {
        self.binding("backing key")
            .field(&[u8::from(binding.key_id.is_multi_region())])
            .field(binding.key_id.as_bytes())
            .field(&material_id.0)
            .field(binding.spec.as_str().as_bytes())
            .field(binding.spec.usage().as_str().as_bytes())
    }
}

impl BackingKey {
    /// Names its material.
    pub fn material_id(&self) -> &KeyMaterialId {
        &self.material_id
    }

    /// Whether the material is the one that its name was made of.
    pub fn check_material_id(&self) -> Result<(), Damaged> {
        let material_id = KeyMaterialId::of(&self.binding.key_id, &self.material).map_err(|_| Damaged)?;
        if material_id == self.material_id { Ok(()) } else { Err(Damaged) }
    }

    /// Encrypts under a key that is derived for this one message.
    pub fn encrypt(
        &self,
        deployment: Deployment,
        plaintext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, UseError> {
        if self.binding.spec != KeySpec::SymmetricDefault {
            return Err(UseError::WrongSpec);
        }
        let header = Header::fresh(deployment, self.binding.key_id, self.material_id.backing_key_id())?;
        Ok(message::seal(self.material.expose(), header, plaintext, context)?)
    }

    /// Decrypts what this key encrypted in the same deployment under the same context.
    pub fn decrypt(
        &self,
        deployment: Deployment,
        ciphertext: &[u8],
        context: &EncryptionContext,
    ) -> Result<Plaintext, InvalidCiphertext> {
        let header = Header::parse(ciphertext).map_err(|_| InvalidCiphertext)?;
        let ours = header.deployment() == deployment
            && header.key_id() == self.binding.key_id
            && header.backing_key_id() == self.material_id.backing_key_id();
        if !ours || self.binding.spec != KeySpec::SymmetricDefault {
            return Err(InvalidCiphertext);
        }
        message::open(self.material.expose(), ciphertext, context)
    }

    /// The MAC of a message, never truncated.
    pub fn generate_mac(&self, algorithm: MacAlgorithm, message: &[u8]) -> Result<Vec<u8>, UseError> {
        let key = self.mac_key(algorithm).ok_or(UseError::WrongSpec)?;
        Ok(hmac::sign(&key, message).as_ref().to_vec())
    }

    /// Whether `mac` is the message's, in constant time.
    pub fn verify_mac(&self, algorithm: MacAlgorithm, message: &[u8], mac: &[u8]) -> Result<(), InvalidMac> {
        let key = self.mac_key(algorithm).ok_or(InvalidMac)?;
        hmac::verify(&key, message, mac).map_err(|_| InvalidMac)
    }

    fn mac_key(&self, algorithm: MacAlgorithm) -> Option<hmac::Key> {
        let hmac = match algorithm {
            MacAlgorithm::HmacSha224 => hmac::HMAC_SHA224,
            MacAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
            MacAlgorithm::HmacSha384 => hmac::HMAC_SHA384,
            MacAlgorithm::HmacSha512 => hmac::HMAC_SHA512,
        };
        let allowed = self.binding.spec.mac_algorithm() == Some(algorithm);
        allowed.then(|| hmac::Key::new(hmac, self.material.expose()))
    }
}

impl KeyMaterialId {
    /// The id of these bytes, as they were stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What ciphertexts name the material by.
    pub fn backing_key_id(&self) -> BackingKeyId {
        // INVARIANT: 32 bytes have a first half, so the fallback is never taken.
        BackingKeyId(self.0.first_chunk().copied().unwrap_or_default())
    }

    fn of(key_id: &KeyId, material: &Material) -> Result<Self, ModuleFailed> {
        let key = hkdf_sha256(material.expose(), b"claviger/v1/key material id")?;
        hmac_sha256(key.expose(), key_id.as_bytes()).map(|id| Self(*id.expose()))
    }
}

impl fmt::Display for KeyMaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl BackingKeyId {
    /// The id of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Material of any spec, as long as the spec says.
pub(crate) struct Material {
    bytes: Secret<MATERIAL_BYTES_MAX>,
    length: usize,
}

impl Material {
    pub(crate) fn fill_with<E>(spec: KeySpec, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let length = spec.material_bytes();
        let bytes = Secret::fill_with(|bytes| fill(bytes.get_mut(..length).unwrap_or_default()))?;
        Ok(Self { bytes, length })
    }

    fn expose(&self) -> &[u8] {
        // INVARIANT: no spec has more than `MATERIAL_BYTES_MAX` bytes (tested below), so the fallback is never taken.
        self.bytes.expose().get(..self.length).unwrap_or_default()
    }
}
