//! `rounds`: the performance claims of the project, measured in paired rounds.
//!
//! The server runs on one core, the load generator on another. `bench/README.md` explains each claim.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use claviger_bench::connection::Endpoint;
use claviger_bench::corpus::{Corpus, Shape, Workload};
use claviger_bench::kept::Kept;
use claviger_bench::load::Window;
use claviger_bench::population::{create_account, populate};
use claviger_bench::rounds::{Side, compare};
use claviger_bench::server::Server;
use claviger_bench::targets::{Administrator, Targets};
use claviger_bench::{BenchError, process, sessions, setup};

const REGION: &str = "us-east-1";
const CREDENTIALS: usize = 50;
const KEYS: usize = 1_000;
const KEYS_MANY: usize = 100_000;
/// Each has 1,000 grants.
const KEYS_SHARED: usize = 100;
const REQUESTS: usize = 50_000;
const START_LIMIT: Duration = Duration::from_secs(10);
const RESIDENT_LIMIT_KIB: u64 = 2 * 1024 * 1024;

/// The performance claims, measured in paired rounds.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    claim: Claim,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Claim {
    /// Encrypt with the events of all requests, and what is made of them, against Encrypt without: at most 1.08.
    Auditing,
    /// Encrypt with everything on, the events of requests too, against the yardstick: at most 1.4.
    Audited,
    /// The yardstick against itself: how far a ratio may be trusted on this machine.
    Calibrate,
    /// GenerateDataKey against Encrypt: at most 1.5.
    DataKey,
    /// Encrypt against the yardstick, with 1,000 keys: at most 1.3.
    Encrypt,
    /// Encrypt with 100,000 keys against 1,000 keys: at most 1.2.
    Keys,
    /// Encrypt by role sessions with 5 policies of 20 statements, on keys with 1,000 grants each, against the yardstick's
    /// plain user: at most 1.5.
    Session,
    /// Time until requests are served, and resident memory, with 1,000,000 keys: under 10 s and 2 GiB.
    Start(Start),
}

#[derive(Args)]
struct Start {
    /// How many keys.
    #[arg(long, default_value_t = 1_000_000)]
    keys: usize,
    /// How many starts; the slowest and the largest count.
    #[arg(long, default_value_t = 3)]
    starts: usize,
    /// Further arguments for `claviger serve`, such as a configuration.
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Args, Clone)]
struct Settings {
    /// The product; by default beside this program.
    #[arg(long, global = true)]
    claviger: Option<PathBuf>,
    /// The yardstick; by default beside this program.
    #[arg(long, global = true)]
    yardstick: Option<PathBuf>,
    /// Where data directories are kept from run to run.
    #[arg(long, global = true, default_value = "target/bench")]
    directory: PathBuf,
    /// Pairs of runs.
    #[arg(long, global = true, default_value_t = 15)]
    rounds: usize,
    /// Seconds of each run that count.
    #[arg(long, global = true, default_value_t = 2.0)]
    seconds: f64,
    /// Seconds of each run before those.
    #[arg(long, global = true, default_value_t = 0.5)]
    warm_up_seconds: f64,
    /// Connections, each with one request under way.
    #[arg(long, global = true, default_value_t = 16)]
    connections: usize,
    /// Pairs in each request's encryption context.
    #[arg(long, global = true, default_value_t = 0)]
    context_pairs: usize,
    /// Let each credential use keys of its own alone, as least privilege has it; else all use all.
    #[arg(long, global = true)]
    own_keys: bool,
    /// Let the product write the events of reads, uses and refusals, as it does in service.
    #[arg(long, global = true)]
    events: bool,
    /// The core of the servers.
    #[arg(long, global = true, default_value_t = 0)]
    server_core: usize,
    /// The core of the load generator.
    #[arg(long, global = true, default_value_t = 1)]
    load_core: usize,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks by its standard streams")]
fn main() -> ExitCode {
    match execute(&Arguments::parse(), &mut |line| println!("{line}")) {
        Ok(Verdict::Held) => ExitCode::SUCCESS,
        Ok(Verdict::Exceeded) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rounds: {error}");
            ExitCode::FAILURE
        }
    }
}

enum Verdict {
    Held,
    Exceeded,
}

