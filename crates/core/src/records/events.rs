//! The event of a request or of an act of the service's own: an entry of the audit log, and what waits in the outbox.
//!
//! Everything that is told of it later (a CloudTrail record, who used which key) is made of this and of nothing else, so
//! it holds what was true then: names and tags may have changed since. It is read where it stands, without a copy. There
//! is one encoding of an event, so that it can be compared as bytes.

use std::borrow::Cow;
use std::net::IpAddr;

use claviger_types::KeyId;
use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::BadRecord;

/// The first byte. Tells an event from other records.
const KIND: u8 = 10;
/// The second byte.
const VERSION: u8 = 2;

/// Fields of an event.
const FIELDS: u64 = 18;

/// An Encrypt's event fits.
const USUAL_BYTES: usize = 448;

/// An event.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct EventRecord<'a> {
    /// What kind of event it is.
    #[n(0)]
    pub kind: EventKind,
    /// Milliseconds since the epoch, by the domain clock.
    #[n(1)]
    pub at: i64,
    /// The request's id, which its answer bore; a fresh one for other events.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Whose operation it is, `kms`; none if nobody knows.
    #[b(3)]
    pub service: Option<&'a str>,
    /// The operation, `CreateKey`; for a job `DeleteKey` and the like.
    #[b(4)]
    pub operation: Option<&'a str>,
    /// The caller's account; for a job the one that it acted for.
    #[n(5)]
    pub account: Option<u64>,
    /// The Region that the request was signed for, or in which a job acted; none for the global space.
    #[b(6)]
    pub region: Option<&'a str>,
    /// Who called; none if the service itself acted.
    #[b(7)]
    pub caller: Option<CallerRecord<'a>>,
    /// Remote address: 4 or 16 bytes.
    #[cbor(b(8), with = "minicbor::bytes")]
    pub source_ip: Option<&'a [u8]>,
    /// As sent, cut.
    #[b(9)]
    pub user_agent: Option<&'a str>,
    /// How the request came; none without TLS.
    #[n(10)]
    pub tls: Option<TlsRecord>,
    /// Members of the request; without blobs, secrets, codes and grant tokens.
    #[b(11)]
    pub parameters: Option<Shown<'a>>,
    /// Keys that were acted upon.
    #[n(12)]
    pub keys: Cow<'a, [KeyUseRecord]>,
    /// ARNs of what else was.
    #[b(13)]
    pub resources: Vec<&'a str>,
    /// Why it was refused, if it was.
    #[b(14)]
    pub error: Option<ErrorRecord<'a>>,
    /// Members of the answer of what changes the state, without secrets.
    #[b(15)]
    pub response: Option<Shown<'a>>,
    /// How many requests this event stands for, if not for one of its own.
    #[n(16)]
    pub requests: Option<u64>,
    /// Whether the operation is one that changes nothing, whatever came of the request.
    #[n(17)]
    pub read_only: bool,
}

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EventKind {
    /// A request of somebody who was authenticated.
    #[n(0)]
    Call,
    /// An act of the service itself.
    #[n(1)]
    Job,
    /// A request that was refused before it was known who sent it, or that broke off on its way.
    #[n(2)]
    Unauthenticated,
    /// Many of them, counted.
    #[n(3)]
    UnauthenticatedMany,
}

/// Who called, as it was then. The account is the event's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallerRecord<'a> {
    /// What kind of principal.
    #[n(0)]
    pub kind: CallerKind,
    /// IAM path of the user or role.
    #[b(1)]
    pub path: &'a str,
    /// Its name without the path.
    #[b(2)]
    pub name: &'a str,
    /// Its unique id.
    #[b(3)]
    pub id: &'a str,
    /// The access key that signed, or that a signature named.
    #[b(4)]
    pub access_key_id: &'a str,
    /// The name of a role's session.
    #[b(5)]
    pub session_name: Option<&'a str>,
    /// The session, if it is not the principal's own access key that signed.
    #[b(6)]
    pub session: Option<SessionContextRecord<'a>>,
    /// `Environment`, by the tags of the session, else of the principal, else of the account.
    #[b(7)]
    pub environment: Option<&'a str>,
    /// `Application`, likewise.
    #[b(8)]
    pub application: Option<&'a str>,
}

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CallerKind {
    /// A user with its own access key.
    #[n(0)]
    User,
    /// A role by a session.
    #[n(1)]
    RoleSession,
    /// A user by a session.
    #[n(2)]
    UserSession,
    /// Nobody that is known (any more): only an access key's id is there.
    #[n(3)]
    Unknown,
}

