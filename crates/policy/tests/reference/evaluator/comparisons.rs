//! How one value of a policy compares with one value of the request, where it is more than text.
//!
//! Each reader answers None for what it cannot read, and what cannot be read equals nothing.

use std::cmp::Ordering;
use std::net::IpAddr;

/// A decimal number: digits with at most one point and a sign before them.
pub fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let shape =
        digits.chars().all(|char| char.is_ascii_digit() || char == '.') && digits.starts_with(|c: char| c != '.');
    if shape { text.parse().ok() } else { None }
}

pub fn compare_numbers(request: &str, policy: &str) -> Option<Ordering> {
    number(request)?.partial_cmp(&number(policy)?)
}

pub fn compare_dates(request: &str, policy: &str) -> Option<Ordering> {
    Some(nanoseconds(request)?.cmp(&nanoseconds(policy)?))
}

/// A date as nanoseconds since 1970: either whole seconds of the epoch, or a form of ISO 8601 (a day; a day and a time to
/// the minute, second or a fraction of it, then `Z` or an offset).
pub fn nanoseconds(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * 1_000_000_000);
    }
    let Some((day, time)) = text.split_once('T') else { return Some(days(text)? * 86_400_000_000_000) };
    let (clock, offset_minutes) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let sign = time.rfind(['+', '-'])?;
            let (hours, minutes) = time[sign + 1..].split_once(':')?;
            let minutes = digits(hours, 2)? * 60 + digits(minutes, 2)?;
            (&time[..sign], if time[sign..].starts_with('-') { -minutes } else { minutes })
        }
    };
    Some(days(day)? * 86_400_000_000_000 + time_of_day(clock)? - offset_minutes * 60_000_000_000)
}

fn time_of_day(clock: &str) -> Option<i128> {
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if whole == clock => (digits(hour, 2)?, digits(minute, 2)?, 0),
        [hour, minute, second] => (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?),
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let fraction = digits(&format!("{fraction:0<9}"), 9)?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + fraction)
}

/// Days since 1970 of `YYYY-MM-DD`, counted year by year and month by month.
fn days(text: &str) -> Option<i128> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    let year_days = |year| if leap(year) { 366 } else { 365 };
    let years: i128 =
        if year >= 1970 { (1970..year).map(year_days).sum() } else { -(year..1970).map(year_days).sum::<i128>() };
    Some(years + (1..month).map(|month| month_days(year, month)).sum::<i128>() + day - 1)
}

fn leap(year: i128) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn month_days(year: i128, month: i128) -> i128 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn digits(text: &str, count: usize) -> Option<i128> {
    if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The address is in the range. A range without a prefix length is one address; families never mix. An IPv4 address in
/// its IPv6 form (`::ffff:203.0.113.7`, as a socket for both families gives it) is the IPv4 address, and so is a range of
/// such (the rules are silent on it).
pub fn in_range(address: &str, range: &str) -> bool {
    let (network, length) = match range.split_once('/') {
        Some((network, length)) => (network, length.parse::<u32>().ok()),
        None => (range, Some(if range.contains(':') { 128 } else { 32 })),
    };
    let (Ok(address), Ok(network), Some(length)) = (address.parse::<IpAddr>(), network.parse::<IpAddr>(), length)
    else {
        return false;
    };
    let length = length as usize;
    let (network, length) = match network {
        IpAddr::V6(mapped) if length >= 96 => match mapped.to_ipv4_mapped() {
            Some(network) => (IpAddr::V4(network), length - 96),
            None => (IpAddr::V6(mapped), length),
        },
        other => (other, length),
    };
    let (address, network) = (bits(address.to_canonical()), bits(network));
    address.len() == network.len() && length <= address.len() && address[..length] == network[..length]
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// Base64 (RFC 4648, section 4) of both is compared by the bytes that it stands for.
pub fn same_bytes(request: &str, policy: &str) -> bool {
    match (bytes(request), bytes(policy)) {
        (Some(request), Some(policy)) => request == policy,
        _ => false,
    }
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if !base64.len().is_multiple_of(4) {
        return None;
    }
    let text = base64.strip_suffix("==").or(base64.strip_suffix('=')).unwrap_or(base64);
    let mut bits = Vec::new();
    for char in text.chars() {
        let value = ALPHABET.find(char)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    Some(bits.chunks_exact(8).map(byte).collect())
}
