//! The server's side: one request, one verdict.
//!
//! The order of the checks is AWS's as far as it was observed: the header's form, the access key, the scope, the
//! date, the signature. No verdict is kept; a signing key is, once a signature made with it was right, so that
//! nobody without the secret can fill the memory.

use std::collections::HashMap;
use std::sync::Arc;

use claviger_keyring::SigningKey;
use claviger_types::{AccessKeyId, Region, ServiceName, Timestamp};
use hyper::HeaderMap;

use super::authorization::{self, Authorization, Scope};
use super::canonical::{self, HexHash};
use super::date::SignatureDate;
use super::error::QueryParameter;
use super::names::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, X_AMZ_TARGET};
use super::{AuthError, Message, TERMINATOR};

/// How far a request's time may be from the server's. Source: observed at AWS KMS.
const WINDOW_MILLIS: i64 = 5 * 60 * 1000;

/// Signing keys that one worker keeps: some thousand credentials in a few Regions.
const KEYS_MAX: usize = 8192;

/// What a verifier asks: who has this access key, and is this Region served?
pub trait Directory {
    /// Whoever holds an access key.
    type Credential;

    /// The holder of an access key, if there is one now.
    fn credential(&self, access_key_id: &AccessKeyId) -> Option<&Arc<Self::Credential>>;

    /// Whether requests for this Region are answered here.
    fn serves(&self, region: &Region) -> bool;

    /// The key that signs for one day, Region and service.
    fn signing_key(
        &self,
        credential: &Arc<Self::Credential>,
        day: &str,
        region: &Region,
        service: ServiceName,
    ) -> Result<SigningKey, KeyUnavailable>;
}

/// The secret access key cannot be opened: the store or the root of trust is damaged. The text is the operator's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyUnavailable(pub String);

/// A request that was signed by the holder of `credential` and is unchanged since.
pub struct Verified<C> {
    /// Who signed.
    pub credential: Arc<C>,
    /// The Region that it is meant for.
    pub region: Region,
}

/// Verifies the requests of one worker.
pub struct Verifier<C> {
    keys: HashMap<KeyName, (Arc<C>, SigningKey)>,
    buffer: Vec<u8>,
}

/// What one signing key is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct KeyName {
    access_key_id: AccessKeyId,
    day: [u8; 8],
    region: Region,
    service: ServiceName,
}

impl<C> Verifier<C> {
    /// One without any signing keys yet.
    pub fn new() -> Self {
        Self { keys: HashMap::new(), buffer: Vec::with_capacity(1024) }
    }

    /// Who signed `message` for `service`, if its signature is right at the time `now` of the wall clock.
    pub fn verify<D: Directory<Credential = C>>(
        &mut self,
        directory: &D,
        message: &Message<'_>,
        service: ServiceName,
        now: Timestamp,
    ) -> Result<Verified<C>, AuthError> {
        let authorization = authorization(message)?;
        let date = SignatureDate::of(message.headers)?;
        check_signed_headers(message.headers, authorization.signed_headers)?;
        let access_key_id: AccessKeyId = authorization.access_key_id.parse().map_err(|_| AuthError::UnknownToken)?;
        let credential = directory.credential(&access_key_id).ok_or(AuthError::UnknownToken)?;
        // No session exists yet, so no token was ever given out: each is as wrong as a garbled one.
        if message.headers.contains_key(X_AMZ_SECURITY_TOKEN) {
            return Err(AuthError::UnknownToken);
        }
        let region = check_scope(directory, &authorization.scope, service, &date)?;
        check_window(date.at(), now)?;
        let body_hash = canonical::hex_hash(message.body);
        check_body_hash(message.headers, &body_hash)?;
        let signature = decode_signature(authorization.signature).ok_or(AuthError::Mismatch)?;
        canonical::request(&mut self.buffer, message, authorization.signed_headers, &body_hash)
            .map_err(|_| AuthError::Mismatch)?;
        canonical::string_to_sign(&mut self.buffer, date.as_str(), authorization.scope.text);
        let day = date.day().as_bytes().try_into().map_err(|_| AuthError::Mismatch)?;
        self.check_signature(directory, credential, KeyName { access_key_id, day, region, service }, &signature)?;
        Ok(Verified { credential: Arc::clone(credential), region })
    }

    /// Compares with the signature of the string to sign in the buffer.
    fn check_signature<D: Directory<Credential = C>>(
        &mut self,
        directory: &D,
        credential: &Arc<C>,
        name: KeyName,
        signature: &[u8; 32],
    ) -> Result<(), AuthError> {
        // The same access key may have been deleted and made again: the pointer tells, and costs nothing.
        if let Some((holder, key)) = self.keys.get(&name)
            && Arc::ptr_eq(holder, credential)
        {
            return if key.verify(&self.buffer, signature) { Ok(()) } else { Err(AuthError::Mismatch) };
        }
        let day = std::str::from_utf8(&name.day).map_err(|_| AuthError::Mismatch)?;
        let key = directory
            .signing_key(credential, day, &name.region, name.service)
            .map_err(|error| AuthError::Unavailable(error.0))?;
        if !key.verify(&self.buffer, signature) {
            return Err(AuthError::Mismatch);
        }
        if self.keys.len() >= KEYS_MAX {
            self.make_room(name.day);
        }
        self.keys.insert(name, (Arc::clone(credential), key));
        Ok(())
    }

    /// Yesterday's keys go first; if there are none, all go, which costs one derivation each.
    fn make_room(&mut self, today: [u8; 8]) {
        self.keys.retain(|name, _| name.day == today);
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
    }
}

impl<C> Default for Verifier<C> {
    fn default() -> Self {
        Self::new()
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
        ServiceName::Claviger | ServiceName::Kms | ServiceName::Sts => directory.serves(region),
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
