//! Members of a request or a response, as CloudTrail writes them: names begin in lower case, points in time are written
//! out. What a caller chose itself, such as the names of an encryption context, stays as it is.

use claviger_types::Timestamp;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::records::ShownValue;

/// What stands where an event had no room. Source: CloudTrail user guide, "Record contents", `omitted`.
const OMITTED: &str = "omitted";

/// Members that hold pairs of the caller's, not members of the API's.
const PAIRS: [&str; 6] = [
    "DestinationEncryptionContext",
    "EncryptionContext",
    "EncryptionContextEquals",
    "EncryptionContextSubset",
    "KeyIds",
    "SourceEncryptionContext",
];

/// Whether a member's names are the caller's.
pub(super) fn holds_pairs(member: &str) -> bool {
    PAIRS.contains(&member)
}

/// The members.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Members(pub(super) ShownValue);

impl Default for Members {
    fn default() -> Self {
        Self(ShownValue::Map(Vec::new()))
    }
}

impl Members {
    pub(super) fn holds(&self, name: &str) -> bool {
        matches!(&self.0, ShownValue::Map(members) if members.iter().any(|(member, _)| member == name))
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.0, ShownValue::Map(members) if members.is_empty())
    }

    /// The text of a member.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let ShownValue::Map(members) = &self.0 else { return None };
        members.iter().find_map(|(member, value)| match value {
            ShownValue::Text(text) if member == name => Some(text.clone()),
            _ => None,
        })
    }

    /// Adds one; there is none if the event had no room for any.
    pub(super) fn add(&mut self, name: &str, text: String) {
        if let ShownValue::Map(members) = &mut self.0 {
            members.push((name.to_owned(), ShownValue::Text(text)));
        }
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown { value: &self.0, names: Names::Members }.serialize(serializer)
    }
}

/// Whose names a map has.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Callers,
    Members,
}

struct Shown<'v> {
    value: &'v ShownValue,
    names: Names,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let below = |value| Shown { value, names: Names::Members };
        match self.value {
            ShownValue::Boolean(it) => serializer.serialize_bool(*it),
            ShownValue::Integer(it) => serializer.serialize_i64(*it),
            ShownValue::Text(it) => serializer.serialize_str(it),
            ShownValue::Time(seconds) => serializer.serialize_str(&date(*seconds)),
            ShownValue::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| list.serialize_element(&below(value)))?;
                list.end()
            }
            ShownValue::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    let names = if holds_pairs(name) { Names::Callers } else { Names::Members };
                    match self.names {
                        Names::Callers => map.serialize_entry(name, &below(value))?,
                        Names::Members => map.serialize_entry(&member_name(name), &Shown { value, names })?,
                    }
                }
                map.end()
            }
            ShownValue::LeftOut { bytes, sha256 } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry(OMITTED, &true)?;
                map.serialize_entry("bytes", bytes)?;
                map.serialize_entry("sha256", &const_hex::encode(sha256))?;
                map.end()
            }
            ShownValue::Omitted => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(OMITTED, &true)?;
                map.end()
            }
        }
    }
}

/// `KeyId` is `keyId`; a name that begins with several capitals, such as `AWSAccountId`, stays.
fn member_name(name: &str) -> String {
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(_), Some(second)) if second.is_ascii_uppercase() => name.to_owned(),
        (Some(first), _) => first.to_ascii_lowercase().to_string() + name.get(first.len_utf8()..).unwrap_or_default(),
        (None, _) => String::new(),
    }
}

/// `Aug 10, 2022, 10:38:27 PM`, as log entries of AWS KMS have it.
fn date(seconds: f64) -> String {
    Timestamp::from_seconds(seconds).map_or_else(|| seconds.to_string(), |time| time.to_long_text())
}
