//! Grant tokens: sealed names of grants. A grant works at once on the node that made it, so a token adds nothing to it
//! there; it is only checked, and RetireGrant finds the grant by it. Source: developer guide, "Using a grant token".
//!
//! A token is no secret and no permission: whoever presents it has what grants give that caller anyway.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_keyring::{TokenPurpose, TokenSeed, sealed_version};
use claviger_types::{AccountId, GrantId, KeyArn};

use crate::error::Error;
use crate::keys::domain_keys;
use crate::pipeline::call::Facts;

/// The token of a grant.
pub fn seal(key: KeyArn, id: GrantId, seed: &TokenSeed, facts: &Facts<'_>) -> Result<String, Error> {
    let token_key = domain_keys::cluster_key(facts.view)?.key.token_key(TokenPurpose::Grant)?;
    let named = format!("{}/{}/{}/{id}", key.region, key.account, key.id);
    Ok(URL_SAFE_NO_PAD.encode(token_key.seal_seeded(seed, &[], named.as_bytes())?))
}

/// The key and the id of the grant that a token was made for, whether or not it is still there.
pub fn open(token: &str, facts: &Facts<'_>) -> Result<(KeyArn, GrantId), Error> {
    let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::InvalidGrantToken)?;
    let version = sealed_version(&sealed).ok_or(Error::InvalidGrantToken)?;
    let cluster = facts.view.cluster_key_version(version).ok_or(Error::InvalidGrantToken)?;
    let named = cluster.key.token_key(TokenPurpose::Grant)?.open(&[], &sealed).ok_or(Error::InvalidGrantToken)?;
    parse(named.as_bytes()).ok_or(Error::InvalidGrantToken)
}

/// Refuses a request with a token that is not one of ours. A token of another grant, or of one that is gone, is only
/// useless. INVARIANT: the constraints have let at most ten through, of at most 8,192 characters each.
pub fn check(facts: &Facts<'_>) -> Result<(), Error> {
    facts.request.grant_tokens().iter().try_for_each(|token| open(token, facts).map(drop))
}

fn parse(named: &[u8]) -> Option<(KeyArn, GrantId)> {
    let mut parts = std::str::from_utf8(named).ok()?.splitn(4, '/');
    let region = parts.next()?.parse().ok()?;
    let account = parts.next()?.parse::<AccountId>().ok()?;
    let id = parts.next()?.parse().ok()?;
    Some((KeyArn { region, account, id }, parts.next()?.parse().ok()?))
}
