//! What is looked for, and what is told of an event that was found. Source: CloudTrail API reference, LookupEvents and
//! Event.

use claviger_types::{AccountId, Malformed, Region, Timestamp};
use serde::Serialize;

use super::filter::Times;
use super::terms::{Attribute, GLOBAL_REGION, Scope, Term, bare, each_term, read_only};
use crate::audit::cloudtrail::CloudTrailRecord;
use crate::audit::event_id::EventId;
use crate::records::EventRecord;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Query {
    account: AccountId,
    region: Region,
    attribute: Option<(Attribute, String)>,
    term: Term,
    /// Events of these seconds, first and last included.
    times: Times,
    results_max: usize,
}

/// An event that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundEvent {
    event_id: String,
    event_name: String,
    read_only: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    event_time: Timestamp,
    event_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<FoundResource>,
    cloud_trail_event: String,
}

/// What it touched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FoundResource {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_type: Option<&'static str>,
    resource_name: String,
}

impl Query {
    /// Events that this account sees in this Region, of these times, and with this value if one is given.
    pub fn new(
        (account, region): (AccountId, Region),
        attribute: Option<(Attribute, String)>,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        results_max: usize,
    ) -> Self {
        let scope = Scope::new(account, region.as_str());
        let term = attribute.as_ref().map_or(scope.all(), |(attribute, value)| scope.with(*attribute, value));
        let bound = |time: Option<Timestamp>, unbounded| time.map_or(unbounded, Timestamp::as_millis);
        let times = Times { first: bound(from, i64::MIN), last: bound(to, i64::MAX) };
        Self { account, region, attribute, term, times, results_max }
    }

    /// Who asks.
    pub(super) fn account(&self) -> AccountId {
        self.account
    }

    /// How many are wanted at most.
    pub(super) fn results_max(&self) -> usize {
        self.results_max
    }

    /// The id that is looked for, if one is.
    pub(super) fn event_id(&self) -> Option<Result<EventId, Malformed>> {
        let (_, text) = self.attribute.as_ref().filter(|(attribute, _)| *attribute == Attribute::EventId)?;
        Some(text.parse())
    }

    /// What is looked for, as filters know it.
    pub(super) fn term(&self) -> Term {
        self.term
    }

    /// When.
    pub(super) fn times(&self) -> Times {
        self.times
    }

    /// Whether the event may be one of those. Says quickly that most are not.
    pub(super) fn may_be(&self, event: &EventRecord<'_>) -> bool {
        let time = second_of(event.at);
        let mut found = self.event_id().is_some();
        if self.times.range().contains(&time) {
            each_term(event, &mut |term| found |= term == self.term);
        }
        found
    }

    /// Whether it is.
    pub(super) fn is(&self, record: &CloudTrailRecord<'_>) -> bool {
        let time = second_of(record.time().as_millis());
        let here = record.recipient() == Some(self.account)
            && record.region().unwrap_or(GLOBAL_REGION) == self.region.as_str()
            && self.times.range().contains(&time);
        here && self.attribute.as_ref().is_none_or(|(attribute, value)| has(record, *attribute, value))
    }
}

impl FoundEvent {
    pub(super) fn new(record: &CloudTrailRecord<'_>) -> serde_json::Result<Self> {
        let resource = |(resource_type, arn): (_, &str)| FoundResource { resource_type, resource_name: arn.to_owned() };
        Ok(Self {
            event_id: record.event_id().to_owned(),
            event_name: record.event_name().to_owned(),
            read_only: read_only(record.is_read_only()),
            access_key_id: record.access_key_id().map(str::to_owned),
            event_time: Timestamp::from_millis(second_of(record.time().as_millis())),
            event_source: record.event_source().to_owned(),
            username: record.username().map(str::to_owned),
            resources: record.resources().map(resource).collect(),
            cloud_trail_event: serde_json::to_string(record)?,
        })
    }
}

#[cfg(test)]
impl FoundEvent {
    /// The place of its entry.
    pub(super) fn place(&self) -> u64 {
        self.event_id.parse::<EventId>().unwrap().index()
    }
}

/// Events are told to the second.
pub(super) fn second_of(millis: i64) -> i64 {
    millis.div_euclid(1000) * 1000
}

fn has(record: &CloudTrailRecord<'_>, attribute: Attribute, value: &str) -> bool {
    match attribute {
        Attribute::AccessKeyId => record.access_key_id() == Some(value),
        Attribute::EventId => record.event_id().eq_ignore_ascii_case(value),
        Attribute::EventName => record.event_name() == value,
        Attribute::EventSource => record.event_source() == value,
        Attribute::ReadOnly => read_only(record.is_read_only()) == value,
        Attribute::ResourceName => record.resources().any(|(_, arn)| is_named(arn, value)),
        Attribute::ResourceType => record.resources().any(|(kind, _)| kind == Some(value)),
        Attribute::Username => record.username() == Some(value),
    }
}

/// A resource is named by its ARN, or by its name alone; an alias also with what stands before it.
fn is_named(arn: &str, name: &str) -> bool {
    let in_account = arn.splitn(6, ':').nth(5);
    arn == name || bare(arn) == name || in_account.is_some_and(|alias| alias == name && name.starts_with("alias/"))
}
