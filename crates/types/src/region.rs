//! Regions.

use std::fmt;
use std::str::FromStr;

use crate::Malformed;

/// A Region's name, such as `us-east-1`. The API reference gives its form as `^([a-z]+-){2,3}\d+$`, at most 32 characters.
///
/// Small and `Copy`, since each request carries one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    bytes: [u8; Region::LENGTH_MAX],
    length: u8,
}

impl Region {
    pub(crate) const LENGTH_MAX: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // INVARIANT: `from_str` stored `length` bytes of ASCII, so neither fallback is ever taken.
        self.bytes.get(..usize::from(self.length)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl FromStr for Region {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("Region");
        let (words, number) = text.rsplit_once('-').ok_or(malformed)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if !digits || !words.split('-').all(word) || !(2..=3).contains(&words.split('-').count()) {
            return Err(malformed);
        }
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes.get_mut(..text.len()).ok_or(malformed)?.copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).map_err(|_| malformed)?;
        Ok(Self { bytes, length })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["us-east-1", "ap-southeast-12", "us-gov-west-1", "mx-central-1"] {
            assert_eq!(good.parse::<Region>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "us",
            "us-1",
            "us-east",
            "us-east-",
            "US-east-1",
            "us--1",
            "a-b-c-d-1",
            "us-east-1/",
            "aaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbbb-1",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