type Tell<'a> = &'a mut dyn FnMut(&str);

fn execute(arguments: &Arguments, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let settings = &arguments.settings;
    fs::create_dir_all(&settings.directory).map_err(|error| BenchError::file(&settings.directory, error))?;
    tell(&format!("revision {}  load average {}", revision(), load_average()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &arguments.claim {
            Claim::Audited => encrypt(&Settings { events: true, ..settings.clone() }, 1.4, tell).await,
            Claim::Auditing => auditing(settings, tell).await,
            Claim::Calibrate => calibrate(settings, tell).await,
            Claim::DataKey => data_key(settings, tell).await,
            Claim::Encrypt => encrypt(settings, 1.3, tell).await,
            Claim::Keys => keys(settings, tell).await,
            Claim::Session => session(settings, tell).await,
            Claim::Start(start) => measure_start(settings, start, tell).await,
        }
    })
}

async fn calibrate(settings: &Settings, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let path = settings.directory.join("made-up.json");
    Targets::made_up(REGION, "111122223333", CREDENTIALS, KEYS)?.write(&path)?;
    let first = settings.side("yardstick", settings.start_yardstick(&path).await?, &path, Workload::Encrypt).await?;
    let second = settings.side("again", settings.start_yardstick(&path).await?, &path, Workload::Encrypt).await?;
    settings.judge([&first, &second], None, tell).await
}

async fn encrypt(settings: &Settings, limit: f64, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let (server, path) = settings.start_claviger(KEYS, &mut *tell).await?;
    let claviger = settings.side("claviger", server, &path, Workload::Encrypt).await?;
    let server = settings.start_yardstick(&path).await?;
    let yardstick = settings.side("yardstick", server, &path, Workload::Encrypt).await?;
    settings.judge([&claviger, &yardstick], Some(limit), tell).await
}

async fn auditing(settings: &Settings, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let recording = Settings { events: true, ..settings.clone() };
    let (server, path) = recording.start_claviger(KEYS, &mut *tell).await?;
    let recorded = settings.side("with events", server, &path, Workload::Encrypt).await?;
    // Two servers cannot have one directory.
    let silent = Settings { events: false, directory: settings.directory.join("silent"), ..settings.clone() };
    fs::create_dir_all(&silent.directory).map_err(|error| BenchError::file(&silent.directory, error))?;
    let (server, path) = silent.start_claviger(KEYS, &mut *tell).await?;
    let unrecorded = settings.side("without", server, &path, Workload::Encrypt).await?;
    settings.judge([&recorded, &unrecorded], Some(1.08), tell).await
}

async fn keys(settings: &Settings, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let (server, path) = settings.start_claviger(KEYS_MANY, &mut *tell).await?;
    let many = settings.side("100,000 keys", server, &path, Workload::Encrypt).await?;
    let (server, path) = settings.start_claviger(KEYS, &mut *tell).await?;
    let few = settings.side("1,000 keys", server, &path, Workload::Encrypt).await?;
    settings.judge([&many, &few], Some(1.2), tell).await
}

async fn data_key(settings: &Settings, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let (server, path) = settings.start_claviger(KEYS, &mut *tell).await?;
    let data_key = settings.side("GenerateDataKey", Rc::clone(&server), &path, Workload::GenerateDataKey).await?;
    let encrypt = settings.side("Encrypt", server, &path, Workload::Encrypt).await?;
    settings.judge([&data_key, &encrypt], Some(1.5), tell).await
}

async fn session(settings: &Settings, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let (server, path) = settings.start_with_sessions(&mut *tell).await?;
    let targets = sessions::assume(server.endpoint(), Targets::read(&path)?).await?;
    let context_pairs = settings.context_pairs.max(sessions::CONTEXT_PAIRS);
    let session = settings.side_of("session", server, targets, Workload::Encrypt, context_pairs).await?;
    // It signs by the users' own access keys: a token would make its request dearer.
    let (server, targets) = (settings.start_yardstick(&path).await?, Targets::read(&path)?);
    let yardstick = settings.side_of("yardstick", server, targets, Workload::Encrypt, context_pairs).await?;
    settings.judge([&session, &yardstick], Some(1.5), tell).await
}

