//! Signatures: whatever is done to a signed request, it is refused unless it still says the same.

use std::sync::{Arc, Mutex};

use claviger_fuzz::{Bytes, Campaign, Choices, Driver, Edited, ValueGenerator};
use claviger_http::sigv4::{Directory, KeyUnavailable, Message, Signer, Verifier, scope_service};
use claviger_keyring::{SecretAccessKey, SigningKey};
use claviger_types::{AccessKeyId, Region, ServiceName, SessionKeyId, Timestamp};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request};

const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const BODY: &[u8] = br#"{"KeyId":"alias/a"}"#;
const PATH: &str = "/a/b?x=1&y=%20z";

/// Headers that are edited; the last is not among those signed.
const NAMES: [&str; 7] =
    ["authorization", "x-amz-date", "x-amz-target", "host", "content-type", "x-amz-content-sha256", "date"];
const WORDS: &[&str] = &[
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA1",
    "Credential=",
    "SignedHeaders=",
    "Signature=",
    ", ",
    ",",
    " ",
    "  ",
    ";",
    "/",
    "=",
    "host;",
    "x-amz-target",
    "x-amz-date;",
    "HOST",
    "aws4_request",
    "us-east-1",
    "kms",
    "iam",
    "20260131",
    "20260131T120000Z",
    "20260131T120001Z",
    "Sat, 31 Jan 2026 12:00:00 GMT",
    "AKIAIOSFODNN7EXAMPLE",
    "\t",
    "é",
    "\u{80}",
    "99999999T999999Z",
    "00000101T000000Z",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// One change of a signed request.
#[derive(Debug, Clone)]
enum Change {
    Append(usize, Bytes),
    Body(Bytes),
    EditHeader(usize, Edits),
    Method,
    Path(&'static str),
    Remove(usize),
    Replace(usize, Bytes),
    Token,
}

/// Where in a header's value something is put, how much it takes the place of, and what it is.
#[derive(Debug, Clone)]
struct Edits {
    at: u8,
    over: u8,
    with: Bytes,
}

struct Changes {
    bodies: Edited,
    values: Edited,
}

impl ValueGenerator for Changes {
    type Output = Vec<Change>;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Vec<Change>> {
        let count = Choices::new(driver).below(4);
        (0..count).map(|_| self.change(driver)).collect()
    }
}

impl Changes {
    fn change<D: Driver>(&self, driver: &mut D) -> Option<Change> {
        let mut choices = Choices::new(driver);
        let name = choices.below(NAMES.len());
        Some(match choices.below(12) {
            0..6 => {
                let at = choices.byte();
                let over = if choices.one_in(2) { choices.byte() % 16 } else { 0 };
                let word = choices.one_of(WORDS).copied().unwrap_or_default().as_bytes().to_vec();
                let with = if choices.one_in(3) { choices.bytes(1) } else { word };
                Change::EditHeader(if choices.one_in(2) { 0 } else { name }, Edits { at, over, with: Bytes(with) })
            }
            6 => Change::Body(self.bodies.generate(driver)?),
            7 => Change::Replace(name, self.values.generate(driver)?),
            8 => Change::Append(name, self.values.generate(driver)?),
            9 => Change::Remove(name),
            10 => Change::Path(choices.one_of(&[
                "/a/b?y=%20z&x=1",
                "/a/./b?x=1&y= z",
                "/",
                "/a//b",
                "/A/b?x=1&y=%20z",
            ])?),
            _ if choices.one_in(2) => Change::Method,
            _ => Change::Token,
        })
    }
}

/// A request that was signed, changed on its way.
pub fn signatures(campaign: Campaign) {
    let user = OneUser(Arc::new(SecretAccessKey::from_text(SECRET.to_owned()).unwrap()));
    let original = signed(&user.0);
    // One for all inputs, so that a change also meets a signing key that is known already.
    let verifier = Mutex::new(Verifier::new());
    let values = Edited::new(original.headers.values().map(HeaderValue::as_bytes), WORDS);
    campaign.run(Changes { bodies: Edited::new([BODY], ["alias/b", " "]), values }, |changes| {
        let (mut parts, mut body) = (copy(&original), BODY.to_vec());
        changes.iter().for_each(|change| apply(change, &mut parts, &mut body));
        let _ = scope_service(&parts.headers);
        let message = Message::new(&parts, &body);
        let verified = verifier.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).verify(
            &user,
            &message,
            ServiceName::Kms,
            now(),
        );
        match verified {
            Ok(verified) => {
                assert_eq!(verified.region.as_str(), "us-east-1");
                check_same(&original, &parts, &body);
                true
            }
            Err(error) => {
                assert!(!changes.is_empty(), "the request itself is refused: {error}");
                let text = error.to_string();
                assert!(!text.contains(SECRET), "{text}");
                false
            }
        }
    });
}

/// What the service acts on is what was signed.
fn check_same(original: &Parts, parts: &Parts, body: &[u8]) {
    assert_eq!(body, BODY);
    assert_eq!(parts.method, original.method);
    for name in ["x-amz-target", "x-amz-date", "host", "content-type", "x-amz-content-sha256"] {
        assert_eq!(squeezed(&parts.headers, name), squeezed(&original.headers, name), "{name}");
    }
    let mut query: Vec<&str> = parts.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    assert_eq!((parts.uri.path().replace("/./", "/").as_str(), query), ("/a/b", vec!["x=1", "y=%20z"]));
}

/// The values of a header as the specification joins them: trimmed, runs of spaces as one.
fn squeezed(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let text = text.trim_ascii().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        text.trim_ascii().to_owned()
    });
    values.collect::<Vec<_>>().join(",")
}

