//! What is kept of one key: its rows, its last use, and what it protects.
//!
//! What rows of different periods have in common is kept once, so that a row takes 24 bytes. What a bound leaves no room
//! for is counted under dimensions without detail.

use std::collections::BTreeSet;

use claviger_types::Timestamp;
use indexmap::IndexMap;
use minicbor::{Decode, Encode};

use crate::entry::{Addressed, Operation, Origin, Outcome, Use};
use crate::limits::{Bound, Cost, Limits, Merged, Settings, TEXT_BYTES_MAX};
use crate::period::{Day, Period};
use crate::rows::{Rows, Tally};
use crate::texts::{TextId, Texts, write_context_keys, write_principal};
use crate::values::Values;

/// The texts of a row, each with the bound on how many of them a key has.
const TEXTS: [Bound; 6] = [
    Bound::Principals,
    Bound::Sources,
    Bound::Environments,
    Bound::Applications,
    Bound::ContextKeySets,
    Bound::ErrorCodes,
];

/// All of a row but its period and its counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Dimensions {
    #[n(0)]
    pub(crate) operation: Operation,
    #[n(1)]
    pub(crate) origin: Origin,
    #[n(2)]
    pub(crate) outcome: Outcome,
    #[n(3)]
    pub(crate) detail: Option<Detail>,
}

/// What rows of uses that found no room do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Detail {
    #[n(0)]
    pub(crate) addressed: Addressed,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) backing_key: Option<[u8; 32]>,
    /// Principal, source, environment, application, set of context keys, code of the error.
    #[n(2)]
    pub(crate) texts: [Option<TextId>; TEXTS.len()],
}

/// Which row: the number of its dimensions among those of the key, and its period. It stays the same when usage is read
/// from a snapshot; a row that is folded into a month moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub(crate) dimensions: u32,
    pub(crate) period: Period,
}

/// The last successful use of a key. Source: API reference, KeyLastUsageData.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct LastUse {
    /// As which action.
    #[n(0)]
    pub operation: Operation,
    /// When.
    #[cbor(n(1), with = "crate::snapshot::millis")]
    pub at: Timestamp,
    /// The place of its entry in the log.
    #[n(2)]
    pub entry: u64,
    /// The id of the request.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub request_id: [u8; 16],
    /// Which copy of the event the key's account has.
    #[n(4)]
    pub event_copy: u16,
}

/// How often a use was made, and when first; when last, it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) first_at: Timestamp,
    pub(crate) count: u64,
}

impl Times {
    pub(crate) fn once(used: &Use<'_>) -> Self {
        Self { first_at: used.at, count: 1 }
    }
}

/// What all keys share: texts, and the memory that is taken.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) settings: Settings,
    pub(crate) texts: Texts,
    /// Of all but the texts.
    pub(crate) memory_bytes: usize,
    /// Rows of all keys.
    pub(crate) rows: usize,
    /// The texts of a use that have to be put together.
    scratch: String,
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, texts: Texts::default(), memory_bytes: 0, rows: 0, scratch: String::new() }
    }

    fn limits_for(&self, origin: Origin, outcome: Outcome) -> Limits {
        match (origin, outcome) {
            (Origin::Logged, Outcome::Success) => self.settings.limits,
            (Origin::Imported, _) | (Origin::Logged, Outcome::Failure) => self.settings.limits.halved(),
        }
    }

    fn has_room(&self, limits: &Limits) -> bool {
        self.memory_bytes + self.texts.memory_bytes() < limits.memory_bytes
    }
}

/// One key.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    /// In order of arrival.
    pub(crate) rows: IndexMap<Dimensions, Rows>,
    pub(crate) row_count: usize,
    pub(crate) last_use: Option<LastUse>,
    pub(crate) merged: Merged,
    pub(crate) values: Vec<Values>,
    /// The different texts of the key's dimensions.
    pub(crate) seen: [BTreeSet<TextId>; TEXTS.len()],
}

impl KeyTable {
    /// Counts a use, and tells which bound left it without detail, if one did.
    pub(crate) fn count(
        &mut self,
        used: &Use<'_>,
        times: Times,
        origin: Origin,
        horizon: Day,
        pool: &mut Pool,
    ) -> Option<Bound> {
        let period = Period::of(Day::of(used.at), horizon);
        let [first, last] = [times.first_at.min(used.at), used.at].map(|at| period.offset_of(at));
        let tally = Tally { period, first, last, count: times.count };
        let mut scratch = std::mem::take(&mut pool.scratch);
        let bound = self.count_by(used, &texts_of(used, &mut scratch), origin, tally, pool);
        pool.scratch = scratch;
        bound.inspect(|bound| self.merged.add(*bound, times.count))
    }

    fn count_by(
        &mut self,
        used: &Use<'_>,
        texts: &[Option<&str>; TEXTS.len()],
        origin: Origin,
        tally: Tally,
        pool: &mut Pool,
    ) -> Option<Bound> {
        let known = find_all(texts, &pool.texts).map(|texts| dimensions_of(used, origin, texts));
        let known = known.and_then(|dimensions| self.rows.get_mut(&dimensions));
        if let Some(rows) = known
            && rows.has(tally.period)
        {
            rows.add(tally);
            return None;
        }

        let (dimensions, bound) = match self.find_room(used, texts, origin, pool) {
            Ok(texts) => (dimensions_of(used, origin, texts), None),
            Err(bound) => (Dimensions { detail: None, ..dimensions_of(used, origin, [None; 6]) }, Some(bound)),
        };
        self.add(dimensions, tally, pool);
        bound
    }

