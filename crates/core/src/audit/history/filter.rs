//! Which bundles of a group of entries may hold a term: a Bloom filter for each of the 256 bundles, and the times of
//! their events. The filters stand side by side, bit for bit, so that a term is looked for in all of them by reading
//! four rows.
//!
//! As a file (docs/formats.md), each part has a checksum that binds it to its place and to the entries, so that a
//! filter which is damaged, or was made of other entries, is noticed when it is asked, and never hides an event.

use std::io;
use std::ops::RangeInclusive;

use super::query::{Query, second_of};
use super::rows::Rows;
use super::terms::Term;

/// Bundles of a group.
pub(super) const BUNDLES: usize = 256;

/// Bits of one bundle's filter. With some 600 terms, as bundles have, one in 3,000 that do not hold a term looks as if
/// it did; with 2,500, which is what the most different events have, one in 20.
const ROWS: usize = 1 << ROW_BITS;
const ROW_BITS: u32 = 14;
const ROW_MASK: u64 = (1 << ROW_BITS) - 1;

/// Rows whose bits stand in one word.
const WORD: usize = 64;

/// Bits that a term sets.
const BITS: u32 = 4;

/// The first bytes of a file.
const MAGIC: &[u8; 8] = b"clvfilt1";

const CHECKSUM_BYTES: usize = 4;
const TIMES_BYTES: usize = 16;
const SET_BYTES: usize = BUNDLES / 8;
const ROW_BYTES: usize = SET_BYTES + CHECKSUM_BYTES;

/// Bytes of a file's head: magic, number of the group, hash of its entries, times, checksum.
const HEAD_BYTES: usize = MAGIC.len() + 8 + 32 + BUNDLES * TIMES_BYTES + CHECKSUM_BYTES;

/// Bytes of a file.
pub const FILE_BYTES: usize = HEAD_BYTES + ROWS * ROW_BYTES;

/// Some bundles of a group, by their places in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundles([u64; BUNDLES / 64]);

/// From when to when; nothing if the first is after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// In milliseconds since the epoch.
    pub first: i64,
    /// Likewise; included.
    pub last: i64,
}

/// The filters of a group, in memory.
pub struct Filter {
    rows: Vec<Bundles>,
    times: Vec<Times>,
    /// The place of the bundle that grows.
    growing: u64,
    /// Its own filter, one bit for each row: small enough to stay near the processor while it fills.
    grown: Vec<u64>,
}

/// Reads the file of a group's filters: so many bytes from a place on.
pub struct StoredFilter<R> {
    read: R,
    group: GroupId,
}

/// Which group it is, and of what entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupId {
    /// Its place among all groups.
    pub number: u64,
    /// The hash of its entries in the log's tree.
    pub root: [u8; 32],
}

impl Bundles {
    /// None of them.
    pub const NONE: Self = Self([0; BUNDLES / 64]);
    /// All of them.
    pub const ALL: Self = Self([u64::MAX; BUNDLES / 64]);

