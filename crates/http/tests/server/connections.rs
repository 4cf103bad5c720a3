//! How connections live and end: HTTP/2, TLS, clients that are slow or many, and the server's own end.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{JSON, Running, config, head, is_closed, read, service, start};
use claviger_http::{Config, ServeError, Server, Timeouts, TlsFiles};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

const BODY: &[u8] = br#"{"NumberOfBytes":32}"#;

fn request(running: &Running, scheme: &str) -> Request<Full<hyper::body::Bytes>> {
    let (mut parts, ()) = running.signed_head("kms", "TrentService.GenerateRandom", JSON, BODY).into_parts();
    parts.uri = format!("{scheme}://{}/", running.server.local_addr()).parse().unwrap();
    // HTTP/2 sends the authority in its place.
    parts.headers.remove("host");
    Request::from_parts(parts, Full::from(BODY))
}

async fn ask_http2<S>(stream: S, running: &Running, scheme: &str) -> u16
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(sender.send_request(request(running, scheme)));
    }
    let mut last = 0;
    for answer in answers {
        let answer = answer.await.unwrap();
        last = answer.status().as_u16();
        assert!(answer.headers().contains_key("x-amzn-requestid"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"{\"Plaintext\":\""), "{body:?}");
    }
    last
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn http2_without_tls() {
    let running = start(config());
    let status = block_on(async {
        let stream = tokio::net::TcpStream::connect(running.server.local_addr()).await.unwrap();
        ask_http2(stream, &running, "http").await
    });
    assert_eq!(status, 200);
}

#[test]
fn tls() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let files = TlsFiles { certificates: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
    std::fs::write(&files.certificates, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let running = start(Config { tls: Some(files), ..config() });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    for (protocol, want) in [(&b"h2"[..], 200), (b"http/1.1", 200)] {
        let mut client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        client.alpn_protocols = vec![protocol.to_vec()];
        let status = block_on(async {
            let stream = tokio::net::TcpStream::connect(running.server.local_addr()).await.unwrap();
            let name = "localhost".try_into().unwrap();
            let stream = tokio_rustls::TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.alpn_protocol(), Some(protocol));
            let group = session.negotiated_key_exchange_group().unwrap().name();
            assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
            if protocol == b"h2" {
                ask_http2(stream, &running, "https").await
            } else {
                ask_http1(stream, &running).await
            }
        });
        assert_eq!(status, want, "{}", String::from_utf8_lossy(protocol));
    }
}

async fn ask_http1<S>(stream: S, running: &Running) -> u16
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (parts, ()) = running.signed_head("kms", "TrentService.GenerateRandom", JSON, BODY).into_parts();
    sender
        .send_request(Request::from_parts(parts, Full::<hyper::body::Bytes>::from(BODY)))
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// Each of these clients stops at another place; the server waits for none of them for ever.
#[test]
fn slow_clients_are_given_up() {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { head: second, body: second, idle: second, closing: second, ..Timeouts::default() };
    let running = start(Config { timeouts, ..config() });
    let whole = running.random();
    let unfinished_head = whole[..40].to_vec();
    let unfinished_body = whole[..whole.len() - 1].to_vec();
    let mut streams: Vec<_> = [vec![], b"P".to_vec(), b"PRI * HTTP/2.0\r\n".to_vec(), unfinished_head]
        .into_iter()
        .map(|begin| {
            let mut stream = running.connect();
            stream.write_all(&begin).unwrap();
            (stream, begin)
        })
        .collect();
    let mut slow_body = running.connect();
    slow_body.write_all(&unfinished_body).unwrap();
    let mut idle = running.connect();
    idle.write_all(&whole).unwrap();
    assert_eq!(read(&mut idle).unwrap().status, 200);
    for (stream, begin) in &mut streams {
        assert!(is_closed(stream), "{}", String::from_utf8_lossy(begin));
    }
    assert_eq!(read(&mut slow_body).unwrap().status, 408);
    assert!(is_closed(&mut slow_body));
    assert!(is_closed(&mut idle));
    assert_eq!(running.ask(&running.random()).status, 200);
}

#[test]
fn connections_are_bounded() {
    let running = start(Config { connections_max: 2, workers: 1, ..config() });
    let mut within: Vec<_> = (0..2).map(|_| running.connect()).collect();
    for stream in &mut within {
        stream.write_all(&running.random()).unwrap();
        assert_eq!(read(stream).unwrap().status, 200);
    }
    assert!(is_closed(&mut running.connect()));
    for stream in &mut within {
        stream.write_all(&running.random()).unwrap();
        assert_eq!(read(stream).unwrap().status, 200);
    }
}

/// A second server must not quietly take half of the first one's connections.
#[test]
fn an_address_is_served_once() {
    let running = start(config());
    let taken = Config { listen: running.server.local_addr(), ..config() };
    let service = service();
    assert!(matches!(Server::start(taken, &service.service), Err(ServeError::Listen { .. })));
    assert_eq!(running.ask(&running.random()).status, 200);
}

/// Whatever a client sent before the server was told to stop is answered: on connections that are in use, and on
/// those that still wait to be accepted.
#[test]
fn stopping_drops_no_request() {
    let running = start(config());
    let mut streams: Vec<_> = (0..100).map(|_| running.connect()).collect();
    for stream in streams.iter_mut().take(50) {
        stream.write_all(&running.random()).unwrap();
        assert_eq!(read(stream).unwrap().status, 200);
    }
    for stream in &mut streams {
        stream.write_all(&running.random()).unwrap();
    }
    let mut idle = running.connect();
    let address = running.server.local_addr();
    let unfinished = {
        let mut stream = running.connect();
        let whole = running.random();
        stream.write_all(&whole[..whole.len() - 1]).unwrap();
        (stream, whole)
    };
    let stopping = std::thread::spawn(move || Server::stop(running.server));
    for (number, stream) in streams.iter_mut().enumerate() {
        let reply = read(stream).unwrap_or_else(|| panic!("connection {number} was dropped"));
        assert_eq!(reply.status, 200, "connection {number}");
    }
    let (mut stream, whole) = unfinished;
    stream.write_all(&whole[whole.len() - 1..]).unwrap();
    let reply = read(&mut stream).unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(is_closed(&mut stream));
    assert!(is_closed(&mut idle));
    stopping.join().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// HTTP/2 says goodbye by a frame: the client learns that its connection ended well.
#[test]
fn stopping_takes_leave_of_http2() {
    let running = start(config());
    let ended = block_on(async {
        let stream = tokio::net::TcpStream::connect(running.server.local_addr()).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        assert_eq!(sender.send_request(request(&running, "http")).await.unwrap().status(), 200);
        tokio::task::spawn_blocking(move || running.server.stop()).await.unwrap();
        connection.await.unwrap()
    });
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn a_head_has_room_for_a_session_token() {
    let running = start(config());
    let signed = running.signed_head("kms", "TrentService.GenerateRandom", JSON, BODY);
    let padded = |bytes: usize| {
        let padding = format!("x-padding: {}\r\ncontent-length: {}\r\n\r\n", "p".repeat(bytes), BODY.len());
        [&head(&signed), padding.as_bytes(), BODY].concat()
    };
    assert_eq!(running.ask(&padded(16 * 1024)).status, 200);
    // The refusal may be lost, since the server does not read the rest of such a head.
    let mut stream = running.connect();
    stream.write_all(&padded(200 * 1024)).unwrap_or_default();
    let refused = read(&mut stream);
    assert!(refused.as_ref().is_none_or(|reply| reply.status == 431), "{refused:?}");
}
