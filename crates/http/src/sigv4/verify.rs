//! The server's side: one request, one verdict.
//!
//! The order of the checks is AWS's as far as it was observed: the header's form, the access key, the scope, the
//! date, the signature. No verdict is kept; a signing key is, once a signature made with it was right, so that
//! nobody without the secret can fill the memory.

use std::collections::HashMap;

use claviger_keyring::SigningKey;
use claviger_types::{AccessKeyId, Region, ServiceName, SessionKeyId, Timestamp};
use hyper::HeaderMap;

use super::authorization::{self, Authorization, Scope};
use super::canonical::{self, HexHash};
use super::date::SignatureDate;
use super::error::QueryParameter;
use super::names::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, X_AMZ_TARGET};
use super::{AuthError, Message, TERMINATOR};

/// How far a request's time may be from the server's. Source: observed at AWS KMS.
const WINDOW_MILLIS: i64 = 5 * 60 * 1000;

/// Signing keys that one worker keeps of users' access keys: some thousand of them in a few Regions.
const KEYS_MAX: usize = 8192;

/// Signing keys that one worker keeps of sessions' access keys. They come and go, and must not push out the others.
const SESSION_KEYS_MAX: usize = 4096;

/// What a verifier asks: who has this access key, and is this Region served?
pub trait Directory {
    /// Whoever holds an access key.
    type Holder: Clone;

    /// The holder of a user's access key, if there is one now.
    fn user(&self, access_key_id: AccessKeyId) -> Option<Self::Holder>;

    /// The holder of a session's access key, if the token was given out with it.
    fn session(&self, access_key_id: SessionKeyId, token: &[u8]) -> Option<Self::Holder>;

    /// Whether both are the same, not only of one name.
    fn is_same(one: &Self::Holder, other: &Self::Holder) -> bool;

    /// Whether requests for this Region are answered here.
    fn serves(&self, region: &Region) -> bool;

    /// The key that signs for one day, Region and service.
    fn signing_key(
        &self,
        holder: &Self::Holder,
        day: &str,
        region: &Region,
        service: ServiceName,
    ) -> Result<SigningKey, KeyUnavailable>;
}

/// The secret access key cannot be opened: the store or the root of trust is damaged. The text is the operator's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyUnavailable(pub String);

/// A request that was signed by `holder` and is unchanged since.
pub struct Verified<H> {
    /// Who signed.
    pub holder: H,
    /// The Region that it is meant for.
    pub region: Region,
}

/// Verifies the requests of one worker.
pub struct Verifier<H> {
    user_keys: Keys<H>,
    session_keys: Keys<H>,
    last_scope: Option<AcceptedScope>,
    buffer: Vec<u8>,
}

/// A scope that was right for requests of one day and service: nearly all others of that day have the same.
struct AcceptedScope {
    text: String,
    service: ServiceName,
    region: Region,
}

/// Signing keys, each with its holder.
pub(super) struct Keys<H> {
    pub(super) keys: HashMap<KeyName, (H, SigningKey)>,
    max: usize,
}

/// What one signing key is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyName {
    pub(super) access_key_id: SigningId,
    pub(super) day: [u8; 8],
    pub(super) region: Region,
    pub(super) service: ServiceName,
}

/// The id of an access key that signs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SigningId {
    Session(SessionKeyId),
    User(AccessKeyId),
}

impl<H: Clone> Verifier<H> {
    /// One without any signing keys yet.
    pub fn new() -> Self {
        let (user_keys, session_keys) = (Keys::new(KEYS_MAX), Keys::new(SESSION_KEYS_MAX));
        Self { user_keys, session_keys, last_scope: None, buffer: Vec::with_capacity(1024) }
    }

    /// Who signed `message` for `service`, if its signature is right at the time `now` of the wall clock.
    pub fn verify<D: Directory<Holder = H>>(
        &mut self,
        directory: &D,
        message: &Message<'_>,
        service: ServiceName,
        now: Timestamp,
    ) -> Result<Verified<H>, AuthError> {
        let authorization = authorization(message)?;
        let date = SignatureDate::of(message.headers)?;
        check_signed_headers(message.headers, authorization.signed_headers)?;
        let (access_key_id, holder) =
            holder(directory, authorization.access_key_id, message.headers).ok_or(AuthError::UnknownToken)?;
        let region = self.region(directory, &authorization.scope, service, &date)?;
        check_window(date.at(), now)?;
        let body_hash = canonical::hex_hash(message.body);
        check_body_hash(message.headers, &body_hash)?;
        let signature = decode_signature(authorization.signature).ok_or(AuthError::Mismatch)?;
        canonical::request(&mut self.buffer, message, authorization.signed_headers, &body_hash)
            .map_err(|_| AuthError::Mismatch)?;
        canonical::string_to_sign(&mut self.buffer, date.as_str(), authorization.scope.text);
        let day = date.day().as_bytes().try_into().map_err(|_| AuthError::Mismatch)?;
        self.check_signature(directory, &holder, KeyName { access_key_id, day, region, service }, &signature)?;
        Ok(Verified { holder, region })
    }

