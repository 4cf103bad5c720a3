//! The one way that each request goes, after `http` has read, shaped and authenticated it:
//!
//! 1. constraints: all violations of the model at once, then the parsed request;
//! 2. resolve: the target by its name;
//! 3. authorize: the policies about the target;
//! 4. usage, state, algorithm, lengths: [`Use::check`]; a command makes these checks in `decide`;
//! 5. DryRun's exit; a command's is between `decide` and commit;
//! 6. run, or prepare, decide and commit;
//! 7. encode, and hand the event over; a command's event is in its commit.

pub mod call;
pub mod event;
pub mod members;
pub mod operation;
pub mod outcome;
pub mod page;
pub mod request;
pub mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_storage::{CommitError, Revision, Write};
use serde::Serialize;

use crate::error::Error;
use crate::identity::caller::Signatory;
use crate::keys::{domain_keys, grant_tokens};
use crate::pipeline::call::{Call, Facts};
use crate::pipeline::event::{AskedFor, Asking, Ended, Event, Trace};
use crate::pipeline::operation::{Command, Import, Lookup, Operation, Read, Use};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::service::Service;
use crate::target::{Authorized, Resources, authorize};
use crate::view::View;
use crate::wire::{self, Encoded, Fields};

/// How long a command tries again after conflicts. Each of them means that somebody else's commit went through.
const PATIENCE: Duration = Duration::from_secs(20);

/// What executing a request leads to.
pub enum Execution<'a> {
    /// Answered on the spot, as reads and uses are unless `audit.strict` has them wait for their event.
    Ready(Result<Encoded, Error>),
    /// A command, which waits for its commit; a search of the audit log and an import, which wait for the disk.
    Pending(Pin<Box<dyn Future<Output = Result<Encoded, Error>> + Send + 'a>>),
}

impl Execution<'_> {
    /// The answer, once it is there.
    pub async fn answered(self) -> Result<Encoded, Error> {
        match self {
            Execution::Ready(answer) => answer,
            Execution::Pending(answer) => answer.await,
        }
    }
}

/// A function that executes requests of one operation.
pub type Execute = for<'a> fn(&'a Service, &'a Arc<View>, Fields, &'a Call<'a>) -> Execution<'a>;

/// Executes a [`Read`].
pub fn read<'a, O: Read>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
) -> Execution<'a> {
    let answer = |facts: &Facts<'_>, fields: Fields, trace: &mut Trace| {
        let (operation, target) = allowed::<O>(facts, fields, trace)?;
        encode::<O>(&operation.run(facts, target)?)
    };
    at_once::<O>(service, view, fields, call, answer)
}

/// Executes a [`Use`].
pub fn use_material<'a, O: Use>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
) -> Execution<'a> {
    let answer = |facts: &Facts<'_>, fields: Fields, trace: &mut Trace| {
        let (operation, target) = allowed::<O>(facts, fields, trace)?;
        operation.check(facts, &target)?;
        if operation.dry_run() {
            return Err(Error::DryRun);
        }
        trace.resources.materials(|| operation.materials(&target));
        encode::<O>(&operation.run(facts, target)?)
    };
    at_once::<O>(service, view, fields, call, answer)
}

/// Executes a [`Lookup`]. Its event is handed over before the log is searched, so that it is there whether or not the
/// caller waits for what is found.
pub fn lookup<'a, O: Lookup>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
) -> Execution<'a> {
    let mut trace = service.trace(&fields);
    let facts = service.facts(view, call, Signatory::caller);
    let caller = facts.as_ref().ok().map(|facts| facts.caller);
    let asked = facts.and_then(|facts| {
        let (operation, _) = allowed::<O>(&facts, fields, &mut trace)?;
        let admitted = service.lookups().admit(facts.account(), facts.region(), facts.wall_now())?;
        let query = operation.query(&facts)?;
        Ok((facts, operation, admitted, query))
    });
    let (asked, outcome) = match asked {
        Ok(asked) => (Some(asked), Ok(Encoded::empty())),
        Err(error) => (None, Err(error)),
    };
    let asking = Asking { call, caller, view, now: service.domain_time(view, call.authenticated_at) };
    let recorded = record(service, asking, AskedFor::at_once::<O>(), &trace, outcome);
    let Some((facts, operation, admitted, (query, below))) = asked else { return recorded };
    Execution::Pending(Box::pin(async move {
        recorded.answered().await?;
        let found = admitted.search(query, below).await?;
        encode::<O>(&operation.reply(&facts, found)?)
    }))
}

