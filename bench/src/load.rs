//! The closed loop: N connections, each with one request under way, for a bounded time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::task::{JoinSet, LocalSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::BenchError;
use crate::connection::{Connection, Endpoint, Reply};
use crate::corpus::Corpus;
use crate::process;

/// Every how many replies one is read and compared; all are checked for their status.
const SAMPLE_EVERY: usize = 64;
/// How long unanswered requests are waited for after the window.
const GRACE: Duration = Duration::from_secs(10);

/// How the loop runs.
#[derive(Clone, Copy)]
pub struct Window {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// Sent but not counted: connections, caches and the CPU's clock settle.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// What one run showed.
pub struct Report {
    /// Replies within the window, refusals included.
    pub replies: u64,
    /// The window's length as it came out.
    pub elapsed: Duration,
    /// From the first byte sent to the last byte read, in ascending order, in nanoseconds.
    latencies_nanos: Vec<u32>,
    /// Refusals and broken connections by their code.
    pub errors: BTreeMap<String, u64>,
    /// Sampled replies that did not say what they must.
    pub wrong: u64,
    /// CPU time of the server within the window.
    pub server_cpu: Option<Duration>,
}

/// Signs the requests and sends them, again from the first if they run out.
pub async fn run(
    corpus: &Rc<Corpus>,
    endpoint: &Endpoint,
    window: Window,
    server_pid: Option<u32>,
) -> Result<Report, BenchError> {
    let run = Rc::new(Run {
        corpus: Rc::clone(corpus),
        messages: corpus.sign(endpoint),
        next: Cell::new(0),
        phase: Cell::new(Phase::WarmUp),
        tally: RefCell::new(Tally::default()),
    });
    let local = LocalSet::new();
    let mut workers = JoinSet::new();
    for _ in 0..window.connections {
        workers.spawn_local_on(work(Rc::clone(&run), endpoint.clone()), &local);
    }
    workers.spawn_local_on(stay_awake(Rc::clone(&run)), &local);
    let cpu_time = || server_pid.map(process::cpu_time).transpose();
    local
        .run_until(async {
            sleep(window.warm_up).await;
            let (started, cpu_before) = (Instant::now(), cpu_time()?);
            run.phase.set(Phase::Measured);
            sleep(window.measured).await;
            run.phase.set(Phase::Over);
            let (elapsed, cpu_after) = (started.elapsed(), cpu_time()?);
            let all_answered = timeout(GRACE, async { while workers.join_next().await.is_some() {} }).await.is_ok();
            let server_cpu = cpu_after.zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
            Ok(run.tally.take().report(elapsed, server_cpu, !all_answered))
        })
        .await
}

impl Report {
    /// Replies per second.
    pub fn rate(&self) -> f64 {
        self.replies as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the requests did not exceed.
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (self.latencies_nanos.len() as f64 * share).ceil() as usize;
        let nanos = self.latencies_nanos.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        Duration::from_nanos(nanos.into())
    }

    /// CPU microseconds of the server for each reply.
    pub fn cpu_micros_per_request(&self) -> Option<f64> {
        self.server_cpu.filter(|_| self.replies > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / self.replies as f64)
    }

