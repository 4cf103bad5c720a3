//! Tags of a request: their rules. Source: API reference, TagResource; observed texts in docs/compatibility.md.

use claviger_policy::Values;
use claviger_types::limits;
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::request::tag_value;
use crate::records::TagRecord;
use crate::wire::Fields;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key; `TagKey` on the wire.
    pub tag_key: String,
    /// Its value; `TagValue` on the wire.
    pub tag_value: String,
}

/// Takes the tags out of the request: no key twice, none that begins with `aws:`, not more than a key can have.
pub fn from_request(fields: &mut Fields) -> Result<Vec<Tag>, Error> {
    let tag = |mut fields: Fields| Tag {
        tag_key: fields.string("TagKey").unwrap_or_default(),
        tag_value: fields.string("TagValue").unwrap_or_default(),
    };
    let mut tags: Vec<Tag> = fields.structures("Tags").unwrap_or_default().into_iter().map(tag).collect();
    tags.sort_by(|a, b| a.tag_key.cmp(&b.tag_key));
    tags.iter().try_for_each(|tag| check_key(&tag.tag_key))?;
    if tags.windows(2).any(|pair| matches!(pair, [a, b] if a.tag_key == b.tag_key)) {
        return Err(Error::Tag("Duplicate tag keys"));
    }
    check_count(tags.len()).map(|()| tags)
}

/// `aws:RequestTag/NAME`.
pub fn value<'t>(tags: &'t [Tag], name: &str) -> Values<'t> {
    tag_value(tags.iter().map(|tag| (tag.tag_key.as_str(), tag.tag_value.as_str())), name)
}

/// Not more than a key can have.
pub fn check_count(tags: usize) -> Result<(), Error> {
    if tags > limits::TAGS_PER_KEY_MAX { Err(Error::Tag("Too many tags")) } else { Ok(()) }
}

/// The prefix is AWS's own, in any case.
pub fn check_key(key: &str) -> Result<(), Error> {
    let reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    if reserved { Err(Error::Tag("Tags beginning with aws: are reserved")) } else { Ok(()) }
}

impl From<&Tag> for TagRecord {
    fn from(tag: &Tag) -> Self {
        Self { key: tag.tag_key.clone(), value: tag.tag_value.clone() }
    }
}
