//! The front door: from a request's head and body to its answer, in the order in which AWS checks.
//!
//! 1. routing: media type, target or action; 2. the body's shape; 3. the signature; 4. the service does the rest.
//!
//! JSON's first two steps come before authentication, as at AWS; a form is looked at only after it.
//! It must not know what any operation does.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use claviger_core::wire::json::check_object;
use claviger_core::wire::query::Form;
use claviger_core::wire::{Encoded, Fields};
use claviger_core::{
    Call, Error, Execution, RequestId, Row, Service, Signatory, Stranger, TlsConnection, View, ViewReader,
};
use claviger_keyring::{ModuleFailed, SigningKey};
use claviger_types::{AccessKeyId, Region, ServiceName, SessionKeyId, Timestamp};
use futures_util::FutureExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;

use crate::answer::{self, Answer, JSON, Protocol, Refusal, Stray};
use crate::body::{self, BodyError};
use crate::complaints::Complaints;
use crate::request_id::RequestIds;
use crate::sessions::OpenedSessions;
use crate::sigv4::names::X_AMZ_TARGET;
use crate::sigv4::{self, AuthError, Directory, KeyUnavailable, Message, Verified, Verifier};

const FORM: &str = "application/x-www-form-urlencoded";

/// What one worker answers with. It is not shared, so nothing of it is locked.
pub(crate) struct FrontDoor {
    service: Arc<Service>,
    reader: RefCell<ViewReader>,
    last_view: RefCell<HeldView>,
    verifier: RefCell<Verifier<Signatory>>,
    sessions: RefCell<OpenedSessions>,
    request_ids: RequestIds,
    body_timeout: Duration,
    body_bytes_held: Cell<usize>,
    complaints: RefCell<Complaints>,
}

/// A worker's own count of its requests' holds on a View. The one inside is shared by all workers, and to touch it for
/// each request would make them wait for one another.
type HeldView = Rc<Arc<View>>;

/// What the socket knows of the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// What was negotiated, if it came over TLS.
    pub(crate) tls: Option<TlsConnection>,
}

/// Who signed, and when that was checked: the one reading of the wall clock that a request gets.
struct Authenticated {
    verified: Verified<Signatory>,
    at: Timestamp,
}

/// An answer, and how it is counted.
struct Answered {
    answer: Answer,
    row: Option<&'static Row>,
    code: &'static str,
    recorded: Recorded,
}

/// Who tells the audit log of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recorded {
    /// The service has: it is known who called.
    ByService,
    /// Nobody: it asks for health or metrics.
    Never,
    /// The front door does: it was refused before that.
    AsStranger,
}

impl FrontDoor {
    /// The front door of one worker.
    pub(crate) fn new(service: Arc<Service>, body_timeout: Duration) -> Result<Self, ModuleFailed> {
        let mut reader = service.views();
        let last_view = RefCell::new(Rc::new(Arc::clone(reader.current())));
        Ok(Self {
            service,
            reader: RefCell::new(reader),
            last_view,
            verifier: RefCell::new(Verifier::new()),
            sessions: RefCell::default(),
            request_ids: RequestIds::new()?,
            body_timeout,
            body_bytes_held: Cell::new(0),
            complaints: RefCell::default(),
        })
    }

    /// Answers a request, whatever it is. A panic is this request's alone.
    pub(crate) async fn answer(&self, peer: &Peer, head: &Parts, body: &mut Incoming) -> Answer {
        let started = Instant::now();
        let request_id = self.request_ids.next();
        let answering = self.answer_or_panic(peer, head, body, &request_id);
        let Answered { answer, row, code, recorded } = unless_panicked(answering).await.unwrap_or_else(|| {
            tracing::error!(%request_id, "a request panicked");
            let refusal = Refusal::new("InternalFailure", 500);
            Answered::refused(&refusal, Protocol::Json, &request_id, None)
        });
        if recorded == Recorded::AsStranger {
            self.service.record_stranger(&stranger(peer, head, &request_id, row, code));
        }
        self.service.metrics().count(row, code, started.elapsed());
        answer
    }

    async fn answer_or_panic(
        &self,
        peer: &Peer,
        head: &Parts,
        body: &mut Incoming,
        request_id: &RequestId,
    ) -> Answered {
        if head.method == Method::GET {
            match head.uri.path() {
                "/healthz" => return self.health(request_id),
                "/metrics" => return self.metrics(request_id),
                _ => {}
            }
        }
        let body = match body::read(body, self.body_timeout, &self.body_bytes_held).await {
            Ok(body) => body,
            Err(error) => return unread(error, request_id),
        };
        match media_type(&head.headers) {
            JSON if head.method == Method::POST => self.json(peer, head, &body, request_id).await,
            FORM if head.method == Method::POST => self.query(peer, head, &body, request_id).await,
            other => stray(head, other, request_id),
        }
    }

