//! Random bytes, from AWS-LC's generator (SP 800-90A CTR_DRBG with AES-256, seeded by the system).

use zeroize::Zeroizing;

use crate::error::ModuleFailed;
use crate::secret::Plaintext;

/// Fills `bytes` with random ones.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), ModuleFailed> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| ModuleFailed)
}

/// `N` random bytes that are no secret: ids and nonces. Keys are made by [`crate::Secret::random`].
pub fn random<const N: usize>() -> Result<[u8; N], ModuleFailed> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Random bytes that the caller will use as a key.
pub fn generate_data_key(length: usize) -> Result<Plaintext, ModuleFailed> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    fill_random(&mut bytes)?;
    Ok(Plaintext::from_first(bytes, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_each_time() {
        assert_ne!(random::<16>().unwrap(), random::<16>().unwrap());
        for length in [1, 16, 32, 1024] {
            let (first, second) = (generate_data_key(length).unwrap(), generate_data_key(length).unwrap());
            assert_eq!(first.as_bytes().len(), length);
            assert!(length < 16 || first.as_bytes() != second.as_bytes(), "{length}");
        }
    }
}
