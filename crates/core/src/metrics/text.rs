//! All that is measured, as Prometheus text (format 0.0.4). docs/operations.md, "Metrics", lists it.

use std::fmt::{self, Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use claviger_storage::{CommitTimes, MICROS_BOUNDS};

use super::{LATENCY_MICROS_BOUNDS, Latency, Metrics};
use crate::audit::{Progress, Tally, Upkeep};
use crate::table;
use crate::usage::Totals;
use crate::view::KeyCounts;

/// What is known at a scrape, beside what was counted.
pub(crate) struct Scrape<'a> {
    /// The store's commits, if it counts them.
    pub(crate) commits: Option<CommitTimes>,
    /// How the audit log gets on.
    pub(crate) audit: Progress,
    /// The log itself.
    pub(crate) log: &'a Upkeep,
    /// Refused requests of strangers.
    pub(crate) strangers: Tally,
    /// Keys by state.
    pub(crate) keys: KeyCounts,
    /// What is counted as usage.
    pub(crate) usage: Totals,
}

impl Metrics {
    /// All of it. Of requests, only what was counted is there.
    pub(crate) fn render(&self, scrape: &Scrape<'_>) -> String {
        let mut text = Text(String::new());
        // INVARIANT: writing to a String cannot fail.
        let _ = self
            .render_requests(&mut text)
            .and_then(|()| self.render_commands(&mut text, scrape.commits.as_ref()))
            .and_then(|()| render_keys(&mut text, scrape.keys))
            .and_then(|()| render_audit(&mut text, scrape))
            .and_then(|()| render_usage(&mut text, scrape));
        text.0
    }

    fn render_requests(&self, text: &mut Text) -> fmt::Result {
        let rows = table::rows().iter().map(|row| format!("service=\"{}\",operation=\"{}\"", row.service, row.name));
        let names = rows.chain(std::iter::once("service=\"none\",operation=\"none\"".to_owned()));
        let operations: Vec<_> = names.zip(&self.operations).collect();
        text.family("requests_total", "counter", "Answered requests.")?;
        for (name, operation) in &operations {
            for (outcome, count) in Self::OUTCOMES.iter().zip(operation.outcomes.iter().map(load)) {
                if count > 0 {
                    text.sample("requests_total", &format!("{name},outcome=\"{outcome}\""), count)?;
                }
            }
        }
        text.family("request_seconds", "histogram", "Time from a request's head to its answer.")?;
        for (name, operation) in &operations {
            if operation.latency.buckets.iter().any(|count| load(count) > 0) {
                text.latency("request_seconds", name, &operation.latency)?;
            }
        }
        Ok(())
    }

    fn render_commands(&self, text: &mut Text, commits: Option<&CommitTimes>) -> fmt::Result {
        let waiting = load(&self.commands_waiting);
        text.gauge("commands_waiting", "Commands that wait to be durable, and for requests to see them.", waiting)?;
        text.family("view_lag_seconds", "histogram", "Time from a durable commit until requests see it.")?;
        text.latency("view_lag_seconds", "", &self.view_lag)?;
        let Some(times) = commits else { return Ok(()) };
        text.counter("commits_total", "Durable commits.", times.commits)?;
        text.counter("commit_failures_total", "Batches of commits that failed.", times.failures)?;
        text.family("commit_batch_seconds", "histogram", "Time to make one batch of commits durable.")?;
        text.histogram("commit_batch_seconds", "", &MICROS_BOUNDS, &times.buckets, times.micros)
    }
}

fn render_keys(text: &mut Text, keys: KeyCounts) -> fmt::Result {
    text.family("keys", "gauge", "Keys of all accounts and Regions, by their state.")?;
    for (state, count) in
        [("Disabled", keys.disabled), ("Enabled", keys.enabled), ("PendingDeletion", keys.pending_deletion)]
    {
        text.sample("keys", &format!("state=\"{state}\""), count)?;
    }
    Ok(())
}

