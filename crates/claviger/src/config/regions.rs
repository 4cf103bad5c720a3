//! The served Regions in the configuration: a list of names, or `commercial` for all of AWS's commercial ones.

use std::fmt;
use std::str::FromStr;

use claviger_core::ServedRegions;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

const COMMERCIAL: &str = "commercial";

/// Which Regions are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Regions(pub(crate) ServedRegions);

impl Regions {
    fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut regions = Vec::new();
        for name in names {
            let name = name.trim();
            regions.push(name.parse().map_err(|_| format!("`{name}` is not the name of a Region"))?);
        }
        if regions.is_empty() {
            return Err("at least one Region must be served".to_owned());
        }
        Ok(Self(ServedRegions::Listed(regions)))
    }
}

impl fmt::Display for Regions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ServedRegions::Commercial => write!(f, "\"{COMMERCIAL}\""),
            ServedRegions::Listed(regions) => {
                let names: Vec<_> = regions.iter().map(|region| format!("\"{region}\"")).collect();
                write!(f, "[{}]", names.join(", "))
            }
        }
    }
}

impl FromStr for Regions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            COMMERCIAL => Ok(Self(ServedRegions::Commercial)),
            names => Self::of(names.split(',')),
        }
    }
}

impl<'de> Deserialize<'de> for Regions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrWord)
    }
}

struct ListOrWord;

impl<'de> Visitor<'de> for ListOrWord {
    type Value = Regions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of Regions or \"{COMMERCIAL}\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Regions, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Regions::of(names.iter().map(String::as_str)).map_err(A::Error::custom)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Regions, E> {
        match word {
            COMMERCIAL => Ok(Regions(ServedRegions::Commercial)),
            _ => Err(E::custom(format!("`{word}` is neither a list of Regions nor `{COMMERCIAL}`"))),
        }
    }
}