    /// Keeps what a successful use protects.
    pub(crate) fn keep_values(&mut self, used: &Use<'_>, count: u64, origin: Origin, pool: &mut Pool) {
        let limits = pool.limits_for(origin, used.outcome());
        for (key, value) in used.encryption_context {
            if !pool.settings.resource_context_keys.iter().any(|name| name == key) {
                continue;
            }
            let room = pool.has_room(&limits);
            let found = self.values.iter_mut().position(|one| one.origin == origin && *one.context_key == **key);
            let place = found.unwrap_or_else(|| {
                self.values.push(Values::new(origin, key));
                self.values.len() - 1
            });
            if let Some(values) = self.values.get_mut(place) {
                let room = room && values.texts.len() < limits.values_per_context_key;
                pool.memory_bytes += values.add(value, count, room);
            }
        }
    }

    /// Adds the rows of days before `horizon` to those of their months.
    pub(crate) fn fold_days(&mut self, horizon: Day, pool: &mut Pool) {
        let before = self.row_count;
        self.rows.values_mut().for_each(|rows| rows.fold_days(horizon));
        self.row_count = self.rows.values().map(Rows::len).sum();
        let gone = before - self.row_count;
        pool.rows = pool.rows.saturating_sub(gone);
        pool.memory_bytes = pool.memory_bytes.saturating_sub(gone * Cost::ROW);
    }

    /// What all of it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let values: usize = self.values.iter().map(Values::memory_bytes).sum();
        Cost::KEY + self.rows.len() * Cost::DIMENSIONS + self.row_count * Cost::ROW + values
    }

    /// Puts dimensions with their rows behind those that are there. None if they are there already.
    pub(crate) fn push(&mut self, dimensions: Dimensions, rows: Rows) -> Option<()> {
        self.see(&dimensions);
        self.row_count += rows.len();
        self.rows.insert(dimensions, rows).is_none().then_some(())
    }

    fn add(&mut self, dimensions: Dimensions, tally: Tally, pool: &mut Pool) {
        let is_new = match self.rows.get_mut(&dimensions) {
            Some(rows) => rows.add(tally),
            None => {
                pool.memory_bytes += Cost::DIMENSIONS;
                self.see(&dimensions);
                self.rows.insert(dimensions, Rows::new(tally)).is_none()
            }
        };
        if is_new {
            self.row_count += 1;
            pool.rows += 1;
            pool.memory_bytes += Cost::ROW;
        }
    }

    fn see(&mut self, dimensions: &Dimensions) {
        let texts = dimensions.detail.map(|detail| detail.texts).unwrap_or_default();
        for (seen, text) in self.seen.iter_mut().zip(texts) {
            seen.extend(text);
        }
    }

    /// Keeps the texts of a use that is to have a row of its own. If any bound forbids it, nothing is kept.
    fn find_room(
        &self,
        used: &Use<'_>,
        texts: &[Option<&str>; TEXTS.len()],
        origin: Origin,
        pool: &mut Pool,
    ) -> Result<[Option<TextId>; TEXTS.len()], Bound> {
        let limits = pool.limits_for(origin, used.outcome());
        for ((text, bound), seen) in texts.iter().zip(TEXTS).zip(&self.seen) {
            let Some(text) = text else { continue };
            let most = if bound == Bound::Principals { limits.principals_per_key } else { limits.labels_per_key };
            let is_seen = || pool.texts.find(text).is_some_and(|id| seen.contains(&id));
            if text.len() > TEXT_BYTES_MAX || (seen.len() >= most && !is_seen()) {
                return Err(bound);
            }
        }
        if self.row_count >= limits.rows_per_key {
            return Err(Bound::RowsOfKey);
        }
        if !pool.has_room(&limits) {
            return Err(Bound::Memory);
        }
        Ok(texts.map(|text| text.and_then(|text| pool.texts.keep(text))))
    }
}

fn texts_of<'a>(used: &Use<'a>, scratch: &'a mut String) -> [Option<&'a str>; TEXTS.len()] {
    scratch.clear();
    write_principal(used.principal_id, used.principal, scratch);
    let length = scratch.len();
    write_context_keys(used.encryption_context, scratch);
    let (principal, context_keys) = scratch.split_at(length);
    let context_keys = (!context_keys.is_empty()).then_some(context_keys);
    [Some(principal), used.source, used.environment, used.application, context_keys, used.error_code]
}

/// The numbers of the texts, if all are kept.
fn find_all(texts: &[Option<&str>; TEXTS.len()], kept: &Texts) -> Option<[Option<TextId>; TEXTS.len()]> {
    let mut found = [None; TEXTS.len()];
    for (place, text) in found.iter_mut().zip(texts) {
        if let Some(text) = text {
            *place = Some(kept.find(text)?);
        }
    }
    Some(found)
}

fn dimensions_of(used: &Use<'_>, origin: Origin, texts: [Option<TextId>; TEXTS.len()]) -> Dimensions {
    let detail = Detail { addressed: used.addressed, backing_key: used.backing_key, texts };
    Dimensions { operation: used.operation, origin, outcome: used.outcome(), detail: Some(detail) }
}
