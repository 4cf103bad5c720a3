//! `claviger explain`: asks a running server whether somebody may do something, and prints the answer as a person reads
//! it: the decision, why it is so, what would have to change. An ordinary client, with no private door.

mod answer;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use self::answer::Answer;
use super::CommandError;
use crate::client;
use crate::config;
use crate::console;

/// The command line.
#[derive(Args)]
pub(crate) struct Explain {
    /// Who asks: a user, a role, a session of a role or an account's root [default: the caller]
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,
    /// What is asked for, such as kms:Encrypt
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// The key: id, ARN or alias
    #[arg(long, value_name = "KEY", conflicts_with = "resource")]
    key: Option<String>,
    /// Another resource, by its ARN
    #[arg(long, value_name = "ARN")]
    resource: Option<String>,
    /// A pair of the encryption context; may be repeated. Without it the encryption context is not known
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, conflicts_with = "no_context")]
    context: Vec<(String, String)>,
    /// The request has no encryption context
    #[arg(long)]
    no_context: bool,
    /// What the request has for a condition key, such as aws:SourceIp=203.0.113.7; repeat it for several values.
    /// Without a value the request does not have the key
    #[arg(long, value_name = "KEY=VALUE", value_parser = entry)]
    with: Vec<(String, Option<String>)>,
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// How the answer is printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// As the server sends it.
    Json,
    /// As a person reads it.
    #[default]
    Text,
}

/// The request of ExplainAccess.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_arn: Option<&'a str>,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context: Option<BTreeMap<&'a str, &'a str>>,
    context_entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    key: &'a str,
    values: Vec<&'a str>,
}

impl Explain {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let mut reply = client::ask("ExplainAccess", &self.request(), &config::from_environment)?;
        if self.output == Output::Json {
            reply.push('\n');
            console::say(&reply).map_err(CommandError::Output)?;
            return Ok(ExitCode::SUCCESS);
        }
        // Policies and requests hold texts of others.
        let answer = serde_json::from_str(&reply).map(console::printable_answer);
        let answer: Answer = answer.and_then(serde_json::from_value).map_err(CommandError::Answer)?;
        console::say(&answer.to_string()).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> Request<'_> {
        let pairs: BTreeMap<&str, &str> = self.context.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut entries: Vec<Entry<'_>> = Vec::new();
        for (key, value) in &self.with {
            let value = value.as_deref();
            match entries.iter_mut().find(|entry| entry.key.eq_ignore_ascii_case(key)) {
                Some(entry) => entry.values.extend(value),
                None => entries.push(Entry { key, values: value.into_iter().collect() }),
            }
        }
        Request {
            principal_arn: self.principal.as_deref(),
            action: &self.action,
            key_id: self.key.as_deref(),
            resource: self.resource.as_deref(),
            encryption_context: (self.no_context || !pairs.is_empty()).then_some(pairs),
            context_entries: entries,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it looks like purpose=test")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn entry(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("it looks like aws:SourceIp=203.0.113.7".to_owned()),
        Some((key, value)) => Ok((key.to_owned(), Some(value.to_owned()))),
        None => Ok((text.to_owned(), None)),
    }
}
