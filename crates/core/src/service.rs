//! The service: one store, the newest View of it, and the settings. Everything that requests share.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use claviger_keyring::{RootOfTrust, SecretAccessKey, SigningKey, Space};
use claviger_storage::{CommitError, Store, Transaction};
use claviger_types::{AccountId, Region, ServiceName, Timestamp};
use tokio::sync::Semaphore;

use crate::audit::{EventQueue, Lookups, NotTaken, Outbox, Recorder, Strangers, Upkeep, queue};
use crate::error::Error;
use crate::identity::caller::{Caller, Signatory};
use crate::identity::mfa_attempts::MfaAttempts;
use crate::metrics::{Metrics, Scrape};
use crate::pipeline::Execution;
use crate::pipeline::call::{Call, Facts, Tools};
use crate::pipeline::event::{self, AskedFor, Asking, Event, Stranger, Trace};
use crate::pipeline::request::NothingTold;
use crate::pipeline::turns::Turns;
use crate::settings::Settings;
use crate::table::Row;
use crate::usage::{Answers, Importing};
use crate::view::{Credential, View};
use crate::views::{StartError, ViewReader, Views};
use crate::wire::{Encoded, Fields};

/// Bytes of commits that the View may lag behind the store; well below what the store's change log remembers.
const UNAPPLIED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a commit counts at least: small ones take the View time too.
const COMMIT_BYTES_MIN: usize = 1024;

/// Everything that requests share.
pub struct Service {
    store: Arc<dyn Store>,
    root: Arc<dyn RootOfTrust>,
    views: Views,
    unapplied: Semaphore,
    turns: Turns,
    mfa_attempts: MfaAttempts,
    settings: Settings,
    metrics: Metrics,
    recorder: Recorder,
    strangers: Strangers,
    lookups: Lookups,
    usage: Answers,
    importing: Importing,
}

/// A service that has loaded its state, with what its jobs begin with.
pub struct Started {
    /// The service.
    pub service: Arc<Service>,
    /// Events of commands and jobs on their way to the audit log.
    pub outbox: Outbox,
    /// All other events on theirs. Once nobody takes them, requests are refused.
    pub events: EventQueue,
}

impl Service {
    /// Loads the store's state and starts following it.
    pub fn start(store: Arc<dyn Store>, root: Arc<dyn RootOfTrust>, settings: Settings) -> Result<Started, StartError> {
        let (views, outbox) = Views::start(&store, &root)?;
        let (recorder, events) = queue();
        let service = Arc::new(Self {
            store,
            root,
            views,
            unapplied: Semaphore::new(UNAPPLIED_BYTES_MAX),
            turns: Turns::default(),
            mfa_attempts: MfaAttempts::default(),
            settings,
            metrics: Metrics::default(),
            recorder,
            strangers: Strangers::default(),
            lookups: Lookups::default(),
            usage: Answers::default(),
            importing: Importing::default(),
        });
        Ok(Started { service, outbox, events })
    }

    /// A worker's own hold on the newest View.
    pub fn views(&self) -> ViewReader {
        self.views.reader()
    }

    /// The View as of now.
    pub fn view(&self) -> Arc<View> {
        self.views.newest()
    }

    /// What the configuration decides.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The store, for jobs.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The root of trust, for rotating the cluster key.
    pub fn root(&self) -> &Arc<dyn RootOfTrust> {
        &self.root
    }

    /// What is known of usage.
    pub fn usage(&self) -> &Answers {
        &self.usage
    }

    /// The way of look-ups of events.
    pub(crate) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// The way of imported usage.
    pub(crate) fn importing(&self) -> &Importing {
        &self.importing
    }

    /// Counters of requests and commits.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All counters, as Prometheus text.
    pub fn metrics_text(&self) -> String {
        let view = self.view();
        self.metrics.render(&Scrape {
            commits: self.store.commit_times(),
            audit: self.recorder.progress(),
            log: self.recorder.upkeep(),
            strangers: self.strangers.tally(),
            keys: view.key_counts(self.now(&view)),
            usage: self.usage.totals(),
        })
    }

    /// What the audit log's writer does besides, and what it tells of the log.
    pub(crate) fn audit_upkeep(&self) -> &Upkeep {
        self.recorder.upkeep()
    }

    /// Why requests cannot be served, if they cannot.
    pub fn health(&self) -> Result<(), String> {
        self.views.health().and_then(|()| self.recorder.health())
    }

