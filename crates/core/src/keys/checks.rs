//! What a key must be for an operation: usage first, then state. Source: docs/compatibility.md, order of checks.

use claviger_types::{KeyState, KeyUsage, MacAlgorithm, StateAt, Transition};

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::Key;

/// The usage that cryptography of this kind needs.
pub fn check_usage(key: &Key, usage: KeyUsage, operation: &str) -> Result<(), Error> {
    if key.spec.usage() == usage {
        return Ok(());
    }
    let (arn, has) = (key.arn, key.spec.usage());
    Err(Error::InvalidKeyUsage(format!("{arn} key usage is {has} which is not valid for {operation}.")))
}

/// Enabled: what every use of material needs.
pub fn check_enabled(key: &Key, facts: &Facts<'_>) -> Result<(), Error> {
    match present_state(key, facts)? {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Error::Disabled(key.arn)),
        KeyState::PendingDeletion { .. } => Err(Error::invalid_state(&key.arn, "pending deletion")),
    }
}

/// Not waiting for deletion: what changes of tags, description and aliases need.
pub fn check_not_pending_deletion(key: &Key, facts: &Facts<'_>) -> Result<(), Error> {
    match present_state(key, facts)? {
        KeyState::Enabled | KeyState::Disabled => Ok(()),
        KeyState::PendingDeletion { .. } => Err(Error::invalid_state(&key.arn, "pending deletion")),
    }
}

/// The state after `change`, or why the key's state does not allow it.
pub fn change_state(key: &Key, change: Transition, facts: &Facts<'_>) -> Result<KeyState, Error> {
    present_state(key, facts)?.apply(change).map_err(|_| match change {
        Transition::CancelDeletion => Error::invalid_state(&key.arn, "not pending deletion"),
        Transition::Disable | Transition::Enable | Transition::ScheduleDeletion { .. } => {
            Error::invalid_state(&key.arn, "pending deletion")
        }
    })
}

/// The algorithm of Encrypt and Decrypt fits the key. `requested` is a name of the model, or the default.
pub fn check_encryption_algorithm(key: &Key, requested: &str) -> Result<(), Error> {
    check_algorithm(key, requested, "SYMMETRIC_DEFAULT")
}

/// The MAC algorithm fits the key.
pub fn check_mac_algorithm(key: &Key, requested: MacAlgorithm) -> Result<(), Error> {
    check_algorithm(key, requested.as_str(), key.spec.mac_algorithm().map_or("", MacAlgorithm::as_str))
}

fn check_algorithm(key: &Key, requested: &str, fitting: &str) -> Result<(), Error> {
    if requested == fitting {
        return Ok(());
    }
    let spec = key.spec;
    Err(Error::InvalidKeyUsage(format!("Algorithm {requested} is incompatible with key spec {spec}.")))
}

/// The state of a key that was resolved, so that it exists.
pub fn present_state(key: &Key, facts: &Facts<'_>) -> Result<KeyState, Error> {
    match key.state_at(facts.now) {
        StateAt::Present(state) => Ok(state),
        StateAt::Gone => Err(Error::key_not_found(key.arn)),
    }
}
