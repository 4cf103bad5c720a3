//! How much is kept, and what is told of uses that found no room.
//!
//! A use for which a bound leaves no room is counted all the same, in the row of its key, operation, origin and outcome
//! that has no detail. These rows, keys and access keys always find room: their number follows from what exists.

use minicbor::{Decode, Encode};

/// Bytes of an interned text. A longer one finds no room.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Bytes of a value of a context key. A longer one is kept as its SHA-256.
pub const VALUE_BYTES_MAX: usize = 256;

/// What is set when the service starts. Another setting acts on what is folded from then on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Context keys whose values name the resource that is protected.
    pub resource_context_keys: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        let names = ["SecretARN", "aws:s3:arn", "tenant"];
        Self { resource_context_keys: names.map(str::to_owned).into(), limits: Limits::default() }
    }
}

/// Bounds. Source of the numbers: our own choice.
///
/// Failed and imported uses find room in the first half of each only: whoever may do nothing can call as often as others,
/// whoever imports can tell what he likes, and neither must push out the detail of what succeeded here.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes that all of it takes, by the costs of [`Cost`].
    pub memory_bytes: usize,
    /// Rows of one key.
    pub rows_per_key: usize,
    /// Principals of one key.
    pub principals_per_key: usize,
    /// Sources of one key, and likewise environments, applications, sets of context keys, and codes of errors.
    pub labels_per_key: usize,
    /// Values of one context key of one key.
    pub values_per_context_key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 3 << 29,
            rows_per_key: 100_000,
            principals_per_key: 1_000,
            labels_per_key: 100,
            values_per_context_key: 1_000,
        }
    }
}

impl Limits {
    pub(crate) fn halved(self) -> Self {
        Self {
            memory_bytes: self.memory_bytes / 2,
            rows_per_key: self.rows_per_key / 2,
            principals_per_key: self.principals_per_key / 2,
            labels_per_key: self.labels_per_key / 2,
            values_per_context_key: self.values_per_context_key / 2,
        }
    }
}

/// What things cost, in bytes, with what the collections around them take. Measured by `examples/fold_millions.rs`.
#[derive(Debug)]
pub struct Cost;

impl Cost {
    /// A row: 24 bytes, in a list that has room for more.
    pub const ROW: usize = 40;
    /// What a key's rows have in common, in a table that has room for more.
    pub const DIMENSIONS: usize = 200;
    /// A key without rows.
    pub const KEY: usize = 700;
    /// An access key.
    pub const ACCESS_KEY: usize = 160;
    /// A text, beside its bytes.
    pub const TEXT: usize = 80;
}

/// The bound that left a use without a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Applications of the key.
    Applications,
    /// Sets of context keys of the key.
    ContextKeySets,
    /// Environments of the key.
    Environments,
    /// Codes of errors of the key.
    ErrorCodes,
    /// Memory in all.
    Memory,
    /// Principals of the key.
    Principals,
    /// Rows of the key.
    RowsOfKey,
    /// Sources of the key.
    Sources,
}

impl Bound {
    const COUNT: usize = 8;
}

/// Uses without a row of their own, by the bound that they met first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Merged(#[n(0)] [u64; Bound::COUNT]);

impl Merged {
    /// How many met this bound.
    pub fn by(&self, bound: Bound) -> u64 {
        self.0.get(bound as usize).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, count| sum.saturating_add(*count))
    }

    pub(crate) fn add(&mut self, bound: Bound, uses: u64) {
        if let Some(count) = self.0.get_mut(bound as usize) {
            *count = count.saturating_add(uses);
        }
    }
}
