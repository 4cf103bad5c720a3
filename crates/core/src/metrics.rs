//! Counters of requests and commits, rendered as Prometheus text. Plain atomics: counting touches no lock.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_storage::{CommitTimes, MICROS_BOUNDS};

use crate::audit::{Progress, Tally};
use crate::table::{self, Row};
use crate::usage::Totals;

/// Upper bounds of the latency buckets, in microseconds.
const LATENCY_MICROS_BOUNDS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000];

/// Counters of requests.
pub struct Metrics {
    /// One for each row of the table, then one for requests that reached no row.
    operations: Vec<Operation>,
}

struct Operation {
    outcomes: [AtomicU64; Metrics::OUTCOMES.len()],
    latency: [AtomicU64; LATENCY_MICROS_BOUNDS.len() + 1],
    latency_micros: AtomicU64,
}

impl Default for Operation {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            outcomes: std::array::from_fn(|_| zero()),
            latency: std::array::from_fn(|_| zero()),
            latency_micros: zero(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { operations: (0..=table::rows().len()).map(|_| Operation::default()).collect() }
    }
}

impl Metrics {
    /// Outcomes that are counted apart; the last slot is for codes that the list lacks.
    pub const OUTCOMES: [&str; 41] = [
        "OK",
        "AccessDeniedException",
        "AlreadyExistsException",
        "ConflictException",
        "ConstraintViolationException",
        "DisabledException",
        "DryRunOperationException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "IncorrectKeyException",
        "InternalFailure",
        "InvalidAction",
        "InvalidArnException",
        "InvalidAuthenticationCodeException",
        "InvalidCiphertextException",
        "InvalidGrantIdException",
        "InvalidGrantTokenException",
        "InvalidKeyUsageException",
        "InvalidMarkerException",
        "InvalidSignatureException",
        "KMSInternalException",
        "KMSInvalidMacException",
        "KMSInvalidStateException",
        "LimitExceededException",
        "MalformedPolicyDocumentException",
        "MissingAction",
        "MissingAuthenticationTokenException",
        "NotAuthorizedException",
        "NotFoundException",
        "PackedPolicyTooLargeException",
        "RequestEntityTooLarge",
        "RequestTimeout",
        "SerializationException",
        "ServiceUnavailable",
        "TagException",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "UnsupportedOperationException",
        "ValidationException",
        "other",
    ];

