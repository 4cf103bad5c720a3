//! JSON as a policy needs it: names in the order of the text, duplicates kept so that the grammar can refuse them.
//!
//! Nothing here knows what a policy is. Text length is bounded by the caller, nesting by [`DEPTH_MAX`].

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Levels of arrays and objects. The grammar needs six (document, statement list, statement, condition, operator,
/// list of values); the rest is room for a policy that is wrong in an ordinary way to get the grammar's own message.
const DEPTH_MAX: usize = 16;

/// A JSON value.
pub(crate) enum Json {
    /// A list.
    Array(Vec<Json>),
    /// `null`: the grammar has no place for it.
    Null,
    /// Names and values as they stand in the text.
    Object(Vec<(String, Json)>),
    /// A boolean or a number, as text: conditions take it for the string.
    Scalar(String),
    /// A string.
    String(String),
}

/// Reads one JSON value and nothing after it.
pub(crate) fn parse(text: &str) -> Result<Json, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let json = Nested { levels_left: DEPTH_MAX }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(json)
}

/// Reads a value that may hold `levels_left` further levels.
#[derive(Clone, Copy)]
struct Nested {
    levels_left: usize,
}

impl Nested {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let deeper = self.levels_left.checked_sub(1);
        deeper.map(|levels_left| Self { levels_left }).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut object = Vec::new();
        while let Some(name) = entries.next_key()? {
            object.push((name, entries.next_value_seed(inner)?));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_stay_in_order() {
        let Ok(Json::Object(entries)) = parse(r#"{"b": 1, "a": "x", "b": null}"#) else { panic!("not an object") };
        assert_eq!(entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["b", "a", "b"]);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        for levels in [DEPTH_MAX + 1, 100_000] {
            assert!(parse(&nested(levels)).is_err(), "{levels} levels");
        }
        assert!(parse(&r#"{"a":"#.repeat(100_000)).is_err());
    }

    #[test]
    fn one_value_and_nothing_else() {
        for bad in ["", " ", "{", "{}{}", "{} x", r#"{"a" "b"}"#, "{'a': 1}", "[1,]", "nul", "\u{feff}{}", "{}\0"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
