//! A decoded request: plain values in the places of its model's members. First of the two stages of a request; an
//! operation takes its members out of it once the constraints hold.
//!
//! It may hold plaintexts and secret access keys, so it has neither Debug nor Clone.

use claviger_types::Timestamp;
use zeroize::Zeroizing;

use super::blob::Blob;
use super::model::{Member, Structure};

/// The members of a structure that the request holds.
pub struct Fields {
    model: &'static Structure,
    /// INVARIANT: as long as the model's members, each value of its member's type.
    values: Box<[Option<Value>]>,
}

/// A value of a request.
pub(super) enum Value {
    Blob(Blob),
    Boolean(bool),
    Integer(i64),
    List(Vec<Self>),
    Map(Vec<(String, String)>),
    Secret(Zeroizing<String>),
    String(String),
    Structure(Fields),
    Timestamp(Timestamp),
}

/// The take-methods: each moves its member out. `None` if the request does not hold it (or it was taken before).
impl Fields {
    /// A binary member.
    pub fn blob(&mut self, name: &str) -> Option<Blob> {
        self.take(name, |value| if let Value::Blob(it) = value { Some(it) } else { None })
    }

    /// A boolean member.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name, |value| if let Value::Boolean(it) = value { Some(it) } else { None })
    }

    /// A whole number.
    pub fn integer(&mut self, name: &str) -> Option<i64> {
        self.take(name, |value| if let Value::Integer(it) = value { Some(it) } else { None })
    }

    /// Pairs of texts with distinct names, sorted by name.
    pub fn map(&mut self, name: &str) -> Option<Vec<(String, String)>> {
        self.take(name, |value| if let Value::Map(it) = value { Some(it) } else { None })
    }

    /// A text that the model marks as sensitive.
    pub fn secret(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.take(name, |value| if let Value::Secret(it) = value { Some(it) } else { None })
    }

    /// A text that the model does not mark as sensitive.
    pub fn string(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| if let Value::String(it) = value { Some(it) } else { None })
    }

    /// A list of texts.
    pub fn strings(&mut self, name: &str) -> Option<Vec<String>> {
        self.list(name, |value| if let Value::String(it) = value { Some(it) } else { None })
    }

    /// A structure.
    pub fn structure(&mut self, name: &str) -> Option<Self> {
        self.take(name, |value| if let Value::Structure(it) = value { Some(it) } else { None })
    }

    /// A list of structures.
    pub fn structures(&mut self, name: &str) -> Option<Vec<Self>> {
        self.list(name, |value| if let Value::Structure(it) = value { Some(it) } else { None })
    }

    /// A point in time.
    pub fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        self.take(name, |value| if let Value::Timestamp(it) = value { Some(it) } else { None })
    }

    fn list<T>(&mut self, name: &str, extract: fn(Value) -> Option<T>) -> Option<Vec<T>> {
        let values = self.take(name, |value| if let Value::List(it) = value { Some(it) } else { None })?;
        let length = values.len();
        let extracted: Vec<T> = values.into_iter().filter_map(extract).collect();
        debug_assert_eq!(extracted.len(), length, "{name} has elements of another type");
        Some(extracted)
    }

    fn take<T>(&mut self, name: &str, extract: fn(Value) -> Option<T>) -> Option<T> {
        let position = self.model.position(name);
        debug_assert!(position.is_some(), "the model has no member {name}");
        let value = self.values.get_mut(position?)?.take()?;
        let extracted = extract(value);
        debug_assert!(extracted.is_some(), "{name} is of another type");
        extracted
    }
}

impl Fields {
    /// Whether the request holds the member; null counts as absent.
    pub fn present(&self, name: &str) -> bool {
        let position = self.model.position(name);
        debug_assert!(position.is_some(), "the model has no member {name}");
        position.and_then(|position| self.values.get(position)).is_some_and(Option::is_some)
    }

    /// A member that the request holds and that no one took: the operation would ignore it, which must not happen.
    pub fn untaken(&self) -> Option<&'static str> {
        self.iter().find(|(_, value)| value.is_some()).map(|(member, _)| &*member.name)
    }

    pub(super) fn empty(model: &'static Structure) -> Self {
        Self { model, values: model.members().iter().map(|_| None).collect() }
    }

    /// A later value replaces an earlier one, also by absence.
    pub(super) fn set(&mut self, position: usize, value: Option<Value>) {
        if let Some(place) = self.values.get_mut(position) {
            *place = value;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static Member, Option<&Value>)> {
        self.model.members().iter().zip(self.values.iter().map(Option::as_ref))
    }

    pub(super) fn holds(&self, position: usize) -> bool {
        self.values.get(position).is_some_and(Option::is_some)
    }
}
