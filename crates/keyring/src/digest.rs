//! SHA-256 (FIPS 180-4), for telling things apart that are no secrets.

/// The digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    // INVARIANT: both are 32 bytes long, so nothing is cut.
    for (place, byte) in digest.iter_mut().zip(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref()) {
        *place = *byte;
    }
    digest
}

#[cfg(test)]
mod tests {
    /// Source: FIPS 180-4, example of a one-block message.
    #[test]
    fn the_published_example() {
        let hex: String = super::sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
