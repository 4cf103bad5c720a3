//! Audit events of commands and jobs, written in the transaction of what they tell of.

use claviger_types::{AccountId, Timestamp};

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::{Facts, RequestId};
use crate::pipeline::operation::Operation;
use crate::records::{self, CallerRecord, CallerSessionRecord, EventRecord};

/// Characters of a User-Agent that are kept. It is the caller's free text, and not signed.
const USER_AGENT_CHARS_MAX: usize = 256;

/// The event of a command, encoded.
pub fn of_command<O: Operation>(facts: &Facts<'_>, space: &str, resources: Vec<String>) -> Vec<u8> {
    let user_agent = facts.call.user_agent.map(|text| text.chars().take(USER_AGENT_CHARS_MAX).collect());
    let caller = CallerRecord {
        principal: facts.caller.arn().to_string(),
        principal_id: facts.caller.user_id(),
        access_key_id: facts.call.signatory.access_key_id().to_owned(),
        source_ip: facts.call.source_ip.map(|address| address.to_string()),
        user_agent,
        request_id: facts.call.request_id.to_string(),
        session: facts.caller.session.map(|session| CallerSessionRecord {
            issuer: facts.caller.principal_arn().to_string(),
            issuer_id: facts.caller.principal_id().to_string(),
            created_at: session.issued_at.as_millis(),
            mfa_at: session.mfa_at.map(Timestamp::as_millis),
            source_identity: session.source_identity.as_deref().map(Into::into),
        }),
    };
    records::encode(&EventRecord {
        at: facts.now.as_millis(),
        action: O::asked().action.to_string(),
        account: facts.account().as_u64(),
        space: space.to_owned(),
        caller: Some(caller),
        resources,
    })
}

/// The event of something that the service did by itself, encoded.
pub fn of_job(at: Timestamp, action: &str, account: AccountId, space: &str, resources: Vec<String>) -> Vec<u8> {
    records::encode(&EventRecord {
        at: at.as_millis(),
        action: action.to_owned(),
        account: account.as_u64(),
        space: space.to_owned(),
        caller: None,
        resources,
    })
}

/// A place in the outbox for an event that no request caused.
pub fn fresh_path(space: &str) -> Result<String, Error> {
    let id = RequestId::from_bytes(claviger_keyring::random()?);
    Ok(paths::outbox(space, &id.to_string()))
}
