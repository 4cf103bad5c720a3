//! One signed request and its answer, over plain HTTP to loopback or over TLS.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use claviger_http::sigv4::{Signer, Unsignable};
use claviger_types::{ServiceName, Timestamp};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::settings::Settings;

/// How long the whole exchange may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// More than any reply of our API has.
const REPLY_BYTES_MAX: usize = 1024 * 1024;

/// The prefix of `X-Amz-Target`. Source: models/claviger, targetPrefix.
const TARGET_PREFIX: &str = "Claviger_20261201";

/// An answer. Its body may hold secrets.
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Zeroizing<String>,
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The authorities that are to be trusted cannot be read.
    #[error("cannot read the certificate authorities `{path}`: {reason}", path = path.display())]
    Authorities {
        /// Where they should be.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nobody listens there, or no TLS was agreed on.
    #[error("cannot connect to {endpoint}: {source}")]
    Connect {
        /// The server's address.
        endpoint: Uri,
        /// Why not.
        source: io::Error,
    },
    /// The address is none.
    #[error("`{0}` is no address of a server: it looks like http://127.0.0.1:4566")]
    Endpoint(Uri),
    /// The answer is not what the protocol says.
    #[error("the answer of {endpoint} cannot be read: {reason}")]
    Http {
        /// The server's address.
        endpoint: Uri,
        /// Why not.
        reason: String,
    },
    /// Secrets would cross the network in the clear.
    #[error("{0} is neither loopback nor https, and the answer holds a secret: use https")]
    InTheClear(Uri),
    /// It took too long.
    #[error("{endpoint} did not answer within {} s", TIMEOUT.as_secs())]
    Timeout {
        /// The server's address.
        endpoint: Uri,
    },
    /// The request cannot be signed.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
}

/// Sends one request of our API.
pub(crate) async fn exchange(settings: &Settings, operation: &str, body: &[u8]) -> Result<Reply, ExchangeError> {
    let timeout = || ExchangeError::Timeout { endpoint: settings.endpoint.clone() };
    tokio::time::timeout(TIMEOUT, connect_and_send(settings, operation, body)).await.map_err(|_| timeout())?
}

async fn connect_and_send(settings: &Settings, operation: &str, body: &[u8]) -> Result<Reply, ExchangeError> {
    let endpoint = &settings.endpoint;
    let refused = |source| ExchangeError::Connect { endpoint: endpoint.clone(), source };
    let unusable = || ExchangeError::Endpoint(endpoint.clone());
    let host = endpoint.host().ok_or_else(unusable)?;
    // An IPv6 address stands in brackets, which are no part of it.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let tls = match endpoint.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(unusable()),
    };
    let port = endpoint.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream = TcpStream::connect((name, port)).await.map_err(refused)?;
    let request = signed(settings, operation, body)?;
    if tls {
        let connector = TlsConnector::from(Arc::new(tls_config(settings)?));
        let server = ServerName::try_from(name.to_owned()).map_err(|_| unusable())?;
        let stream = connector.connect(server, stream).await.map_err(refused)?;
        return send(endpoint, stream, request).await;
    }
    if !stream.peer_addr().map_err(refused)?.ip().is_loopback() {
        return Err(ExchangeError::InTheClear(endpoint.clone()));
    }
    send(endpoint, stream, request).await
}

fn signed(settings: &Settings, operation: &str, body: &[u8]) -> Result<Request<Full<Bytes>>, ExchangeError> {
    let authority = settings.endpoint.authority().ok_or_else(|| ExchangeError::Endpoint(settings.endpoint.clone()))?;
    let mut request = Request::post("/")
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", format!("{TARGET_PREFIX}.{operation}"));
    if let Some(token) = &settings.session_token {
        request = request.header("x-amz-security-token", token.as_str());
    }
    let request = request.body(()).map_err(|_| Unsignable)?;
    let (mut parts, ()) = request.into_parts();
    let signer = Signer {
        access_key_id: &settings.access_key_id,
        secret: &settings.secret,
        region: settings.region.as_str(),
        service: ServiceName::Claviger.as_str(),
    };
    signer.sign(&mut parts, body, Timestamp::from(SystemTime::now()))?;
    Ok(Request::from_parts(parts, Full::new(Bytes::copy_from_slice(body))))
}

async fn send<S>(endpoint: &Uri, stream: S, request: Request<Full<Bytes>>) -> Result<Reply, ExchangeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |reason: String| ExchangeError::Http { endpoint: endpoint.clone(), reason };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.to_string()))?;
    // The connection ends by itself once the sender is gone; what goes wrong with it shows in the answer.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| failed(error.to_string()))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), REPLY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
    let text = std::str::from_utf8(&body).map_err(|error| failed(error.to_string()))?;
    Ok(Reply { status, body: Zeroizing::new(text.to_owned()) })
}

fn tls_config(settings: &Settings) -> Result<ClientConfig, ExchangeError> {
    let bundle = settings.ca_bundle.clone();
    let unreadable = |reason: String| ExchangeError::Authorities { path: bundle.clone().unwrap_or_default(), reason };
    let mut roots = RootCertStore::empty();
    match &settings.ca_bundle {
        Some(path) => {
            let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
        }
        None => {
            // Systems hold certificates that nobody can use any more, so single failures mean nothing.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(unreadable("no certificate is there; set AWS_CA_BUNDLE".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| unreadable(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