    /// The domain clock: the wall clock, moved by what SetDevClock wrote if the configuration allows it.
    pub fn now(&self, view: &View) -> Timestamp {
        self.domain_time(view, self.wall_now())
    }

    /// The wall clock.
    pub fn wall_now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// The key that signatures of this access key are checked with, for one day, Region and service.
    pub fn signing_key(
        &self,
        view: &View,
        signatory: &Signatory,
        date: &str,
        region: Region,
        service: ServiceName,
    ) -> Result<SigningKey, Error> {
        let secret = match signatory {
            Signatory::AccessKey(credential) => secret_of(view, credential)?,
            Signatory::Session(session) => {
                let key = view.session_key(session.session_key_version).ok_or(Error::CallerGone)?;
                key.key.secret_access_key(&session.access_key_id)?
            }
        };
        Ok(secret.signing_key(date, region.as_str(), service.as_str())?)
    }

    /// Executes an authenticated request.
    pub fn execute<'a>(
        &'a self,
        view: &'a Arc<View>,
        row: &'static Row,
        fields: Fields,
        call: &'a Call<'a>,
    ) -> Execution<'a> {
        match self.health() {
            Ok(()) => (row.execute)(self, view, fields, call),
            Err(reason) => Execution::Ready(Err(Error::Internal(reason))),
        }
    }

    /// Hands the event of an account's request over, which may tell of the outcome; without it there is no answer. Under
    /// `strict` the answer waits until it is durable.
    pub(crate) fn record(
        &self,
        account: AccountId,
        event: impl FnOnce(&Result<Encoded, Error>, &mut Vec<u8>),
        outcome: Result<Encoded, Error>,
    ) -> Execution<'static> {
        let lost = |reason: String| Err(Error::Internal(format!("the event is not recorded: {reason}")));
        let not_taken = |not_taken, outcome| match (not_taken, outcome) {
            (NotTaken::Closed, _) => lost(NotTaken::Closed.to_string()),
            // It may have been done all the same, so it is not said that it was not.
            (NotTaken::Throttled, Err(Error::Internal(reason))) => Err(Error::Internal(reason)),
            (NotTaken::Throttled, _) => Err(Error::RateExceeded),
        };
        if !self.settings.audit.requests {
            return Execution::Ready(outcome);
        }
        if !self.settings.audit.strict {
            let taken = self.recorder.hand_over(Some(account), |bytes| event(&outcome, bytes));
            return Execution::Ready(match taken {
                Ok(()) => outcome,
                Err(reason) => not_taken(reason, outcome),
            });
        }
        match self.recorder.hand_over_and_wait(Some(account), |bytes| event(&outcome, bytes)) {
            Ok(durable) => {
                Execution::Pending(Box::pin(async move { durable.wait().await.map_or_else(lost, |()| outcome) }))
            }
            Err(reason) => Execution::Ready(not_taken(reason, outcome)),
        }
    }

    /// What a request shows of itself, if that is recorded.
    pub(crate) fn trace(&self, fields: &Fields) -> Trace {
        if self.settings.audit.requests { Trace::of(fields) } else { Trace::unrecorded() }
    }

    /// Refuses an authenticated request that named no operation, or could not be read.
    pub fn refuse_unread(
        &self,
        view: &View,
        call: &Call<'_>,
        asked: (ServiceName, Option<&Row>),
        error: Error,
    ) -> Execution<'static> {
        if !self.settings.audit.requests {
            return Execution::Ready(Err(error));
        }
        let caller = call.signatory.caller(view, call.authenticated_at).ok();
        let now = self.domain_time(view, call.authenticated_at);
        let (service, row) = asked;
        let asked_for = row.map_or(AskedFor::unknown(service), |row| row.asked_for);
        let asking = Asking { call, caller, view, now };
        let event = |outcome: &_, bytes: &mut _| Trace::unread().write_outcome(asking, asked_for, outcome, bytes);
        self.record(call.signatory.account(), event, Err(error))
    }

    /// Records a request that is refused before it is known who sent it; beyond a rate it is counted only.
    pub fn record_stranger(&self, stranger: &Stranger<'_>) {
        if !self.settings.audit.requests {
            return;
        }
        let now = self.wall_now();
        let event = || event::of_stranger(self.now(&self.view()), stranger);
        let recorded = || self.recorder.hand_over(None, |bytes| event().write(bytes));
        if self.strangers.take(now) && recorded().is_ok() {
            self.strangers.recorded();
        } else {
            self.strangers.count();
        }
    }

    /// Records how many strangers were only counted, if a minute is over; at the end without waiting for it.
    pub(crate) fn record_strangers(&self, end: bool) {
        let counted = self.strangers.take_counted(self.wall_now(), end);
        if counted == 0 {
            return;
        }
        let event = event::of_strangers(self.now(&self.view()), counted).map_err(|error| error.code().to_owned());
        let hand_over = |event: Event| self.recorder.hand_over(None, |bytes| event.write(bytes));
        if let Err(reason) = event.and_then(|event| hand_over(event).map_err(|not_taken| not_taken.to_string())) {
            tracing::error!(reason, counted, "refused requests of strangers are counted on");
            self.strangers.count_again(counted);
        }
    }

    /// The facts that decide a request.
    pub(crate) fn facts<'a>(
        &'a self,
        view: &'a View,
        call: &'a Call<'a>,
        caller: impl FnOnce(&'a Signatory, &'a View, Timestamp) -> Result<Caller<'a>, Error>,
    ) -> Result<Facts<'a>, Error> {
        let caller = caller(&call.signatory, view, call.authenticated_at)?;
        let now = self.domain_time(view, call.authenticated_at);
        Ok(Facts { view, now, call, request: &NothingTold, caller, settings: &self.settings, usage: &self.usage })
    }

    /// What commands prepare with.
    pub(crate) fn tools(&self) -> Tools<'_> {
        Tools { root: self.root.as_ref(), mfa_attempts: &self.mfa_attempts }
    }

    pub(crate) fn domain_time(&self, view: &View, wall_clock: Timestamp) -> Timestamp {
        wall_clock.offset_by(if self.settings.dev_clock { view.dev_clock_offset_millis() } else { 0 })
    }

    /// Commits, and returns once this node's View has the commit: callers read their writes. What is committed and not
    /// in the View yet is bounded, so that writers cannot outrun the View for long.
    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<(), CommitError> {
        let bytes = u32::try_from(transaction.bytes() + COMMIT_BYTES_MIN).map_err(|_| CommitError::TooLarge)?;
        let _waits = self.metrics.command_waits();
        let _room = self.unapplied.acquire_many(bytes).await.map_err(|_| CommitError::Closed)?;
        let revision = self.store.commit(transaction).await?;
        let durable = Instant::now();
        self.views.reached(revision).await.map_err(CommitError::Unknown)?;
        self.metrics.view_followed(durable.elapsed());
        Ok(())
    }

    /// Where commands that met conflicts wait for one another.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// A newer View than `view`. A conflict means that there is one, or soon will be.
    pub(crate) async fn newer_view(&self, view: &View) -> Result<Arc<View>, Error> {
        self.views.newer_than(view.revision()).await.map_err(Error::Internal)
    }
}

