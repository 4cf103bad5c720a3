//! The edge: sockets, TLS, framing and signatures.
//!
//! It may only authenticate and then call the service. It knows no operation, no policy and no key.

pub mod answer;
pub mod sigv4;
