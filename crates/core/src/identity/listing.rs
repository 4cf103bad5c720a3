//! Lists as IAM answers them: pages by Marker and MaxItems, members as elements of one structure.

use claviger_types::Timestamp;
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::Operation;
use crate::pipeline::page::{Page, Paged};
use crate::wire::Fields;

const MAX_ITEMS_DEFAULT: usize = 100;
const MAX_ITEMS_MAX: usize = 1000;

/// `MaxItems` and `Marker`.
pub fn page(fields: &mut Fields) -> Page {
    Page::new(fields.integer("MaxItems"), fields.string("Marker"), MAX_ITEMS_DEFAULT, MAX_ITEMS_MAX)
}

/// One page of what comes after the marker: `items_after` is given what the marker remembers (empty on the first
/// page), and answers items in the order of what is remembered of each.
pub fn take<O: Operation, T, I: Iterator<Item = (String, T)>>(
    page: &Page,
    facts: &Facts<'_>,
    filter: &str,
    items_after: impl FnOnce(String) -> I,
) -> Result<Paged<T>, Error> {
    let after = page.after::<O>(facts, filter)?.unwrap_or_default();
    let paged = page.take::<O, _>(facts, filter, items_after(after), |(name, _)| name.clone())?;
    Ok(Paged { items: paged.items.into_iter().map(|(_, item)| item).collect(), next: paged.next })
}

/// One page of a short list that is at hand as a whole. It is put in order here.
pub fn take_sorted<O: Operation, T>(
    page: &Page,
    facts: &Facts<'_>,
    filter: &str,
    items: impl IntoIterator<Item = (String, T)>,
) -> Result<Paged<T>, Error> {
    let mut items: Vec<(String, T)> = items.into_iter().collect();
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    take::<O, _, _>(page, facts, filter, |after| items.into_iter().filter(move |(name, _)| *name > after))
}

/// A list.
#[derive(Serialize)]
pub struct Members<T> {
    member: Vec<T>,
}

impl<T> FromIterator<T> for Members<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self { member: items.into_iter().collect() }
    }
}

/// `2026-01-31T12:00:00Z`.
pub fn iso_8601<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_iso8601())
}
