//! Look-ups of events, from where requests run. Where nobody keeps a log, nothing is found.

use std::sync::{Arc, OnceLock};

use claviger_types::{AccountId, Region, Timestamp};

use super::history::{Admission, EventHistory, Found, Query};
use crate::error::Error;

/// The way to the log that is searched.
#[derive(Default)]
pub(crate) struct Lookups(OnceLock<Arc<EventHistory>>);

/// A look-up that its account may make now.
pub(crate) struct AdmittedLookup(Option<Admission>);

impl Lookups {
    /// From now on events are looked up in this log.
    pub(crate) fn begin(&self, history: Arc<EventHistory>) {
        // There is one log, which was set where it was opened.
        let _ = self.0.set(history);
    }

    /// Admits one more of an account, unless it asks too often or too many of its wait.
    pub(crate) fn admit(&self, account: AccountId, region: Region, now: Timestamp) -> Result<AdmittedLookup, Error> {
        let Some(history) = self.0.get() else { return Ok(AdmittedLookup(None)) };
        let admission = history.admit(account, region, now).ok_or(Error::RateExceeded)?;
        Ok(AdmittedLookup(Some(admission)))
    }
}

impl AdmittedLookup {
    /// The newest events below a place, or of all.
    pub(crate) async fn search(self, query: Query, below: Option<u64>) -> Result<Found, Error> {
        let Some(admission) = self.0 else { return Ok(Found::default()) };
        admission.search(query, below).await.map_err(|error| Error::Internal(error.to_string()))
    }
}
