//! A hasher for what is as good as a hash already: random ids, and hashes under a key that nobody knows.

use std::hash::Hasher;

/// Folds what it is given into 64 bits, and mixes nothing.
#[derive(Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = self.0.rotate_left(8) ^ u64::from(number);
    }

    fn write_u128(&mut self, number: u128) {
        let bytes = number.to_be_bytes();
        let halves = bytes.as_chunks().0.iter().map(|half| u64::from_be_bytes(*half));
        self.0 = halves.fold(self.0, |hash, half| hash ^ half);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
