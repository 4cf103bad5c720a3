//! Where each record lives: `<kind>/<space>/…`. The second part is the Region, or `global`; a transaction keeps to one.

use claviger_keyring::Space;
use claviger_types::{AccessKeyId, AccountId, AliasName, KeyId, Malformed, Region};

/// The name of the space that is no Region's: accounts, users, the deployment's own keys.
pub const GLOBAL: &str = "global";

/// A key.
pub fn key(region: Region, id: KeyId) -> String {
    format!("keys/{region}/{id}")
}

/// An alias. The name keeps its prefix.
pub fn alias(region: Region, account: AccountId, name: &AliasName) -> String {
    format!("aliases/{region}/{account}/{name}")
}

/// One version of an account's domain key in a space.
pub fn domain_key(space: Space, account: AccountId, version: u32) -> String {
    format!("domain-keys/{}/{account}/{version:010}", space_name(space))
}

/// One version of the cluster key.
pub fn cluster_key(version: u32) -> String {
    format!("cluster-keys/{GLOBAL}/{version:010}")
}

/// An account.
pub fn account(id: AccountId) -> String {
    format!("accounts/{GLOBAL}/{id}")
}

/// A user, by the name in lower case: names that differ in case only are the same.
pub fn user(account: AccountId, folded_name: &str) -> String {
    format!("users/{GLOBAL}/{account}/{folded_name}")
}

/// Says that an access key id is taken, over all accounts.
pub fn access_key(id: AccessKeyId) -> String {
    format!("access-keys/{GLOBAL}/{id}")
}

/// What the data directory is.
pub fn deployment() -> String {
    format!("deployment/{GLOBAL}/current")
}

/// How far the development clock is ahead of the wall clock.
pub fn dev_clock() -> String {
    format!("dev-clock/{GLOBAL}/current")
}

/// Number of keys of an account in a Region.
pub fn key_count(region: Region, account: AccountId) -> String {
    format!("counters/{region}/keys/{account}")
}

/// Number of aliases of a key.
pub fn alias_count(region: Region, key: KeyId) -> String {
    format!("counters/{region}/aliases/{key}")
}

/// Number of users of an account.
pub fn user_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/users/{account}")
}

/// An event on its way to the audit log.
pub fn outbox(space: &str, event_id: &str) -> String {
    format!("outbox/{space}/{event_id}")
}

/// A space as paths write it.
pub fn space_name(space: Space) -> String {
    match space {
        Space::Global => GLOBAL.to_owned(),
        Space::Region(region) => region.to_string(),
    }
}

/// The space of that name.
pub fn space_from_name(name: &str) -> Result<Space, Malformed> {
    if name == GLOBAL { Ok(Space::Global) } else { name.parse().map(Space::Region) }
}

/// How far a space's audit log is on disk.
pub fn audit_position(space: Space) -> String {
    format!("audit-positions/{}/current", space_name(space))
}

/// The space that a path lies in.
pub fn space_of(path: &str) -> Option<&str> {
    path.split('/').nth(1)
}

/// Where each kind of record begins; the View reads a path by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// `access-keys/…`.
    AccessKey,
    /// `accounts/…`.
    Account,
    /// `aliases/…`.
    Alias,
    /// `audit-positions/…`.
    AuditPosition,
    /// `cluster-keys/…`.
    ClusterKey,
    /// `counters/…`.
    Counter,
    /// `deployment/…`.
    Deployment,
    /// `dev-clock/…`.
    DevClock,
    /// `domain-keys/…`.
    DomainKey,
    /// `keys/…`.
    Key,
    /// `outbox/…`.
    Outbox,
    /// `users/…`.
    User,
}

/// Splits a path into its kind, its space and the rest. `None` for a path that no record of ours has.
pub fn parse(path: &str) -> Option<(PathKind, &str, &str)> {
    let (kind, rest) = path.split_once('/')?;
    let (space, rest) = rest.split_once('/')?;
    let kind = match kind {
        "access-keys" => PathKind::AccessKey,
        "accounts" => PathKind::Account,
        "aliases" => PathKind::Alias,
        "audit-positions" => PathKind::AuditPosition,
        "cluster-keys" => PathKind::ClusterKey,
        "counters" => PathKind::Counter,
        "deployment" => PathKind::Deployment,
        "dev-clock" => PathKind::DevClock,
        "domain-keys" => PathKind::DomainKey,
        "keys" => PathKind::Key,
        "outbox" => PathKind::Outbox,
        "users" => PathKind::User,
        _ => return None,
    };
    Some((kind, space, rest))
}
