//! Values of typed condition operators: numbers, points in time, addresses.
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators".

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use claviger_types::Timestamp;

/// A decimal number, as policies and requests write it.
pub(crate) fn number(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| decimal && number.is_finite())
}

/// A point in time: a date, a date with a time, or seconds since the epoch.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Timestamp::from_seconds(number(text)?);
    }
    if text.len() == "2026-01-31".len() {
        return format!("{text}T00:00:00Z").parse().ok();
    }
    text.parse().ok()
}

/// Addresses that share their first bits; one address shares all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// An IPv4 address stands in its IPv6 form, so that a socket that takes both is no way around a policy.
    first: u128,
    prefix_bits: u8,
}

const BITS: u8 = 128;
/// The bits that every IPv4 address has in front in its IPv6 form.
const IPV4_BITS: u8 = 96;

impl Network {
    /// An address, or an address, `/` and a number of bits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let (address, front) = in_ipv6(address.parse().ok()?);
        let prefix_bits = bits.map_or(Some(BITS), |bits| front.checked_add(bits)).filter(|bits| *bits <= BITS)?;
        Some(Self { first: address.to_bits() & mask(prefix_bits), prefix_bits })
    }

    /// One address.
    pub(crate) fn of(address: IpAddr) -> Self {
        Self { first: in_ipv6(address).0.to_bits(), prefix_bits: BITS }
    }

    /// Families never mix: a wider IPv6 range than the IPv4 form, such as `::/0`, holds no IPv4 address.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let same_bits = self.prefix_bits <= other.prefix_bits && other.first & mask(self.prefix_bits) == self.first;
        same_bits && (self.prefix_bits >= IPV4_BITS || !other.is_ipv4())
    }

    fn is_ipv4(&self) -> bool {
        self.prefix_bits >= IPV4_BITS && Ipv6Addr::from_bits(self.first).to_ipv4_mapped().is_some()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.first);
        let ipv4 = address.to_ipv4_mapped().filter(|_| self.prefix_bits >= IPV4_BITS);
        match ipv4 {
            Some(address) => write!(f, "{address}/{}", self.prefix_bits - IPV4_BITS),
            None => write!(f, "{address}/{}", self.prefix_bits),
        }
    }
}

/// An address in its IPv6 form, and how many bits of that stand before its own.
fn in_ipv6(address: IpAddr) -> (Ipv6Addr, u8) {
    match address {
        IpAddr::V4(address) => (address.to_ipv6_mapped(), IPV4_BITS),
        IpAddr::V6(address) => (address, 0),
    }
}

fn mask(prefix_bits: u8) -> u128 {
    u128::MAX.checked_shl(u32::from(BITS - prefix_bits)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, want) in
            [("7", Some(7.0)), ("-1.5", Some(-1.5)), ("1e3", Some(1000.0)), ("007", Some(7.0)), ("+1", Some(1.0))]
        {
            assert_eq!(number(text), want, "{text}");
        }
        for text in ["", " 7", "7 ", "x", "inf", "NaN", "0x7", "1,5", "1e999", "٧"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn times() {
        let noon = Some(Timestamp::from_millis(1_769_860_800_000));
        for text in ["2026-01-31T12:00:00Z", "2026-01-31T12:00Z", "2026-01-31T13:00:00+01:00", "1769860800"] {
            assert_eq!(time(text), noon, "{text}");
        }
        assert_eq!(time("2026-01-31"), noon.map(|noon| noon.offset_by(-43_200_000)));
        assert_eq!(time("2026-01-31T12:00:00.250Z"), noon.map(|noon| noon.offset_by(250)));
        for text in ["", "yesterday", "2026-02-30", "2026-01-31T12:00:00", "2026-13-01", "-", "1.2.3"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn addresses() {
        for (network, address, want) in [
            ("203.0.113.0/24", "203.0.113.7", true),
            ("203.0.113.9/24", "203.0.113.7", true),
            ("203.0.113.0/24", "203.0.114.7", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "::ffff:203.0.113.7", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("::/0", "::ffff:203.0.113.7", false),
            ("::ffff:0:0/90", "203.0.113.7", false),
            ("::ffff:203.0.113.0/120", "203.0.113.7", true),
            ("::ffff:203.0.113.0/120", "203.0.114.7", false),
        ] {
            let contains = Network::parse(network).unwrap().contains(&Network::parse(address).unwrap());
            assert_eq!(contains, want, "{network} {address}");
        }
        for text in [
            "",
            "203.0.113",
            "203.0.113.0/33",
            "2001:db8::/129",
            "203.0.113.0/",
            "203.0.113.0/+1",
            "x/1",
            "203.0.113.0/24/1",
            "203.0.113.0/256",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        for text in ["203.0.113.0/24", "2001:db8::/32", "0.0.0.0/0"] {
            assert_eq!(Network::parse(text).unwrap().to_string(), text);
        }
    }
}