    async fn json(&self, peer: &Peer, head: &Parts, body: &[u8], request_id: &RequestId) -> Answered {
        let protocol = Protocol::Json;
        let refused = |error: &Error, row| self.refused(error, protocol, request_id, row);
        let row = match claviger_core::route_json(target(&head.headers)) {
            Ok(row) => row,
            // AWS reads the body before it reads the target.
            Err(_) if !body.is_empty() && check_object(body).is_err() => {
                return refused(&Error::Serialization(None), None);
            }
            Err(error) => return refused(&error, None),
        };
        let fields = match row.read_json(body) {
            Ok(fields) => fields,
            Err(error) => return refused(&error, Some(row)),
        };
        let view = self.view();
        match self.authenticate(&view, head, body, row.service) {
            Ok(caller) => self.execute(&view, row, fields, protocol, &call(peer, head, caller, request_id)).await,
            Err(error) => self.unauthenticated(&error, protocol, request_id, Some(row)),
        }
    }

    async fn query(&self, peer: &Peer, head: &Parts, body: &[u8], request_id: &RequestId) -> Answered {
        let service = match sigv4::scope_service(&head.headers).and_then(ServiceName::from_name) {
            Some(ServiceName::Iam) => ServiceName::Iam,
            // The others have no form bodies: authentication will say that the scope should be of STS.
            None | Some(ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms | ServiceName::Sts) => {
                ServiceName::Sts
            }
        };
        let protocol = Protocol::Query(service);
        let view = self.view();
        let caller = match self.authenticate(&view, head, body, service) {
            Ok(caller) => caller,
            Err(error) => return self.unauthenticated(&error, protocol, request_id, None),
        };
        let call = call(peer, head, caller, request_id);
        match read_form(service, body) {
            Ok((row, fields)) => self.execute(&view, row, fields, protocol, &call).await,
            Err((error, row)) => {
                let refusal = self.service.refuse_unread(&view, &call, (service, row), error).answered().await;
                self.executed(refusal, row, protocol, request_id)
            }
        }
    }

    async fn execute(
        &self,
        view: &Arc<View>,
        row: &'static Row,
        fields: Fields,
        protocol: Protocol,
        call: &Call<'_>,
    ) -> Answered {
        // Nearly each request ends in the first arm: a future of its own would only be moved about.
        let outcome = match self.service.execute(view, row, fields, call) {
            Execution::Ready(outcome) => outcome,
            Execution::Pending(outcome) => outcome.await,
        };
        self.executed(outcome, Some(row), protocol, &call.request_id)
    }

    fn executed(
        &self,
        outcome: Result<Encoded, Error>,
        row: Option<&'static Row>,
        protocol: Protocol,
        request_id: &RequestId,
    ) -> Answered {
        match outcome {
            Ok(reply) => {
                let operation = row.map_or("", |row| row.name);
                let answer = answer::success(protocol, operation, request_id, reply);
                Answered { answer, row, code: "OK", recorded: Recorded::ByService }
            }
            Err(error) => Answered { recorded: Recorded::ByService, ..self.refused(&error, protocol, request_id, row) },
        }
    }

    fn authenticate(
        &self,
        view: &Arc<View>,
        head: &Parts,
        body: &[u8],
        service: ServiceName,
    ) -> Result<Authenticated, AuthError> {
        let directory = Holders { service: &self.service, view, sessions: &self.sessions };
        let now = Timestamp::from(SystemTime::now());
        let verified = self.verifier.borrow_mut().verify(&directory, &Message::new(head, body), service, now)?;
        Ok(Authenticated { verified, at: now })
    }

    /// The newest View.
    fn view(&self) -> HeldView {
        let mut reader = self.reader.borrow_mut();
        let newest = reader.current();
        let mut last = self.last_view.borrow_mut();
        if !Arc::ptr_eq(newest, &last) {
            *last = Rc::new(Arc::clone(newest));
        }
        Rc::clone(&last)
    }

    fn refused(
        &self,
        error: &Error,
        protocol: Protocol,
        request_id: &RequestId,
        row: Option<&'static Row>,
    ) -> Answered {
        if let Error::Internal(reason) = error
            && let Some(unsaid) = self.complaints.borrow_mut().take(reason, Instant::now())
        {
            let operation = row.map_or("none", |row| row.name);
            tracing::error!(%request_id, operation, reason, unsaid, "a request failed");
        }
        Answered { code: error.code(), ..Answered::refused(&Refusal::of(error, protocol), protocol, request_id, row) }
    }

    fn unauthenticated(
        &self,
        error: &AuthError,
        protocol: Protocol,
        request_id: &RequestId,
        row: Option<&'static Row>,
    ) -> Answered {
        if let AuthError::Unavailable(reason) = error {
            tracing::error!(%request_id, reason, "a signature could not be checked");
        }
        let code = error.refusal(Protocol::Json).code();
        Answered { code, ..Answered::refused(&error.refusal(protocol), protocol, request_id, row) }
    }