fn apply(change: &Change, parts: &mut Parts, body: &mut Vec<u8>) {
    let name = |index: usize| HeaderName::from_static(NAMES[index]);
    match change {
        Change::Append(index, Bytes(value)) => {
            // A value that no header can carry never arrives.
            if let Ok(value) = HeaderValue::from_bytes(value) {
                parts.headers.append(name(*index), value);
            }
        }
        Change::Body(Bytes(bytes)) => body.clone_from(bytes),
        Change::EditHeader(index, edits) => {
            let mut value = parts.headers.get(name(*index)).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
            let at = usize::from(edits.at).min(value.len());
            let end = (at + usize::from(edits.over)).min(value.len());
            value.splice(at..end, edits.with.0.iter().copied());
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                parts.headers.insert(name(*index), value);
            }
        }
        Change::Method => parts.method = hyper::Method::PUT,
        Change::Path(path) => {
            if let Ok(uri) = path.parse() {
                parts.uri = uri;
            }
        }
        Change::Remove(index) => drop(parts.headers.remove(name(*index))),
        Change::Replace(index, Bytes(value)) => {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                parts.headers.insert(name(*index), value);
            }
        }
        Change::Token => drop(parts.headers.insert("x-amz-security-token", HeaderValue::from_static("t"))),
    }
}

fn signed(secret: &SecretAccessKey) -> Parts {
    let request = Request::post(PATH)
        .header("host", "localhost:4566")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-content-sha256", HASH)
        .header("x-amz-target", "TrentService.DescribeKey");
    let mut parts = request.body(()).unwrap().into_parts().0;
    let signer = Signer { access_key_id: ACCESS_KEY_ID, secret, region: "us-east-1", service: "kms" };
    signer.sign(&mut parts, BODY, now()).unwrap();
    assert!(parts.headers.contains_key(AUTHORIZATION));
    parts
}

/// SHA-256 of the body, by another program.
const HASH: &str = "26bf5a4998dc23d67ca5ad5613737745adfc0305e183057016a1a7cc51d0fbcb";

fn copy(parts: &Parts) -> Parts {
    let mut copy = Request::new(()).into_parts().0;
    copy.method = parts.method.clone();
    copy.uri = parts.uri.clone();
    copy.headers = parts.headers.clone();
    copy
}

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

struct OneUser(Arc<SecretAccessKey>);

impl Directory for OneUser {
    type Holder = Arc<SecretAccessKey>;

    fn user(&self, access_key_id: AccessKeyId) -> Option<Arc<SecretAccessKey>> {
        (access_key_id.as_str() == ACCESS_KEY_ID).then(|| Arc::clone(&self.0))
    }

    fn session(&self, _: SessionKeyId, _: &[u8]) -> Option<Arc<SecretAccessKey>> {
        None
    }

    fn is_same(one: &Arc<SecretAccessKey>, other: &Arc<SecretAccessKey>) -> bool {
        Arc::ptr_eq(one, other)
    }

    fn serves(&self, _: &Region) -> bool {
        true
    }

    fn signing_key(
        &self,
        holder: &Arc<SecretAccessKey>,
        day: &str,
        region: &Region,
        service: ServiceName,
    ) -> Result<SigningKey, KeyUnavailable> {
        holder.signing_key(day, region.as_str(), service.as_str()).map_err(|error| KeyUnavailable(error.to_string()))
    }
}
