//! The primitives, named as their specifications name them. All are AWS-LC's; only the choice of parameters is ours.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::kdf::{KbkdfCtrHmacAlgorithmId, get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac};
use aws_lc_rs::{constant_time, hkdf, hmac};

use crate::error::ModuleFailed;
use crate::secret::Secret;

/// Bytes of an AES-256-GCM nonce (SP 800-38D, section 8.2.2: 96 random bits).
pub(crate) const IV_BYTES: usize = 12;

/// Bytes of an AES-256-GCM tag, never truncated.
pub(crate) const TAG_BYTES: usize = 16;

/// AES-256-GCM (SP 800-38D). Nonces are the caller's, since each use here states why its nonces cannot repeat.
pub(crate) fn aes_256_gcm(key: &[u8; 32]) -> Result<LessSafeKey, ModuleFailed> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| ModuleFailed)
}

/// KBKDF in counter mode with HMAC-SHA256 (SP 800-108r1, section 4.1): `L` bytes. The counter has 32 bits and stands
/// before `fixed_info`, which the caller makes in whole, its label first and its length in bits last.
pub(crate) fn kbkdf_hmac_sha256<const L: usize>(key: &[u8], fixed_info: &[u8]) -> Result<Secret<L>, ModuleFailed> {
    let algorithm = get_kbkdf_ctr_hmac_algorithm(KbkdfCtrHmacAlgorithmId::Sha256).ok_or(ModuleFailed)?;
    Secret::fill_with(|output| kbkdf_ctr_hmac(algorithm, key, fixed_info, output).map_err(|_| ModuleFailed))
}

/// The key that a label names, by KBKDF: `label ‖ 00 ‖ [256]32` is the fixed info.
pub(crate) fn derive_key(key: &Secret<32>, label: &str) -> Result<Secret<32>, ModuleFailed> {
    let fixed_info = [label.as_bytes(), &[0], &256_u32.to_be_bytes()].concat();
    kbkdf_hmac_sha256(key.expose(), &fixed_info)
}

/// HMAC-SHA256 (FIPS 198-1).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Result<Secret<32>, ModuleFailed> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    Secret::fill_with(|output| {
        hmac::sign_to_buffer(&key, message, output.as_mut_slice()).map(|_| ()).map_err(|_| ModuleFailed)
    })
}

/// HKDF with SHA-256 and no salt (RFC 5869): 32 bytes.
pub(crate) fn hkdf_sha256(input_key_material: &[u8], info: &[u8]) -> Result<Secret<32>, ModuleFailed> {
    let pseudorandom_key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(input_key_material);
    Secret::fill_with(|output| {
        let info = [info];
        let expanded = pseudorandom_key.expand(&info, hkdf::HKDF_SHA256).map_err(|_| ModuleFailed)?;
        expanded.fill(output.as_mut_slice()).map_err(|_| ModuleFailed)
    })
}

/// Whether both are the same, in a time that depends on their lengths alone.
pub(crate) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
