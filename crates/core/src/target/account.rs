//! Operations that are not about one thing: asked on `*`, decided by identity policies alone.

use claviger_policy::{Action, Denial, Resource};
use claviger_types::{AccountId, ServiceName};

use super::circumstances::Subject;
use super::{Asked, Callers, Resources, Target, decision};
use crate::denial::{Denied, DeniedResource};
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::action;

/// The caller's account as a whole.
pub struct Account;

/// Nothing: a caller needs no permission to ask who it is. Source: STS API reference, GetCallerIdentity.
pub struct Everybody;

impl Target for Account {
    type Name = ();

    fn resolve(_: &(), _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        ask_account(asked.action, facts, Subject::Account)
    }

    fn describe(&self, _: &Self::Name, _: &mut Resources) {}
}

impl Target for Everybody {
    type Name = ();
    const CALLERS: Callers = Callers::All;

    fn resolve(_: &(), _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn ask(&self, _: Asked, _: &Facts<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn describe(&self, _: &Self::Name, _: &mut Resources) {}
}

/// Asks about the account as a whole.
fn ask_account(action: Action, facts: &Facts<'_>, subject: Subject<'_>) -> Result<(), Error> {
    let shown = |denial| DeniedResource::Named("*".into(), denial);
    ask_identity(action, anything(action, facts), subject, facts, shown)
}

/// `*` in the request's Region; IAM has none.
pub(crate) fn anything(action: Action, facts: &Facts<'_>) -> Resource<'static> {
    Resource::Any((action.service() != ServiceName::Iam).then(|| facts.region()))
}

/// Asks the caller's identity policies; a refusal names the resource as `shown` says.
pub(crate) fn ask_identity(
    action: Action,
    resource: Resource<'_>,
    subject: Subject<'_>,
    facts: &Facts<'_>,
    shown: impl FnOnce(Denial) -> DeniedResource,
) -> Result<(), Error> {
    decision::by_identity(action, resource, subject, facts).map_err(|denial| denied(action, facts, shown(denial)))
}

/// Asks about something of an account that only the account's own principals may be allowed. What is another account's
/// tells nothing: `found` counts in one's own alone.
pub(super) fn ask_own(
    asked: Asked,
    arn: &str,
    account: AccountId,
    found: Option<Subject<'_>>,
    facts: &Facts<'_>,
) -> Result<(), Error> {
    let own = account == facts.account();
    let subject = found.filter(|_| own).unwrap_or(Subject::Account);
    let shown = |denial| DeniedResource::Named(arn.to_owned(), denial);
    ask_identity(asked.action, Resource::Arn(&arn), subject, facts, shown)?;
    if own { Ok(()) } else { Err(denied(asked.action, facts, DeniedResource::Unknown)) }
}

/// AccessDenied in the caller's words.
pub(crate) fn denied(action: Action, facts: &Facts<'_>, resource: DeniedResource) -> Error {
    let principal = facts.caller.arn();
    Error::AccessDenied(Box::new(Denied { principal, action: action.to_string(), resource }))
}

/// A key that is to be made: asked on `*`, and once more for its tags.
pub struct NewKey(Tagging);

/// Whether the new key is to have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagging {
    /// With tags: `kms:TagResource` is asked too.
    Tagged,
    /// Without.
    Untagged,
}

const TAG_RESOURCE: Action = action!(ServiceName::Kms, "TagResource");

impl Target for NewKey {
    type Name = Tagging;

    fn resolve(name: &Tagging, _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self(*name))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        ask_account(asked.action, facts, Subject::NewKey)?;
        match self.0 {
            Tagging::Tagged => {
                let resource = anything(TAG_RESOURCE, facts);
                ask_identity(TAG_RESOURCE, resource, Subject::NewKey, facts, DeniedResource::Unnamed)
            }
            Tagging::Untagged => Ok(()),
        }
    }

    fn describe(&self, _: &Self::Name, _: &mut Resources) {}
}

/// The deployment as a whole: only its first account acts upon it, and there only who is allowed to.
pub struct Deployment;

impl Target for Deployment {
    type Name = ();
    const CALLERS: Callers = Callers::OfFirstAccount;

    fn resolve(_: &(), _: Asked, _: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        Account.ask(asked, facts)
    }

    fn describe(&self, _: &Self::Name, _: &mut Resources) {}
}

/// Refuses every account but the first.
pub(super) fn only_first_account(asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
    match facts.view.deployment() {
        Some(deployment) if deployment.first_account == facts.account() => Ok(()),
        _ => Err(denied(asked.action, facts, DeniedResource::FirstAccountOnly)),
    }
}
