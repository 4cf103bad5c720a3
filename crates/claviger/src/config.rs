//! The configuration: flag before environment before file before default, and each value knows where it is from.
//!
//! It holds no secret: secrets come by file only.

mod file;
mod layers;
mod names;
mod quota;
mod regions;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use claviger_core::{AuditSettings, ServedRegions, Settings, UsageSettings};
use claviger_types::limits;
use serde::Deserialize;

use self::file::File;
use self::layers::{Layers, OrDefault};
use self::names::Names;
use self::quota::Quota;
use self::regions::Regions;

/// Files that are open beside connections: the store, the audit logs, listeners, certificates.
const FILES_BESIDE_CONNECTIONS: u64 = 256;

/// More connections than this cost memory that nobody would expect to give if they were not asked.
const DEFAULT_CONNECTIONS_MAX: u64 = 65_536;

/// Flags that say where things are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlaceFlags {
    /// Configuration file (TOML) [environment: CLAVIGER_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory [environment: CLAVIGER_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Root of trust, outside of the data directory [environment: CLAVIGER_ROOT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) root_file: Option<PathBuf>,
}

/// Flags that say how to serve.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeFlags {
    #[command(flatten)]
    pub(crate) places: PlaceFlags,
    /// Address to listen on [environment: CLAVIGER_LISTEN] [default: 127.0.0.1:4566]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Certificate chain (PEM), read again when it changes [environment: CLAVIGER_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM) [environment: CLAVIGER_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Threads that serve requests [environment: CLAVIGER_WORKERS] [default: one for each processor]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<NonZeroUsize>,
    /// Form of the log lines [environment: CLAVIGER_LOG_FORMAT] [default: human]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object for each line.
    Json,
}

/// A value and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it is from.
    pub(crate) origin: Origin,
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// This environment variable.
    Environment(&'static str),
    /// This configuration file.
    File(PathBuf),
    /// The command line.
    Flag,
}

/// Everything that can be configured.
#[derive(Debug)]
pub(crate) struct Config {
    /// The data directory.
    pub(crate) data_dir: Option<Setting<PathBuf>>,
    /// The root of trust's file.
    pub(crate) root_file: Option<Setting<PathBuf>>,
    /// The address to listen on.
    pub(crate) listen: Setting<SocketAddr>,
    /// The certificate chain.
    pub(crate) tls_cert: Option<Setting<PathBuf>>,
    /// The certificate's key.
    pub(crate) tls_key: Option<Setting<PathBuf>>,
    /// Threads that serve requests.
    pub(crate) workers: Setting<NonZeroUsize>,
    /// Connections that may be open at the same time.
    pub(crate) connections_max: Setting<u64>,
    /// The form of log lines.
    pub(crate) log_format: Setting<LogFormat>,
    audit_group_millis: Setting<u64>,
    audit_keep_days: Option<Setting<NonZeroU32>>,
    audit_requests: Setting<bool>,
    audit_strict: Setting<bool>,
    regions: Setting<Regions>,
    keys_per_account_and_region: Setting<Quota>,
    usage_resource_names: Setting<Names>,
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no TOML, or has a field that is not known.
    #[error("the configuration `{path}` is wrong: {reason}", path = path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Line and problem.
        reason: String,
    },
    /// An environment variable has a value that cannot be read.
    #[error("the environment variable {variable} is wrong: {reason}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A value that the command needs is nowhere.
    #[error("no {what}: give {flag}, or set {variable}, or `{field}` in the configuration")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The flag that gives it.
        flag: &'static str,
        /// The variable that gives it.
        variable: &'static str,
        /// The field that gives it.
        field: &'static str,
    },
    /// More connections than files may be open.
    #[error(
        "connections_max = {wanted} needs a limit of {needed} open files, and the process has {open_files}: raise it (`ulimit -n`, LimitNOFILE), or lower connections_max"
    )]
    TooManyConnections {
        /// What was asked for.
        wanted: u64,
        /// What that needs.
        needed: u64,
        /// What there is.
        open_files: u64,
    },
}