/// Executes an [`Import`]. Its event is handed over once the file was read, before anything is kept of it: there is no
/// import without an event.
pub fn import<'a, O: Import>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
) -> Execution<'a> {
    let mut trace = service.trace(&fields);
    let facts = service.facts(view, call, Signatory::caller);
    let now = service.domain_time(view, call.authenticated_at);
    let asking = Asking { call, caller: facts.as_ref().ok().map(|facts| facts.caller), view, now };
    let upload = facts.and_then(|facts| {
        let (operation, target) = allowed::<O>(&facts, fields, &mut trace)?;
        operation.upload(&facts, target)
    });
    let upload = upload.and_then(|upload| Ok((service.importing().admit(upload.account)?, upload)));
    let mut due = Due(Some(move |outcome| record(service, asking, AskedFor::import::<O>(), &trace, outcome)));
    let (admitted, upload) = match upload {
        Ok(upload) => upload,
        Err(error) => return due.record(Err(error)),
    };
    Execution::Pending(Box::pin(async move {
        let (read, outcome) = match service.importing().read(admitted, upload, Arc::clone(view)).await {
            Ok(read) => (Some(read), Ok(Encoded::empty())),
            Err(error) => (None, Err(error)),
        };
        let recorded = due.record(outcome).answered().await?;
        let Some(read) = read else { return Ok(recorded) };
        encode::<O>(&O::reply(service.importing().import(read).await?))
    }))
}

/// An event that is due, also if the caller goes away before it is known what came of the request.
struct Due<R: FnOnce(Result<Encoded, Error>) -> Execution<'static>>(Option<R>);

impl<R: FnOnce(Result<Encoded, Error>) -> Execution<'static>> Due<R> {
    fn record(&mut self, outcome: Result<Encoded, Error>) -> Execution<'static> {
        match self.0.take() {
            Some(record) => record(outcome),
            None => Execution::Ready(outcome),
        }
    }
}

impl<R: FnOnce(Result<Encoded, Error>) -> Execution<'static>> Drop for Due<R> {
    fn drop(&mut self) {
        if self.0.is_some() {
            // Nobody waits for it.
            drop(self.record(Err(Error::Internal("the caller has gone away".into()))));
        }
    }
}

/// Answers, and hands the event over before the answer goes out.
fn at_once<'a, O: Operation>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
    answer: impl FnOnce(&Facts<'a>, Fields, &mut Trace) -> Result<Encoded, Error>,
) -> Execution<'a> {
    let mut trace = service.trace(&fields);
    let facts = service.facts(view, call, Signatory::caller);
    let now = service.domain_time(view, call.authenticated_at);
    let (caller, outcome) = match facts {
        Ok(facts) => (Some(facts.caller), answer(&facts, fields, &mut trace)),
        Err(error) => (None, Err(error)),
    };
    record(service, Asking { call, caller, view, now }, AskedFor::at_once::<O>(), &trace, outcome)
}

/// Hands over the event of a request that changes nothing.
fn record(
    service: &Service,
    asking: Asking<'_>,
    asked_for: AskedFor,
    trace: &Trace,
    outcome: Result<Encoded, Error>,
) -> Execution<'static> {
    let event = |outcome: &_, bytes: &mut _| trace.write_outcome(asking, asked_for, outcome, bytes);
    service.record(asking.call.signatory.account(), event, outcome)
}

