//! The one binary: reads the command line, hardens the process, runs one command.
//!
//! It only assembles what the other crates do; it decides nothing about keys, policies or requests.

mod client;
mod commands;
mod config;
mod console;
mod data_dir;
mod dev;
mod harden;
mod log;
mod private_file;
mod profiles;
mod tls_dev;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// A self-hosted key management service that speaks the AWS KMS API.
#[derive(Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match harden::harden().map_err(Into::into).and_then(|limits| arguments.command.run(limits)) {
        Ok(code) => code,
        Err(error) => {
            console::complain(&error);
            ExitCode::FAILURE
        }
    }
}
