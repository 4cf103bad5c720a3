//! What is known of a request, asked for one condition key at a time, and only when a condition asks.

use std::borrow::Cow;
use std::net::IpAddr;

use claviger_types::{EncryptionContext, Timestamp};

use crate::grants::GrantTerms;
use crate::keys::ConditionKey;

/// What a condition key has in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values<'a> {
    /// The request does not have the key.
    Absent,
    /// A multivalued key. Without values it counts as absent.
    Many(Vec<Cow<'a, str>>),
    /// A single-valued key.
    One(Value<'a>),
    /// Not known before there is a request: the key may have any value, or none.
    Unknown,
}

/// A value of a request. What is compared as what it is never becomes a text; to all operators it is the text that
/// policies write: `203.0.113.7`, `7`, `2026-01-31T12:00:00Z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// An address.
    Address(IpAddr),
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(Cow<'a, str>),
    /// A point in time, in whole seconds since the epoch.
    Time(i64),
}

impl<'a> Value<'a> {
    /// As policies write it.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Address(address) => address.to_string().into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Time(seconds) => at_second(*seconds).to_iso8601().into(),
        }
    }

    /// As policies write it.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            other => other.text().into_owned().into(),
        }
    }
}

/// So many seconds after the epoch.
pub(crate) fn at_second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

impl<'a> Values<'a> {
    /// One value.
    pub fn text(value: impl Into<Cow<'a, str>>) -> Self {
        Self::One(Value::Text(value.into()))
    }

    /// An address.
    pub fn address(value: IpAddr) -> Self {
        Self::One(Value::Address(value))
    }

    /// A whole number.
    pub fn integer(value: i64) -> Self {
        Self::One(Value::Integer(value))
    }

    /// A point in time; the fraction of its second is dropped.
    pub fn time(value: Timestamp) -> Self {
        Self::One(Value::Time(value.as_millis().div_euclid(1000)))
    }

    /// `true` or `false`.
    pub fn boolean(value: bool) -> Self {
        Self::text(if value { "true" } else { "false" })
    }

    /// A value, if there is one.
    pub fn optional(value: Option<impl Into<Cow<'a, str>>>) -> Self {
        value.map_or(Self::Absent, Self::text)
    }
}

/// Something else that a request may have.
#[derive(Debug)]
pub enum Fact<'a, T> {
    /// The request has none.
    Absent,
    /// The request has it.
    Known(&'a T),
    /// Not known before there is a request.
    Unknown,
}

/// A request as policies and grants see it.
pub trait Context {
    /// What a condition key has. Must answer [`Values::Unknown`] for what it cannot tell: never "absent" by default.
    fn values(&self, key: &ConditionKey) -> Values<'_>;

    /// The encryption context, in full: grants compare it exactly, while condition keys ignore case.
    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        Fact::Absent
    }

    /// The grant that CreateGrant is to make: who holds CreateGrant by a grant can pass on no more than that.
    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        Fact::Absent
    }
}