/// Executes a [`Command`].
pub fn command<'a, O: Command>(
    service: &'a Service,
    view: &'a Arc<View>,
    fields: Fields,
    call: &'a Call<'a>,
) -> Execution<'a> {
    let trace = Trace::of(&fields);
    match parse::<O>(fields) {
        Ok(operation) => Execution::Pending(Box::pin(command_with_event(service, view, operation, call, trace))),
        Err(error) => {
            let event = refusal::<O>(service, view, call, &trace, &error);
            service.record(call.signatory.account(), |_, bytes| event.write(bytes), Err(error))
        }
    }
}

/// A command's own transaction holds its event. One that changed nothing is recorded as a read is.
async fn command_with_event<'a, O: Command>(
    service: &'a Service,
    view: &'a Arc<View>,
    operation: O,
    call: &'a Call<'a>,
    mut trace: Trace,
) -> Result<Encoded, Error> {
    let mut newest = Arc::clone(view);
    match run_command(service, &mut newest, operation, call, &mut trace).await {
        Ok(Answered { answer, event: None }) => Ok(answer),
        Ok(Answered { answer, event: Some(event) }) => {
            service.record(call.signatory.account(), |_, bytes| event.write(bytes), Ok(answer)).answered().await
        }
        Err(error) => {
            let event = refusal::<O>(service, &newest, call, &trace, &error);
            service.record(call.signatory.account(), |_, bytes| event.write(bytes), Err(error)).answered().await
        }
    }
}

/// The event of a command that was refused.
fn refusal<O: Command>(service: &Service, view: &View, call: &Call<'_>, trace: &Trace, error: &Error) -> Event {
    let caller = call.signatory.caller_in(view, call.authenticated_at).ok();
    let now = service.domain_time(view, call.authenticated_at);
    trace.event(Asking { call, caller, view, now }, AskedFor::command::<O>(), Ended::Refused(error), None)
}

/// An answer, with the event that is still to be recorded.
struct Answered {
    answer: Encoded,
    event: Option<Event>,
}

async fn run_command<'a, O: Command>(
    service: &'a Service,
    view: &mut Arc<View>,
    operation: O,
    call: &'a Call<'a>,
    trace: &mut Trace,
) -> Result<Answered, Error> {
    let mut prepared: Option<Prepared<O::Prepared>> = None;
    let started = Instant::now();
    let mut turn = None;
    while started.elapsed() < PATIENCE {
        let decision = match decide(service, view, &operation, call, &mut prepared, trace)? {
            Decided::Write(decision) => *decision,
            Decided::Answer { reply, event } => {
                return Ok(Answered { answer: encode::<O>(&reply)?, event: Some(event) });
            }
        };
        let conflict = match commit(service, decision).await? {
            Committed::Done(reply) => return Ok(Answered { answer: encode::<O>(&reply)?, event: None }),
            Committed::Conflict(path) => path,
        };
        // One turn at a time: the last one is given back before another is waited for.
        drop(turn.take());
        turn = service.turns().take(&conflict).await;
        let wrapped_by = prepared.take_if(|_| domain_keys::is_domain_key_path(&conflict));
        *view = match wrapped_by {
            // What was prepared on an older View may be all that is wrong: then no newer View need ever come.
            Some(outdated) if outdated.on < view.revision() => service.view(),
            _ => service.newer_view(view).await?,
        };
    }
    Err(Error::Throttled)
}

/// What a command leads to.
enum Decided<R> {
    /// To a commit.
    Write(Box<Decision<R>>),
    /// To an answer alone: nothing is changed.
    Answer { reply: R, event: Event },
}

/// A decision with the event that is committed along.
struct Decision<R> {
    changes: Changes,
    reply: R,
    event: Write,
}

/// What a command prepared, and the revision of the View on which it did.
struct Prepared<P> {
    on: Revision,
    made: P,
}

