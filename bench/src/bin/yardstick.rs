//! `yardstick`: the smallest server that does an Encrypt's unavoidable work, on the HTTP stack that the product uses.
//!
//! It verifies the signature with a cached signing key, parses the JSON, derives, seals, answers, and does nothing
//! else: no authorization, no key look-up, no time window, no limits, no events. `bench/README.md` says what that means.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use clap::Parser;
use claviger_bench::BenchError;
use claviger_bench::sigv4::{JSON, signing_key, string_to_sign};
use claviger_bench::targets::{SecretText, Targets, random};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

const NONCE_BYTES: usize = 16;

/// The smallest server that does an Encrypt's unavoidable work.
#[derive(Parser)]
struct Arguments {
    /// The targets file, for its credentials, Region and account.
    #[arg(long)]
    targets: PathBuf,
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
}

#[expect(clippy::print_stderr, reason = "a command-line tool talks by its standard streams")]
fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("yardstick: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<Infallible, BenchError> {
    let server = Rc::new(Server::new(Targets::read(&arguments.targets)?)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(arguments.listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let server = Rc::clone(&server);
            let service = service_fn(move |request| answer(Rc::clone(&server), request));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A connection that breaks concerns its client only.
            tokio::task::spawn_local(async move { connection.await.ok() });
        }
    })
}

/// What the yardstick knows: credentials, and one key that stands for all keys.
struct Server {
    credentials: HashMap<String, Credential>,
    backing_key: hmac::Key,
    key_arn_prefix: String,
}

/// A secret with its last used signing key; the verdict on a signature is never kept.
struct Credential {
    secret: SecretText,
    signing_key: RefCell<Option<(String, hmac::Key)>>,
}

/// Why a request is refused. Clients of a bench need no more than the status.
struct Refused;

impl Server {
    fn new(targets: Targets) -> Result<Self, BenchError> {
        let credentials = targets.credentials.into_iter().map(|credential| {
            let kept = Credential { secret: credential.secret_access_key, signing_key: RefCell::new(None) };
            (credential.access_key_id, kept)
        });
        Ok(Self {
            credentials: credentials.collect(),
            backing_key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?),
            key_arn_prefix: format!("arn:aws:kms:{}:{}:key/", targets.region, targets.account_id),
        })
    }

    fn encrypt(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Refused> {
        self.authenticate(headers, body)?;
        if headers.get("x-amz-target").is_none_or(|target| target != "TrentService.Encrypt") {
            return Err(Refused);
        }
        let request: EncryptRequest = serde_json::from_slice(body).map_err(|_| Refused)?;
        let plaintext = BASE64.decode(request.plaintext).map_err(|_| Refused)?;
        let context = canonical_context(&request.encryption_context);
        let ciphertext = self.seal(request.key_id, plaintext, &context).map_err(|_| Refused)?;
        let reply = EncryptReply {
            ciphertext_blob: BASE64.encode(ciphertext),
            encryption_algorithm: "SYMMETRIC_DEFAULT",
            key_id: [&self.key_arn_prefix, request.key_id].concat(),
        };
        serde_json::to_vec(&reply).map_err(|_| Refused)
    }

    /// Nonce, initialisation vector, sealed text and tag, under a key that is derived for this message.
    fn seal(&self, key_id: &str, mut text: Vec<u8>, context: &[u8]) -> Result<Vec<u8>, BenchError> {
        let random: [u8; NONCE_BYTES + NONCE_LEN] = random()?;
        let (nonce, initialisation_vector) = random.split_at(NONCE_BYTES);
        let mut derivation = hmac::Context::with_key(&self.backing_key);
        derivation.update(key_id.as_bytes());
        derivation.update(nonce);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derivation.sign().as_ref())?);
        let vector = Nonce::try_assume_unique_for_key(initialisation_vector)?;
        key.seal_in_place_append_tag(vector, Aad::from(context), &mut text)?;
        Ok([&random[..], &text].concat())
    }

    fn authenticate(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let authorization = text(headers, AUTHORIZATION.as_str())?;
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(Refused)?;
        let field = |name: &str| {
            fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).ok_or(Refused)
        };
        let (access_key_id, scope) = field("Credential")?.split_once('/').ok_or(Refused)?;
        let credential = self.credentials.get(access_key_id).ok_or(Refused)?;
        let canonical = canonical_request(headers, field("SignedHeaders")?, body)?;
        let signed = string_to_sign(text(headers, "x-amz-date")?, scope, &canonical);
        let wanted = credential.sign(scope, &signed)?;
        constant_time::verify_slices_are_equal(wanted.as_bytes(), field("Signature")?.as_bytes()).map_err(|_| Refused)
    }
}

impl Credential {
    fn sign(&self, scope: &str, text: &str) -> Result<String, Refused> {
        let mut cached = self.signing_key.borrow_mut();
        let key = match cached.take() {
            Some((of_scope, key)) if of_scope == scope => cached.insert((of_scope, key)),
            _ => {
                let mut parts = scope.split('/');
                let mut part = || parts.next().ok_or(Refused);
                let key = signing_key(self.secret.expose(), part()?, part()?, part()?);
                cached.insert((scope.to_owned(), key))
            }
        };
        Ok(const_hex::encode(hmac::sign(&key.1, text.as_bytes())))
    }
}