/// The session that called.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionContextRecord<'a> {
    /// When it began, by the wall clock.
    #[n(0)]
    pub created_at: i64,
    /// When a code of an MFA device was presented for it, if one was.
    #[n(1)]
    pub mfa_at: Option<i64>,
    /// Who is behind it.
    #[b(2)]
    pub source_identity: Option<&'a str>,
}

/// A TLS connection, by the numbers of RFC 8446.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct TlsRecord {
    /// Protocol version.
    #[n(0)]
    pub version: u16,
    /// Cipher suite.
    #[n(1)]
    pub cipher_suite: u16,
    /// Key exchange group; 0 for a resumed session without one.
    #[n(2)]
    pub group: u16,
}

/// A key that was acted upon, in the event's Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct KeyUseRecord {
    /// Whose key.
    #[n(0)]
    pub account: u64,
    /// The 16 bytes of its id.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Whether its id is of the multi-Region form.
    #[n(2)]
    pub multi_region: bool,
    /// How the request named it.
    #[n(3)]
    pub addressed: Addressed,
    /// KeyMaterialId of the backing key that was used, if one was.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub material: Option<[u8; 32]>,
    /// Id of the grant on it that RetireGrant named: a request by token shows none.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub grant: Option<[u8; 32]>,
}

/// How a request names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Addressed {
    /// By its id.
    #[n(0)]
    Id,
    /// By its ARN.
    #[n(1)]
    Arn,
    /// By an alias.
    #[n(2)]
    Alias,
    /// By the ARN of an alias.
    #[n(3)]
    AliasArn,
    /// By a ciphertext alone.
    #[n(4)]
    Ciphertext,
    /// By something that belongs to it, such as a grant or an alias that is changed.
    #[n(5)]
    Otherwise,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ErrorRecord<'a> {
    /// The error's code, as the protocol of the service calls it.
    #[b(0)]
    pub code: &'a str,
    /// The text that the caller was told, cut; none if it might hold what must not be here.
    #[b(1)]
    pub message: Option<&'a str>,
}

impl EventRecord<'_> {
    /// An event of which no more is known.
    pub fn new(kind: EventKind, at: i64, id: [u8; 16]) -> Self {
        Self {
            kind,
            at,
            id,
            service: None,
            operation: None,
            account: None,
            region: None,
            caller: None,
            source_ip: None,
            user_agent: None,
            tls: None,
            parameters: None,
            keys: Cow::default(),
            resources: Vec::new(),
            error: None,
            response: None,
            requests: None,
            read_only: false,
        }
    }

    /// The event as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// Appends the event to `bytes`.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(USUAL_BYTES);
        bytes.extend_from_slice(&[KIND, VERSION]);
        // INVARIANT: writing to a Vec cannot fail.
        let _ = minicbor::encode(self, bytes);
    }
}

impl EventRecord<'_> {
    /// The remote address.
    pub fn address(&self) -> Option<IpAddr> {
        let octets = self.source_ip?;
        let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
    }
}

impl KeyUseRecord {
    /// Its id.
    pub fn key_id(&self) -> KeyId {
        if self.multi_region { KeyId::multi_region(self.id) } else { KeyId::single_region(self.id) }
    }
}

impl<'a> EventRecord<'a> {
    /// The event in `bytes`; all of them must belong to it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadRecord> {
        match bytes {
            [KIND, VERSION, fields @ ..] => {
                let mut decoder = Decoder::new(fields);
                let event = decoder.decode().map_err(|error| BadRecord::Fields(error.to_string()))?;
                let whole = decoder.position() == fields.len();
                whole.then_some(event).ok_or_else(|| BadRecord::Fields("trailing bytes".into()))
            }
            [KIND, found, ..] => Err(BadRecord::Version { found: *found }),
            _ => Err(BadRecord::Kind { wanted: KIND }),
        }
    }
}

/// What stands first in an event: what differs in nearly each one, and where the rest begins.
#[derive(Debug, Clone, Copy)]
pub struct EventHead {
    /// What kind of event it is.
    pub kind: EventKind,
    /// When.
    pub at: i64,
    /// Its id.
    pub id: [u8; 16],
    /// Where in the bytes the rest begins, behind the id.
    pub rest: usize,
}

