//! What usage answers. Nothing here changes it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use claviger_types::{AccessKeyId, KeyArn, Timestamp};

use crate::entry::{AccessKeyUse, Addressed, Operation, Origin, Outcome};
use crate::limits::Merged;
use crate::period::{Day, Period};
use crate::rows::Tally;
use crate::table::{Detail, Dimensions, KeyTable, LastUse, Place};
use crate::texts::{ContextKeys, TextId, Texts, read_principal};
use crate::usage::Usage;
use crate::values::Values;

const DAY_MILLIS: i64 = 86_400_000;

/// Uses of a key that have all but their time in common, in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Which row it is: where the next page begins.
    pub place: Place,
    /// When.
    pub period: Period,
    /// As which action.
    pub operation: Operation,
    /// From where it is known.
    pub origin: Origin,
    /// Whether they succeeded.
    pub outcome: Outcome,
    /// The rest. None for all uses that found no room for it.
    pub detail: Option<RowDetail<'a>>,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
}

/// What a row tells further; as in [`Use`](crate::Use).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowDetail<'a> {
    /// How the requests named the key.
    pub addressed: Addressed,
    /// KeyMaterialId of the backing key.
    pub backing_key: Option<[u8; 32]>,
    /// Unique id of the principal.
    pub principal_id: &'a str,
    /// Its ARN.
    pub principal: &'a str,
    /// Label of the network.
    pub source: Option<&'a str>,
    /// Environment of the caller.
    pub environment: Option<&'a str>,
    /// Application of the caller.
    pub application: Option<&'a str>,
    /// Keys of the encryption context.
    pub context_keys: ContextKeys<'a>,
    /// Code of the error.
    pub error_code: Option<&'a str>,
}

/// By what [`KeyUsage::totals`] tells uses apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// As which action.
    pub operation: Operation,
    /// From where it is known.
    pub origin: Origin,
    /// Whether they succeeded.
    pub outcome: Outcome,
    /// How the requests named the key, if there was room for it.
    pub addressed: Option<Addressed>,
}

/// The values of one context key that names resources.
#[derive(Debug, Clone, Copy)]
pub struct Protected<'a> {
    values: &'a Values,
}

impl<'a> Protected<'a> {
    /// The context key.
    pub fn context_key(&self) -> &'a str {
        &self.values.context_key
    }

    /// From where they are known.
    pub fn origin(&self) -> Origin {
        self.values.origin
    }

    /// The values, in order. One of more than [`VALUE_BYTES_MAX`](crate::VALUE_BYTES_MAX) bytes is told as `sha256:` and
    /// its hash.
    pub fn values(&self) -> Vec<&'a str> {
        self.values.sorted()
    }

    /// Uses with a value for which there was no room.
    pub fn uses_beyond(&self) -> u64 {
        self.values.uses_beyond
    }
}

/// The usage of one key.
#[derive(Debug, Clone, Copy)]
pub struct KeyUsage<'a> {
    arn: KeyArn,
    table: &'a KeyTable,
    texts: &'a Texts,
}

impl<'a> KeyUsage<'a> {
    /// The key.
    pub fn arn(&self) -> KeyArn {
        self.arn
    }

    /// Its last successful use that our log tells of.
    pub fn last_use(&self) -> Option<&'a LastUse> {
        self.table.last_use.as_ref()
    }

    /// Its uses that have no row of their own.
    pub fn merged(&self) -> &'a Merged {
        &self.table.merged
    }

    /// Rows with any day in common with `days`: what was used first in the same way stands first, its rows in order of
    /// time. Those behind `after`, if it is given. A scan of the rows.
    pub fn rows(&self, days: RangeInclusive<Day>, after: Option<Place>) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let Self { table, texts, .. } = *self;
        let start = after.map_or(0, |after| after.dimensions);
        (start..).zip(table.rows.iter().skip(start as usize)).flat_map(move |(number, (dimensions, rows))| {
            let after = after.filter(|after| after.dimensions == number).map(|after| after.period);
            rows.in_days(&days, after).map(move |tally| row(number, dimensions, tally, texts))
        })
    }

    /// How often it was used in these days, by what was done and how it was named. A scan of its rows.
    pub fn totals(&self, days: RangeInclusive<Day>) -> BTreeMap<Kind, u64> {
        let mut totals = BTreeMap::new();
        for row in self.rows(days, None) {
            let Row { operation, origin, outcome, .. } = row;
            let addressed = row.detail.map(|detail| detail.addressed);
            let total: &mut u64 = totals.entry(Kind { operation, origin, outcome, addressed }).or_default();
            *total = total.saturating_add(row.count);
        }
        totals
    }

    /// What it protects, as far as successful uses have told.
    pub fn protects(&self) -> impl Iterator<Item = Protected<'a>> + use<'a> {
        self.table.values.iter().map(|values| Protected { values })
    }

    /// Rows of principals that have one of these numbers.
    fn rows_of(self, principals: &[TextId], days: RangeInclusive<Day>) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let [seen, ..] = &self.table.seen;
        let principals: Vec<_> = principals.iter().copied().filter(|id| seen.contains(id)).collect();
        let rows = if principals.is_empty() { None } else { Some(&self.table.rows) };
        (0..)
            .zip(rows.into_iter().flatten())
            .filter_map(move |(number, (dimensions, rows))| {
                let [principal, ..] = dimensions.detail?.texts;
                let is_its = principals.contains(&principal?);
                let days = days.clone();
                is_its.then(|| rows.in_days(&days, None).map(move |tally| row(number, dimensions, tally, self.texts)))
            })
            .flatten()
    }
}

