//! One kept-alive HTTP/1.1 connection that sends a ready message and reads one reply: no more than that costs.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::BenchError;

const HEADERS_MAX: usize = 64;
const READ_BYTES: usize = 16 * 1024;

/// Where the measured server listens.
#[derive(Clone)]
pub struct Endpoint {
    /// `host:port`, as the `Host` header names it and as it is connected to.
    pub host: String,
}

impl Endpoint {
    /// Parses `http://host:port`. TLS is not spoken: it would be measured along with the server.
    pub fn parse(url: &str) -> Result<Self, BenchError> {
        let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).filter(|host| !host.is_empty());
        match host {
            Some(host) if host.contains(':') => Ok(Self { host: host.to_owned() }),
            Some(host) => Ok(Self { host: format!("{host}:80") }),
            None => Err(BenchError::Usage(format!("`{url}` is not `http://host:port`"))),
        }
    }
}

/// What the server answered.
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body, without its framing.
    pub body: &'a [u8],
}

/// A connection; it opens itself again if the server has closed it.
pub struct Connection {
    endpoint: Endpoint,
    stream: Option<TcpStream>,
    received: BytesMut,
    body: Vec<u8>,
}

impl Connection {
    /// A connection that opens on the first exchange.
    pub fn new(endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.clone(),
            stream: None,
            received: BytesMut::with_capacity(READ_BYTES),
            body: Vec::new(),
        }
    }

    /// Sends a message and reads its reply.
    pub async fn exchange(&mut self, message: &[u8]) -> Result<Reply<'_>, BenchError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open().await?,
        };
        stream.write_all(message).await?;
        self.body.clear();
        let head = self.read_head(&mut stream).await?;
        match head.framing {
            Framing::Length(length) => self.read_exactly(&mut stream, length).await?,
            Framing::Chunked => self.read_chunks(&mut stream).await?,
        }
        if head.keep_alive {
            self.stream = Some(stream);
        }
        Ok(Reply { status: head.status, body: &self.body })
    }

    async fn open(&mut self) -> Result<TcpStream, BenchError> {
        self.received.clear();
        let stream = TcpStream::connect(&self.endpoint.host).await?;
        // Without it, the second half of a split reply would wait for a delayed acknowledgement.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read_head(&mut self, stream: &mut TcpStream) -> Result<Head, BenchError> {
        loop {
            if let Some((head, length)) = Head::parse(&self.received)? {
                self.received.advance(length);
                return Ok(head);
            }
            self.fill(stream).await?;
        }
    }

    async fn read_exactly(&mut self, stream: &mut TcpStream, length: usize) -> Result<(), BenchError> {
        while self.received.len() < length {
            self.fill(stream).await?;
        }
        self.body.extend_from_slice(&self.received.split_to(length));
        Ok(())
    }

    async fn read_chunks(&mut self, stream: &mut TcpStream) -> Result<(), BenchError> {
        loop {
            let parsed = httparse::parse_chunk_size(&self.received)
                .map_err(|_| BenchError::Connection("a chunk size is malformed".to_owned()))?;
            let httparse::Status::Complete((start, length)) = parsed else {
                self.fill(stream).await?;
                continue;
            };
            self.received.advance(start);
            let length = usize::try_from(length).map_err(|error| BenchError::Connection(error.to_string()))?;
            self.read_exactly(stream, length).await?;
            while self.received.len() < 2 {
                self.fill(stream).await?;
            }
            self.received.advance(2);
            if length == 0 {
                return Ok(());
            }
        }
    }

    async fn fill(&mut self, stream: &mut TcpStream) -> Result<(), BenchError> {
        self.received.reserve(READ_BYTES);
        match stream.read_buf(&mut self.received).await? {
            0 => Err(BenchError::Connection("closed by the server before its reply was complete".to_owned())),
            _ => Ok(()),
        }
    }
}

/// What of a reply's head matters here.
struct Head {
    status: u16,
    framing: Framing,
    keep_alive: bool,
}

#[derive(Debug, PartialEq)]
enum Framing {
    Chunked,
    Length(usize),
}

impl Head {
    /// The head and its length in bytes, or nothing while it is incomplete.
    fn parse(received: &[u8]) -> Result<Option<(Self, usize)>, BenchError> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(received).map_err(|error| BenchError::Connection(error.to_string()))?;
        let (httparse::Status::Complete(length), Some(status)) = (parsed, response.code) else { return Ok(None) };
        let mut head = Self { status, framing: Framing::Length(0), keep_alive: response.version == Some(1) };
        for header in response.headers.iter() {
            head.apply(header)?;
        }
        Ok(Some((head, length)))
    }

    fn apply(&mut self, header: &httparse::Header<'_>) -> Result<(), BenchError> {
        let value = std::str::from_utf8(header.value).unwrap_or_default();
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| BenchError::Connection(format!("content length `{value}`")))?;
            self.framing = Framing::Length(length);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            self.framing = Framing::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            self.keep_alive = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Serves these bytes, one element per connection and request, and gives the replies that were understood.
    async fn replies(served: Vec<&'static [u8]>, requests: usize) -> Vec<Result<(u16, Vec<u8>), String>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            for answer in served {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4];
                stream.read_exact(&mut request).await.unwrap();
                // Byte by byte, so that every split of head and body occurs.
                for byte in answer {
                    stream.write_all(&[*byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut connection = Connection::new(&endpoint);
        let mut understood = Vec::new();
        for _ in 0..requests {
            let reply = connection.exchange(b"ping").await;
            understood.push(reply.map(|reply| (reply.status, reply.body.to_vec())).map_err(|error| error.to_string()));
        }
        server.await.unwrap();
        understood
    }

    #[tokio::test]
    async fn replies_are_read_in_either_framing() {
        for (served, want) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"[..], (200, &b"{}"[..])),
            (b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", (400, b"")),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
                (200, b"abc0123456789"),
            ),
        ] {
            let got = replies(vec![served], 1).await;
            assert_eq!(got, vec![Ok((want.0, want.1.to_vec()))], "{}", String::from_utf8_lossy(served));
        }
    }

    #[tokio::test]
    async fn a_closed_connection_is_opened_again() {
        let close: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na";
        assert_eq!(replies(vec![close, close], 2).await, vec![Ok((200, b"a".to_vec())), Ok((200, b"a".to_vec()))]);
    }

    #[tokio::test]
    async fn half_a_reply_is_an_error() {
        let got = replies(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], 1).await;
        assert!(matches!(got.as_slice(), [Err(text)] if text.contains("before its reply was complete")), "{got:?}");
    }

    #[test]
    fn endpoints_are_plain_http() {
        for (url, want) in [
            ("http://127.0.0.1:4566", Some("127.0.0.1:4566")),
            ("http://localhost:1/", Some("localhost:1")),
            ("http://kms", Some("kms:80")),
            ("https://kms.us-east-1.amazonaws.com", None),
            ("http://", None),
            ("127.0.0.1:4566", None),
        ] {
            assert_eq!(Endpoint::parse(url).ok().map(|endpoint| endpoint.host).as_deref(), want, "url={url}");
        }
    }
}