impl EventHead {
    /// The head of the event in `bytes`, of which nothing else is read.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let [KIND, VERSION, fields @ ..] = bytes else { return None };
        let mut decoder = Decoder::new(fields);
        // INVARIANT: as many fields as an `EventRecord` has, the last of which is never left out.
        decoder.array().ok().flatten().filter(|fields| *fields == FIELDS)?;
        let (kind, at) = (decoder.decode().ok()?, decoder.i64().ok()?);
        let id = decoder.bytes().ok()?.try_into().ok()?;
        Some(Self { kind, at, id, rest: bytes.len() - fields.len() + decoder.position() })
    }
}

/// Members of a request or an answer: one CBOR item, which [`Shown::value`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a>(pub &'a [u8]);

/// What members hold.
#[derive(Debug, Clone, PartialEq)]
pub enum ShownValue {
    /// Truth.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A member for which an event has no room.
    LeftOut {
        /// Its length as it would stand there, in bytes.
        bytes: u64,
        /// SHA-256 of the same.
        sha256: [u8; 32],
    },
    /// Values.
    List(Vec<Self>),
    /// Values by name: members of a structure, or pairs of a map.
    Map(Vec<(String, Self)>),
    /// All members, if an event has room for none.
    Omitted,
    /// Text.
    Text(String),
    /// A point in time: seconds since the epoch.
    Time(f64),
}

/// Values within values: more than any model has.
const NESTING_MAX: usize = 16;

impl Shown<'_> {
    /// The members.
    pub fn value(&self) -> Result<ShownValue, BadRecord> {
        let bad = |error: DecodeError| BadRecord::Fields(error.to_string());
        value(&mut Decoder::new(self.0), NESTING_MAX).map_err(bad)
    }
}

impl<C> Encode<C> for Shown<'_> {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.writer_mut().write_all(self.0).map_err(EncodeError::write)
    }
}

impl<'b, C> Decode<'b, C> for Shown<'b> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let start = d.position();
        d.skip()?;
        let item = d.input().get(start..d.position()).ok_or_else(DecodeError::end_of_input)?;
        Ok(Self(item))
    }
}

/// Length, SHA-256.
fn left_out(told: &[u8]) -> Option<ShownValue> {
    let (bytes, sha256) = told.split_first_chunk()?;
    Some(ShownValue::LeftOut { bytes: u64::from_be_bytes(*bytes), sha256: sha256.try_into().ok()? })
}

fn value(d: &mut Decoder<'_>, depth: usize) -> Result<ShownValue, DecodeError> {
    let below = depth.checked_sub(1).ok_or_else(|| DecodeError::message("nests too deeply"))?;
    let unknown = |what| DecodeError::message(format!("{what} is not a value of an event"));
    Ok(match d.datatype()? {
        Type::Bool => ShownValue::Boolean(d.bool()?),
        Type::Bytes => left_out(d.bytes()?).ok_or_else(|| unknown("a byte string of this length"))?,
        Type::F64 => ShownValue::Time(d.f64()?),
        Type::String => ShownValue::Text(d.str()?.to_owned()),
        Type::Undefined => {
            d.undefined()?;
            ShownValue::Omitted
        }
        Type::Array => {
            let length = d.array()?.ok_or_else(|| unknown("an open array"))?;
            ShownValue::List((0..length).map(|_| value(d, below)).collect::<Result<_, _>>()?)
        }
        Type::Map => {
            let length = d.map()?.ok_or_else(|| unknown("an open map"))?;
            let mut pair = || Ok((d.str()?.to_owned(), value(d, below)?));
            ShownValue::Map((0..length).map(|_| pair()).collect::<Result<_, DecodeError>>()?)
        }
        _ => ShownValue::Integer(d.i64()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_event() {
        let event = EventRecord { operation: Some("Encrypt"), ..EventRecord::new(EventKind::Job, -5, [7; 16]) };
        let bytes = event.to_bytes();
        let EventHead { kind, at, id, rest } = EventHead::of(&bytes).unwrap();
        assert_eq!((kind, at, id), (EventKind::Job, -5, [7; 16]));
        let other = EventRecord { at: 1 << 40, id: [8; 16], ..event.clone() }.to_bytes();
        assert_eq!(bytes[rest..], other[EventHead::of(&other).unwrap().rest..]);
        // One field more or less, and no event at all.
        for change in [1_i8, -1] {
            let mut bytes = bytes.clone();
            bytes[2] = bytes[2].wrapping_add_signed(change);
            assert!(EventHead::of(&bytes).is_none(), "{change}");
        }
        assert!(EventHead::of(b"no event").is_none());
    }
}
