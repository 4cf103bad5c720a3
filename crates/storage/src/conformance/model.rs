//! A slow and obvious model of a store, and the random numbers that exercise it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Commit, CommitError, Precondition, Revision, Transaction, Write};

/// The contents of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    records: BTreeMap<String, (Vec<u8>, Revision)>,
}

impl Contents {
    /// Adds one record.
    pub fn insert(&mut self, path: &str, value: &[u8], revision: Revision) {
        self.records.insert(path.to_owned(), (value.to_vec(), revision));
    }

    /// Applies a commit, as a watch shows it.
    pub fn apply(&mut self, commit: &Commit) {
        let mut seen = BTreeSet::new();
        for change in &commit.changes {
            assert!(seen.insert(&change.path), "`{}` is changed twice in one commit", change.path);
            match &change.value {
                Some(value) => self.insert(&change.path, value, commit.revision),
                None => {
                    let removed = self.records.remove(&change.path);
                    assert!(removed.is_some(), "`{}` is deleted and was not there", change.path);
                }
            }
        }
    }

    /// The bytes at a path.
    pub fn value(&self, path: &str) -> Option<&[u8]> {
        self.records.get(path).map(|(value, _)| value.as_slice())
    }

    /// The commit that wrote a path last.
    pub fn revision(&self, path: &str) -> Option<Revision> {
        self.records.get(path).map(|(_, revision)| *revision)
    }

    /// All paths, in order.
    pub fn paths(&self) -> Vec<&str> {
        self.records.keys().map(String::as_str).collect()
    }

    /// What a transaction must answer, and its effect if it has one.
    pub(super) fn predict(&self, transaction: &Transaction) -> Result<Self, CommitError> {
        let mut after = self.clone();
        let zero = Revision::ZERO;
        for condition in &transaction.preconditions {
            let path = condition.path().to_owned();
            match *condition {
                Precondition::Absent { .. } if self.records.contains_key(&path) => {
                    return Err(CommitError::Conflict { path });
                }
                Precondition::Absent { .. } => {}
                Precondition::Revision { revision, .. } if self.revision(&path) == Some(revision) => {}
                Precondition::Revision { .. } => return Err(CommitError::Conflict { path }),
                Precondition::BoundedAdd { delta: 0, .. } => {}
                Precondition::BoundedAdd { delta, limit, .. } => {
                    let bytes: [u8; 8] = self.value(&path).map_or([0; 8], |value| value.try_into().expect("a counter"));
                    let current = u64::from_be_bytes(bytes);
                    let sum = i128::from(current) + i128::from(delta);
                    if sum < 0 {
                        return Err(CommitError::Conflict { path });
                    }
                    if delta > 0 && sum > i128::from(limit) {
                        return Err(CommitError::LimitReached { path, current, limit });
                    }
                    after.records.remove(&path);
                    if sum > 0 {
                        let sum = u64::try_from(sum).expect("within the limit");
                        after.insert(&path, &sum.to_be_bytes(), zero);
                    }
                }
            }
        }
        for write in &transaction.writes {
            match write {
                Write::Delete { path } => {
                    after.records.remove(path);
                }
                Write::Put { path, value } => after.insert(path, value, zero),
            }
        }
        Ok(after)
    }

    /// Gives what was just written its revision; the model writes `ZERO`, which no commit has.
    pub(super) fn date(&mut self, revision: Revision) {
        for (_, written) in self.records.values_mut() {
            if *written == Revision::ZERO {
                *written = revision;
            }
        }
    }
}

/// Reproducible random numbers: SplitMix64, by its published definition.
pub struct Random(u64);

impl Random {
    /// A sequence for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).expect("below a usize")
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// A transaction about few paths, most of whose preconditions hold.
    pub fn transaction(&mut self, contents: &Contents) -> Transaction {
        let mut transaction = Transaction::default();
        let mut paths: Vec<String> = (0..8).map(|index| format!("records/{index}")).collect();
        for _ in 0..self.below(4) {
            let path = paths.remove(self.below(paths.len()));
            match contents.revision(&path) {
                _ if self.percent(40) => {}
                _ if self.percent(8) => {
                    let revision = Revision::from_u64(self.below(200) as u64);
                    transaction.preconditions.push(Precondition::Revision { path: path.clone(), revision });
                }
                None => transaction.preconditions.push(Precondition::Absent { path: path.clone() }),
                Some(revision) => {
                    transaction.preconditions.push(Precondition::Revision { path: path.clone(), revision });
                }
            }
            match self.percent(30) {
                true => transaction.writes.push(Write::Delete { path }),
                false => {
                    let bytes = self.below(40);
                    let value = (0..bytes).map(|_| self.number().to_be_bytes()[0]).collect();
                    transaction.writes.push(Write::Put { path, value });
                }
            }
        }
        for index in 0..3 {
            if self.percent(40) {
                let path = format!("counters/{index}");
                let delta = self.below(7) as i64 - 3;
                transaction.preconditions.push(Precondition::BoundedAdd { path, delta, limit: 5 });
            }
        }
        transaction
    }
}