    /// Whether every reply was a success that said what it must.
    pub fn is_clean(&self) -> bool {
        self.replies > 0 && self.errors.is_empty() && self.wrong == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |share| self.percentile(share).as_secs_f64() * 1e6;
        write!(f, "requests {}  req/s {:.0}", self.replies, self.rate())?;
        write!(f, "  p50 {:.0} µs  p90 {:.0} µs  p99 {:.0} µs", micros(0.5), micros(0.9), micros(0.99))?;
        match self.cpu_micros_per_request() {
            Some(cpu) => write!(f, "  server CPU {cpu:.2} µs/req")?,
            None => write!(f, "  server CPU unknown")?,
        }
        write!(f, "  errors {}", self.errors.values().sum::<u64>())?;
        for (code, count) in &self.errors {
            write!(f, " {code}={count}")?;
        }
        write!(f, "  wrong replies {}", self.wrong)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

struct Run {
    corpus: Rc<Corpus>,
    messages: Vec<Vec<u8>>,
    next: Cell<usize>,
    phase: Cell<Phase>,
    tally: RefCell<Tally>,
}

impl Run {
    /// Latencies count within the window only; failures always, since a run with any of them is not clean.
    fn record(&self, index: usize, sampled: bool, latency: Duration, reply: &Reply<'_>) {
        let mut tally = self.tally.borrow_mut();
        if self.phase.get() == Phase::Measured {
            tally.latencies_nanos.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
        }
        if reply.status != 200 {
            tally.error(error_code(reply.status, reply.body));
        } else if sampled && !self.corpus.holds(index, reply.body) {
            tally.wrong += 1;
        }
    }
}

#[derive(Default)]
struct Tally {
    latencies_nanos: Vec<u32>,
    errors: BTreeMap<String, u64>,
    wrong: u64,
}

impl Tally {
    fn error(&mut self, code: String) {
        *self.errors.entry(code).or_default() += 1;
    }

    fn report(mut self, elapsed: Duration, server_cpu: Option<Duration>, unanswered: bool) -> Report {
        if unanswered {
            self.error("unanswered".to_owned());
        }
        self.latencies_nanos.sort_unstable();
        Report {
            replies: self.latencies_nanos.len() as u64,
            elapsed,
            latencies_nanos: self.latencies_nanos,
            errors: self.errors,
            wrong: self.wrong,
            server_cpu,
        }
    }
}

/// Never lets the generator's thread sleep. To wake it would cost the server some microseconds of kernel time for a
/// reply, and the slower of two servers more often: while the faster one is answering, this thread always has work.
async fn stay_awake(run: Rc<Run>) {
    while run.phase.get() != Phase::Over {
        yield_now().await;
    }
}

async fn work(run: Rc<Run>, endpoint: Endpoint) {
    let mut connection = Connection::new(&endpoint);
    while run.phase.get() != Phase::Over {
        let count = run.next.replace(run.next.get() + 1);
        let index = count % run.messages.len().max(1);
        let Some(message) = run.messages.get(index) else { return };
        let sent = Instant::now();
        match connection.exchange(message).await {
            Ok(reply) => run.record(index, count.is_multiple_of(SAMPLE_EVERY), sent.elapsed(), &reply),
            Err(_) => {
                run.tally.borrow_mut().error("connection".to_owned());
                // A server that is gone must not be asked a million times a second.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// The error's name as clients read it: the part of `__type` after the namespace.
fn error_code(status: u16, body: &[u8]) -> String {
    match serde_json::from_slice::<ErrorReply>(body) {
        Ok(reply) => reply.code.rsplit('#').next().unwrap_or_default().to_owned(),
        Err(_) => format!("HTTP-{status}"),
    }
}

#[derive(Deserialize)]
struct ErrorReply {
    #[serde(rename = "__type")]
    code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let tally =
            Tally { latencies_nanos: (1..=100).rev().map(|millis| millis * 1_000_000).collect(), ..Tally::default() };
        let report = tally.report(Duration::from_secs(2), Some(Duration::from_millis(1)), false);
        for (share, millis) in [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.0, 1)] {
            assert_eq!(report.percentile(share), Duration::from_millis(millis), "share={share}");
        }
        assert_eq!(report.rate(), 50.0);
        assert_eq!(report.cpu_micros_per_request(), Some(10.0));
        assert!(report.is_clean());
    }

    #[test]
    fn an_unclean_run_says_why() {
        let mut tally = Tally { latencies_nanos: vec![1_000], wrong: 2, ..Tally::default() };
        tally.error("ThrottlingException".to_owned());
        let report = tally.report(Duration::from_secs(1), None, true);
        assert!(!report.is_clean());
        let text = report.to_string();
        for part in ["errors 2 ", "ThrottlingException=1", "unanswered=1", "wrong replies 2", "server CPU unknown"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn error_codes_lose_their_namespace() {
        for (body, want) in [
            (&br#"{"__type":"AccessDeniedException","message":"no"}"#[..], "AccessDeniedException"),
            (br#"{"__type":"com.amazonaws.kms#NotFoundException"}"#, "NotFoundException"),
            (b"<html>", "HTTP-503"),
            (b"", "HTTP-503"),
        ] {
            assert_eq!(error_code(503, body), want, "{}", String::from_utf8_lossy(body));
        }
    }
}