/// The secret of a user's access key.
fn secret_of(view: &View, credential: &Credential) -> Result<SecretAccessKey, Error> {
    let domain = view.domain_key_version(Space::Global, credential.user.account, credential.domain_key_version);
    let domain = domain.ok_or_else(|| Error::Internal("an access key's domain key is missing".into()))?;
    let secret = domain.key.unwrap_secret_access_key(&credential.access_key_id, &credential.wrapped_secret);
    secret.map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test_kms::{AWAY, HOME, TestKms};

    /// Refused requests cost their sender nothing, and a slow disk is everybody's.
    #[test]
    fn an_account_whose_events_fill_the_queue_is_throttled_alone() {
        let kms = TestKms::new();
        let ask_for = |account: &str, outcome| {
            let event = |_: &_, bytes: &mut Vec<u8>| bytes.resize(bytes.len() + 1024 * 1024, 0);
            let answered = kms.service().record(account.parse().unwrap(), event, Err(outcome));
            match kms.block_on(answered.answered()) {
                Err(error) => error.wire().json_code,
                Ok(_) => panic!("nothing was answered"),
            }
        };
        let ask = |account| ask_for(account, Error::UnknownOperation);
        let unknown = Error::UnknownOperation.wire().json_code;
        let internal = || Error::Internal("nobody knows whether it was done".into());
        let answered = (0..100).take_while(|_| ask(HOME) == unknown).count();
        assert_eq!((answered, ask(HOME), ask(AWAY)), (64, "ThrottlingException", unknown));
        assert_eq!(ask_for(HOME, internal()), internal().wire().json_code, "it may have been done");
        kms.events();
        assert_eq!(ask(HOME), unknown, "the events were written");
    }
}
