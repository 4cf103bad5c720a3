//! What those who follow the log know of an entry before they read it: when it was, and which others are like it. Most
//! events differ from others in their time of day and their id alone, and whoever reads all of them works out once for
//! many what one says.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::LazyLock;

use claviger_types::{IdentityHasher, Timestamp};
use claviger_usage::Day;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::records::{EventHead, EventKind};

/// An event's outline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    /// What kind of event it is.
    pub(crate) kind: EventKind,
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    /// Its id.
    pub(crate) id: [u8; 16],
    /// Which others are like it.
    pub(crate) fingerprint: Fingerprint,
}

/// The same of events that differ in their time of day and their id alone, and of no others: a hash of all else under a
/// key that nobody knows, long enough that no two are the same by chance. It holds as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(u128);

/// For maps by fingerprint.
pub(crate) type FingerprintHasher = BuildHasherDefault<IdentityHasher>;

/// The hasher of all fingerprints, with its key: two outputs of a hasher of the standard library's, whose own key comes from
/// the operating system. No caller is ever shown a fingerprint, or learns which two are the same, so that one round for
/// each word is enough, as it is for hash tables.
static HASHER: LazyLock<SipHasher13> = LazyLock::new(|| {
    let [left, right] = [(); 2].map(|()| RandomState::new().hash_one(()));
    SipHasher13::new_with_keys(left, right)
});

impl Outline {
    /// The outline of the event in this entry; none if it is no event that can be read.
    pub(crate) fn of(entry: &[u8]) -> Option<Self> {
        let EventHead { kind, at, id, rest } = EventHead::of(entry)?;
        let mut hasher = *HASHER;
        (kind, Day::of(Timestamp::from_millis(at))).hash(&mut hasher);
        hasher.write(entry.get(rest..)?);
        Some(Self { kind, at, id, fingerprint: Fingerprint(hasher.finish128().as_u128()) })
    }

    /// The day on which it was.
    pub(crate) fn day(&self) -> Day {
        Day::of(Timestamp::from_millis(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::EventRecord;

    const DAY_MILLIS: i64 = 86_400_000;
    const NOON: i64 = 20_000 * DAY_MILLIS + DAY_MILLIS / 2;

    fn outline(kind: EventKind, at: i64, id: u8, operation: &str) -> Outline {
        let event = EventRecord { operation: Some(operation), ..EventRecord::new(kind, at, [id; 16]) };
        let outline = Outline::of(&event.to_bytes()).unwrap();
        assert_eq!((outline.kind, outline.at, outline.id), (kind, at, [id; 16]));
        assert_eq!(outline.day(), Day::of(Timestamp::from_millis(at)));
        outline
    }

    #[test]
    fn which_events_are_alike() {
        let first = outline(EventKind::Call, NOON, 1, "Encrypt");
        for (kind, at, id, operation, want) in [
            (EventKind::Call, NOON, 1, "Encrypt", true),
            (EventKind::Call, NOON + 5, 2, "Encrypt", true),
            (EventKind::Call, NOON - DAY_MILLIS / 2, 1, "Encrypt", true),
            (EventKind::Call, NOON, 1, "Decrypt", false),
            (EventKind::Job, NOON, 1, "Encrypt", false),
            (EventKind::Call, NOON + DAY_MILLIS / 2, 1, "Encrypt", false),
            (EventKind::Call, NOON - DAY_MILLIS, 1, "Encrypt", false),
        ] {
            let other = outline(kind, at, id, operation);
            assert_eq!(other.fingerprint == first.fingerprint, want, "{kind:?} {at} {id} {operation}");
        }
    }

    #[test]
    fn what_is_no_event_has_none() {
        let event = EventRecord::new(EventKind::Call, NOON, [1; 16]).to_bytes();
        assert!(Outline::of(&event).is_some());
        for bytes in [&b""[..], b"no event", &event[..20]] {
            assert!(Outline::of(bytes).is_none(), "{bytes:?}");
        }
    }
}
