//! `claviger serve`: assembles store, root of trust, service, jobs and front door, and takes them apart again.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use claviger_core::{Folders, Jobs, ServedRegions, Service, Settings, bootstrap};
use claviger_http::{Config as HttpConfig, Server, Timeouts, TlsFiles};
use claviger_keyring::{Deployment, FileRoot};
use claviger_storage::{EmbeddedStore, Store};
use claviger_types::{Region, Timestamp};
use tokio::runtime::{Builder, Runtime};

use super::CommandError;
use super::init::refuse_root_beside_data;
use super::signals::StopSignals;
use crate::config::{self, Config, ServeFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::dev::DevDir;
use crate::harden::Limits;
use crate::log;
use crate::tls_dev;

/// The command line.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: ServeFlags,
    /// Serve a development directory: makes it if it is missing, root of trust beside the data. Never for real keys
    #[arg(long, conflicts_with = "root_file")]
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
        let config = Config::load(self.flags, &config::from_environment, limits.open_files)?;
        log::start(config.log_format.value);
        let dir = DataDir::at(config.data_dir()?)?;
        let kind = if self.dev { Deployment::Development } else { Deployment::Production };
        let assembly = Assembly { config, dir, kind, dev_clock: self.dev_clock, dev_tls: self.tls };
        assembly.serve()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What is to be put together.
struct Assembly {
    config: Config,
    dir: DataDir,
    kind: Deployment,
    dev_clock: Option<Timestamp>,
    dev_tls: bool,
}

impl Assembly {
    /// Opens the store, serves, and closes it again, whatever happens in between.
    fn serve(&self) -> Result<(), CommandError> {
        let certificate = certificate(&self.config)?;
        let listen = self.config.listen.value;
        if !self.dev_tls && certificate.is_none() && !listen.ip().is_loopback() {
            return Err(CommandError::PlainHttp(listen));
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
        let opened = match self.kind {
            Deployment::Development => open_dev(&runtime, &self.dir)?,
            Deployment::Production => open_production(&self.dir, self.config.root_file()?)?,
        };
        let store = Arc::clone(&opened.store);
        let served = self.serve_on(opened, certificate, &runtime);
        store.close();
        served
    }

    fn serve_on(&self, opened: Opened, certificate: Option<TlsFiles>, runtime: &Runtime) -> Result<(), CommandError> {
        let (service, jobs) = self.start_service(opened)?;
        let served = self.serve_until_asked(&service, certificate, runtime);
        jobs.stop();
        served
    }

    /// The service and its jobs, on a directory that was made for this kind of serving.
    fn start_service(&self, opened: Opened) -> Result<(Arc<Service>, Jobs), CommandError> {
        let path = || self.dir.path().to_owned();
        let settings = self.config.settings(self.dev_clock.is_some());
        let folders = Folders { audit: self.dir.audit(), audit_index: self.dir.audit_index(), usage: self.dir.usage() };
        let started = Service::start(opened.store, opened.root, settings)
            .map_err(|reason| CommandError::Start { path: self.dir.store(), reason })?;
        let made_for = started.service.view().deployment().map(|deployment| deployment.kind);
        match made_for {
            None => Err(CommandError::NoDeployment(path())),
            Some(kind) if kind == self.kind => Ok(Jobs::start(started, folders)?),
            Some(Deployment::Development) => Err(CommandError::DevelopmentDirectory(path())),
            Some(Deployment::Production) => Err(CommandError::ProductionDirectory(path())),
        }
    }

    fn serve_until_asked(
        &self,
        service: &Arc<Service>,
        certificate: Option<TlsFiles>,
        runtime: &Runtime,
    ) -> Result<(), CommandError> {
        if let Some(time) = self.dev_clock {
            tracing::warn!(%time, "--dev-clock: keys and grants live by a clock that was set, not by the real one");
            runtime.block_on(bootstrap::set_dev_clock(service, time))?;
        }
        if !service.settings().audit.requests {
            tracing::warn!(
                "audit.requests is off: reads, uses of keys and refusals leave no event, and are not counted as usage"
            );
        }
        let tls = if self.dev_tls { Some(tls_dev::certificates(&self.dir)?) } else { certificate };
        // Before the first request is accepted, since none that was may be dropped.
        let mut signals = StopSignals::listen(runtime).map_err(CommandError::Runtime)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = start_server(&self.config, tls, service)?;
        if self.kind == Deployment::Development {
            let endpoint = format!("{scheme}://{}", server.local_addr());
            // A server whose output nobody reads is still a server.
            let _ = console::say(&self.lines_to_paste(&endpoint));
        }
        runtime.block_on(signals.wait());
        tracing::info!("draining");
        server.stop();
        Ok(())
    }

    /// What makes AWS clients in another shell talk to this server.
    fn lines_to_paste(&self, endpoint: &str) -> String {
        let region = first_region(&self.config.settings(false));
        let mut lines = vec![
            format!("export AWS_ENDPOINT_URL={endpoint}"),
            format!("export AWS_SHARED_CREDENTIALS_FILE={}", for_shell(&self.dir.credentials())),
            format!("export AWS_REGION={region} AWS_DEFAULT_REGION={region}"),
        ];
        if self.dev_tls {
            let authority = for_shell(&self.dir.dev_authority());
            let names = ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];
            lines.extend(names.map(|name| format!("export {name}={authority}")));
        }
        lines.join("\n") + "\n"
    }
}

/// What a service stands on.
struct Opened {
    store: Arc<EmbeddedStore>,
    root: Arc<FileRoot>,
}

fn open_dev(runtime: &Runtime, dir: &DataDir) -> Result<Opened, CommandError> {
    let DevDir { store, root } = runtime.block_on(DevDir::open(dir))?;
    tracing::warn!(
        path = %dir.path().display(),
        "--dev: the root of trust stands beside the data, so whoever copies the directory has every key in it"
    );
    Ok(Opened { store, root })
}

fn open_production(dir: &DataDir, root_file: &Path) -> Result<Opened, CommandError> {
    refuse_root_beside_data(dir, root_file)?;
    let root = FileRoot::open(root_file)?;
    Ok(Opened { store: dir.open_store()?, root: Arc::new(root) })
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

/// The Region that a newcomer is shown.
fn first_region(settings: &Settings) -> String {
    const USUAL: &str = "us-east-1";
    let usual = USUAL.parse::<Region>().is_ok_and(|region| settings.serves(region));
    match &settings.regions {
        ServedRegions::Listed(regions) if !usual => regions.first().map_or_else(|| USUAL.to_owned(), Region::to_string),
        _ => USUAL.to_owned(),
    }
}

/// A path as one word of a shell.
fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+=:,@%".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
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
