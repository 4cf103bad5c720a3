//! Account numbers.

use std::fmt;
use std::str::FromStr;

use crate::Malformed;

/// A 12-digit AWS account number, leading zeros included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

impl AccountId {
    /// The number itself, below 10^12.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// The twelve digits, written into `place`.
    pub(crate) fn digits(self, place: &mut [u8; 12]) -> &str {
        let mut rest = self.0;
        for digit in place.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        std::str::from_utf8(place).unwrap_or_default()
    }

    /// The account with this number, if it has at most 12 digits.
    pub fn from_u64(number: u64) -> Option<Self> {
        (number < 1_000_000_000_000).then_some(Self(number))
    }
}

impl FromStr for AccountId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed("account id"));
        }
        text.parse().map(Self).map_err(|_| Malformed("account id"))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 12]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_and_nothing_else() {
        for good in ["000000000000", "111122223333", "999999999999"] {
            assert_eq!(good.parse::<AccountId>().unwrap().to_string(), good);
        }
        for bad in ["", "1", "1111222233334", "11112222333a", "+11122223333", "１11122223333", " 11122223333"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
        assert_eq!(AccountId::from_u64(1_000_000_000_000), None);
    }
}
