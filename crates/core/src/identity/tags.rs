//! Tags of users, roles and managed policies. Keys keep their case and are the same whatever their case. Source: IAM
//! user guide, "Rules for tagging in IAM and AWS STS".

use claviger_policy::{ConditionKey, Values};
use claviger_types::limits;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::Members;
use crate::pipeline::request::{tag_keys, tag_value};
use crate::records::TagRecord;
use crate::view::Tags;
use crate::wire::Fields;

/// A tag, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagShown {
    key: String,
    value: String,
}

/// All tags, or nothing if there are none.
pub fn shown(tags: &Tags) -> Option<Members<TagShown>> {
    (!tags.is_empty()).then(|| pairs(tags).map(|(_, tag)| tag).collect())
}

/// All tags, each after its key.
pub fn pairs(tags: &Tags) -> impl Iterator<Item = (String, TagShown)> + use<'_> {
    tags.iter().map(|(key, value)| (key.to_string(), TagShown { key: key.to_string(), value: value.to_string() }))
}

/// Takes the tags out of the request: no key twice, none that begins with `aws:`.
pub fn from_request(fields: &mut Fields) -> Result<Vec<TagRecord>, Error> {
    let tag = |mut fields: Fields| TagRecord {
        key: fields.string("Key").unwrap_or_default(),
        value: fields.string("Value").unwrap_or_default(),
    };
    let mut tags: Vec<TagRecord> = fields.structures("Tags").unwrap_or_default().into_iter().map(tag).collect();
    tags.iter().try_for_each(|tag| check_key(&tag.key))?;
    tags.sort_by_key(|tag| tag.key.to_ascii_lowercase());
    if tags.windows(2).any(|pair| matches!(pair, [a, b] if same(&a.key, &b.key))) {
        let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(Error::InvalidInput(text.into()));
    }
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(tags)
}

/// What a request with tags tells of itself.
pub fn condition<'t>(tags: &'t [TagRecord], key: &ConditionKey) -> Values<'t> {
    match key {
        ConditionKey::AwsRequestTag(name) => {
            tag_value(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())), name)
        }
        ConditionKey::AwsTagKeys if !tags.is_empty() => tag_keys(tags.iter().map(|tag| tag.key.as_str())),
        _ => Values::Absent,
    }
}

/// What a request with keys of tags tells of itself.
pub fn condition_of_keys<'t>(keys: &'t [String], key: &ConditionKey) -> Values<'t> {
    match key {
        ConditionKey::AwsTagKeys => tag_keys(keys.iter().map(String::as_str)),
        _ => Values::Absent,
    }
}

/// `TagKeys`.
pub fn keys_from_request(fields: &mut Fields) -> Result<Vec<String>, Error> {
    let keys = fields.strings("TagKeys").unwrap_or_default();
    keys.iter().try_for_each(|key| check_key(key)).map(|()| keys)
}

/// Adds tags, or gives those that are there new values.
pub fn add(to: &mut Vec<TagRecord>, tags: &[TagRecord]) -> Result<(), Error> {
    to.retain(|old| !tags.iter().any(|new| same(&new.key, &old.key)));
    to.extend_from_slice(tags);
    to.sort_by(|a, b| a.key.cmp(&b.key));
    let limit = limits::TAGS_PER_IDENTITY_MAX;
    if to.len() > limit {
        return Err(Error::LimitExceeded(format!("The number of tags has reached the maximum limit of {limit}.")));
    }
    Ok(())
}

/// Takes tags away; keys of tags that are not there are no matter.
pub fn remove(from: &mut Vec<TagRecord>, keys: &[String]) {
    from.retain(|tag| !keys.iter().any(|key| same(key, &tag.key)));
}

/// The prefix is AWS's own, in any case.
fn check_key(key: &str) -> Result<(), Error> {
    let reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    let text = "User tag keys cannot begin with aws:, which is reserved.";
    if reserved { Err(Error::InvalidInput(text.into())) } else { Ok(()) }
}

/// Whether two keys are the same: case does not count. It is the case of ASCII, as for conditions: otherwise a key that
/// is another one to policies, such as one with a Kelvin sign for a `k`, could put out or take away a tag they speak of.
pub fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}
