//! The configuration file's fields. A field that is not known is an error: a misspelt limit must not be no limit.

use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::names::Names;
use super::quota::Quota;
use super::regions::Regions;
use super::{ConfigError, LogFormat};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) root_file: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) workers: Option<NonZeroUsize>,
    pub(crate) connections_max: Option<u64>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) regions: Option<Regions>,
    #[serde(default)]
    pub(crate) audit: Audit,
    #[serde(default)]
    pub(crate) tls: Tls,
    #[serde(default)]
    pub(crate) quotas: Quotas,
    #[serde(default)]
    pub(crate) usage: Usage,
}

/// The table `audit`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    pub(crate) group_millis: Option<u64>,
    pub(crate) keep_days: Option<NonZeroU32>,
    pub(crate) requests: Option<bool>,
    pub(crate) strict: Option<bool>,
}

/// The table `tls`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

/// The table `quotas`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quotas {
    pub(crate) keys_per_account_and_region: Option<Quota>,
}

/// The table `usage`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usage {
    pub(crate) resource_names: Option<Names>,
}

impl File {
    /// Reads the file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let wrong =
            |error: toml::de::Error| ConfigError::Toml { path: path.to_owned(), reason: one_line(&text, &error) };
        toml::from_str(&text).map_err(wrong)
    }
}

/// TOML errors come as a drawing of some lines; the place and the problem fit into one.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let problem = error.message().replace('\n', ", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return problem };
    let line = before.matches('\n').count();
    let content = text.lines().nth(line).unwrap_or_default().trim();
    format!("line {}, `{content}`: {problem}", line + 1)
}
