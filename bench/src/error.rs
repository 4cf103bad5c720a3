//! What stops a bench. A refused request in a timed window is no such thing: it is counted.

use std::path::PathBuf;

/// Why a bench could not be prepared or finished.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A peer closed the connection, or answered with something that is not HTTP/1.1.
    #[error("connection to the endpoint failed: {0}")]
    Connection(String),
    /// A request of the preparation was refused.
    #[error("{action} was refused with status {status}: {body}")]
    Refused {
        /// What was asked.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The reply, as text.
        body: String,
    },
    /// A reply of the preparation lacks what the API promises.
    #[error("the reply of {0} cannot be understood")]
    Reply(String),
    /// A file cannot be read or written.
    #[error("`{path}` cannot be used: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system or the parser says.
        reason: String,
    },
    /// What the command line asks for cannot be done.
    #[error("{0}")]
    Usage(String),
    /// A server refused to start, which is what it does with a data directory of another format.
    #[error("the server ended while it started ({status}): {log}")]
    Ended {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line that it printed.
        log: String,
    },
    /// The measured process or this one cannot be controlled.
    #[error("process: {0}")]
    Process(String),
    /// A primitive failed, which it does only if memory or the system's random source is exhausted.
    #[error("cryptography failed")]
    Cryptography,
}

impl BenchError {
    /// A file error with its path.
    pub fn file(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl From<std::io::Error> for BenchError {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error.to_string())
    }
}

impl From<aws_lc_rs::error::Unspecified> for BenchError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Cryptography
    }
}
