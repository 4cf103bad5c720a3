//! The canonical request and the string to sign, written into one reused buffer.
//!
//! Source: IAM User Guide, "Create a signed AWS API request", steps 1 and 3. Signer and verifier share this file.

use aws_lc_rs::digest;
use hyper::HeaderMap;

use super::{ALGORITHM, Message};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The signed headers name one that is absent, or are no canonical list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotCanonical;

/// A SHA-256 hash in lower-case hex.
pub(super) type HexHash = [u8; 64];

/// The SHA-256 hash of `bytes`, in hex.
pub(super) fn hex_hash(bytes: &[u8]) -> HexHash {
    let hash = digest::digest(&digest::SHA256, bytes);
    let mut hex = [b'0'; 64];
    // INVARIANT: 32 bytes are 64 hex digits, so this cannot fail.
    let encoded = const_hex::encode_to_slice(hash.as_ref(), &mut hex);
    debug_assert!(encoded.is_ok(), "a SHA-256 hash is 32 bytes");
    hex
}

/// Replaces `buffer` by the canonical request of `message`.
pub(super) fn request(
    buffer: &mut Vec<u8>,
    message: &Message<'_>,
    signed_headers: &str,
    body_hash: &HexHash,
) -> Result<(), NotCanonical> {
    buffer.clear();
    buffer.extend_from_slice(message.method.as_bytes());
    buffer.push(b'\n');
    push_path(buffer, message.path);
    buffer.push(b'\n');
    push_query(buffer, message.query);
    buffer.push(b'\n');
    push_headers(buffer, message, signed_headers)?;
    buffer.push(b'\n');
    buffer.extend_from_slice(signed_headers.as_bytes());
    buffer.push(b'\n');
    buffer.extend_from_slice(body_hash);
    Ok(())
}

/// Replaces the canonical request in `buffer` by the string to sign.
pub(super) fn string_to_sign(buffer: &mut Vec<u8>, date: &str, scope: &str) {
    let hash = hex_hash(buffer);
    buffer.clear();
    for line in [ALGORITHM, date, scope] {
        buffer.extend_from_slice(line.as_bytes());
        buffer.push(b'\n');
    }
    buffer.extend_from_slice(&hash);
}

fn push_headers(buffer: &mut Vec<u8>, message: &Message<'_>, signed_headers: &str) -> Result<(), NotCanonical> {
    let mut previous = "";
    for name in signed_headers.split(';') {
        // Strictly ascending: so no header counts twice, and a list has one form only.
        if name <= previous || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NotCanonical);
        }
        buffer.extend_from_slice(name.as_bytes());
        buffer.push(b':');
        push_values(buffer, message.headers, name).or_else(|absent| match (name, message.authority) {
            ("host", Some(authority)) => {
                buffer.extend_from_slice(authority.as_bytes());
                Ok(())
            }
            _ => Err(absent),
        })?;
        buffer.push(b'\n');
        previous = name;
    }
    Ok(())
}

/// Duplicates are joined by a comma, in their order on the wire. There are few headers: to look at each costs less than
/// to hash a name.
fn push_values(buffer: &mut Vec<u8>, headers: &HeaderMap, name: &str) -> Result<(), NotCanonical> {
    let mut values = headers.iter().filter(|(header, _)| header.as_str() == name).map(|(_, value)| value);
    push_trimmed(buffer, values.next().ok_or(NotCanonical)?.as_bytes());
    for value in values {
        buffer.push(b',');
        push_trimmed(buffer, value.as_bytes());
    }
    Ok(())
}

/// Without the spaces around it, and with one space for each run of them.
fn push_trimmed(buffer: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    // Hardly any value has a space at all, and to find none is fast.
    if !value.contains(&b' ') || !value.windows(2).any(|pair| pair == b"  ") {
        buffer.extend_from_slice(value);
        return;
    }
    let mut after_space = false;
    for &byte in value {
        if byte != b' ' || !after_space {
            buffer.push(byte);
        }
        after_space = byte == b' ';
    }
}

