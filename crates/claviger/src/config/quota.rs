//! A quota in the configuration: a number, or none at all.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

const UNLIMITED: &str = "unlimited";

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    /// This many.
    Max(u64),
    /// As many as there is room for.
    Unlimited,
}

impl Quota {
    /// The most that there may be.
    pub(crate) fn max(self) -> u64 {
        match self {
            Self::Max(max) => max,
            Self::Unlimited => u64::MAX,
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max(max) => max.fmt(f),
            Self::Unlimited => write!(f, "\"{UNLIMITED}\""),
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == UNLIMITED {
            return Ok(Self::Unlimited);
        }
        text.parse().map(Self::Max).map_err(|_| format!("neither a number nor `{UNLIMITED}`"))
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrWord)
    }
}

struct NumberOrWord;

impl Visitor<'_> for NumberOrWord {
    type Value = Quota;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number or \"{UNLIMITED}\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Quota, E> {
        let max = number.try_into().map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        Ok(Quota::Max(max))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quota, E> {
        Ok(Quota::Max(number))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Quota, E> {
        match word {
            UNLIMITED => Ok(Quota::Unlimited),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
}
