//! `claviger account …`: asks a running server for accounts and about them. An ordinary client, with no private door.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use claviger_types::{AccessKeyId, AccountId};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::CommandError;
use super::account_text;
use crate::client::{self, ClientError};
use crate::config;
use crate::console;

/// The command line.
#[derive(Subcommand)]
pub(crate) enum Account {
    /// Make an account with one user, admin, who may do everything in it; only the first account's admin can
    Create(Create),
    /// List all accounts; only the first account's principals can
    List(List),
    /// Show one account with its tags
    Describe(Describe),
    /// Stop everything that an account does, until it is reopened; nothing is deleted
    Close(Named),
    /// Bring a closed account back
    Reopen(Named),
    /// Set and remove tags of an account
    Tag(Tag),
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

/// The command line.
#[derive(Args)]
pub(crate) struct List {
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    output: Shown,
}

/// The command line.
#[derive(Args)]
pub(crate) struct Describe {
    /// The account's number
    #[arg(long, value_name = "12 DIGITS")]
    id: AccountId,
    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    output: Shown,
}

/// The command line.
#[derive(Args)]
pub(crate) struct Named {
    /// The account's number
    #[arg(long, value_name = "12 DIGITS")]
    id: AccountId,
}

/// The command line.
#[derive(Args)]
pub(crate) struct Tag {
    /// The account's number
    #[arg(long, value_name = "12 DIGITS")]
    id: AccountId,
    /// Tags to set, such as environment=prod
    #[arg(value_name = "KEY=VALUE", value_parser = key_and_value, required_unless_present = "remove")]
    tags: Vec<(String, String)>,
    /// A tag to remove; can be given more than once
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
}

/// How what is there is printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// For people.
    #[default]
    Table,
    /// As the server sends it, all pages in one.
    Json,
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
        let text = match self {
            Self::Create(create) => create.run()?,
            Self::List(List { output }) => Zeroizing::new(list(output)?),
            Self::Describe(Describe { id, output }) => Zeroizing::new(describe(id, output)?),
            Self::Close(Named { id }) => {
                ask("CloseAccount", &json!({"AccountId": id}))?;
                Zeroizing::new(format!("The account {id} is closed.\n"))
            }
            Self::Reopen(Named { id }) => {
                ask("ReopenAccount", &json!({"AccountId": id}))?;
                Zeroizing::new(format!("The account {id} is open again.\n"))
            }
            Self::Tag(tag) => Zeroizing::new(tag.run()?),
        };
        console::say(&text).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    fn run(self) -> Result<Zeroizing<String>, CommandError> {
        let secret = self.secret_access_key.map(Zeroizing::new);
        let request = Request {
            id: self.id,
            name: &self.name,
            access_key_id: self.access_key_id,
            secret_access_key: secret.as_ref().map(|secret| secret.as_str()),
        };
        let mut reply = client::ask("CreateAccount", &request, &config::from_environment)?;
        let Output::Json = self.output;
        reply.push('\n');
        Ok(reply)
    }
}

impl Tag {
    /// Sets first: whoever replaces a tag by another is never without both.
    fn run(self) -> Result<String, CommandError> {
        if !self.tags.is_empty() {
            let tags: Vec<Value> = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
            ask("TagAccount", &json!({"AccountId": self.id, "Tags": tags}))?;
        }
        if !self.remove.is_empty() {
            ask("UntagAccount", &json!({"AccountId": self.id, "TagKeys": self.remove}))?;
        }
        let tags = ask("ListAccountTags", &json!({"AccountId": self.id}))?;
        Ok(account_text::tags(&tags))
    }
}

fn list(output: Shown) -> Result<String, CommandError> {
    let mut accounts = Vec::new();
    let mut request = json!({});
    loop {
        let mut page = ask("ListAccounts", &request)?;
        if let Some(Value::Array(more)) = page.get_mut("Accounts").map(Value::take) {
            accounts.extend(more);
        }
        match page.get("NextToken") {
            Some(next) => request = json!({"NextToken": next}),
            None => break,
        }
    }
    Ok(match output {
        Shown::Json => format!("{}\n", json!({"Accounts": accounts})),
        Shown::Table => account_text::table(&accounts),
    })
}

fn describe(id: AccountId, output: Shown) -> Result<String, CommandError> {
    let mut described = ask("DescribeAccount", &json!({"AccountId": id}))?;
    let mut tags = ask("ListAccountTags", &json!({"AccountId": id}))?;
    let take = |reply: &mut Value, member: &str| reply.get_mut(member).map(Value::take).unwrap_or_default();
    let both = json!({"Account": take(&mut described, "Account"), "Tags": take(&mut tags, "Tags")});
    Ok(match output {
        Shown::Json => format!("{both}\n"),
        Shown::Table => account_text::description(&both),
    })
}

/// Asks the server; an operation without an answer answers null.
fn ask(operation: &'static str, request: &Value) -> Result<Value, CommandError> {
    let reply = client::ask(operation, request, &config::from_environment)?;
    if reply.is_empty() {
        return Ok(Value::Null);
    }
    let read = serde_json::from_str(&reply);
    Ok(read.map_err(|error| ClientError::Reply { operation, reason: error.to_string() })?)
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| "not of the form KEY=VALUE".to_owned())
}
