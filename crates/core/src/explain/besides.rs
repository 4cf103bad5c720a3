//! What decides besides the policies that an explanation shows: who is answered at all, and what another account says.
//! The operation's row in the table tells it, to requests as to explanations.

use claviger_policy::Action;
use claviger_types::{AccountId, PrincipalArn};

use super::owner::Owner;
use super::wanted;
use crate::target::Callers;
use crate::view::View;

/// What decides besides the policies that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Besides {
    /// Nothing.
    Nothing,
    /// The policies of another account, which must allow it too.
    OtherAccount,
    /// It is refused whatever they say.
    Refusal(Refusal),
}

/// Why something is refused whatever policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Only the deployment's first account does it.
    FirstAccountOnly,
    /// It is done in one's own account only.
    NotAcrossAccounts,
    /// It is not done with session credentials of this kind.
    SessionCredentials,
}

impl Refusal {
    /// As answers name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FirstAccountOnly => "FirstAccountOnly",
            Self::NotAcrossAccounts => "NotAcrossAccounts",
            Self::SessionCredentials => "SessionCredentials",
        }
    }
}

/// Whether no policy is asked, whoever calls.
pub(crate) fn is_free(action: Action) -> bool {
    wanted::row_of(action).is_some_and(|row| row.callers == Callers::All)
}

/// Whether the sessions by which the owner calls are answered.
pub(crate) fn of_session(action: Action, owner: &Owner) -> Option<Refusal> {
    let answered = match (wanted::row_of(action), owner.session_kind()) {
        (Some(row), Some(kind)) => row.sessions.answer(kind),
        (None, _) | (_, None) => true,
    };
    (!answered).then_some(Refusal::SessionCredentials)
}

/// Whether the owner's account is answered about this resource, which is none that has a policy of its own.
pub(crate) fn of_account(action: Action, resource: &str, owner: &Owner, view: &View) -> Option<Refusal> {
    let first = view.deployment().is_some_and(|deployment| deployment.first_account == owner.account());
    let itself = resource == "*" || resource == PrincipalArn::Root(owner.account()).to_string();
    let foreign = account_of(resource).is_some_and(|account| account != owner.account());
    match wanted::row_of(action).map_or(Callers::Allowed, |row| row.callers) {
        Callers::All => None,
        Callers::Allowed => foreign.then_some(Refusal::NotAcrossAccounts),
        Callers::OfFirstAccount => (!first).then_some(Refusal::FirstAccountOnly),
        Callers::OfFirstAccountOrItself => (!first && !itself).then_some(Refusal::FirstAccountOnly),
    }
}

/// The account that an ARN names, if it names one.
fn account_of(arn: &str) -> Option<AccountId> {
    arn.strip_prefix("arn:")?.split(':').nth(3)?.parse().ok()
}
