//! Counters of requests and commands. Plain atomics: counting touches no lock. `text.rs` renders them, and what else is
//! known at a scrape.

mod text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use text::Scrape;

use crate::table::{self, Row};

/// Upper bounds of the latency buckets, in microseconds.
const LATENCY_MICROS_BOUNDS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000];

/// Counters of requests and commands.
pub struct Metrics {
    /// One for each row of the table, then one for requests that reached no row.
    operations: Vec<Operation>,
    /// Commands that wait for their commit, or for the View to have it.
    commands_waiting: AtomicU64,
    /// From a durable commit until requests see it.
    view_lag: Latency,
}

struct Operation {
    outcomes: [AtomicU64; Metrics::OUTCOMES.len()],
    latency: Latency,
}

/// How long something took, in buckets.
#[derive(Default)]
struct Latency {
    buckets: [AtomicU64; LATENCY_MICROS_BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// A command that waits, as long as this is held.
pub(crate) struct WaitingCommand<'m>(&'m AtomicU64);

impl Drop for WaitingCommand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Latency {
    fn count(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_MICROS_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Default for Operation {
    fn default() -> Self {
        Self { outcomes: std::array::from_fn(|_| AtomicU64::new(0)), latency: Latency::default() }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let operations = (0..=table::rows().len()).map(|_| Operation::default()).collect();
        Self { operations, commands_waiting: AtomicU64::new(0), view_lag: Latency::default() }
    }
}

impl Metrics {
    /// Outcomes that are counted apart; the last slot is for codes that the list lacks.
    pub const OUTCOMES: [&str; 45] = [
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
        "InvalidLookupAttributesException",
        "InvalidMarkerException",
        "InvalidMaxResultsException",
        "InvalidNextTokenException",
        "InvalidSignatureException",
        "InvalidTimeRangeException",
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
        if let Some(outcome) = operation.outcomes.get(outcome) {
            outcome.fetch_add(1, Ordering::Relaxed);
        }
        operation.latency.count(took);
    }

    /// A command waits as long as what this returns is held.
    pub(crate) fn command_waits(&self) -> WaitingCommand<'_> {
        self.commands_waiting.fetch_add(1, Ordering::Relaxed);
        WaitingCommand(&self.commands_waiting)
    }

    /// Counts how long the View took to have a durable commit.
    pub(crate) fn view_followed(&self, took: Duration) {
        self.view_lag.count(took);
    }
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use claviger_types::{KeyArn, KeyId};

    use super::*;
    use crate::denial::{Denied, DeniedResource};
    use crate::error::Error;
    use crate::testing::test_kms::{HOME, REGION, TestKms};
    use crate::{RequestId, Stranger};

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
            Error::InvalidKeyUsage(_) => Error::InvalidLookupAttributes(text()),
            Error::InvalidLookupAttributes(_) => Error::InvalidMac,
            Error::InvalidMac => Error::InvalidMarker,
            Error::InvalidMarker => Error::InvalidMaxResults(text()),
            Error::InvalidMaxResults(_) => Error::InvalidNextToken,
            Error::InvalidNextToken => Error::InvalidState(text()),
            Error::InvalidState(_) => Error::InvalidTimeRange(text()),
            Error::InvalidTimeRange(_) => Error::LimitExceeded(text()),
            Error::LimitExceeded(_) => Error::MalformedPolicyDocument(text()),
            Error::MalformedPolicyDocument(_) => Error::MissingAction,
            Error::MissingAction => Error::NotAuthorized,
            Error::NotAuthorized => Error::NotFound(text()),
            Error::NotFound(_) => Error::OutsideAccount,
            Error::OutsideAccount => Error::PackedPolicyTooLarge(text()),
            Error::PackedPolicyTooLarge(_) => Error::RateExceeded,
            Error::RateExceeded => Error::Serialization(None),
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

    /// Each stranger is counted once: by an event of its own, or without one, also if the log takes none.
    #[test]
    fn strangers() {
        let mut kms = TestKms::new();
        let stranger = Stranger {
            request_id: RequestId::from_bytes([0; 16]),
            source_ip: "192.0.2.1".parse().unwrap(),
            user_agent: None,
            tls: None,
            access_key_id: None,
            asked_for: None,
            code: "IncompleteSignature",
        };
        let tally = |kms: &TestKms| {
            let text = kms.service().metrics_text();
            ["own", "counted"].map(|event| {
                let name = format!("claviger_audit_unauthenticated_total{{event=\"{event}\"}} ");
                text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().to_owned()
            })
        };
        kms.service().record_stranger(&stranger);
        assert_eq!(tally(&kms), ["1", "0"]);
        kms.close_logs();
        kms.service().record_stranger(&stranger);
        assert_eq!(tally(&kms), ["1", "1"]);
    }
}
