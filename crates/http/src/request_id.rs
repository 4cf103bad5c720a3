//! Request ids: unlike one another, not secret. One generator per worker, so that none waits for another.

use std::cell::Cell;

use claviger_core::RequestId;
use claviger_keyring::ModuleFailed;

/// A counter from a random start, mixed so that ids look as clients expect them. Real randomness for each would cost
/// a third of a microsecond.
pub(crate) struct RequestIds {
    high: Cell<u64>,
    low: Cell<u64>,
}

impl RequestIds {
    /// A generator from a fresh random start.
    pub(crate) fn new() -> Result<Self, ModuleFailed> {
        let mut start = [0; 16];
        claviger_keyring::fill_random(&mut start)?;
        let start = u128::from_le_bytes(start);
        Ok(Self::from_start(start))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
    fn from_start(start: u128) -> Self {
        Self { high: Cell::new((start >> 64) as u64), low: Cell::new(start as u64) }
    }

    /// The next one.
    pub(crate) fn next(&self) -> RequestId {
        let high = u128::from(next(&self.high));
        let low = u128::from(next(&self.low));
        RequestId::from_bytes(((high << 64) | low).to_be_bytes())
    }
}

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. Each state occurs once in
/// 2^64 steps, and the mixing is a bijection, so each half repeats only after all others were drawn.
fn next(state: &Cell<u64>) -> u64 {
    state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut mixed = state.get();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The first outputs of the published algorithm from state 0.
    #[test]
    fn splitmix() {
        let state = Cell::new(0);
        let drawn = [next(&state), next(&state), next(&state)];
        assert_eq!(drawn, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    #[test]
    fn ids_are_version_4_and_differ() {
        let ids = RequestIds::new().unwrap();
        let drawn: HashSet<String> = (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(drawn.len(), 10_000);
        for id in drawn {
            let parts: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }
}
