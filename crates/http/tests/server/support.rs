//! A server on a free port over a store in memory, and a client that speaks HTTP/1.1 by hand, so that it can also
//! speak it badly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claviger_core::bootstrap::{self, AdminKey, NewDeployment};
use claviger_core::{EventQueue, Service, Settings};
use claviger_http::sigv4::Signer;
use claviger_http::{Config, Server, Timeouts};
use claviger_keyring::{Deployment, FileRoot, RootOfTrust};
use claviger_storage::{MemoryStore, Store};
use claviger_types::Timestamp;
use hyper::Request;
use hyper::header::{HOST, HeaderName, HeaderValue};

/// JSON 1.1.
pub const JSON: &str = "application/x-amz-json-1.1";

/// The Query protocol.
pub const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A client must not wait for ever for an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with one admin.
pub struct Running {
    pub server: Server,
    pub admin: AdminKey,
    pub events: EventQueue,
    _directory: tempfile::TempDir,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How tests serve, if they say nothing else.
pub fn config() -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        workers: 2,
        connections_max: 1000,
        tls: None,
        timeouts: Timeouts::default(),
    }
}

pub fn start(config: Config) -> Running {
    let Ready { service, admin, events, directory } = service();
    let server = Server::start(config, &service).unwrap();
    Running { server, admin, events, _directory: directory }
}

/// A service with one admin, without a server.
pub struct Ready {
    pub service: Arc<Service>,
    pub admin: AdminKey,
    pub events: EventQueue,
    pub directory: tempfile::TempDir,
}

pub fn service() -> Ready {
    let directory = tempfile::tempdir().unwrap();
    let root: Arc<dyn RootOfTrust> = Arc::new(FileRoot::create(&directory.path().join("root")).unwrap());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let new = NewDeployment {
        account: "111122223333".parse().unwrap(),
        name: "first".into(),
        kind: Deployment::Development,
        admin: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let admin = runtime.block_on(bootstrap::create(&store, root.as_ref(), new)).unwrap();
    let started = Service::start(store, root, Settings::default()).unwrap();
    Ready { service: started.service, admin, events: started.events, directory }
}

impl Running {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A signed request for `service`, as it goes over the wire. JSON requests carry a target.
    pub fn signed(&self, service: &str, target: &str, media_type: &'static str, body: &[u8]) -> Vec<u8> {
        wire(&self.signed_head(service, target, media_type, body), body)
    }

    pub fn signed_head(&self, service: &str, target: &str, media_type: &'static str, body: &[u8]) -> Request<()> {
        let mut parts = Request::post("/").body(()).unwrap().into_parts().0;
        let host = self.server.local_addr().to_string();
        parts.headers.insert(HOST, HeaderValue::from_str(&host).unwrap());
        parts.headers.insert("content-type", HeaderValue::from_static(media_type));
        if !target.is_empty() {
            parts.headers.insert("x-amz-target", HeaderValue::from_str(target).unwrap());
        }
        let signer = Signer {
            access_key_id: self.admin.access_key_id.as_str(),
            secret: &self.admin.secret,
            region: "us-east-1",
            service,
        };
        signer.sign(&mut parts, body, Timestamp::from(SystemTime::now())).unwrap();
        Request::from_parts(parts, ())
    }

    /// A signed request for some random bytes.
    pub fn random(&self) -> Vec<u8> {
        self.signed("kms", "TrentService.GenerateRandom", JSON, br#"{"NumberOfBytes":32}"#)
    }

    /// What the server answers to these bytes on a connection of their own.
    pub fn ask(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read(&mut stream)
            .unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])))
    }
}

/// A request with the given headers.
pub fn unsigned(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
    for (name, value) in headers {
        request = request.header(HeaderName::try_from(*name).unwrap(), *value);
    }
    wire(&request.body(()).unwrap(), body)
}

/// A request as HTTP/1.1 writes it.
pub fn wire(request: &Request<()>, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(request);
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// A request's head, but for what frames its body.
pub fn head(request: &Request<()>) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend_from_slice(format!("{name}: ").as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The next answer on a connection; `None` if the server closed it instead.
pub fn read(stream: &mut TcpStream) -> Option<Reply> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Ok(_) => {
                assert!(head.is_empty(), "the answer broke off: {}", String::from_utf8_lossy(&head));
                return None;
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset && head.is_empty() => return None,
            Err(error) => panic!("no answer: {error}"),
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.into()))
        .collect();
    if status == 100 {
        return read(stream);
    }
    let reply = Reply { status, headers, body: String::new() };
    let length: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Some(Reply { body: String::from_utf8(body).unwrap(), ..reply })
}

/// Whether the server closed the connection without a word.
pub fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    match stream.read(&mut byte) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
