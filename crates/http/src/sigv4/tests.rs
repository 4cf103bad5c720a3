//! What `sign` signs, `verify` accepts; whatever is changed afterwards, it refuses, and says why as AWS does.

use std::cell::Cell;
use std::sync::Arc;

use claviger_keyring::{SecretAccessKey, SigningKey};
use claviger_types::{AccessKeyId, Region, ServiceName, SessionKeyId, Timestamp};
use hyper::Request;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use proptest::prelude::*;

use super::verify::{KeyName, Keys, SigningId};
use super::*;

const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SESSION_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const TOKEN: &str = "token";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = br#"{"KeyId":"alias/a"}"#;

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

struct OneUser {
    secret: Arc<SecretAccessKey>,
    derived: Cell<u32>,
}

impl OneUser {
    fn new() -> Self {
        Self { secret: Arc::new(secret()), derived: Cell::new(0) }
    }
}

impl Directory for OneUser {
    type Holder = Arc<SecretAccessKey>;

    fn user(&self, access_key_id: AccessKeyId) -> Option<Arc<SecretAccessKey>> {
        (access_key_id.as_str() == ACCESS_KEY_ID).then(|| Arc::clone(&self.secret))
    }

    fn session(&self, access_key_id: SessionKeyId, token: &[u8]) -> Option<Arc<SecretAccessKey>> {
        ((access_key_id.as_str(), token) == (SESSION_KEY_ID, TOKEN.as_bytes())).then(|| Arc::clone(&self.secret))
    }

    fn is_same(one: &Arc<SecretAccessKey>, other: &Arc<SecretAccessKey>) -> bool {
        Arc::ptr_eq(one, other)
    }

    fn serves(&self, region: &Region) -> bool {
        ["us-east-1", "eu-central-1"].contains(&region.as_str())
    }

    fn signing_key(
        &self,
        holder: &Arc<SecretAccessKey>,
        day: &str,
        region: &Region,
        service: ServiceName,
    ) -> Result<SigningKey, KeyUnavailable> {
        self.derived.set(self.derived.get() + 1);
        holder.signing_key(day, region.as_str(), service.as_str()).map_err(|error| KeyUnavailable(error.to_string()))
    }
}

fn secret() -> SecretAccessKey {
    SecretAccessKey::from_text(SECRET.to_owned()).unwrap()
}

fn request(path: &str) -> Parts {
    let request = Request::post(path)
        .header(HOST, "localhost:4566")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.DescribeKey");
    request.body(()).unwrap().into_parts().0
}

fn signed_as(mut parts: Parts, body: &[u8], region: &str, service: &str, at: Timestamp) -> Parts {
    let secret = secret();
    Signer { access_key_id: ACCESS_KEY_ID, secret: &secret, region, service }.sign(&mut parts, body, at).unwrap();
    parts
}

fn signed() -> Parts {
    signed_as(request("/"), BODY, "eu-central-1", "kms", now())
}

fn verify(parts: &Parts, body: &[u8]) -> Result<String, AuthError> {
    verify_for(parts, body, ServiceName::Kms)
}

fn verify_for(parts: &Parts, body: &[u8], service: ServiceName) -> Result<String, AuthError> {
    Verifier::new()
        .verify(&OneUser::new(), &Message::new(parts, body), service, now())
        .map(|verified| verified.region.to_string())
}

fn edited(edit: impl FnOnce(&str) -> String) -> Parts {
    let mut parts = signed();
    let header = edit(parts.headers[AUTHORIZATION].to_str().unwrap());
    parts.headers.insert(AUTHORIZATION, HeaderValue::from_str(&header).unwrap());
    parts
}

/// A case of AWS's published signature test suite, with the signature that it publishes.
struct Case {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    signature: &'static str,
}

fn get(name: &'static str, target: &'static str, signature: &'static str) -> Case {
    Case { name, method: "GET", target, headers: &[], body: "", signature }
}

fn post(name: &'static str, target: &'static str, signature: &'static str) -> Case {
    Case { method: "POST", ..get(name, target, signature) }
}