async fn measure_start(settings: &Settings, start: &Start, tell: Tell<'_>) -> Result<Verdict, BenchError> {
    let kept = settings.populate(start, &mut *tell).await?;
    let (mut slowest, mut largest_kib) = (Duration::ZERO, 0);
    for _ in 0..start.starts {
        let started = Instant::now();
        let server = settings.serve(&kept, &start.arguments, None).await?;
        let elapsed = started.elapsed();
        let (now_kib, peak_kib) = process::resident_kib(server.pid())?;
        let (seconds, now, peak) = (elapsed.as_secs_f64(), now_kib / 1024, peak_kib / 1024);
        tell(&format!("ready after {seconds:.2} s, resident {now} MiB, peak {peak} MiB"));
        (slowest, largest_kib) = (slowest.max(elapsed), largest_kib.max(peak_kib));
    }
    let held = slowest < START_LIMIT && largest_kib < RESIDENT_LIMIT_KIB;
    tell(&format!("limits 10 s and 2,048 MiB: {}", if held { "held" } else { "EXCEEDED" }));
    Ok(if held { Verdict::Held } else { Verdict::Exceeded })
}

impl Settings {
    /// A server with this many keys.
    async fn start_claviger(&self, keys: usize, tell: Tell<'_>) -> Result<(Rc<Server>, PathBuf), BenchError> {
        let prepare = async |endpoint: &Endpoint, administrator: &Administrator| {
            setup::prepare(endpoint, administrator, REGION, CREDENTIALS, keys).await
        };
        self.start_prepared(&format!("keys-{keys}"), prepare, tell).await
    }

    /// A server with roles, their policies, and keys with grants.
    async fn start_with_sessions(&self, tell: Tell<'_>) -> Result<(Rc<Server>, PathBuf), BenchError> {
        let prepare = async |endpoint: &Endpoint, administrator: &Administrator| {
            sessions::prepare(endpoint, administrator, REGION, CREDENTIALS, KEYS_SHARED).await
        };
        self.start_prepared(&format!("sessions-{KEYS_SHARED}"), prepare, tell).await
    }

    /// A server with what `prepare` makes; the first time it is made, later it is found again.
    async fn start_prepared(
        &self,
        name: &str,
        prepare: impl AsyncFnOnce(&Endpoint, &Administrator) -> Result<Targets, BenchError>,
        tell: Tell<'_>,
    ) -> Result<(Rc<Server>, PathBuf), BenchError> {
        let kept = Kept::new(&self.directory, name);
        let core = Some(self.server_core);
        if let Some(server) = self.find_again(&kept, &[], core, tell).await? {
            return Ok((Rc::new(server), kept.targets()));
        }
        kept.make_anew()?;
        let server = self.serve(&kept, &[], core).await?;
        let administrator = Administrator::read(&kept.data().join("credentials"))?;
        prepare(server.endpoint(), &administrator).await?.write(&kept.targets())?;
        Ok((Rc::new(server), kept.targets()))
    }

    /// The data directory of a large deployment; the first time it is made, later it is found again.
    async fn populate(&self, start: &Start, tell: Tell<'_>) -> Result<Kept, BenchError> {
        let kept = Kept::new(&self.directory, &format!("population-{}", start.keys));
        if self.find_again(&kept, &start.arguments, None, &mut *tell).await?.is_none() {
            kept.make_anew()?;
            let server = self.serve(&kept, &start.arguments, None).await?;
            let credentials = kept.data().join("credentials");
            let second = create_account(&self.program("claviger", &self.claviger)?, server.endpoint(), &credentials)?;
            let administrators = [Administrator::read(&credentials)?, second];
            populate(server.endpoint(), &administrators, start.keys, tell).await?;
            kept.complete()?;
        }
        Ok(kept)
    }

    /// A server on what an earlier run has made. Nothing if there is none, or if this version of the server refuses it.
    async fn find_again(
        &self,
        kept: &Kept,
        more: &[String],
        core: Option<usize>,
        tell: Tell<'_>,
    ) -> Result<Option<Server>, BenchError> {
        if !kept.is_complete() {
            return Ok(None);
        }
        match self.serve(kept, more, core).await {
            Err(error @ BenchError::Ended { .. }) if !kept.is_in_use()? => {
                let path = kept.data();
                tell(&format!(
                    "the server does not start with {}, so it is deleted and made anew: {error}",
                    path.display()
                ));
                Ok(None)
            }
            server => server.map(Some),
        }
    }