fn row<'a>(number: u32, dimensions: &Dimensions, tally: &Tally, texts: &'a Texts) -> Row<'a> {
    let Dimensions { operation, origin, outcome, detail } = *dimensions;
    let Tally { period, first, last, count } = *tally;
    Row {
        place: Place { dimensions: number, period },
        period,
        operation,
        origin,
        outcome,
        detail: detail.map(|detail| row_detail(&detail, texts)),
        count,
        first: period.at(first),
        last: period.at(last),
    }
}

fn row_detail<'a>(detail: &Detail, texts: &'a Texts) -> RowDetail<'a> {
    let text = |id: Option<_>| id.and_then(|id| texts.text(id));
    let [principal, source, environment, application, context_keys, error_code] = detail.texts.map(text);
    let (principal_id, principal) = read_principal(principal.unwrap_or_default());
    RowDetail {
        addressed: detail.addressed,
        backing_key: detail.backing_key,
        principal_id,
        principal,
        source,
        environment,
        application,
        context_keys: ContextKeys(context_keys.unwrap_or_default()),
        error_code,
    }
}

impl Usage {
    /// The entry of the log that is to be folded next.
    pub fn next_entry(&self) -> u64 {
        self.next_entry
    }

    /// The import that is to be folded next.
    pub fn next_import(&self) -> u64 {
        self.next_import
    }

    /// How many uses were imported.
    pub fn imported_uses(&self) -> u64 {
        self.imported_uses
    }

    /// The last day of which a logged use is known, or an import was made.
    pub fn last_day(&self) -> Day {
        self.last_day
    }

    /// Since when nothing is missed.
    pub fn tracking_since(&self) -> Timestamp {
        self.tracking_since
    }

    /// Uses of all keys that have no row of their own; those of forgotten keys too.
    pub fn merged(&self) -> &Merged {
        &self.merged
    }

    /// What all of it takes, as [`Limits::memory_bytes`](crate::Limits::memory_bytes) bounds it.
    pub fn memory_bytes(&self) -> usize {
        self.pool.memory_bytes + self.pool.texts.memory_bytes()
    }

    /// Rows of all keys.
    pub fn row_count(&self) -> usize {
        self.pool.rows
    }

    /// The usage of a key, if there is any.
    pub fn key(&self, arn: &KeyArn) -> Option<KeyUsage<'_>> {
        self.keys.get(arn).map(|table| KeyUsage { arn: *arn, table, texts: &self.pool.texts })
    }

    /// All keys that were used, in order of their ARNs.
    pub fn keys(&self) -> impl Iterator<Item = KeyUsage<'_>> {
        let mut arns: Vec<&KeyArn> = self.keys.keys().collect();
        arns.sort_unstable();
        arns.into_iter().filter_map(|arn| self.key(arn))
    }

    /// The last uses of all access keys, in no order.
    pub fn access_keys(&self) -> impl Iterator<Item = &AccessKeyUse> {
        self.access_keys.values()
    }

    /// The last use of an access key.
    pub fn access_key(&self, id: &AccessKeyId) -> Option<&AccessKeyUse> {
        self.access_keys.get(id)
    }

    /// What a principal did, by unique id or ARN, with which keys, in order of keys. Costs a scan of all texts, a look at
    /// each key, and a scan of what the keys that it used were used for.
    pub fn of_principal<'a>(
        &'a self,
        principal: &str,
        days: RangeInclusive<Day>,
    ) -> impl Iterator<Item = (KeyArn, Row<'a>)> + use<'a> {
        let is_it = |text: &str| {
            let (id, arn) = read_principal(text);
            id == principal || arn == principal
        };
        let principals = self.pool.texts.find_where(is_it);
        self.keys().flat_map(move |key| key.rows_of(&principals, days.clone()).map(move |row| (key.arn(), row)))
    }
}

/// Whole days since the last successful use of a key, since it was created, or since nothing is missed: whichever was
/// latest. Source: developer guide, `kms:TrailingDaysWithoutKeyUsage`.
pub fn days_without_use(
    last_use: Option<&LastUse>,
    created: Timestamp,
    tracking_since: Timestamp,
    now: Timestamp,
) -> i64 {
    let since = last_use.map_or(created, |last_use| last_use.at).max(created).max(tracking_since);
    now.as_millis().saturating_sub(since.as_millis()).max(0) / DAY_MILLIS
}
