//! What is known of a request, asked for one condition key at a time, and only when a condition asks.

use std::borrow::Cow;

use claviger_types::EncryptionContext;

use crate::grants::GrantTerms;
use crate::keys::ConditionKey;

/// What a condition key has in a request. Values are texts, as policies write them: `true`, `7`, `203.0.113.7`,
/// `2026-01-31T12:00:00Z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values<'a> {
    /// The request does not have the key.
    Absent,
    /// A multivalued key. Without values it counts as absent.
    Many(Vec<Cow<'a, str>>),
    /// A single-valued key.
    One(Cow<'a, str>),
    /// Not known before there is a request: the key may have any value, or none.
    Unknown,
}

impl<'a> Values<'a> {
    /// One value.
    pub fn text(value: impl Into<Cow<'a, str>>) -> Self {
        Self::One(value.into())
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