    /// Counts an answered request. `code` is `OK` or the error's code.
    pub fn count(&self, row: Option<&Row>, code: &str, took: Duration) {
        let index = row.map_or(self.operations.len() - 1, |row| row.index);
        let Some(operation) = self.operations.get(index) else { return };
        let outcome = Self::OUTCOMES.iter().position(|known| *known == code).unwrap_or(Self::OUTCOMES.len() - 1);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_MICROS_BOUNDS.partition_point(|bound| *bound < micros);
        for counter in operation.outcomes.get(outcome).into_iter().chain(operation.latency.get(bucket)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        operation.latency_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Prometheus text format 0.0.4. Only what was counted is printed.
    pub(crate) fn render(
        &self,
        commits: Option<&CommitTimes>,
        audit: (Progress, Tally),
        usage: (Totals, u64),
    ) -> String {
        let mut text = String::new();
        // INVARIANT: writing to a String cannot fail.
        let _ = self
            .render_requests(&mut text)
            .and_then(|()| commits.map_or(Ok(()), |times| render_commits(&mut text, times)))
            .and_then(|()| render_audit(&mut text, audit))
            .and_then(|()| render_usage(&mut text, usage));
        text
    }

    fn render_requests(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# HELP claviger_requests_total Answered requests.\n# TYPE claviger_requests_total counter")?;
        for (name, operation) in self.named() {
            for (outcome, count) in
                Self::OUTCOMES.iter().zip(operation.outcomes.iter().map(load)).filter(|(_, count)| *count > 0)
            {
                writeln!(out, "claviger_requests_total{{{name},outcome=\"{outcome}\"}} {count}")?;
            }
        }
        writeln!(out, "# HELP claviger_request_seconds Time from a request's head to its answer.")?;
        writeln!(out, "# TYPE claviger_request_seconds histogram")?;
        for (name, operation) in self.named() {
            let buckets = operation.latency.each_ref().map(load);
            if buckets.iter().any(|count| *count > 0) {
                let micros = load(&operation.latency_micros);
                render_histogram(out, "claviger_request_seconds", &name, &LATENCY_MICROS_BOUNDS, &buckets, micros)?;
            }
        }
        Ok(())
    }

    fn named(&self) -> impl Iterator<Item = (String, &Operation)> {
        let rows = table::rows().iter().map(|row| format!("service=\"{}\",operation=\"{}\"", row.service, row.name));
        rows.chain(std::iter::once("service=\"none\",operation=\"none\"".to_owned())).zip(&self.operations)
    }
}

fn render_commits(out: &mut String, times: &CommitTimes) -> std::fmt::Result {
    for (name, help, value) in [
        ("claviger_commits_total", "Durable commits.", times.commits),
        ("claviger_commit_failures_total", "Batches of commits that failed.", times.failures),
    ] {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}")?;
    }
    writeln!(out, "# HELP claviger_commit_batch_seconds Time to make one batch of commits durable.")?;
    writeln!(out, "# TYPE claviger_commit_batch_seconds histogram")?;
    render_histogram(out, "claviger_commit_batch_seconds", "", &MICROS_BOUNDS, &times.buckets, times.micros)
}

fn render_audit(out: &mut String, (progress, strangers): (Progress, Tally)) -> std::fmt::Result {
    let from_queue = progress.entries.saturating_sub(progress.from_outbox);
    let counters = [
        ("entries", "Entries written to the audit log.", "from=\"outbox\"", progress.from_outbox),
        ("entries", "", "from=\"queue\"", from_queue),
        ("unauthenticated", "Refused requests of strangers.", "event=\"own\"", strangers.recorded),
        ("unauthenticated", "", "event=\"counted\"", strangers.counted),
        ("commit_failures", "Commits of the audit log that failed.", "", progress.failures),
    ];
    for (name, help, labels, value) in counters {
        let name = format!("claviger_audit_{name}_total");
        if !help.is_empty() {
            writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter")?;
        }
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        writeln!(out, "{name}{braces} {value}")?;
    }
    let gauges = [
        (
            "waiting_events",
            "Events of reads, uses and refusals that are not in the audit log yet.",
            progress.waiting as f64,
        ),
        ("since_commit_seconds", "Time since the audit log's last commit.", progress.since_commit.as_secs_f64()),
    ];
    for (name, help, value) in gauges {
        let name = format!("claviger_audit_{name}");
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
    }
    Ok(())
}

fn render_usage(out: &mut String, (totals, waiting): (Totals, u64)) -> std::fmt::Result {
    for (name, help, value) in [
        ("entries", "Entries of the audit log that are counted as usage.", totals.entries),
        ("waiting_entries", "Entries of the audit log that are not counted as usage yet.", waiting),
        ("rows", "Rows of usage.", totals.rows as u64),
        ("merged_uses", "Uses of keys that found no room for a row of their own.", totals.merged),
        ("memory_bytes", "Memory that usage takes, as it is reckoned.", totals.memory_bytes as u64),
    ] {
        let name = format!("claviger_usage_{name}");
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")?;
    }
    Ok(())
}

fn render_histogram(
    out: &mut String,
    name: &str,
    labels: &str,
    bounds: &[u64],
    buckets: &[u64],
    micros: u64,
) -> std::fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut below = 0;
    for (bound, count) in bounds.iter().zip(buckets) {
        below += count;
        writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{}\"}} {below}", seconds(*bound))?;
    }
    let all: u64 = buckets.iter().sum();
    writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {all}")?;
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(out, "{name}_sum{braces} {}\n{name}_count{braces} {all}", seconds(micros))
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
    use std::iter::successors;

    use claviger_types::{KeyArn, KeyId};

    use super::*;
    use crate::denial::{Denied, DeniedResource};
    use crate::error::Error;
    use crate::testing::test_kms::{HOME, REGION};

    /// The variant after this one. Exhaustive on purpose: a new variant must find its place.
    fn next(error: &Error) -> Option<Error> {
        let text = String::new;
        Some(match error {
            Error::AccessDenied(_) => Error::AlreadyExists(text()),
            Error::AlreadyExists(_) => Error::CallerGone,
            Error::CallerGone => Error::ConstraintViolation(text()),
            Error::ConstraintViolation(_) => Error::DeleteConflict(text()),
            Error::DeleteConflict(_) => {
                let id = KeyId::from_random([7; 16]);
                Error::Disabled(KeyArn { region: REGION.parse().unwrap(), account: HOME.parse().unwrap(), id })
            }
            Error::Disabled(_) => Error::DryRun,
            Error::DryRun => Error::Forbidden(text()),
            Error::Forbidden(_) => Error::IncorrectKey,
            Error::IncorrectKey => Error::Internal(text()),
            Error::Internal(_) => Error::InvalidArn(text()),
            Error::InvalidArn(_) => Error::InvalidAuthenticationCode,
            Error::InvalidAuthenticationCode => Error::InvalidCiphertext,
            Error::InvalidCiphertext => Error::InvalidGrantId,
            Error::InvalidGrantId => Error::InvalidGrantToken,
            Error::InvalidGrantToken => Error::InvalidInput(text()),
            Error::InvalidInput(_) => Error::InvalidKeyUsage(text()),
            Error::InvalidKeyUsage(_) => Error::InvalidMac,
            Error::InvalidMac => Error::InvalidMarker,
            Error::InvalidMarker => Error::InvalidState(text()),
            Error::InvalidState(_) => Error::LimitExceeded(text()),
            Error::LimitExceeded(_) => Error::MalformedPolicyDocument(text()),
            Error::MalformedPolicyDocument(_) => Error::MissingAction,
            Error::MissingAction => Error::NotAuthorized,
            Error::NotAuthorized => Error::NotFound(text()),
            Error::NotFound(_) => Error::OutsideAccount,
            Error::OutsideAccount => Error::PackedPolicyTooLarge(text()),
            Error::PackedPolicyTooLarge(_) => Error::Serialization(None),
            Error::Serialization(_) => Error::SessionExpired,
            Error::SessionExpired => Error::Tag(""),
            Error::Tag(_) => Error::Throttled,
            Error::Throttled => Error::UnknownAction(text()),
            Error::UnknownAction(_) => Error::UnknownOperation,
            Error::UnknownOperation => Error::Unsupported(text()),
            Error::Unsupported(_) => Error::Validation(text()),
            Error::Validation(_) => return None,
        })
    }

    #[test]
    fn every_error_is_counted_apart() {
        let principal = "arn:aws:iam::111122223333:root".parse().unwrap();
        let denied = Denied { principal, action: String::new(), resource: DeniedResource::Unknown };
        for error in successors(Some(Error::AccessDenied(Box::new(denied))), next) {
            assert!(Metrics::OUTCOMES.contains(&error.code()), "{}", error.code());
        }
    }
}
