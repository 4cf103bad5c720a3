//! `load`: a closed-loop load generator for any KMS endpoint that speaks plain HTTP.

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use claviger_bench::connection::Endpoint;
use claviger_bench::corpus::{Corpus, Shape, Workload};
use claviger_bench::load::{Window, run};
use claviger_bench::targets::{Administrator, Targets};
use claviger_bench::{BenchError, process, setup};

/// A closed-loop load generator for any KMS endpoint.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make up credentials and key ids, for an endpoint that accepts any key: the yardstick.
    MakeUp(MakeUp),
    /// Create users, access keys and keys at an endpoint.
    Setup(Setup),
    /// Send requests for a bounded time and print what it showed.
    Run(Run),
}

#[derive(clap::Args)]
struct Population {
    /// The targets file to write; it holds secret access keys.
    #[arg(long)]
    targets: PathBuf,
    /// The Region of the keys.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// How many credentials.
    #[arg(long, default_value_t = 50)]
    credentials: usize,
    /// How many keys.
    #[arg(long, default_value_t = 1_000)]
    keys: usize,
}

#[derive(clap::Args)]
struct MakeUp {
    #[command(flatten)]
    population: Population,
    /// The account of the made-up keys.
    #[arg(long, default_value = "111122223333")]
    account_id: String,
}

#[derive(clap::Args)]
struct Setup {
    #[command(flatten)]
    population: Population,
    /// `http://host:port`.
    #[arg(long)]
    endpoint: String,
    /// A credentials file in AWS format; its profile `default` may create users and keys, and names its `aws_account_id`.
    #[arg(long)]
    credentials_file: PathBuf,
}

#[derive(clap::Args)]
struct Run {
    /// `http://host:port`.
    #[arg(long)]
    endpoint: String,
    /// The targets file.
    #[arg(long)]
    targets: PathBuf,
    /// What to send.
    #[arg(long, value_enum, default_value_t = Workload::Encrypt)]
    operation: Workload,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests that are signed before the timed part; they are sent again from the first if they run out.
    #[arg(long, default_value_t = 50_000)]
    requests: usize,
    /// Pairs in each request's encryption context.
    #[arg(long, default_value_t = 0)]
    context_pairs: usize,
    /// Seconds that count.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before those.
    #[arg(long, default_value_t = 1.0)]
    warm_up_seconds: f64,
    /// The process whose CPU time is counted.
    #[arg(long)]
    server_pid: Option<u32>,
    /// The core that the load generator is bound to.
    #[arg(long)]
    core: Option<usize>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks by its standard streams")]
fn main() -> ExitCode {
    match execute(Arguments::parse()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<String, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::MakeUp(arguments) => make_up(&arguments),
            Command::Setup(arguments) => prepare(&arguments).await,
            Command::Run(arguments) => measure(&arguments).await,
        }
    })
}

fn make_up(arguments: &MakeUp) -> Result<String, BenchError> {
    let Population { targets, region, credentials, keys } = &arguments.population;
    Targets::made_up(region, &arguments.account_id, *credentials, *keys)?.write(targets)?;
    Ok(format!("{credentials} credentials and {keys} key ids made up"))
}

async fn prepare(arguments: &Setup) -> Result<String, BenchError> {
    let Population { targets, region, credentials, keys } = &arguments.population;
    let endpoint = Endpoint::parse(&arguments.endpoint)?;
    let administrator = Administrator::read(&arguments.credentials_file)?;
    setup::prepare(&endpoint, &administrator, region, *credentials, *keys).await?.write(targets)?;
    Ok(format!("{credentials} users and {keys} keys created"))
}

async fn measure(arguments: &Run) -> Result<String, BenchError> {
    if let Some(core) = arguments.core {
        process::pin_to(core)?;
    }
    let endpoint = Endpoint::parse(&arguments.endpoint)?;
    let targets = Targets::read(&arguments.targets)?;
    let shape = Shape { requests: arguments.requests, context_pairs: arguments.context_pairs, own_keys: false };
    let corpus = Corpus::gather(arguments.operation, shape, targets, &endpoint, arguments.connections).await?;
    let distinct = corpus.distinct();
    let window = Window {
        connections: arguments.connections,
        warm_up: seconds(arguments.warm_up_seconds)?,
        measured: seconds(arguments.seconds)?,
    };
    let report = run(&Rc::new(corpus), &endpoint, window, arguments.server_pid).await?;
    Ok(format!("{:?}: distinct requests {distinct}  {report}", arguments.operation))
}

fn seconds(seconds: f64) -> Result<Duration, BenchError> {
    Duration::try_from_secs_f64(seconds).map_err(|error| BenchError::Usage(error.to_string()))
}