    async fn serve(&self, kept: &Kept, more: &[String], core: Option<usize>) -> Result<Server, BenchError> {
        let data = kept.data();
        let data_text = data.to_string_lossy();
        let mut arguments = vec!["serve", "--dev", "--data-dir", &data_text];
        arguments.extend(more.iter().map(String::as_str));
        let environment = [("CLAVIGER_AUDIT_REQUESTS", if self.events { "true" } else { "false" })];
        let program = self.program("claviger", &self.claviger)?;
        let server = Server::start(&program, &arguments, &environment, &kept.log(), core)?;
        server.ready(|status| status == 200).await
    }

    async fn start_yardstick(&self, targets: &Path) -> Result<Rc<Server>, BenchError> {
        let program = self.program("yardstick", &self.yardstick)?;
        let arguments = ["--targets", &targets.to_string_lossy()];
        let log = self.directory.join("yardstick.log");
        let server = Server::start(&program, &arguments, &[], &log, Some(self.server_core))?;
        // It knows no health check and refuses it like anything else; an answer is enough.
        Ok(Rc::new(server.ready(|_| true).await?))
    }

    async fn side(
        &self,
        name: &str,
        server: Rc<Server>,
        targets: &Path,
        workload: Workload,
    ) -> Result<Side, BenchError> {
        self.side_of(name, server, Targets::read(targets)?, workload, self.context_pairs).await
    }

    async fn side_of(
        &self,
        name: &str,
        server: Rc<Server>,
        targets: Targets,
        workload: Workload,
        context_pairs: usize,
    ) -> Result<Side, BenchError> {
        let requests = REQUESTS.max(targets.key_ids.len());
        let shape = Shape { requests, context_pairs, own_keys: self.own_keys };
        let corpus = Corpus::gather(workload, shape, targets, server.endpoint(), self.connections).await?;
        Ok(Side { name: name.to_owned(), server, corpus: Rc::new(corpus) })
    }

    async fn judge(&self, sides: [&Side; 2], limit: Option<f64>, tell: Tell<'_>) -> Result<Verdict, BenchError> {
        process::pin_to(self.load_core)?;
        for side in sides {
            let (keys, credentials) = (side.corpus.targets.key_ids.len(), side.corpus.targets.credentials.len());
            let distinct = side.corpus.distinct();
            tell(&format!("{}: {distinct} distinct requests, {keys} keys, {credentials} credentials", side.name));
        }
        let window = Window {
            connections: self.connections,
            warm_up: seconds(self.warm_up_seconds)?,
            measured: seconds(self.seconds)?,
        };
        let ratios = compare(sides, self.rounds, window, &mut *tell).await?;
        let spread = ratios.spread().ok_or_else(|| BenchError::Usage("no rounds".to_owned()))?;
        tell(&format!("{} / {}, CPU per request, {} rounds: {spread}", sides[0].name, sides[1].name, self.rounds));
        let Some(limit) = limit else { return Ok(Verdict::Held) };
        let held = spread.median <= limit;
        tell(&format!("limit {limit}: {}", if held { "held" } else { "EXCEEDED" }));
        Ok(if held { Verdict::Held } else { Verdict::Exceeded })
    }

    fn program(&self, name: &str, named: &Option<PathBuf>) -> Result<PathBuf, BenchError> {
        match named {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name(name)),
        }
    }
}

fn seconds(seconds: f64) -> Result<Duration, BenchError> {
    Duration::try_from_secs_f64(seconds).map_err(|error| BenchError::Usage(error.to_string()))
}

/// The revision of the checkout that the bench is started in, marked if it has uncommitted changes.
fn revision() -> String {
    let output = Program::new("git").args(["describe", "--always", "--dirty"]).output();
    let text = output.ok().filter(|output| output.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Whether others use the machine: a ratio that was measured beside them spreads more.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().next().unwrap_or("unknown").to_owned()
}
