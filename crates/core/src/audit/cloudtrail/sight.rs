//! What of an event an account may see: the one place that decides it, for records and for whatever finds them.
//!
//! A request may have been refused because of something that the caller must not know to exist, such as another
//! account's key behind an alias that was guessed. So of a refused request an account sees what the request itself
//! said, and what belongs to the account. Whoever owns what a caller of another account touched sees of the caller its
//! account and unique id alone; what the caller was told may say more.

use std::iter;

use claviger_types::AccountId;

use super::account_of;
use crate::records::{BadRecord, ErrorRecord, EventRecord};

/// What one account sees of one event; nobody's account sees what is in none.
#[derive(Debug, Clone, Copy)]
pub(in crate::audit) struct Sight {
    recipient: Option<AccountId>,
    callers: bool,
    refused: bool,
}

impl Sight {
    /// The recipient's.
    pub(in crate::audit) fn of(event: &EventRecord<'_>, recipient: Option<AccountId>) -> Self {
        let callers = event.account.and_then(AccountId::from_u64) == recipient;
        Self { recipient, callers, refused: event.error.is_some() }
    }

    /// Whether the account is the caller's.
    pub(in crate::audit) fn is_callers(self) -> bool {
        self.callers
    }

    /// Whether something of this owner's is seen; what is nobody's is no secret.
    pub(in crate::audit) fn sees(self, owner: Option<AccountId>) -> bool {
        !self.refused || owner.is_none() || owner == self.recipient
    }

    /// Whether it is told that other accounts see the event too.
    pub(super) fn sees_others(self) -> bool {
        !self.refused
    }

    /// The event without all that is not seen; who called is `identity.rs`'s to show.
    pub(super) fn of_all<'e>(self, event: &EventRecord<'e>) -> EventRecord<'e> {
        let mut seen = event.clone();
        seen.keys.to_mut().retain(|key| self.sees(AccountId::from_u64(key.account)));
        seen.resources.retain(|arn| self.sees(account_of(arn)));
        if !self.callers {
            seen.error = seen.error.map(|error| ErrorRecord { message: None, ..error });
        }
        seen
    }
}

/// Accounts that one event may concern. An operation touches resources of two others at most; a log that says more was not
/// written by a server, and what is made of an entry would be longer than it by far.
const RECIPIENTS_MAX: usize = 16;

/// The accounts that see an event: the caller's first, then those that own what it touched.
pub(crate) fn recipients(event: &EventRecord<'_>) -> Result<Vec<AccountId>, BadRecord> {
    let of_keys = event.keys.iter().map(|key| AccountId::from_u64(key.account));
    let of_arns = event.resources.iter().map(|arn| account_of(arn));
    let all = iter::once(event.account.and_then(AccountId::from_u64)).chain(of_keys).chain(of_arns);
    let mut accounts = Vec::new();
    for account in all.flatten() {
        if accounts.contains(&account) {
            continue;
        }
        if accounts.len() == RECIPIENTS_MAX {
            return Err(BadRecord::Fields(format!("it concerns more than {RECIPIENTS_MAX} accounts")));
        }
        accounts.push(account);
    }
    Ok(accounts)
}