    /// The Region of a scope, as [`check_scope`] finds it.
    fn region<D: Directory>(
        &mut self,
        directory: &D,
        scope: &Scope<'_>,
        service: ServiceName,
        date: &SignatureDate,
    ) -> Result<Region, AuthError> {
        match &self.last_scope {
            Some(last) if last.service == service && last.text == scope.text && scope.day == date.day() => {
                Ok(last.region)
            }
            _ => {
                let region = check_scope(directory, scope, service, date)?;
                self.last_scope = Some(AcceptedScope { text: scope.text.to_owned(), service, region });
                Ok(region)
            }
        }
    }

    /// Compares with the signature of the string to sign in the buffer.
    fn check_signature<D: Directory<Holder = H>>(
        &mut self,
        directory: &D,
        holder: &H,
        name: KeyName,
        signature: &[u8; 32],
    ) -> Result<(), AuthError> {
        // The same access key may have been deleted and made again: the pointer tells, and costs nothing.
        let keys = match name.access_key_id {
            SigningId::Session(_) => &mut self.session_keys,
            SigningId::User(_) => &mut self.user_keys,
        };
        if let Some((known, key)) = keys.keys.get(&name)
            && D::is_same(known, holder)
        {
            return if key.verify(&self.buffer, signature) { Ok(()) } else { Err(AuthError::Mismatch) };
        }
        let day = std::str::from_utf8(&name.day).map_err(|_| AuthError::Mismatch)?;
        let key = directory
            .signing_key(holder, day, &name.region, name.service)
            .map_err(|error| AuthError::Unavailable(error.0))?;
        if !key.verify(&self.buffer, signature) {
            return Err(AuthError::Mismatch);
        }
        keys.insert(name, holder.clone(), key);
        Ok(())
    }
}

impl<H> Keys<H> {
    pub(super) fn new(max: usize) -> Self {
        Self { keys: HashMap::new(), max }
    }

    pub(super) fn insert(&mut self, name: KeyName, holder: H, key: SigningKey) {
        if self.keys.len() >= self.max {
            self.make_room(name.day);
        }
        self.keys.insert(name, (holder, key));
    }

    /// Yesterday's keys go first; if there are none, all go, which costs one derivation each.
    fn make_room(&mut self, today: [u8; 8]) {
        self.keys.retain(|name, _| name.day == today);
        if self.keys.len() >= self.max {
            self.keys.clear();
        }
    }
}

impl<H: Clone> Default for Verifier<H> {
    fn default() -> Self {
        Self::new()
    }
}

/// Who has the access key. A user's has no token, a session's has its own; everything else is as wrong as a garbled one.
fn holder<D: Directory>(directory: &D, access_key_id: &str, headers: &HeaderMap) -> Option<(SigningId, D::Holder)> {
    let mut tokens = headers.get_all(X_AMZ_SECURITY_TOKEN).iter();
    match (tokens.next(), tokens.next()) {
        (None, _) => {
            let id = access_key_id.parse().ok()?;
            directory.user(id).map(|holder| (SigningId::User(id), holder))
        }
        (Some(token), None) => {
            let id = access_key_id.parse().ok()?;
            directory.session(id, token.as_bytes()).map(|holder| (SigningId::Session(id), holder))
        }
        (Some(_), Some(_)) => None,
    }
}