/// The path as sent, normalized by RFC 3986, section 6, and encoded once more, as every service but S3 wants it.
fn push_path(buffer: &mut Vec<u8>, path: &str) {
    if path.len() <= 1 {
        buffer.push(b'/');
        return;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    for segment in &kept {
        buffer.push(b'/');
        segment.bytes().for_each(|byte| push_encoded(buffer, byte));
    }
    if kept.is_empty() || path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") {
        buffer.push(b'/');
    }
}

/// The parameters, each decoded and encoded again in the one canonical way, sorted by name and then by value.
fn push_query(buffer: &mut Vec<u8>, query: &str) {
    if query.is_empty() {
        return;
    }
    let recoded = |text: &str| {
        let mut out = Vec::with_capacity(text.len());
        decoded(text).for_each(|byte| push_encoded(&mut out, byte));
        out
    };
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recoded(name), recoded(value)))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            buffer.push(b'&');
        }
        buffer.extend_from_slice(name);
        buffer.push(b'=');
        buffer.extend_from_slice(value);
    }
}

/// The bytes of `text` without percent-encoding. What only looks like an escape is left as it stands.
fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        let escaped = match (first, tail) {
            (b'%', &[high, low, ..]) => hex_digit(high).zip(hex_digit(low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
        Some(escaped.unwrap_or(first))
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn push_encoded(buffer: &mut Vec<u8>, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        buffer.push(byte);
        return;
    }
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    buffer.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut buffer = Vec::new();
        write(&mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn paths() {
        for (path, want) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/foo/..", "/"),
            ("/foo/bar/../..", "/"),
            ("//foo//", "/foo/"),
            ("/./foo", "/foo"),
            ("/foo/.", "/foo/"),
            ("/a b", "/a%20b"),
            ("/%E1%88%B4", "/%25E1%2588%25B4"),
            ("/documents%20and%20settings/", "/documents%2520and%2520settings/"),
            ("/-._~0Az", "/-._~0Az"),
        ] {
            assert_eq!(written(|buffer| push_path(buffer, path)), want, "{path}");
        }
    }

    #[test]
    fn queries() {
        for (query, want) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1", "a=1&a=2"),
            ("Param1=value1&param1=value2", "Param1=value1&param1=value2"),
            ("flag", "flag="),
            ("&&a=1&", "a=1"),
            ("a=b=c", "a=b%3Dc"),
            ("a=%7e%2f%zz%4", "a=~%2F%25zz%254"),
            ("a=1+2", "a=1%2B2"),
            ("%E1%88%B4=bar", "%E1%88%B4=bar"),
        ] {
            assert_eq!(written(|buffer| push_query(buffer, query)), want, "{query}");
        }
    }

    #[test]
    fn header_values() {
        for (values, want) in [
            (vec!["a"], "a"),
            (vec!["  a  "], "a"),
            (vec!["a   b    c"], "a b c"),
            (vec!["\"a   b   c\""], "\"a b c\""),
            (vec!["a\t\tb"], "a\t\tb"),
            (vec!["value4", "value1", "  value3 ", ""], "value4,value1,value3,"),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("my-header", HeaderValue::from_str(value).unwrap());
            }
            let got = written(|buffer| push_values(buffer, &headers, "my-header").unwrap());
            assert_eq!(got, want, "{values:?}");
        }
        assert_eq!(push_values(&mut Vec::new(), &HeaderMap::new(), "my-header"), Err(NotCanonical));
    }

    #[test]
    fn signed_header_lists() {
        let headers: HeaderMap = ["a", "b", "host"]
            .into_iter()
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("v")))
            .collect();
        let message = Message { method: "POST", path: "/", query: "", authority: None, headers: &headers, body: b"" };
        for (list, want) in [
            ("a;b;host", Ok(())),
            ("host", Ok(())),
            ("b;a", Err(NotCanonical)),
            ("a;a", Err(NotCanonical)),
            ("A", Err(NotCanonical)),
            ("a;", Err(NotCanonical)),
            ("", Err(NotCanonical)),
            ("a;c", Err(NotCanonical)),
        ] {
            assert_eq!(push_headers(&mut Vec::new(), &message, list), want, "{list}");
        }
    }
}
