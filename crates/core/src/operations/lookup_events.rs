//! `LookupEvents`: events of the audit log that the caller's account sees, the newest first. Source: CloudTrail API
//! reference, LookupEvents; docs/compatibility.md.

use claviger_types::{ServiceName, Timestamp, limits};
use serde::Serialize;

use crate::audit::{Attribute, Found, FoundEvent, Query};
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Lookup, Operation};
use crate::pipeline::page::{self, Page};
use crate::target::Account;
use crate::wire::Fields;

/// The request.
pub struct LookupEvents {
    attribute: Option<(Attribute, String)>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    results_max: usize,
    page: Page,
    /// All that the answers of one search have in common.
    filter: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    events: Vec<FoundEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for LookupEvents {
    const NAME: &'static str = "LookupEvents";
    const SERVICE: ServiceName = ServiceName::CloudTrail;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        if let Some(category) = fields.string("EventCategory") {
            return Err(Error::Unsupported(format!("Claviger does not support EventCategory {category}.")));
        }
        let (from, to) = (fields.timestamp("StartTime"), fields.timestamp("EndTime"));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Error::InvalidTimeRange("StartTime is after EndTime.".into()));
        }
        let (attribute, named) = attribute(fields)?;
        let results_max = match fields.integer("MaxResults").map(usize::try_from) {
            None => limits::LOOKUP_RESULTS_MAX,
            Some(Ok(results)) if (1..=limits::LOOKUP_RESULTS_MAX).contains(&results) => results,
            Some(_) => {
                let text = format!("MaxResults must be between 1 and {}.", limits::LOOKUP_RESULTS_MAX);
                return Err(Error::InvalidMaxResults(text));
            }
        };
        let page = Page::new(None, fields.string("NextToken"), results_max, results_max);
        let filter = format!("{:?}\0{:?}\0{named}", from.map(Timestamp::as_millis), to.map(Timestamp::as_millis));
        Ok(Self { attribute, from, to, results_max, page, filter })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Lookup for LookupEvents {
    fn query(&self, facts: &Facts<'_>) -> Result<(Query, Option<u64>), Error> {
        let invalid = |_| Error::InvalidNextToken;
        let below = self.page.after::<Self>(facts, &self.filter).map_err(invalid)?;
        let below = below.map(|place| place.parse().map_err(|_| Error::InvalidNextToken)).transpose()?;
        let (place, times) = ((facts.account(), facts.region()), (self.from, self.to));
        Ok((Query::new(place, self.attribute.clone(), times, self.results_max), below))
    }

    fn reply(&self, facts: &Facts<'_>, found: Found) -> Result<Reply, Error> {
        let token = |place: u64| page::marker::<Self>(facts, &self.filter, &place.to_string());
        Ok(Reply { events: found.events, next_token: found.below.map(token).transpose()? })
    }
}

/// The one attribute, and how the request says it.
fn attribute(fields: &mut Fields) -> Result<(Option<(Attribute, String)>, String), Error> {
    let mut attributes = fields.structures("LookupAttributes").unwrap_or_default();
    let Some(mut attribute) = attributes.pop() else { return Ok((None, String::new())) };
    if !attributes.is_empty() {
        return Err(Error::InvalidLookupAttributes("Only one lookup attribute is supported.".into()));
    }
    let take = |fields: &mut Fields, name| fields.string(name).unwrap_or_default();
    let (key, value) = (take(&mut attribute, "AttributeKey"), take(&mut attribute, "AttributeValue"));
    let attribute = Attribute::from_name(&key);
    let attribute =
        attribute.ok_or_else(|| Error::InvalidLookupAttributes(format!("{key} is no lookup attribute.")))?;
    let named = format!("{key}\0{value}");
    Ok((Some((attribute, value)), named))
}