    fn health(&self, request_id: &RequestId) -> Answered {
        let (status, code, text) = match self.service.health() {
            Ok(()) => (200, "OK", "ok\n".to_owned()),
            Err(reason) => (503, "ServiceUnavailable", format!("{reason}\n")),
        };
        Answered::text(status, code, "text/plain; charset=utf-8", text, request_id)
    }

    fn metrics(&self, request_id: &RequestId) -> Answered {
        let text = self.service.metrics_text();
        Answered::text(200, "OK", "text/plain; version=0.0.4; charset=utf-8", text, request_id)
    }
}

/// Those who hold access keys, as one View has them, and the sessions that this worker has opened.
struct Holders<'a> {
    service: &'a Service,
    view: &'a View,
    sessions: &'a RefCell<OpenedSessions>,
}

impl Directory for Holders<'_> {
    type Holder = Signatory;

    fn user(&self, access_key_id: AccessKeyId) -> Option<Signatory> {
        self.view.credential(access_key_id).map(|credential| Signatory::AccessKey(Arc::clone(credential)))
    }

    fn session(&self, access_key_id: SessionKeyId, token: &[u8]) -> Option<Signatory> {
        self.sessions.borrow_mut().find_or_open(self.view, access_key_id, token).map(Signatory::Session)
    }

    fn is_same(one: &Signatory, other: &Signatory) -> bool {
        one.is_same(other)
    }

    fn serves(&self, region: &Region) -> bool {
        self.service.settings().serves(*region)
    }

    fn signing_key(
        &self,
        holder: &Signatory,
        day: &str,
        region: &Region,
        service: ServiceName,
    ) -> Result<SigningKey, KeyUnavailable> {
        self.service.signing_key(self.view, holder, day, *region, service).map_err(|error| match error {
            Error::Internal(reason) => KeyUnavailable(reason),
            other => KeyUnavailable(other.code().to_owned()),
        })
    }
}

impl Answered {
    fn refused(refusal: &Refusal, protocol: Protocol, request_id: &RequestId, row: Option<&'static Row>) -> Self {
        let answer = refusal.answer(protocol, request_id);
        Self { answer, row, code: refusal.code(), recorded: Recorded::AsStranger }
    }

    fn text(status: u16, code: &'static str, media_type: &'static str, text: String, request_id: &RequestId) -> Self {
        let answer = answer::answer(status, Some(media_type), request_id, Bytes::from(text));
        Self { answer, row: None, code, recorded: Recorded::Never }
    }
}

fn call<'r>(peer: &Peer, head: &'r Parts, caller: Authenticated, request_id: &RequestId) -> Call<'r> {
    Call {
        signatory: caller.verified.holder,
        region: caller.verified.region,
        authenticated_at: caller.at,
        request_id: *request_id,
        source_ip: Some(peer.address.ip()),
        user_agent: head.headers.get(USER_AGENT).and_then(text),
        tls: peer.tls,
    }
}

/// What is known of a request that was refused before it was known who sent it.
fn stranger<'r>(
    peer: &Peer,
    head: &'r Parts,
    request_id: &RequestId,
    row: Option<&Row>,
    code: &'static str,
) -> Stranger<'r> {
    Stranger {
        request_id: *request_id,
        source_ip: peer.address.ip(),
        user_agent: head.headers.get(USER_AGENT).and_then(text),
        tls: peer.tls,
        access_key_id: sigv4::named_access_key(&head.headers),
        asked_for: row.map(|row| row.asked_for),
        code,
    }
}

/// The operation of a form and its parameters. A refusal comes with the operation, if there was one.
fn read_form(service: ServiceName, body: &[u8]) -> Result<(&'static Row, Fields), (Error, Option<&'static Row>)> {
    let form = Form::parse(body).map_err(|bad| (Error::Serialization(bad.message), None))?;
    let row = claviger_core::route_query(service, &form).map_err(|error| (error, None))?;
    let fields = row.read_query(form.parameters()).map_err(|error| (error, Some(row)))?;
    Ok((row, fields))
}

/// What is neither JSON 1.1 nor a form. Source: probing of a sibling service with the same front end.
fn stray(head: &Parts, media_type: &str, request_id: &RequestId) -> Answered {
    let is_post = head.method == Method::POST;
    let known = || claviger_core::route_json(target(&head.headers)).is_ok();
    let signed = head.headers.contains_key(AUTHORIZATION)
        || head.uri.query().is_some_and(|query| query.contains("X-Amz-Algorithm="));
    let stray = match media_type {
        "application/json" if is_post => Stray::LegacyJson,
        _ if is_post && known() => Stray::UnknownOperation,
        _ if signed => Stray::AccessDenied,
        _ => Stray::MissingToken,
    };
    let answer = stray.answer(request_id);
    Answered { answer, row: None, code: stray.code(), recorded: Recorded::AsStranger }
}

