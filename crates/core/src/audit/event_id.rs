//! Event ids, made of the place of an entry in its log, so that an id can be turned back without an index.
//!
//! A UUID of version 8 (RFC 9562, section 5.8): `custom_a` (48 bits) is the entry's place; `custom_b` (12 bits) says
//! whose copy of the event it is, since the accounts that an event concerns each have their own; `custom_c` (62 bits)
//! are the first bits of the SHA-256 of the log's origin.

use std::fmt;
use std::str::FromStr;

use claviger_keyring::sha256;
use claviger_tlog::Origin;
use claviger_types::Malformed;
use uuid::Uuid;

const INDEX_BITS: u32 = 48;
const COPY_BITS: u32 = 12;
const LOG_BITS: u32 = 62;

/// The id of one account's copy of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// The copy that stands for all of them: `sharedEventID`.
    pub const SHARED: u16 = (1 << COPY_BITS) - 1;

    /// The id of the event in that entry of that log. `copy` is 0 for the caller's account, from 1 on for those whose
    /// resources the event concerns. None past 2^48 entries and 2^12 copies.
    pub fn new(origin: &Origin, index: u64, copy: u16) -> Option<Self> {
        if index >> INDEX_BITS != 0 || copy >> COPY_BITS != 0 {
            return None;
        }
        let version = 8;
        let variant = 0b10;
        let mut bits = u128::from(index);
        for (value, width) in [(version, 4), (u64::from(copy), COPY_BITS), (variant, 2), (log_bits(origin), LOG_BITS)] {
            bits = (bits << width) | u128::from(value);
        }
        Some(Self(Uuid::from_u128(bits)))
    }

    /// The entry's place in the log.
    pub fn index(self) -> u64 {
        self.0.as_u64_pair().0 >> (u64::BITS - INDEX_BITS)
    }

    /// Whose copy it is: 0 for the caller's account.
    pub fn copy(self) -> u16 {
        // INVARIANT: twelve bits are left.
        u16::try_from(self.0.as_u64_pair().0 & ((1 << COPY_BITS) - 1)).unwrap_or_default()
    }

    /// Whether the event is in that log.
    pub fn is_of(self, origin: &Origin) -> bool {
        self.0.as_u64_pair().1 & ((1 << LOG_BITS) - 1) == log_bits(origin)
    }
}

fn log_bits(origin: &Origin) -> u64 {
    let hash = sha256(origin.as_str().as_bytes());
    let first = hash.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
    first >> (u64::BITS - LOG_BITS)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Upper-case hex is accepted, as RFC 9562, section 4, has it; no other form is.
impl FromStr for EventId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("event id");
        let hyphenated = uuid::fmt::Hyphenated::LENGTH == text.len();
        let uuid = Uuid::try_parse(text).ok().filter(|_| hyphenated).ok_or(malformed)?;
        let custom = uuid.get_version_num() == 8 && uuid.get_variant() == uuid::Variant::RFC4122;
        custom.then_some(Self(uuid)).ok_or(malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INDEX_MAX: u64 = (1 << 48) - 1;
    const COPY_MAX: u16 = (1 << 12) - 1;

    fn origin(name: &str) -> Origin {
        name.parse().unwrap()
    }

    /// The last two groups are `printf %s claviger/00 | sha256sum` (75b832dfe849eb4f…) behind the variant's two bits.
    #[test]
    fn places_and_their_ids() {
        for (index, copy, want) in [
            (0, 0, "00000000-0000-8000-9d6e-0cb7fa127ad3"),
            (1, 0, "00000000-0001-8000-9d6e-0cb7fa127ad3"),
            (5_000_000, 2, "0000004c-4b40-8002-9d6e-0cb7fa127ad3"),
            (INDEX_MAX, COPY_MAX, "ffffffff-ffff-8fff-9d6e-0cb7fa127ad3"),
        ] {
            let id = EventId::new(&origin("claviger/00"), index, copy).unwrap();
            assert_eq!(id.to_string(), want, "entry {index}, copy {copy}");
        }
    }

    #[test]
    fn what_has_no_room_has_no_id() {
        for (index, copy) in [(INDEX_MAX + 1, 0), (u64::MAX, 0), (0, COPY_MAX + 1), (0, u16::MAX)] {
            assert_eq!(EventId::new(&origin("a"), index, copy), None, "entry {index}, copy {copy}");
        }
    }

    #[test]
    fn one_form_only() {
        let id = EventId::new(&origin("claviger/00"), 0xABCDEF, 1).unwrap();
        let text = id.to_string();
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        for bad in [
            String::new(),
            "11223344".to_owned(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{text} "),
            text.replacen("-8", "-4", 1),
            format!("{}c{}", &text[..19], &text[20..]),
            format!("{}2{}", &text[..19], &text[20..]),
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(Malformed("event id")), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_turned_back(
            index in 0..=INDEX_MAX,
            copy in 0..=COPY_MAX,
            log in "[a-z]{1,8}",
            other in "[a-z]{1,8}",
        ) {
            let id = EventId::new(&origin(&log), index, copy).unwrap();
            prop_assert_eq!((id.index(), id.copy()), (index, copy));
            prop_assert!(id.is_of(&origin(&log)));
            prop_assert_eq!(id.is_of(&origin(&other)), log == other);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        /// Each deployment has an origin of its own, and so would each node: whatever their places, no id is in two logs.
        #[test]
        fn ids_of_two_logs_never_meet(
            deployments in (any::<[u8; 16]>(), any::<[u8; 16]>()),
            indices in (0..=INDEX_MAX, 0..=INDEX_MAX),
            copies in (0..=COPY_MAX, 0..=COPY_MAX),
        ) {
            prop_assume!(deployments.0 != deployments.1);
            let log = |id: [u8; 16]| origin(&format!("claviger/{}", const_hex::encode(id)));
            let (first, second) = (log(deployments.0), log(deployments.1));
            let id = EventId::new(&first, indices.0, copies.0).unwrap();
            prop_assert_ne!(id, EventId::new(&second, indices.1, copies.1).unwrap());
            prop_assert_ne!(id, EventId::new(&second, indices.0, copies.0).unwrap());
            prop_assert!(id.is_of(&first) && !id.is_of(&second));
        }

        #[test]
        fn ids_are_in_the_order_of_the_log(
            indices in (0..=INDEX_MAX, 0..=INDEX_MAX),
            copies in (0..=COPY_MAX, 0..=COPY_MAX),
        ) {
            let text = |index, copy| EventId::new(&origin("a"), index, copy).unwrap().to_string();
            let (first, second) = (text(indices.0, copies.0), text(indices.1, copies.1));
            prop_assert_eq!(first.cmp(&second), (indices.0, copies.0).cmp(&(indices.1, copies.1)));
        }
    }
}
