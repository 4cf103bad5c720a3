//! The time of a signature: `X-Amz-Date` in ISO 8601's basic form, or else the `Date` header.

use claviger_types::Timestamp;
use hyper::HeaderMap;
use hyper::header::DATE;
use jiff::civil;
use jiff::fmt::rfc2822;

use super::AuthError;
use super::names::X_AMZ_DATE;

/// When a request says that it was signed, as text (it enters the string to sign) and as a time.
pub(super) struct SignatureDate {
    text: [u8; 16],
    at: Timestamp,
}

impl SignatureDate {
    /// Reads `X-Amz-Date`, or `Date` if there is none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, AuthError> {
        let value = headers.get(X_AMZ_DATE).or_else(|| headers.get(DATE));
        let bytes = value.map(|value| value.as_bytes()).unwrap_or_default();
        let bad = || AuthError::BadDate(String::from_utf8_lossy(bytes).into_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
        Self::from_basic(text).or_else(|| Self::from_http_date(text)).ok_or_else(bad)
    }

    /// `20260131T120000Z`.
    pub(super) fn as_str(&self) -> &str {
        // INVARIANT: only ASCII digits, `T` and `Z` are ever stored, so the fallback is never taken.
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// `20260131`: what the credential's scope must name.
    pub(super) fn day(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }

    /// The time.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    fn from_basic(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        let [year1, year2, year3, year4, mon1, mon2, day1, day2, b'T', h1, h2, min1, min2, s1, s2, b'Z'] = bytes else {
            return None;
        };
        let year = number([year1, year2])? * 100 + number([year3, year4])?;
        let narrow = |digits| number(digits).and_then(|value| i8::try_from(value).ok());
        let date = civil::Date::new(year, narrow([mon1, mon2])?, narrow([day1, day2])?).ok()?;
        let time = civil::Time::new(narrow([h1, h2])?, narrow([min1, min2])?, narrow([s1, s2])?, 0).ok()?;
        let days = date.duration_since(civil::date(1970, 1, 1)).as_hours() / 24;
        let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
        Some(Self { text: bytes, at: Timestamp::from_millis((days * 86_400 + seconds) * 1000) })
    }

    fn from_http_date(text: &str) -> Option<Self> {
        let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        let at = Timestamp::from_millis(at.as_millisecond());
        let text = at.to_amz_date().as_bytes().try_into().ok()?;
        Some(Self { text, at })
    }
}

fn number([tens, ones]: [u8; 2]) -> Option<i16> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn read(name: &'static str, value: &'static str) -> Result<(String, String), AuthError> {
        let headers =
            HeaderMap::from_iter([(hyper::header::HeaderName::from_static(name), HeaderValue::from_static(value))]);
        SignatureDate::of(&headers).map(|date| (date.as_str().to_owned(), date.at().to_string()))
    }

    #[test]
    fn forms() {
        for (name, value, text, at) in [
            ("x-amz-date", "20260131T120000Z", "20260131T120000Z", "2026-01-31T12:00:00.000Z"),
            ("x-amz-date", "20240229T235959Z", "20240229T235959Z", "2024-02-29T23:59:59.000Z"),
            ("x-amz-date", "19691231T235959Z", "19691231T235959Z", "1969-12-31T23:59:59.000Z"),
            ("date", "20260131T120000Z", "20260131T120000Z", "2026-01-31T12:00:00.000Z"),
            ("date", "Mon, 09 Sep 2011 23:36:00 GMT", "", ""),
            ("date", "Fri, 09 Sep 2011 23:36:00 GMT", "20110909T233600Z", "2011-09-09T23:36:00.000Z"),
        ] {
            let want = (!text.is_empty()).then(|| (text.to_owned(), at.to_owned()));
            assert_eq!(read(name, value).ok(), want, "{name}: {value}");
        }
    }

    #[test]
    fn refused() {
        for value in [
            "",
            "201",
            "20260131T120000",
            "20260131T120000z",
            "20260131 120000Z",
            "20260230T120000Z",
            "20261301T120000Z",
            "20260131T240000Z",
            "20260131T126000Z",
            "2026013aT120000Z",
            "+0260131T120000Z",
            "2026-01-31T12:00:00Z",
        ] {
            assert_eq!(read("x-amz-date", value), Err(AuthError::BadDate(value.to_owned())), "{value}");
        }
    }
}