impl Config {
    /// Reads flags, `environment` and the configuration file. `open_files` bounds the connections.
    pub(crate) fn load(
        flags: ServeFlags,
        environment: &dyn Fn(&str) -> Option<String>,
        open_files: u64,
    ) -> Result<Self, ConfigError> {
        let places = flags.places;
        let without_file = Layers { environment, file: None };
        let path = without_file.pick("CLAVIGER_CONFIG", places.config, None)?.map(|setting| setting.value);
        let file = path.as_deref().map_or_else(|| Ok(File::default()), File::read)?;
        let layers = Layers { environment, file: path };
        let room = open_files.saturating_sub(FILES_BESIDE_CONNECTIONS);
        let config = Self {
            data_dir: layers.pick("CLAVIGER_DATA_DIR", places.data_dir, file.data_dir)?,
            root_file: layers.pick("CLAVIGER_ROOT_FILE", places.root_file, file.root_file)?,
            listen: layers.pick("CLAVIGER_LISTEN", flags.listen, file.listen)?.or_default(([127, 0, 0, 1], 4566)),
            tls_cert: layers.pick("CLAVIGER_TLS_CERT", flags.tls_cert, file.tls.cert)?,
            tls_key: layers.pick("CLAVIGER_TLS_KEY", flags.tls_key, file.tls.key)?,
            workers: layers.pick("CLAVIGER_WORKERS", flags.workers, file.workers)?.or_default(processors()),
            connections_max: layers
                .pick("CLAVIGER_CONNECTIONS_MAX", None, file.connections_max)?
                .or_default(room.min(DEFAULT_CONNECTIONS_MAX)),
            log_format: layers
                .pick("CLAVIGER_LOG_FORMAT", flags.log_format, file.log_format)?
                .or_default(LogFormat::Human),
            audit_group_millis: layers
                .pick("CLAVIGER_AUDIT_GROUP_MILLIS", None, file.audit.group_millis)?
                .or_default(audit_group_millis(AuditSettings::default())),
            audit_keep_days: layers.pick("CLAVIGER_AUDIT_KEEP_DAYS", None, file.audit.keep_days)?,
            audit_requests: layers
                .pick("CLAVIGER_AUDIT_REQUESTS", None, file.audit.requests)?
                .or_default(AuditSettings::default().requests),
            audit_strict: layers
                .pick("CLAVIGER_AUDIT_STRICT", None, file.audit.strict)?
                .or_default(AuditSettings::default().strict),
            regions: layers
                .pick("CLAVIGER_REGIONS", None, file.regions)?
                .or_default(Regions(ServedRegions::Commercial)),
            keys_per_account_and_region: layers
                .pick("CLAVIGER_KEYS_PER_ACCOUNT_AND_REGION", None, file.quotas.keys_per_account_and_region)?
                .or_default(Quota::Max(limits::KEYS_PER_ACCOUNT_AND_REGION_MAX)),
            usage_resource_names: layers
                .pick("CLAVIGER_USAGE_RESOURCE_NAMES", None, file.usage.resource_names)?
                .or_default(Names(UsageSettings::default().resource_names)),
        };
        let wanted = config.connections_max.value;
        if wanted > room {
            let needed = wanted.saturating_add(FILES_BESIDE_CONNECTIONS);
            return Err(ConfigError::TooManyConnections { wanted, needed, open_files });
        }
        Ok(config)
    }

    /// As `load`, for a command that only needs to know where things are.
    pub(crate) fn load_places(places: PlaceFlags, open_files: u64) -> Result<Self, ConfigError> {
        Self::load(ServeFlags { places, ..ServeFlags::default() }, &from_environment, open_files)
    }

    /// The data directory, which every command needs.
    pub(crate) fn data_dir(&self) -> Result<&Path, ConfigError> {
        self.data_dir.as_ref().map(|setting| setting.value.as_path()).ok_or(ConfigError::Missing {
            what: "data directory",
            flag: "--data-dir",
            variable: "CLAVIGER_DATA_DIR",
            field: "data_dir",
        })
    }