fn published_cases() -> Vec<Case> {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let mut cases = vec![
        get("get-vanilla", "/", vanilla),
        get("get-relative", "/example/..", vanilla),
        get("get-slash-dot-slash", "/./", vanilla),
        get(
            "get-unreserved",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        get("get-utf8", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        get(
            "get-vanilla-query-order-key-case",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        get(
            "get-vanilla-query-unreserved",
            "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=\
             -._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        get("get-vanilla-utf8-query", "/?ሴ=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        post("post-vanilla", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        post(
            "post-vanilla-query",
            "/?Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
    ];
    cases.extend(published_cases_with_headers());
    cases
}

fn published_cases_with_headers() -> [Case; 7] {
    [
        Case {
            headers: &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
            ..get("get-header-key-duplicate", "/", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea")
        },
        Case {
            headers: &[
                ("my-header1", "value4"),
                ("my-header1", "value1"),
                ("my-header1", "value3"),
                ("my-header1", "value2"),
            ],
            ..get("get-header-value-order", "/", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01")
        },
        Case {
            headers: &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            ..get("get-header-value-trim", "/", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736")
        },
        Case {
            headers: &[("my-header1", "value1")],
            ..post("post-header-key-sort", "/", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c")
        },
        Case {
            headers: &[("my-header1", "VALUE1")],
            ..post("post-header-value-case", "/", "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d")
        },
        Case {
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            ..post(
                "post-x-www-form-urlencoded",
                "/",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            )
        },
        Case {
            headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf8")],
            body: "Param1=value1",
            ..post(
                "post-x-www-form-urlencoded-parameters",
                "/",
                "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
            )
        },
    ]
}

/// Source: the test suite of "AWS Signature Version 4", of which these are the cases that can occur here.
#[test]
fn published_test_suite() {
    let key = secret().signing_key("20150830", "us-east-1", "service").unwrap();
    for case in published_cases() {
        let mut headers = HeaderMap::new();
        let fixed = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        for (header, value) in fixed.iter().chain(case.headers) {
            headers.append(HeaderName::try_from(*header).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let signed_headers = names.join(";");
        let (path, query) = case.target.split_once('?').unwrap_or((case.target, ""));
        let body = case.body.as_bytes();
        let message = Message { method: case.method, path, query, authority: None, headers: &headers, body };
        let mut buffer = Vec::new();
        canonical::request(&mut buffer, &message, &signed_headers, &canonical::hex_hash(body)).unwrap();
        canonical::string_to_sign(&mut buffer, "20150830T123600Z", "20150830/us-east-1/service/aws4_request");
        assert_eq!(const_hex::encode(key.sign(&buffer).unwrap()), case.signature, "{}", case.name);
    }
}

#[test]
fn signed_requests_are_accepted() {
    assert_eq!(verify(&signed(), BODY), Ok("eu-central-1".into()));
    for (seconds, service) in [(-300, ServiceName::Kms), (0, ServiceName::Sts), (300, ServiceName::Claviger)] {
        let at = now().offset_by(seconds * 1000);
        let parts = signed_as(request("/"), BODY, "us-east-1", service.as_str(), at);
        assert_eq!(verify_for(&parts, BODY, service), Ok("us-east-1".into()), "{service} at {at}");
        assert_eq!(scope_service(&parts.headers), Some(service.as_str()));
    }
}

#[test]
fn the_right_body_hash_may_be_sent() {
    let mut parts = request("/");
    parts.headers.insert("x-amz-content-sha256", HeaderValue::from_bytes(&canonical::hex_hash(BODY)).unwrap());
    assert_eq!(verify(&signed_as(parts, BODY, "us-east-1", "kms", now()), BODY), Ok("us-east-1".into()));
    for wrong in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""] {
        let mut parts = request("/");
        parts.headers.insert("x-amz-content-sha256", HeaderValue::from_static(wrong));
        let parts = signed_as(parts, BODY, "us-east-1", "kms", now());
        assert_eq!(verify(&parts, BODY), Err(AuthError::BodyHash), "{wrong}");
    }
}

/// HTTP/2 sends `:authority` and no `Host`: RFC 9113, section 8.3.1.
#[test]
fn authority_stands_for_host() {
    let mut parts = signed_as(request("http://localhost:4566/"), BODY, "us-east-1", "kms", now());
    parts.headers.remove(HOST);
    assert_eq!(verify(&parts, BODY), Ok("us-east-1".into()));
    parts.uri = "http://localhost:4567/".parse().unwrap();
    assert_eq!(verify(&parts, BODY), Err(AuthError::Mismatch));
}

#[test]
fn what_the_service_acts_on_must_be_signed() {
    for (name, value, text) in [
        ("host", "", "'Host' or ':authority'"),
        ("x-amz-date", "", "'X-Amz-Date'"),
        ("x-amz-target", "", "'X-Amz-Target'"),
        ("x-amz-security-token", "token", "'X-Amz-Security-Token'"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD", "'X-Amz-Content-Sha256'"),
    ] {
        let mut parts = edited(|header| header.replace(&format!("{name};"), "").replace(&format!(";{name},"), ","));
        if !value.is_empty() {
            parts.headers.insert(name, HeaderValue::from_static(value));
        }
        let want = AuthError::Unsigned(text);
        assert_eq!(want.to_string(), format!("{text} must be a 'SignedHeader' in the AWS Authorization."));
        assert_eq!(verify(&parts, BODY), Err(want), "{name}");
    }
}

#[test]
fn scopes() {
    let region = "Credential should be scoped to a valid region. ";
    let service = "Credential should be scoped to correct service: 'kms'. ";
    let end = "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. ";
    let day = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
               '20260130' != '20260131', from '20260131T120000Z'. ";
    for (from, to, want) in [
        ("eu-central-1", "mars-east-1", region.to_owned()),
        ("eu-central-1", "EU-CENTRAL-1", region.to_owned()),
        ("/kms/", "/sts/", service.to_owned()),
        ("aws4_request", "aws5", end.to_owned()),
        ("20260131/", "20260130/", day.to_owned()),
        ("20260131/eu-central-1/kms/aws4_request", "20260130/x/s3/aws5", [region, service, end, day].concat()),
    ] {
        let error = verify(&edited(|header| header.replace(from, to)), BODY).unwrap_err();
        assert_eq!(error, AuthError::BadScope(want), "{from} -> {to}");
    }
    let parts = signed_as(request("/"), BODY, "eu-central-1", "iam", now());
    assert_eq!(verify_for(&parts, BODY, ServiceName::Iam), Err(AuthError::BadScope(region.to_owned())));
    let parts = signed_as(request("/"), BODY, "us-east-1", "iam", now());
    assert_eq!(verify_for(&parts, BODY, ServiceName::Iam), Ok("us-east-1".into()));
}

#[test]
fn windows() {
    for (seconds, want) in [
        (-301, "Signature expired: 20260131T115459Z is now earlier than 20260131T115500Z (20260131T120000Z - 5 min.)"),
        (
            301,
            "Signature not yet current: 20260131T120501Z is still later than 20260131T120500Z \
             (20260131T120000Z + 5 min.)",
        ),
    ] {
        let parts = signed_as(request("/"), BODY, "us-east-1", "kms", now().offset_by(seconds * 1000));
        assert_eq!(verify(&parts, BODY).unwrap_err().to_string(), want, "{seconds}");
    }
}

#[test]
fn forms_of_authorization() {
    let unsigned = request("/");
    assert_eq!(verify(&unsigned, BODY), Err(AuthError::MissingToken));
    for (query, want) in [
        (
            "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260131T120000Z",
            "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include \
             'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the \
             query-string parameters.",
        ),
        (
            "?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d&X-Amz-Date=e",
            "Query-string authentication is not supported. Sign the request in the 'Authorization' header.",
        ),
    ] {
        let error = verify(&request(&format!("/{query}")), BODY).unwrap_err();
        assert_eq!(error.to_string(), want, "{query}");
    }
    let both = signed_as(request("/?X-Amz-Algorithm=AWS4-HMAC-SHA256"), BODY, "us-east-1", "kms", now());
    assert_eq!(verify(&both, BODY), Err(AuthError::BothForms));
    let mut bytes = signed();
    bytes.headers.insert(AUTHORIZATION, HeaderValue::from_bytes(b"AWS4-HMAC-SHA256 \xff").unwrap());
    assert!(matches!(verify(&bytes, BODY), Err(AuthError::NotKeyValue { .. })));
}

#[test]
fn strangers() {
    for id in ["AKIAIOSFODNN7EXAMPLF", "AKIA", "akiaiosfodnn7example", "ASIAIOSFODNN7EXAMPLE"] {
        let parts = edited(|header| header.replace(ACCESS_KEY_ID, id));
        assert_eq!(verify(&parts, BODY), Err(AuthError::UnknownToken), "{id}");
    }
}

/// A request signed by this access key with these tokens.
fn with_tokens(access_key_id: &str, tokens: &[&'static str]) -> Parts {
    let mut parts = request("/");
    for token in tokens {
        parts.headers.append("x-amz-security-token", HeaderValue::from_static(token));
    }
    let secret = secret();
    Signer { access_key_id, secret: &secret, region: "us-east-1", service: "kms" }
        .sign(&mut parts, BODY, now())
        .unwrap();
    parts
}

/// A session's access key needs its own token, a user's must have none.
#[test]
fn tokens_and_access_keys_belong_together() {
    for (access_key_id, tokens, want) in [
        (ACCESS_KEY_ID, &[][..], true),
        (ACCESS_KEY_ID, &[TOKEN], false),
        (ACCESS_KEY_ID, &[""], false),
        (SESSION_KEY_ID, &[TOKEN], true),
        (SESSION_KEY_ID, &[], false),
        (SESSION_KEY_ID, &[""], false),
        (SESSION_KEY_ID, &["another"], false),
        (SESSION_KEY_ID, &["token,token"], false),
        (SESSION_KEY_ID, &[TOKEN, TOKEN], false),
        ("ASIAIOSFODNN7EXAMPLF", &[TOKEN], false),
        ("asiaiosfodnn7example", &[TOKEN], false),
    ] {
        let verdict = verify(&with_tokens(access_key_id, tokens), BODY);
        let want = if want { Ok(()) } else { Err(AuthError::UnknownToken) };
        assert_eq!(verdict.map(drop), want, "{access_key_id} {tokens:?}");
    }
}

#[test]
fn a_token_cannot_be_taken_away_or_put_in() {
    let mut parts = with_tokens(SESSION_KEY_ID, &[TOKEN]);
    let token = parts.headers.remove("x-amz-security-token").unwrap();
    assert_eq!(verify(&parts, BODY).map(drop), Err(AuthError::UnknownToken));
    parts.headers.insert("x-amz-security-token", token);
    assert_eq!(verify(&parts, BODY).map(drop), Ok(()));
    let unsigned = {
        let mut parts = with_tokens(SESSION_KEY_ID, &[]);
        parts.headers.insert("x-amz-security-token", HeaderValue::from_static(TOKEN));
        parts
    };
    assert_eq!(verify(&unsigned, BODY).map(drop), Err(AuthError::Unsigned("'X-Amz-Security-Token'")));
}

/// Sessions come and go: their signing keys are few at any time, and push out nobody else's.
#[test]
fn signing_keys_of_sessions_are_bounded() {
    let mut keys = Keys::new(3);
    let key = || secret().signing_key("20260131", "us-east-1", "kms").unwrap();
    let mut name = |number: u8, day: &[u8; 8]| {
        let access_key_id = SigningId::Session(SessionKeyId::from_random([number; 16]));
        let name =
            KeyName { access_key_id, day: *day, region: "us-east-1".parse().unwrap(), service: ServiceName::Kms };
        keys.insert(name, (), key());
        keys.keys.len()
    };
    let lengths: Vec<_> = (0..3).map(|number| name(number, b"20260130")).collect();
    assert_eq!(lengths, [1, 2, 3]);
    // Yesterday's go first; if all are of today, all go.
    assert_eq!([name(3, b"20260131"), name(4, b"20260131"), name(5, b"20260131"), name(6, b"20260131")], [1, 2, 3, 1]);
}

#[test]
fn a_signature_has_one_form() {
    for edit in [
        |header: &str| header.replace("Signature=", "Signature=00"),
        |header: &str| header.split_at(header.len() - 2).0.to_owned(),
        |header: &str| {
            let (head, signature) = header.split_once("Signature=").unwrap();
            format!("{head}Signature={}", signature.to_uppercase())
        },
        |header: &str| header.replace("content-type;host", "host;content-type"),
        |header: &str| header.replace("SignedHeaders=content-type", "SignedHeaders=Content-Type"),
        |header: &str| header.replace("SignedHeaders=", "SignedHeaders=absent;"),
    ] {
        let parts = edited(edit);
        assert_eq!(verify(&parts, BODY), Err(AuthError::Mismatch), "{:?}", parts.headers[AUTHORIZATION]);
    }
}

/// Each protocol has its own names: the KMS API's, and those that STS answers.
#[test]
fn names_on_the_wire() {
    for (error, json, query) in [
        (AuthError::MissingToken, "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
        (AuthError::Mismatch, "InvalidSignatureException", "SignatureDoesNotMatch"),
        (AuthError::BodyHash, "InvalidSignatureException", "SignatureDoesNotMatch"),
        (AuthError::UnknownToken, "UnrecognizedClientException", "InvalidClientTokenId"),
        (AuthError::QueryUnsupported, "IncompleteSignatureException", "IncompleteSignature"),
    ] {
        let refusal = error.refusal(crate::answer::Protocol::Json);
        assert_eq!((refusal.code(), refusal.status()), (json, 400), "{error}");
        let refusal = error.refusal(crate::answer::Protocol::Query(ServiceName::Sts));
        assert_eq!((refusal.code(), refusal.status()), (query, 403), "{error}");
    }
}

#[test]
fn a_signing_key_is_kept_only_after_a_right_signature() {
    let mut user = OneUser::new();
    let mut verifier = Verifier::new();
    let good = signed();
    let mut bad = signed();
    bad.headers.insert("x-amz-target", HeaderValue::from_static("TrentService.Decrypt"));
    let mut derived = |user: &OneUser, parts: &Parts| {
        let verified = verifier.verify(user, &Message::new(parts, BODY), ServiceName::Kms, now());
        (verified.is_ok(), user.derived.get())
    };
    assert_eq!(derived(&user, &bad), (false, 1));
    assert_eq!(derived(&user, &bad), (false, 2));
    assert_eq!(derived(&user, &good), (true, 3));
    assert_eq!(derived(&user, &good), (true, 3));
    assert_eq!(derived(&user, &bad), (false, 3));
    // The access key was deleted and came back with another secret: the old signing key must not count.
    user.secret = Arc::new(SecretAccessKey::from_text("another".to_owned()).unwrap());
    assert_eq!(derived(&user, &good), (false, 4));
}

fn visible(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(b'!'..=b'~', length).prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

fn any_request() -> impl Strategy<Value = (Parts, Vec<u8>)> {
    let path = proptest::string::string_regex("(/[a-z%0-9.]{0,6}){1,4}(\\?[a-z=&%0-9]{0,20})?").unwrap();
    let values = proptest::collection::vec(visible(1..40), 1..4);
    (path, values, proptest::collection::vec(any::<u8>(), 0..200)).prop_map(|(path, values, body)| {
        let mut parts = request(&path);
        for value in values {
            parts.headers.append("amz-sdk-request", HeaderValue::from_str(&value).unwrap());
        }
        (signed_as(parts, &body, "us-east-1", "kms", now()), body)
    })
}

proptest! {
    #[test]
    fn whatever_is_signed_is_accepted((parts, body) in any_request()) {
        prop_assert_eq!(verify(&parts, &body), Ok("us-east-1".into()));
    }

    #[test]
    fn any_changed_header_byte_is_refused(
        (mut parts, body) in any_request(),
        header: prop::sample::Index,
        position: prop::sample::Index,
        byte in b'!'..=b'~',
    ) {
        let slots: Vec<_> = parts.headers.values_mut().collect();
        let count = slots.len();
        let slot = slots.into_iter().nth(header.index(count)).unwrap();
        let mut bytes = slot.as_bytes().to_vec();
        let position = position.index(bytes.len());
        // Between the parameters of Authorization, a comma is as good as a space: that is no change.
        prop_assume!(bytes[position] != byte && !(b", ".contains(&bytes[position]) && b", ".contains(&byte)));
        bytes[position] = byte;
        *slot = HeaderValue::from_bytes(&bytes).unwrap();
        prop_assert!(verify(&parts, &body).is_err(), "{:?}", parts.headers);
    }

    #[test]
    fn any_changed_body_byte_is_refused(
        (parts, mut body) in any_request(), position: prop::sample::Index, mask in 1u8..,
    ) {
        body.push(0);
        let position = position.index(body.len());
        body[position] ^= mask;
        prop_assert_eq!(verify(&parts, &body), Err(AuthError::Mismatch));
    }

    #[test]
    fn a_changed_request_line_is_refused((mut parts, body) in any_request(), method: bool) {
        if method {
            parts.method = hyper::Method::PUT;
        } else {
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            parts.uri = format!("{}x{query}", parts.uri.path()).parse().unwrap();
        }
        prop_assert_eq!(verify(&parts, &body), Err(AuthError::Mismatch));
    }

    #[test]
    fn an_added_duplicate_of_a_signed_header_is_refused((mut parts, body) in any_request(), value in visible(1..20)) {
        parts.headers.append("x-amz-target", HeaderValue::from_str(&value).unwrap());
        prop_assert_eq!(verify(&parts, &body), Err(AuthError::Mismatch));
    }

    #[test]
    fn any_authorization_header_is_answered(header in proptest::collection::vec(32u8..=255, 0..300)) {
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            let mut parts = request("/");
            parts.headers.insert(AUTHORIZATION, value);
            prop_assert!(verify(&parts, BODY).is_err());
            scope_service(&parts.headers);
        }
    }
}