fn render_audit(text: &mut Text, scrape: &Scrape<'_>) -> fmt::Result {
    let Scrape { audit, log, strangers, .. } = scrape;
    text.family("audit_entries_total", "counter", "Entries written to the audit log since the start.")?;
    text.sample("audit_entries_total", "from=\"outbox\"", audit.from_outbox)?;
    text.sample("audit_entries_total", "from=\"queue\"", audit.entries.saturating_sub(audit.from_outbox))?;
    text.family("audit_unauthenticated_total", "counter", "Refused requests of strangers.")?;
    text.sample("audit_unauthenticated_total", "event=\"own\"", strangers.recorded)?;
    text.sample("audit_unauthenticated_total", "event=\"counted\"", strangers.counted)?;
    let help = "Bytes of the entries written to the audit log since the start.";
    text.counter("audit_bytes_total", help, log.bytes_written())?;
    text.counter("audit_commit_failures_total", "Commits of the audit log that failed.", audit.failures)?;
    let help = "Whether requests are refused since the audit log cannot be written.";
    text.gauge("audit_failed", help, u8::from(audit.failed))?;
    let help = "Events of reads, uses and refusals that are not in the audit log yet.";
    text.gauge("audit_waiting_events", help, audit.waiting)?;
    text.gauge("audit_waiting_bytes", "Bytes of those events.", audit.waiting_bytes)?;
    let help = "Events that found no room to wait since the start: their requests were refused.";
    text.counter("audit_refused_events_total", help, audit.refused)?;
    let since = audit.since_commit.as_secs_f64();
    text.gauge("audit_since_commit_seconds", "Time since the audit log's last commit.", since)?;
    text.gauge("audit_log_entries", "Entries of the audit log, pruned ones too.", log.size())?;
    text.gauge("audit_log_pruned_entries", "Entries of the audit log that were pruned.", log.kept_from())?;
    let version = log.key_version().unwrap_or_default();
    text.gauge("audit_key_version", "Version of the audit key, which signs the audit log.", version)
}

fn render_usage(text: &mut Text, Scrape { usage, log, .. }: &Scrape<'_>) -> fmt::Result {
    let waiting = log.size().saturating_sub(usage.entries);
    text.gauge("usage_entries", "Entries of the audit log that are counted as usage.", usage.entries)?;
    text.gauge("usage_waiting_entries", "Entries of the audit log that are not counted as usage yet.", waiting)?;
    text.gauge("usage_rows", "Rows of usage.", usage.rows)?;
    text.gauge("usage_merged_uses", "Uses of keys that found no room for a row of their own.", usage.merged)?;
    text.gauge("usage_imported_uses", "Uses of keys that were imported.", usage.imported_uses)?;
    text.gauge("usage_memory_bytes", "Memory that usage takes, as it is reckoned.", usage.memory_bytes)
}

/// The text so far. Names are given without the prefix that all have.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) -> fmt::Result {
        writeln!(self.0, "# HELP claviger_{name} {help}\n# TYPE claviger_{name} {kind}")
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) -> fmt::Result {
        if labels.is_empty() {
            writeln!(self.0, "claviger_{name} {value}")
        } else {
            writeln!(self.0, "claviger_{name}{{{labels}}} {value}")
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.family(name, "counter", help)?;
        self.sample(name, "", value)
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) -> fmt::Result {
        self.family(name, "gauge", help)?;
        self.sample(name, "", value)
    }

    fn latency(&mut self, name: &str, labels: &str, latency: &Latency) -> fmt::Result {
        let buckets = latency.buckets.each_ref().map(load);
        self.histogram(name, labels, &LATENCY_MICROS_BOUNDS, &buckets, load(&latency.micros))
    }

    fn histogram(&mut self, name: &str, labels: &str, bounds: &[u64], buckets: &[u64], micros: u64) -> fmt::Result {
        let comma = if labels.is_empty() { "" } else { "," };
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(buckets) {
            below += count;
            self.sample(&bucket, &format!("{labels}{comma}le=\"{}\"", seconds(*bound)), below)?;
        }
        let all: u64 = buckets.iter().sum();
        self.sample(&bucket, &format!("{labels}{comma}le=\"+Inf\""), all)?;
        self.sample(&format!("{name}_sum"), labels, seconds(micros))?;
        self.sample(&format!("{name}_count"), labels, all)
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 µs are 285 years")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_audit_log() {
        let scrape = Scrape {
            commits: None,
            audit: Progress {
                waiting: 1,
                waiting_bytes: 300,
                refused: 7,
                failed: true,
                since_commit: Duration::from_millis(1500),
                entries: 30,
                from_outbox: 10,
                failures: 4,
            },
            log: &Upkeep::default(),
            strangers: Tally { recorded: 5, counted: 6 },
            keys: KeyCounts::default(),
            usage: Totals::default(),
        };
        let mut text = Text(String::new());
        render_audit(&mut text, &scrape).unwrap();
        let samples: Vec<_> = text.0.lines().filter(|line| !line.starts_with('#')).collect();
        let want = [
            "claviger_audit_entries_total{from=\"outbox\"} 10",
            "claviger_audit_entries_total{from=\"queue\"} 20",
            "claviger_audit_unauthenticated_total{event=\"own\"} 5",
            "claviger_audit_unauthenticated_total{event=\"counted\"} 6",
            "claviger_audit_bytes_total 0",
            "claviger_audit_commit_failures_total 4",
            "claviger_audit_failed 1",
            "claviger_audit_waiting_events 1",
            "claviger_audit_waiting_bytes 300",
            "claviger_audit_refused_events_total 7",
            "claviger_audit_since_commit_seconds 1.5",
            "claviger_audit_log_entries 0",
            "claviger_audit_log_pruned_entries 0",
            "claviger_audit_key_version 0",
        ];
        assert_eq!(samples, want);
    }
}
