//! Where in a document, and the objects and lists found there: unknown names and duplicates are errors.

use std::fmt;

use crate::PolicyError;
use crate::json::Json;

/// Characters of the policy's text that an error repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// Where in the document; written out only for an error.
pub(super) enum Place<'a> {
    Document,
    Element(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(super) fn string<'j>(&self, json: &'j Json) -> Result<&'j str, PolicyError> {
        match json {
            Json::String(text) => Ok(text),
            Json::Array(_) | Json::Null | Json::Object(_) | Json::Scalar(_) => Err(self.malformed("must be a string")),
        }
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> PolicyError {
        PolicyError::Malformed { place: self.to_string(), problem: problem.into() }
    }

    pub(super) fn unsupported(&self, what: impl Into<String>) -> PolicyError {
        PolicyError::Unsupported { place: self.to_string(), what: what.into() }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("policy"),
            Self::Element(Place::Document, name) => f.write_str(&quoted(name)),
            Self::Element(outer, name) => write!(f, "{outer}.{}", quoted(name)),
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// The elements of an object, known to hold each of its names once.
pub(super) struct Elements<'a> {
    pub(super) place: &'a Place<'a>,
    found: Vec<(&'a str, &'a Json)>,
}

impl<'a> Elements<'a> {
    /// Refuses what is no object, unknown names and duplicates.
    pub(super) fn new(place: &'a Place<'a>, json: &'a Json, names: &[&str]) -> Result<Self, PolicyError> {
        let mut found: Vec<(&str, &Json)> = Vec::new();
        for (name, value) in entries(place, json)? {
            if !names.contains(&name) {
                return Err(place.malformed(format!("unknown element `{}`", quoted(name))));
            }
            if found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Place::Element(place, name).malformed("is given twice"));
            }
            found.push((name, value));
        }
        Ok(Self { place, found })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Json> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, json)| *json)
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&'a Json, PolicyError> {
        self.get(name).ok_or_else(|| Place::Element(self.place, name).malformed("is missing"))
    }

    /// An element or its opposite: one of them at most.
    pub(super) fn either(&self, name: &'static str, opposite: &'static str) -> Result<Option<Sided<'a>>, PolicyError> {
        match (self.get(name), self.get(opposite)) {
            (Some(_), Some(_)) => {
                Err(Place::Element(self.place, opposite).malformed(format!("cannot stand beside `{name}`")))
            }
            (Some(json), None) => Ok(Some(Sided { name, side: Side::These, json })),
            (None, Some(json)) => Ok(Some(Sided { name: opposite, side: Side::AllButThese, json })),
            (None, None) => Ok(None),
        }
    }

    /// A text that nothing is decided by. Control characters would only serve to garble whatever shows it.
    pub(super) fn string(&self, name: &'static str) -> Result<Option<&'a str>, PolicyError> {
        let Some(json) = self.get(name) else { return Ok(None) };
        let place = Place::Element(self.place, name);
        let text = place.string(json)?;
        if text.chars().any(char::is_control) {
            return Err(place.malformed("holds a control character"));
        }
        Ok(Some(text))
    }
}

/// What an element lists, and whether it speaks of that or of everything else.
pub(super) struct Sided<'a> {
    pub(super) name: &'static str,
    pub(super) side: Side,
    pub(super) json: &'a Json,
}

/// `Action` or `NotAction`, and so on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    AllButThese,
    These,
}

/// The names and values of an object, as they stand in the text.
pub(super) fn entries<'a>(
    place: &Place<'_>,
    json: &'a Json,
) -> Result<impl Iterator<Item = (&'a str, &'a Json)> + use<'a>, PolicyError> {
    match json {
        Json::Object(entries) => Ok(entries.iter().map(|(name, value)| (name.as_str(), value))),
        Json::Array(_) | Json::Null | Json::Scalar(_) | Json::String(_) => Err(place.malformed("must be an object")),
    }
}

/// Reads the members of a list, or the one value that stands in its stead.
pub(super) fn each<T>(
    place: &Place<'_>,
    json: &Json,
    mut read: impl FnMut(&Place<'_>, &Json) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    match json {
        Json::Array(items) if items.is_empty() => Err(place.malformed("must not be empty")),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| read(&Place::Item(place, index), item)).collect()
        }
        one => Ok(vec![read(place, one)?]),
    }
}

/// The beginning of a text, safe to show.
pub(super) fn quoted(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect()
}
