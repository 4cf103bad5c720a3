//! `claviger account create`: asks a running server for another account. An ordinary client, with no private door.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use claviger_types::{AccessKeyId, AccountId};
use serde::Serialize;
use zeroize::Zeroizing;

use super::CommandError;
use crate::client;
use crate::config;
use crate::console;

/// The command line.
#[derive(Subcommand)]
pub(crate) enum Account {
    /// Make an account with one user, admin, who may do everything in it; only the first account's admin can
    Create(Create),
}

/// The command line.
#[derive(Args)]
pub(crate) struct Create {
    /// The account's number [default: a random one]
    #[arg(long, value_name = "12 DIGITS")]
    id: Option<AccountId>,
    /// The name that people know the account by
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The admin's access key id; only a server that runs with --dev takes it
    #[arg(long, value_name = "ID", requires = "secret_access_key")]
    access_key_id: Option<AccessKeyId>,
    /// The admin's secret access key; only a server that runs with --dev takes it
    #[arg(long, value_name = "SECRET", requires = "access_key_id")]
    secret_access_key: Option<String>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// How the answer is printed.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Output {
    /// As the server sends it.
    #[default]
    Json,
}

/// The request of CreateAccount.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<AccountId>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<AccessKeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
}

impl Account {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let Self::Create(create) = self;
        let secret = create.secret_access_key.map(Zeroizing::new);
        let request = Request {
            id: create.id,
            name: &create.name,
            access_key_id: create.access_key_id,
            secret_access_key: secret.as_ref().map(|secret| secret.as_str()),
        };
        let mut reply = client::ask("CreateAccount", &request, &config::from_environment)?;
        let Output::Json = create.output;
        reply.push('\n');
        console::say(&reply).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}