    /// The root of trust's file, which production needs.
    pub(crate) fn root_file(&self) -> Result<&Path, ConfigError> {
        self.root_file.as_ref().map(|setting| setting.value.as_path()).ok_or(ConfigError::Missing {
            what: "root of trust",
            flag: "--root-file",
            variable: "CLAVIGER_ROOT_FILE",
            field: "root_file",
        })
    }

    /// What requests are decided by.
    pub(crate) fn settings(&self, dev_clock: bool) -> Settings {
        Settings {
            regions: self.regions.value.0.clone(),
            keys_per_account_and_region_max: self.keys_per_account_and_region.value.max(),
            dev_clock,
            audit: AuditSettings {
                group: Duration::from_millis(self.audit_group_millis.value),
                strict: self.audit_strict.value,
                requests: self.audit_requests.value,
                keep: self.audit_keep_days.as_ref().map(|setting| days(setting.value)),
            },
            usage: UsageSettings { resource_names: self.usage_resource_names.value.0.clone() },
        }
    }

    /// Each value with its origin, in the form of a configuration file.
    pub(crate) fn show(&self) -> String {
        let log_format = match self.log_format.value {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        };
        let lines = [
            line_of_path("data_dir", self.data_dir.as_ref()),
            line_of_path("root_file", self.root_file.as_ref()),
            line("listen", quoted(self.listen.value), &self.listen.origin),
            line("workers", self.workers.value, &self.workers.origin),
            line("connections_max", self.connections_max.value, &self.connections_max.origin),
            line("log_format", quoted(log_format), &self.log_format.origin),
            line("audit.group_millis", self.audit_group_millis.value, &self.audit_group_millis.origin),
            line_if_set("audit.keep_days", self.audit_keep_days.as_ref().map(|set| (set.value, &set.origin))),
            line("audit.requests", self.audit_requests.value, &self.audit_requests.origin),
            line("audit.strict", self.audit_strict.value, &self.audit_strict.origin),
            line("regions", &self.regions.value, &self.regions.origin),
            line_of_path("tls.cert", self.tls_cert.as_ref()),
            line_of_path("tls.key", self.tls_key.as_ref()),
            line(
                "quotas.keys_per_account_and_region",
                self.keys_per_account_and_region.value,
                &self.keys_per_account_and_region.origin,
            ),
            line("usage.resource_names", &self.usage_resource_names.value, &self.usage_resource_names.origin),
        ];
        lines.concat()
    }
}

fn days(days: NonZeroU32) -> Duration {
    Duration::from_secs(u64::from(days.get()) * 24 * 60 * 60)
}

fn audit_group_millis(settings: AuditSettings) -> u64 {
    u64::try_from(settings.group.as_millis()).unwrap_or(u64::MAX)
}

/// The value of an environment variable of this process. One that is no text is as good as none.
pub(crate) fn from_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, false)
    }
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(variable) => write!(f, "environment, {variable}"),
            Self::File(path) => write!(f, "file, {}", path.display()),
            Self::Flag => f.write_str("flag"),
        }
    }
}

fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn quoted(value: impl Display) -> String {
    toml::Value::String(value.to_string()).to_string()
}

fn line(name: &str, value: impl Display, origin: &Origin) -> String {
    format!("{name} = {value}  # {origin}\n")
}

fn line_of_path(name: &str, setting: Option<&Setting<PathBuf>>) -> String {
    line_if_set(name, setting.map(|setting| (quoted(setting.value.display()), &setting.origin)))
}

