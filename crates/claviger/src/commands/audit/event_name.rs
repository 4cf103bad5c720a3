//! How an event is named on the command line: by its id, or by the place of its entry.

use std::str::FromStr;

use claviger_core::EventId;
use claviger_tlog::Reader;

use super::error::AuditError;
use super::log::AuditLog;

/// The name of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventName {
    Id(EventId),
    Index(u64),
}

impl FromStr for EventName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().map(Self::Id);
        id.or_else(|_| text.parse().map(Self::Index)).map_err(|_| "it is an event id, or a number from 0 on")
    }
}

impl EventName {
    /// The place of its entry in this log.
    pub(super) fn index_in(self, log: &AuditLog, reader: &Reader) -> Result<u64, AuditError> {
        match self {
            Self::Index(index) => Ok(index),
            Self::Id(id) if id.is_of(&reader.checkpoint().checkpoint().origin) => Ok(id.index()),
            Self::Id(id) => Err(AuditError::OtherLog { id, dir: log.dir().to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_name_an_event() {
        let id = EventId::new(&"log".parse().unwrap(), 7, 0).unwrap();
        assert_eq!(id.to_string().parse(), Ok(EventName::Id(id)));
        assert_eq!("7".parse(), Ok(EventName::Index(7)));
        for bad in ["", "-1", "7a", "18446744073709551616", "11111111-1111-4111-8111-111111111111"] {
            assert!(bad.parse::<EventName>().is_err(), "{bad}");
        }
    }
}