async fn answer(server: Rc<Server>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let (status, text) = match server.encrypt(&parts.headers, &body) {
        Ok(text) => (StatusCode::OK, text),
        Err(Refused) => (StatusCode::BAD_REQUEST, br#"{"__type":"Refused"}"#.to_vec()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Ok(response)
}

fn canonical_request(headers: &HeaderMap, signed_headers: &str, body: &[u8]) -> Result<String, Refused> {
    let mut canonical = String::with_capacity(512);
    canonical.push_str("POST\n/\n\n");
    for name in signed_headers.split(';') {
        // Writing to a string cannot fail.
        let _ = writeln!(canonical, "{name}:{}", text(headers, name)?.trim());
    }
    let _ = write!(canonical, "\n{signed_headers}\n{}", const_hex::encode(digest::digest(&digest::SHA256, body)));
    Ok(canonical)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Refused)
}

/// Each key and value with its length before it; the map is sorted by key.
fn canonical_context(context: &BTreeMap<String, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EncryptRequest<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EncryptReply {
    ciphertext_blob: String,
    encryption_algorithm: &'static str,
    key_id: String,
}

#[cfg(test)]
mod tests {
    use claviger_bench::connection::Endpoint;
    use claviger_bench::corpus::{Corpus, Shape, Workload};
    use hyper::header::HeaderName;

    use super::*;

    const ACCOUNT_ID: &str = "111122223333";

    /// A server and the messages of a load generator that reads the same targets.
    async fn server_and_messages(context_pairs: usize) -> (Server, Vec<Vec<u8>>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("targets.json");
        Targets::made_up("us-east-1", ACCOUNT_ID, 2, 2).unwrap().write(&path).unwrap();
        let endpoint = Endpoint { host: "localhost:1".to_owned() };
        let (targets, shape) = (Targets::read(&path).unwrap(), Shape { requests: 4, context_pairs, own_keys: false });
        let corpus = Corpus::gather(Workload::Encrypt, shape, targets, &endpoint, 1).await.unwrap();
        (Server::new(Targets::read(&path).unwrap()).unwrap(), corpus.sign(&endpoint))
    }

    fn parse(message: &[u8]) -> (HeaderMap, &[u8]) {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let length = request.parse(message).unwrap().unwrap();
        let pairs = request.headers.iter().map(|header| {
            let name = HeaderName::from_bytes(header.name.as_bytes()).unwrap();
            (name, HeaderValue::from_bytes(header.value).unwrap())
        });
        (pairs.collect(), &message[length..])
    }

    #[tokio::test]
    async fn what_it_seals_opens_under_the_derived_key() {
        for context_pairs in [0, 2] {
            let (server, messages) = server_and_messages(context_pairs).await;
            for message in &messages {
                let (headers, body) = parse(message);
                let reply = server.encrypt(&headers, body).ok().expect("accepted");
                let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
                let request: EncryptRequest<'_> = serde_json::from_slice(body).unwrap();
                let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/{}", request.key_id);
                assert_eq!(reply["KeyId"], arn, "context_pairs={context_pairs}");
                let mut blob = BASE64.decode(reply["CiphertextBlob"].as_str().unwrap()).unwrap();
                let (nonce, rest) = blob.split_at_mut(NONCE_BYTES);
                let (vector, sealed) = rest.split_at_mut(NONCE_LEN);
                let derived = hmac::sign(&server.backing_key, &[request.key_id.as_bytes(), nonce].concat());
                let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derived.as_ref()).unwrap());
                let context = canonical_context(&request.encryption_context);
                assert_eq!(request.encryption_context.len(), context_pairs);
                let vector = Nonce::try_assume_unique_for_key(vector).unwrap();
                let opened = key.open_in_place(vector, Aad::from(context), sealed).unwrap();
                assert_eq!(BASE64.encode(opened), request.plaintext, "context_pairs={context_pairs}");
            }
        }
    }

    #[tokio::test]
    async fn any_change_to_what_was_signed_is_refused() {
        let (server, messages) = server_and_messages(0).await;
        let (headers, body) = parse(&messages[0]);
        for name in ["host", "content-type", "x-amz-date", "x-amz-target", "authorization"] {
            let mut without = headers.clone();
            without.remove(name);
            assert!(server.encrypt(&without, body).is_err(), "without {name}");
            let mut changed = headers.clone();
            let value = headers[name].to_str().unwrap();
            let flipped = if value.ends_with('0') { "1" } else { "0" };
            let value = format!("{}{flipped}", &value[..value.len() - 1]);
            changed.insert(name, value.parse().unwrap());
            assert!(server.encrypt(&changed, body).is_err(), "changed {name}");
        }
        let other_body = [body, b" "].concat();
        assert!(server.encrypt(&headers, &other_body).is_err(), "changed body");
        assert!(server.encrypt(&headers, body).is_ok(), "and the request itself is still accepted");
    }
}