/// Resolves, authorizes, prepares if that is still to do, and decides: all on one View.
fn decide<O: Command>(
    service: &Service,
    view: &View,
    operation: &O,
    call: &Call<'_>,
    prepared: &mut Option<Prepared<O::Prepared>>,
    trace: &mut Trace,
) -> Result<Decided<O::Reply>, Error> {
    trace.resources = Resources::default();
    let facts = service.facts(view, call, Signatory::caller_in)?;
    facts.caller.check_may_call::<O>()?;
    let target: Authorized<O::Target> = authorize_for(operation, &facts, &mut trace.resources)?;
    let made = match prepared.take() {
        Some(made) => made,
        None => Prepared { on: view.revision(), made: operation.prepare(&facts, &target, &service.tools())? },
    };
    let Outcome { changes, reply } = operation.decide(&facts, target, &prepared.insert(made).made)?;
    if operation.dry_run() {
        return Err(Error::DryRun);
    }
    let asking = Asking { call, caller: Some(facts.caller), view, now: facts.now };
    let response = wire::recorded::reply(O::SERVICE, O::NAME, &reply);
    let ended = Ended::Done(response.as_deref());
    let Some(changes) = changes else {
        let event = trace.event(asking, AskedFor::command::<O>(), ended, None);
        return Ok(Decided::Answer { reply, event });
    };
    let event = trace.event(asking, AskedFor::command::<O>(), ended, Some(changes.made()));
    let event = event.into_outbox(&changes.space_name());
    Ok(Decided::Write(Box::new(Decision { changes, reply, event })))
}

enum Committed<R> {
    Done(R),
    Conflict(String),
}

async fn commit<R>(service: &Service, decision: Decision<R>) -> Result<Committed<R>, Error> {
    let Decision { changes, reply, event } = decision;
    let (mut transaction, quotas) = changes.into_transaction()?;
    transaction.writes.push(event);
    match service.commit(transaction).await {
        Ok(()) => Ok(Committed::Done(reply)),
        Err(CommitError::Conflict { path }) => Ok(Committed::Conflict(path)),
        Err(CommitError::LimitReached { path, current, limit }) => Err(quota_of(&quotas, &path, current, limit)),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

fn quota_of(quotas: &[(String, Quota)], path: &str, current: u64, limit: u64) -> Error {
    match quotas.iter().find(|(counter, _)| counter == path) {
        Some((_, quota)) => quota.exceeded(current, limit),
        None => Error::Internal(format!("counter `{path}` is over a limit that nobody set")),
    }
}

/// Constraints, then the parsed request. A member that the operation took no notice of is refused, never ignored.
fn parse<O: Operation>(mut fields: Fields) -> Result<O, Error> {
    wire::check(&fields).map_err(Error::Validation)?;
    let operation = O::parse(&mut fields)?;
    match fields.untaken() {
        Some(member) => Err(Error::Unsupported(format!("Claviger does not support {member} in {} yet.", O::NAME))),
        None => Ok(operation),
    }
}

/// The operation that is asked for, and what it acts upon, if the caller may do that.
fn allowed<O: Operation>(
    facts: &Facts<'_>,
    fields: Fields,
    trace: &mut Trace,
) -> Result<(O, Authorized<O::Target>), Error> {
    facts.caller.check_may_call::<O>()?;
    let operation = parse::<O>(fields)?;
    let target = authorize_for(&operation, facts, &mut trace.resources)?;
    Ok((operation, target))
}

fn authorize_for<O: Operation>(
    operation: &O,
    facts: &Facts<'_>,
    resources: &mut Resources,
) -> Result<Authorized<O::Target>, Error> {
    let facts = &Facts { request: operation.request_context(), ..*facts };
    grant_tokens::check(facts)?;
    authorize(operation.target(), O::asked(), facts, resources)
}

fn encode<O: Operation>(reply: &O::Reply) -> Result<Encoded, Error>
where
    O::Reply: Serialize,
{
    wire::encode(O::SERVICE, O::NAME, reply).map_err(|error| Error::Internal(error.to_string()))
}
