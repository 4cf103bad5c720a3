//! The commands, one file each, and the one list of what can go wrong with them.

mod account;
mod account_text;
mod audit;
mod config;
mod doctor;
mod explain;
mod init;
mod recover;
mod serve;
mod signals;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use claviger_core::bootstrap::BootstrapError;
use claviger_core::{JobsError, StartError};
use claviger_http::ServeError;
use claviger_keyring::{ModuleFailed, RootError};
use claviger_storage::StoreError;

use crate::client::ClientError;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::dev::DevError;
use crate::harden::{HardenError, Limits};
use crate::tls_dev::TlsDevError;

/// What the binary can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Manage the accounts of a running server
    #[command(subcommand)]
    Account(account::Account),
    /// Verify, pin and prove an audit log, without the server
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Show the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Examine the data directory of a server that is not running
    Doctor(doctor::Doctor),
    /// Tell whether somebody may do something, why, and what would have to change; asks a running server
    Explain(explain::Explain),
    /// Make the data directory and the root of trust of a new production server
    Init(init::Init),
    /// Make an administrator for an account that nobody can enter; the server must not be running
    Recover(recover::Recover),
    /// Run the server
    Serve(serve::Serve),
    /// Have a running server count usage that others recorded
    #[command(subcommand)]
    Usage(usage::Usage),
}

impl Command {
    /// Runs it.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        match self {
            Self::Account(account) => account.run(),
            Self::Audit(audit) => audit.run(),
            Self::Config(config) => config.run(limits),
            Self::Doctor(doctor) => doctor.run(limits),
            Self::Explain(explain) => explain.run(),
            Self::Init(init) => init.run(limits),
            Self::Recover(recover) => recover.run(limits),
            Self::Serve(serve) => serve.run(limits),
            Self::Usage(usage) => usage.run(),
        }
    }
}

/// A command failed. Each text is one line that says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The server's answer is not what its API says.
    #[error("the answer of the server cannot be read, since server and command are of different versions: {0}")]
    Answer(#[source] serde_json::Error),
    /// An audit log, a pin or a proof.
    #[error(transparent)]
    Audit(#[from] audit::AuditError),
    /// The records of a deployment or of an administrator cannot be made.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// A server cannot be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A development directory.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// `serve` on a directory that `serve --dev` made.
    #[error("`{path}` was made by `serve --dev`: serve it with --dev, or make another by `claviger init`", path = .0.display())]
    DevelopmentDirectory(PathBuf),
    /// The process cannot be hardened.
    #[error(transparent)]
    Harden(#[from] HardenError),
    /// The jobs cannot start.
    #[error("cannot start the jobs: {0}")]
    Jobs(#[from] JobsError),
    /// The cryptographic module failed.
    #[error(transparent)]
    Module(#[from] ModuleFailed),
    /// A directory of which no deployment was made.
    #[error("`{path}` holds no deployment, since `init` did not finish: remove it with its root of trust, and run `claviger init` again", path = .0.display())]
    NoDeployment(PathBuf),
    /// The result cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] std::io::Error),
    /// Plain HTTP would leave the machine.
    #[error(
        "plain HTTP is served on loopback addresses only, and {0} is none: listen on 127.0.0.1, or serve TLS (--tls-cert and --tls-key)"
    )]
    PlainHttp(SocketAddr),
    /// `serve --dev` on a directory that `init` made.
    #[error("`{path}` was made by `claviger init`, for production: serve it without --dev", path = .0.display())]
    ProductionDirectory(PathBuf),
    /// The root of trust.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The root of trust would be copied with the data.
    #[error(
        "the root of trust `{root}` is inside of the data directory, where each copy of the data would be a copy of all keys: choose another place (only `serve --dev` keeps it there)",
        root = .0.display()
    )]
    RootBesideData(PathBuf),
    /// No runtime, or no signals.
    #[error("cannot set up the process: {0}")]
    Runtime(#[source] std::io::Error),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The service cannot start on the store.
    #[error("cannot serve the store `{path}`: {reason}; `claviger doctor` says more", path = path.display())]
    Start {
        /// The store's file.
        path: PathBuf,
        /// Why not.
        reason: StartError,
    },
    /// The store cannot be read.
    #[error("cannot read the store `{path}`: {reason}", path = path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// Why not.
        reason: StoreError,
    },
    /// One half of what TLS needs.
    #[error("a certificate needs its key and a key its certificate: give both --tls-cert and --tls-key")]
    TlsHalf,
    /// The development certificates.
    #[error(transparent)]
    TlsDev(#[from] TlsDevError),
}