/// The request's authorization, which must stand in the header and nowhere else.
fn authorization<'a>(message: &Message<'a>) -> Result<Authorization<'a>, AuthError> {
    let header = message.headers.get(hyper::header::AUTHORIZATION);
    let given = |name: &str| {
        let mut pairs = message.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.any(|(key, value)| key == name && !value.is_empty())
    };
    let by_query = !message.query.is_empty() && QueryParameter::ALL.into_iter().any(|it| given(it.name()));
    match (header, by_query) {
        (Some(_), true) if given(QueryParameter::Algorithm.name()) => Err(AuthError::BothForms),
        (Some(header), _) => {
            let dated = message.headers.contains_key(X_AMZ_DATE) || message.headers.contains_key("date");
            match std::str::from_utf8(header.as_bytes()) {
                Ok(text) => authorization::parse(text, dated),
                Err(_) => {
                    let header = String::from_utf8_lossy(header.as_bytes()).into_owned();
                    Err(AuthError::NotKeyValue { token: header.clone(), header })
                }
            }
        }
        (None, true) => {
            let missing: Vec<_> = QueryParameter::ALL.into_iter().filter(|it| !given(it.name())).collect();
            Err(if missing.is_empty() { AuthError::QueryUnsupported } else { AuthError::QueryIncomplete(missing) })
        }
        (None, false) => Err(AuthError::MissingToken),
    }
}

/// What the service acts on must be signed, or a captured request becomes another one.
fn check_signed_headers(headers: &HeaderMap, signed: &str) -> Result<(), AuthError> {
    let mut host = false;
    let mut others = [
        (X_AMZ_DATE, "'X-Amz-Date'", false),
        (X_AMZ_TARGET, "'X-Amz-Target'", false),
        (X_AMZ_SECURITY_TOKEN, "'X-Amz-Security-Token'", false),
        (X_AMZ_CONTENT_SHA256, "'X-Amz-Content-Sha256'", false),
    ];
    for name in signed.as_bytes().split(|byte| *byte == b';') {
        host |= name == b"host";
        others.iter_mut().for_each(|(other, _, signed)| *signed |= name == other.as_str().as_bytes());
    }
    if !host {
        return Err(AuthError::Unsigned("'Host' or ':authority'"));
    }
    match others.iter().find(|(name, _, signed)| !signed && headers.contains_key(name)) {
        Some((_, text, _)) => Err(AuthError::Unsigned(text)),
        None => Ok(()),
    }
}

/// The scope's Region, if the scope is one of this place, of `service` and of the signature's day. What is wrong is
/// said all at once.
fn check_scope<D: Directory>(
    directory: &D,
    scope: &Scope<'_>,
    service: ServiceName,
    date: &SignatureDate,
) -> Result<Region, AuthError> {
    let region: Option<Region> = scope.region.parse().ok();
    let served = region.filter(|region| match service {
        ServiceName::Iam => region.as_str() == "us-east-1",
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms | ServiceName::Sts => {
            directory.serves(region)
        }
    });
    let right_service = scope.service == service.as_str();
    let right_end = scope.terminator == TERMINATOR;
    let right_day = scope.day == date.day();
    if let Some(region) = served
        && right_service
        && right_end
        && right_day
    {
        return Ok(region);
    }
    let mut text = String::new();
    if served.is_none() {
        text.push_str(AuthError::REGION);
    }
    if !right_service {
        text.push_str(&AuthError::service_sentence(service));
    }
    if !right_end {
        text.push_str(&AuthError::terminator_sentence(scope.terminator));
    }
    if !right_day {
        text.push_str(&AuthError::day_sentence(scope.day, date.day(), date.as_str()));
    }
    Err(AuthError::BadScope(text))
}

fn check_window(signed: Timestamp, now: Timestamp) -> Result<(), AuthError> {
    let text = |time: Timestamp| time.to_amz_date();
    let (oldest, latest) = (now.offset_by(-WINDOW_MILLIS), now.offset_by(WINDOW_MILLIS));
    // Requests carry whole seconds: so does the comparison, or the edge of the window would move with the fraction.
    let seconds = |time: Timestamp| time.as_millis().div_euclid(1000);
    if seconds(signed) < seconds(oldest) {
        return Err(AuthError::Expired { signed: text(signed), limit: text(oldest), now: text(now) });
    }
    if seconds(signed) > seconds(latest) {
        return Err(AuthError::NotYetCurrent { signed: text(signed), limit: text(latest), now: text(now) });
    }
    Ok(())
}

/// The header adds nothing, since the hash is always computed; but a client that sends it means it.
fn check_body_hash(headers: &HeaderMap, hash: &HexHash) -> Result<(), AuthError> {
    match headers.get(X_AMZ_CONTENT_SHA256) {
        Some(sent) if sent.as_bytes() != hash => Err(AuthError::BodyHash),
        _ => Ok(()),
    }
}

/// Lower-case hex only: a signature has one form.
fn decode_signature(text: &str) -> Option<[u8; 32]> {
    let mut signature = [0; 32];
    let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
    (lower && text.len() == 64 && const_hex::decode_to_slice(text, &mut signature).is_ok()).then_some(signature)
}
