//! The edge: sockets, TLS, framing and signatures.
//!
//! It may only authenticate and then call the service. It knows no operation, no policy and no key.

mod answer;
mod body;
mod complaints;
mod connection;
mod front_door;
mod request_id;
mod server;
mod sessions;
pub mod sigv4;
mod tls;
mod worker;

pub use answer::{Protocol, Refusal};
pub use server::{Config, ServeError, Server, Timeouts};
pub use tls::{TlsError, TlsFiles};
