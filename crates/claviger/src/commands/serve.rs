//! `claviger serve`: assembles store, root of trust, service, jobs and front door, and takes them apart again.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use claviger_core::{Jobs, Service, Settings, bootstrap};
use claviger_http::{Config as HttpConfig, Server, Timeouts, TlsFiles};
use claviger_keyring::{Deployment, FileRoot};
use claviger_storage::{EmbeddedStore, Store};
use claviger_types::{Region, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::CommandError;
use super::init::refuse_root_beside_data;
use crate::config::{self, Config, LogFormat, ServeFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::dev::DevDir;
use crate::harden::Limits;
use crate::tls_dev;

/// The command line.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
    /// Serve a development directory: makes it if it is missing, root of trust beside the data. Never for real keys
    #[arg(long)]
    dev: bool,
    /// Start the clock of keys and grants at this time, and let SetDevClock move it
    #[arg(long, value_name = "RFC3339", requires = "dev")]
    dev_clock: Option<Timestamp>,
    /// Serve TLS with a development certificate for localhost, 127.0.0.1 and ::1
    #[arg(long, requires = "dev", conflicts_with_all = ["tls_cert", "tls_key"])]
    tls: bool,
}

impl Serve {
    /// Runs it until SIGTERM or SIGINT.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        let (dev, dev_clock, dev_tls) = (self.dev, self.dev_clock, self.tls);
        let config = Config::load(self.flags, &config::from_environment, limits.open_files)?;
        start_log(config.log_format.value);
        let dir = DataDir::at(config.data_dir()?)?;
        let certificate = certificate(&config)?;
        let listen = config.listen.value;
        if !dev_tls && certificate.is_none() && !listen.ip().is_loopback() {
            return Err(CommandError::PlainHttp(listen));
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
        let settings = config.settings(dev_clock.is_some());
        let opened = if dev { open_dev(&runtime, &dir)? } else { open_production(&dir, config.root_file()?)? };
        let store = Arc::clone(&opened.store);
        let run = || {
            let (service, jobs) = start_service(opened, &dir, settings, dev)?;
            if let Some(time) = dev_clock {
                tracing::warn!(%time, "--dev-clock: keys and grants live by a clock that was set, not by the real one");
                runtime.block_on(bootstrap::set_dev_clock(&service, time))?;
            }
            let tls = if dev_tls { Some(tls_dev::certificates(&dir)?) } else { certificate };
            let server = start_server(&config, tls.clone(), &service)?;
            if dev {
                let lines = lines_to_paste(&server, &dir, &service, tls.is_some(), dev_tls);
                // A server whose output nobody reads is still a server.
                let _ = console::say(&lines);
            }
            runtime.block_on(stop_asked())?;
            tracing::info!("draining");
            server.stop();
            jobs.stop();
            Ok(ExitCode::SUCCESS)
        };
        let ended = run();
        store.close();
        ended
    }
}

/// What a service stands on.
struct Opened {
    store: Arc<EmbeddedStore>,
    root: Arc<FileRoot>,
}

fn open_dev(runtime: &Runtime, dir: &DataDir) -> Result<Opened, CommandError> {
    tracing::warn!(
        path = %dir.path().display(),
        "--dev: the root of trust stands beside the data, so whoever copies the directory has every key in it"
    );
    let DevDir { store, root } = runtime.block_on(DevDir::open(dir))?;
    Ok(Opened { store, root })
}

fn open_production(dir: &DataDir, root_file: &Path) -> Result<Opened, CommandError> {
    refuse_root_beside_data(dir, root_file)?;
    let root = FileRoot::open(root_file)?;
    Ok(Opened { store: dir.open_store()?, root: Arc::new(root) })
}

/// The service and its jobs, on a directory that was made for this kind of serving.
fn start_service(
    opened: Opened,
    dir: &DataDir,
    settings: Settings,
    dev: bool,
) -> Result<(Arc<Service>, Jobs), CommandError> {
    let started = Service::start(opened.store, opened.root, settings)
        .map_err(|reason| CommandError::Start { path: dir.store(), reason })?;
    let kind = started.service.view().deployment().map(|deployment| deployment.kind);
    match kind {
        None => return Err(CommandError::NoDeployment(dir.path().to_owned())),
        Some(Deployment::Development) if !dev => return Err(CommandError::DevelopmentDirectory(dir.path().to_owned())),
        Some(Deployment::Production) if dev => return Err(CommandError::ProductionDirectory(dir.path().to_owned())),
        Some(_) => {}
    }
    Ok(Jobs::start(started, dir.audit())?)
}

fn start_server(config: &Config, tls: Option<TlsFiles>, service: &Arc<Service>) -> Result<Server, CommandError> {
    let http = HttpConfig {
        listen: config.listen.value,
        workers: config.workers.value.get(),
        connections_max: usize::try_from(config.connections_max.value).unwrap_or(usize::MAX),
        tls,
        timeouts: Timeouts::default(),
    };
    let server = Server::start(http, service)?;
    tracing::info!(address = %server.local_addr(), "serving");
    Ok(server)
}

/// The configured certificate.
fn certificate(config: &Config) -> Result<Option<TlsFiles>, CommandError> {
    match (&config.tls_cert, &config.tls_key) {
        (Some(certificates), Some(key)) => {
            Ok(Some(TlsFiles { certificates: certificates.value.clone(), key: key.value.clone() }))
        }
        (None, None) => Ok(None),
        _ => Err(CommandError::TlsHalf),
    }
}

/// What makes AWS clients in another shell talk to this server.
fn lines_to_paste(server: &Server, dir: &DataDir, service: &Service, tls: bool, dev_tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let mut lines = vec![
        format!("export AWS_ENDPOINT_URL={scheme}://{}", server.local_addr()),
        format!("export AWS_SHARED_CREDENTIALS_FILE={}", for_shell(&dir.credentials())),
        format!("export AWS_REGION={}", first_region(service.settings())),
    ];
    if dev_tls {
        let authority = for_shell(&dir.dev_authority());
        for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            lines.push(format!("export {name}={authority}"));
        }
    }
    lines.join("\n") + "\n"
}

/// The Region that a newcomer is shown.
fn first_region(settings: &Settings) -> String {
    const USUAL: &str = "us-east-1";
    let usual = USUAL.parse::<Region>().is_ok_and(|region| settings.serves(region));
    match &settings.regions {
        claviger_core::ServedRegions::Listed(regions) if !usual => {
            regions.first().map_or_else(|| USUAL.to_owned(), Region::to_string)
        }
        _ => USUAL.to_owned(),
    }
}

/// A path as one word of a shell.
fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+=:,@%".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

async fn stop_asked() -> Result<(), CommandError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::Runtime)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Logs go to standard error; what is logged, `CLAVIGER_LOG` says.
fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("CLAVIGER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Human => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_shell() {
        for (path, word) in [
            ("/data/dev-1", "/data/dev-1"),
            ("/my data", "'/my data'"),
            ("/it's", r"'/it'\''s'"),
            ("/$HOME", "'/$HOME'"),
            ("/`x`", "'/`x`'"),
        ] {
            assert_eq!(for_shell(Path::new(path)), word, "{path}");
        }
    }
}