fn line_if_set(name: &str, set: Option<(impl Display, &Origin)>) -> String {
    set.map_or_else(|| format!("# {name} is not set\n"), |(value, origin)| line(name, value, origin))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const OPEN_FILES: u64 = 20_000;

    struct Given {
        flags: ServeFlags,
        environment: HashMap<&'static str, &'static str>,
        file: Option<&'static str>,
    }

    impl Given {
        fn load(self) -> Result<(Config, PathBuf), ConfigError> {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("claviger.toml");
            let mut flags = self.flags;
            if let Some(text) = self.file {
                std::fs::write(&path, text).unwrap();
                flags.places.config = Some(path.clone());
            }
            let environment = |variable: &str| self.environment.get(variable).map(|value| (*value).to_owned());
            Config::load(flags, &environment, OPEN_FILES).map(|config| (config, path))
        }
    }

    fn given(file: Option<&'static str>, environment: &[(&'static str, &'static str)]) -> Given {
        Given { flags: ServeFlags::default(), environment: environment.iter().copied().collect(), file }
    }

    #[test]
    fn flag_before_environment_before_file_before_default() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let variable = [("CLAVIGER_LISTEN", "127.0.0.1:2")];
        let file = Some("listen = \"127.0.0.1:3\"");
        for (flag, environment, file, port, origin) in [
            (Some(address(1)), &variable[..], file, 1, "flag"),
            (None, &variable[..], file, 2, "environment, CLAVIGER_LISTEN"),
            (None, &[][..], file, 3, "file, "),
            (None, &[][..], None, 4566, "default"),
            (Some(address(1)), &[][..], None, 1, "flag"),
            (None, &variable[..], None, 2, "environment, CLAVIGER_LISTEN"),
        ] {
            let mut given = given(file, environment);
            given.flags.listen = flag;
            let (config, path) = given.load().unwrap();
            let origin = if origin == "file, " { format!("file, {}", path.display()) } else { origin.to_owned() };
            let case = format!("flag {flag:?}, environment {environment:?}, file {file:?}");
            assert_eq!(config.listen.value, address(port), "{case}");
            assert_eq!(config.listen.origin.to_string(), origin, "{case}");
        }
    }

    const FULL: &str = r#"
        listen = "127.0.0.1:1"
        data_dir = "data"
        root_file = "root"
        workers = 3
        connections_max = 100
        log_format = "json"
        regions = ["eu-central-1", "eu-west-1"]
        [audit]
        group_millis = 20
        keep_days = 400
        requests = false
        strict = true
        [tls]
        cert = "cert.pem"
        key = "key.pem"
        [quotas]
        keys_per_account_and_region = 7
        [usage]
        resource_names = ["project", "tenant"]
    "#;

    #[test]
    fn every_field_is_read_and_shown_so_that_it_can_be_read_again() {
        let (config, path) = given(Some(FULL), &[]).load().unwrap();
        let shown = config.show();
        let expected: toml::Table = toml::from_str(FULL).unwrap();
        assert_eq!(toml::from_str::<toml::Table>(&shown).unwrap(), expected);
        assert_eq!(shown.matches(&format!("  # file, {}\n", path.display())).count(), 15, "{shown}");
        let settings = config.settings(false);
        assert_eq!(settings.keys_per_account_and_region_max, 7);
        let AuditSettings { group, requests, strict, keep } = settings.audit;
        assert_eq!((group, requests, strict), (Duration::from_millis(20), false, true));
        assert_eq!(keep, Some(Duration::from_secs(400 * 86_400)));
        assert_eq!(settings.usage.resource_names, ["project", "tenant"]);
        let regions = ["eu-central-1", "eu-west-1"].map(|name| name.parse().unwrap()).to_vec();
        assert_eq!(config.settings(false).regions, ServedRegions::Listed(regions));
    }

    #[test]
    fn the_example_is_a_whole_configuration() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/claviger.toml");
        let flags =
            ServeFlags { places: PlaceFlags { config: Some(path), ..PlaceFlags::default() }, ..ServeFlags::default() };
        let config = Config::load(flags, &|_| None, OPEN_FILES).unwrap();
        let names = |text: &str| toml::from_str::<toml::Table>(text).unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&config.show()), names(FULL));
        assert!(!config.show().contains("default"), "{}", config.show());
    }

    #[test]
    fn every_variable_is_read() {
        let environment = [
            ("CLAVIGER_DATA_DIR", "data"),
            ("CLAVIGER_ROOT_FILE", "root"),
            ("CLAVIGER_LISTEN", "127.0.0.1:1"),
            ("CLAVIGER_TLS_CERT", "cert.pem"),
            ("CLAVIGER_TLS_KEY", "key.pem"),
            ("CLAVIGER_WORKERS", "3"),
            ("CLAVIGER_CONNECTIONS_MAX", "100"),
            ("CLAVIGER_LOG_FORMAT", "json"),
            ("CLAVIGER_AUDIT_GROUP_MILLIS", "20"),
            ("CLAVIGER_AUDIT_KEEP_DAYS", "400"),
            ("CLAVIGER_AUDIT_REQUESTS", "false"),
            ("CLAVIGER_AUDIT_STRICT", "true"),
            ("CLAVIGER_REGIONS", "eu-central-1,eu-west-1"),
            ("CLAVIGER_KEYS_PER_ACCOUNT_AND_REGION", "7"),
            ("CLAVIGER_USAGE_RESOURCE_NAMES", "project,tenant"),
        ];
        let (config, _) = given(None, &environment).load().unwrap();
        let expected: toml::Table = toml::from_str(FULL).unwrap();
        let shown = config.show();
        assert_eq!(toml::from_str::<toml::Table>(&shown).unwrap(), expected);
        for (variable, _) in environment {
            assert!(shown.contains(&format!("# environment, {variable}\n")), "{variable} in {shown}");
        }
    }

    #[test]
    fn defaults() {
        let (config, _) = given(None, &[]).load().unwrap();
        assert_eq!(config.connections_max.value, OPEN_FILES - FILES_BESIDE_CONNECTIONS);
        assert!(config.data_dir().is_err_and(|error| error.to_string().contains("--data-dir")));
        assert!(config.root_file().is_err_and(|error| error.to_string().contains("--root-file")));
        let settings = config.settings(false);
        assert_eq!((settings.regions, settings.audit.keep), (ServedRegions::Commercial, None));
        assert_eq!(settings.keys_per_account_and_region_max, 100_000);
        assert_eq!(settings.usage.resource_names, ["SecretARN", "aws:s3:arn", "tenant"]);
    }

    #[test]
    fn quotas_can_be_switched_off() {
        for (file, environment) in [
            (Some("quotas.keys_per_account_and_region = \"unlimited\""), &[][..]),
            (None, &[("CLAVIGER_KEYS_PER_ACCOUNT_AND_REGION", "unlimited")][..]),
        ] {
            let (config, _) = given(file, environment).load().unwrap();
            assert_eq!(config.settings(false).keys_per_account_and_region_max, u64::MAX, "{file:?} {environment:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let file = |text| (Some(text), &[][..]);
        for ((file, environment), words) in [
            (file("lisen = \"127.0.0.1:1\""), ["unknown field", "lisen"]),
            (file("tls.certificate = \"x\""), ["unknown field", "certificate"]),
            (file("quotas.aliases = 1"), ["unknown field", "aliases"]),
            (file("listen = \"here\""), ["listen", "socket address"]),
            (file("workers = 0"), ["workers", "nonzero"]),
            (file("regions = [\"moon\"]"), ["regions", "moon"]),
            (file("audit.keep_days = 0"), ["keep_days", "nonzero"]),
            (file("regions = []"), ["regions", "at least one"]),
            (file("regions = \"all\""), ["regions", "all"]),
            (file("log_format = \"xml\""), ["log_format", "xml"]),
            (file("quotas.keys_per_account_and_region = -1"), ["quotas", "-1"]),
            (file("quotas.keys_per_account_and_region = \"many\""), ["quotas", "many"]),
            (file("connections_max = 19745"), ["needs a limit of 20001", "has 20000"]),
            (file("listen"), ["claviger.toml", "listen"]),
            ((None, &[("CLAVIGER_WORKERS", "two")][..]), ["CLAVIGER_WORKERS", "two"]),
            ((None, &[("CLAVIGER_LISTEN", "4566")][..]), ["CLAVIGER_LISTEN", "4566"]),
            ((None, &[("CLAVIGER_REGIONS", "eu-central-1,")][..]), ["CLAVIGER_REGIONS", "Region"]),
            ((None, &[("CLAVIGER_CONFIG", "no/such/file")][..]), ["no/such/file", "No such file"]),
        ] {
            let error = given(file, environment).load().err();
            let error = error.unwrap_or_else(|| panic!("{file:?} {environment:?} is taken")).to_string();
            for word in words {
                assert!(error.contains(word), "{word:?} is missing in {error:?}");
            }
        }
    }
}