    /// Whether the bundle at this place is one of them.
    pub fn contains(&self, place: u64) -> bool {
        self.0.get(word_of(place)).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Adds the bundle at this place.
    pub fn insert(&mut self, place: u64) {
        if let Some(word) = self.0.get_mut(word_of(place)) {
            *word |= 1 << (place % 64);
        }
    }

    /// Those that are in both.
    fn and(self, other: Self) -> Self {
        let mut both = self;
        both.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        both
    }

    fn to_bytes(self) -> impl Iterator<Item = u8> {
        self.0.into_iter().flat_map(u64::to_be_bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let mut bundles = Self::NONE;
        for (word, bytes) in bundles.0.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        bundles
    }
}

impl Times {
    /// No time at all.
    pub const NONE: Self = Self { first: i64::MAX, last: i64::MIN };

    /// The times of both, and what is between.
    pub fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Whether they have a time in common.
    pub fn meet(self, other: Self) -> bool {
        self.first.max(other.first) <= self.last.min(other.last)
    }

    /// As a range.
    pub fn range(self) -> RangeInclusive<i64> {
        self.first..=self.last
    }
}

impl Default for Filter {
    fn default() -> Self {
        let (rows, times) = (vec![Bundles::NONE; ROWS], vec![Times::NONE; BUNDLES]);
        Self { rows, times, growing: 0, grown: vec![0; ROWS / WORD] }
    }
}

impl Filter {
    /// Adds an event of this time, which sets these rows, to the bundle at this place. Bundles grow one after the other.
    pub fn add(&mut self, place: u64, at: i64, rows: &Rows) {
        if place != self.growing {
            self.settle();
            self.growing = place;
        }
        for row in rows.numbers() {
            if let Some(word) = self.grown.get_mut(usize::from(*row) / WORD) {
                *word |= 1 << (usize::from(*row) % WORD);
            }
        }
        let second = second_of(at);
        if let Some(times) = usize::try_from(place).ok().and_then(|place| self.times.get_mut(place)) {
            *times = times.with(Times { first: second, last: second });
        }
    }

    /// Puts the filter of the bundle that grew beside the others.
    fn settle(&mut self) {
        for (word, rows) in self.grown.iter_mut().zip(self.rows.chunks_mut(WORD)) {
            while *word != 0 {
                if let Some(bundles) = rows.get_mut(word.trailing_zeros() as usize) {
                    bundles.insert(self.growing);
                }
                *word &= *word - 1;
            }
        }
    }

    /// The bundles whose filters have this row.
    fn row(&self, row: usize) -> Bundles {
        let mut bundles = self.rows.get(row).copied().unwrap_or(Bundles::NONE);
        if self.grown.get(row / WORD).is_some_and(|word| word >> (row % WORD) & 1 == 1) {
            bundles.insert(self.growing);
        }
        bundles
    }

    /// Adds an entry that may be anything, since it cannot be read: it is found by every term.
    pub fn add_unreadable(&mut self, place: u64) {
        self.rows.iter_mut().for_each(|bundles| bundles.insert(place));
        if let Some(times) = usize::try_from(place).ok().and_then(|place| self.times.get_mut(place)) {
            *times = Times { first: i64::MIN, last: i64::MAX };
        }
    }

    /// The bundles that may hold what is looked for.
    pub fn candidates(&self, query: &Query) -> Bundles {
        let rows = row_numbers(query.term()).map(|row| self.row(usize::from(row)));
        rows.fold(of_times(self.times.iter().copied(), query.times()), Bundles::and)
    }

    /// The times of all its events.
    pub fn times(&self) -> Times {
        self.times.iter().fold(Times::NONE, |all, times| all.with(*times))
    }

    /// The file of the filters of this group.
    pub fn to_bytes(&self, group: GroupId) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&group.number.to_be_bytes());
        bytes.extend_from_slice(&group.root);
        for times in &self.times {
            bytes.extend_from_slice(&times.first.to_be_bytes());
            bytes.extend_from_slice(&times.last.to_be_bytes());
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        for row in 0..ROWS {
            let start = bytes.len();
            bytes.extend(self.row(row).to_bytes());
            let checksum = group.checksum(row, bytes.get(start..).unwrap_or_default());
            bytes.extend_from_slice(&checksum.to_be_bytes());
        }
        bytes
    }
}

impl GroupId {
    fn checksum(&self, row: usize, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&self.root);
        hasher.update(&(row as u64).to_be_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

impl<R: Fn(u64, &mut [u8]) -> io::Result<()>> StoredFilter<R> {
    /// The filters of this group.
    pub fn new(group: GroupId, read: R) -> Self {
        Self { read, group }
    }

    /// The times of all its events; none if the file is damaged, or is another group's.
    pub fn times(&self) -> Option<Times> {
        Some(self.times_of_bundles()?.fold(Times::NONE, Times::with))
    }

    /// The bundles that may hold what is looked for, where the group has events of these times; none if the file is
    /// damaged.
    pub fn candidates(&self, query: &Query, of_group: Times) -> Option<Bundles> {
        // Most searches want all of a group, or nothing of it.
        let times = query.times();
        let all = times.first <= of_group.first && of_group.last <= times.last;
        let mut bundles = if all { Bundles::ALL } else { of_times(self.times_of_bundles()?, times) };
        for row in row_numbers(query.term()) {
            bundles = bundles.and(self.row(usize::from(row))?);
        }
        Some(bundles)
    }

    fn times_of_bundles(&self) -> Option<impl Iterator<Item = Times> + use<R>> {
        let mut bytes = vec![0; HEAD_BYTES];
        (self.read)(0, &mut bytes).ok()?;
        let (head, checksum) = bytes.split_last_chunk()?;
        let rest = head.strip_prefix(MAGIC)?.strip_prefix(&self.group.number.to_be_bytes())?;
        let rest = rest.strip_prefix(&self.group.root).filter(|_| crc32fast::hash(head).to_be_bytes() == *checksum)?;
        let number = |bytes: &[u8; 8]| i64::from_be_bytes(*bytes);
        let numbers: Vec<_> = rest.as_chunks().0.iter().map(number).collect();
        let times: Vec<_> =
            numbers.as_chunks().0.iter().map(|[first, last]| Times { first: *first, last: *last }).collect();
        Some(times.into_iter())
    }

    fn row(&self, row: usize) -> Option<Bundles> {
        let mut bytes = [0; ROW_BYTES];
        (self.read)((HEAD_BYTES + row * ROW_BYTES) as u64, &mut bytes).ok()?;
        let (bundles, checksum) = bytes.split_last_chunk()?;
        let right = self.group.checksum(row, bundles).to_be_bytes() == *checksum;
        right.then(|| Bundles::from_bytes(bundles))
    }
}

fn of_times(of_bundles: impl Iterator<Item = Times>, wanted: Times) -> Bundles {
    let mut bundles = Bundles::NONE;
    (0..).zip(of_bundles).filter(|(_, times)| times.meet(wanted)).for_each(|(place, _)| bundles.insert(place));
    bundles
}

/// The numbers of the rows that a term sets.
pub(super) fn row_numbers(term: Term) -> impl Iterator<Item = u16> {
    // INVARIANT: fourteen bits each.
    (0..BITS).map(move |bit| u16::try_from(term.bits() >> (bit * ROW_BITS) & ROW_MASK).unwrap_or(0))
}

fn word_of(place: u64) -> usize {
    usize::try_from(place / 64).unwrap_or(usize::MAX)
}