/// The connection ends with the answer, since what follows on it would be the rest of the body.
fn unread(error: BodyError, request_id: &RequestId) -> Answered {
    let (status, code) = match error {
        BodyError::Broken => (400, "RequestTimeout"),
        BodyError::Busy => (503, "ServiceUnavailable"),
        BodyError::TooLarge => (413, "RequestEntityTooLarge"),
        BodyError::TooSlow => (408, "RequestTimeout"),
    };
    let answer = answer::answer(status, None, request_id, Bytes::new());
    Answered { answer, row: None, code, recorded: Recorded::AsStranger }
}

/// The future's output, or `None` if it panicked. A worker keeps nothing half-changed over a panic: the verifier's
/// buffer is overwritten, and a signing key is kept whole or not at all.
fn unless_panicked<F: Future>(future: F) -> impl Future<Output = Option<F::Output>> {
    AssertUnwindSafe(future).catch_unwind().map(Result::ok)
}

/// What routes a JSON request.
fn target(headers: &HeaderMap) -> &str {
    headers.get(&X_AMZ_TARGET).and_then(text).unwrap_or_default()
}

/// The media type without its parameters. AWS's is compared as it stands, so an upper-case one is another one.
fn media_type(headers: &HeaderMap) -> &str {
    match headers.get(CONTENT_TYPE).and_then(text).unwrap_or_default() {
        JSON => JSON,
        value => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// The value if it is ASCII, as `HeaderValue::to_str` has it, which looks at one byte after the other.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught() {
        let run = |panics: bool| async move { if panics { panic!("on purpose") } else { 7 } };
        assert_eq!(unless_panicked(run(true)).now_or_never(), Some(None));
        assert_eq!(unless_panicked(run(false)).now_or_never(), Some(Some(7)));
    }

    /// The next refusal that has no request. Exhaustive on purpose: a new variant must find its place.
    fn next_auth_error(error: &AuthError) -> Option<AuthError> {
        let text = String::new;
        Some(match error {
            AuthError::BadCredential(_) => AuthError::BadDate(text()),
            AuthError::BadDate(_) => AuthError::BadScope(text()),
            AuthError::BadScope(_) => AuthError::BodyHash,
            AuthError::BodyHash => AuthError::BothForms,
            AuthError::BothForms => AuthError::Expired { signed: text(), limit: text(), now: text() },
            AuthError::Expired { .. } => AuthError::Incomplete(Box::default()),
            AuthError::Incomplete(_) => AuthError::Mismatch,
            AuthError::Mismatch => AuthError::MissingToken,
            AuthError::MissingToken => AuthError::NotYetCurrent { signed: text(), limit: text(), now: text() },
            AuthError::NotYetCurrent { .. } => AuthError::NotKeyValue { token: text(), header: text() },
            AuthError::NotKeyValue { .. } => AuthError::QueryIncomplete(Vec::new()),
            AuthError::QueryIncomplete(_) => AuthError::QueryUnsupported,
            AuthError::QueryUnsupported => AuthError::Unavailable(text()),
            AuthError::Unavailable(_) => AuthError::UnknownToken,
            AuthError::UnknownToken => AuthError::Unsigned(""),
            AuthError::Unsigned(_) => AuthError::UnsupportedAlgorithm(text()),
            AuthError::UnsupportedAlgorithm(_) => return None,
        })
    }

    #[test]
    fn every_refusal_is_counted_apart() {
        let id = RequestId::from_bytes([7; 16]);
        let auth_errors = std::iter::successors(Some(AuthError::BadCredential(String::new())), next_auth_error);
        let unauthenticated = auth_errors.map(|error| error.refusal(Protocol::Json).code());
        let unread = [BodyError::Broken, BodyError::Busy, BodyError::TooLarge, BodyError::TooSlow]
            .map(|error| unread(error, &id).code);
        let strays =
            [Stray::AccessDenied, Stray::LegacyJson, Stray::MissingToken, Stray::UnknownOperation].map(Stray::code);
        for code in unauthenticated.chain(unread).chain(strays) {
            assert!(claviger_core::Metrics::OUTCOMES.contains(&code), "{code}");
        }
    }

    #[test]
    fn media_types() {
        for (value, want) in [
            ("application/x-amz-json-1.1", JSON),
            ("  application/x-amz-json-1.1 ; charset=utf-8", JSON),
            ("application/x-www-form-urlencoded; charset=utf-8", FORM),
            ("", ""),
            (";", ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(media_type(&headers), want, "{value}");
        }
        assert_eq!(media_type(&HeaderMap::new()), "");
    }
}
