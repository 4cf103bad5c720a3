//! Where each record lives: `<kind>/<space>/…`. The second part is the Region, or `global`; a transaction keeps to one.

use claviger_keyring::Space;
use claviger_types::{
    AccessKeyId, AccountId, AliasName, ControlPolicyId, GrantId, GroupId, GroupName, KeyId, Malformed, MfaDeviceName,
    OrganizationalUnitId, PolicyName, PrincipalId, Region, RoleName, UserName,
};

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

/// A grant on a key.
pub fn grant(region: Region, key: KeyId, id: GrantId) -> String {
    format!("grants/{region}/{key}/{id}")
}

/// Says that there is a grant of this name on a key, made with all that the digest stands for.
pub fn named_grant(region: Region, key: KeyId, digest: &[u8; 32]) -> String {
    format!("grant-names/{region}/{key}/{}", const_hex::encode(digest))
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

/// The organization with its root.
pub fn organization() -> String {
    format!("organization/{GLOBAL}/current")
}

/// An organizational unit.
pub fn organizational_unit(id: &OrganizationalUnitId) -> String {
    format!("organizational-units/{GLOBAL}/{id}")
}

/// A service or resource control policy.
pub fn control_policy(id: &ControlPolicyId) -> String {
    format!("control-policies/{GLOBAL}/{id}")
}

/// A user, by the name in lower case: names that differ in case only are the same.
pub fn user(account: AccountId, folded_name: &str) -> String {
    format!("users/{GLOBAL}/{account}/{folded_name}")
}

/// A group, by the name in lower case.
pub fn group(account: AccountId, folded_name: &str) -> String {
    format!("groups/{GLOBAL}/{account}/{folded_name}")
}

/// A role, by the name in lower case.
pub fn role(account: AccountId, folded_name: &str) -> String {
    format!("roles/{GLOBAL}/{account}/{folded_name}")
}

/// A customer managed policy, by the name in lower case. It is read before the groups, roles and users that refer to
/// it: in the order of the paths, whose first part is therefore this one.
pub fn customer_policy(account: AccountId, folded_name: &str) -> String {
    format!("customer-policies/{GLOBAL}/{account}/{folded_name}")
}

/// Says that an account alias is taken, over all accounts.
pub fn account_alias(alias: &str) -> String {
    format!("account-aliases/{GLOBAL}/{alias}")
}

/// Says that an access key id is taken, over all accounts.
pub fn access_key(id: AccessKeyId) -> String {
    format!("access-keys/{GLOBAL}/{id}")
}

/// One version of the session key.
pub fn session_key(version: u32) -> String {
    format!("session-keys/{GLOBAL}/{version:010}")
}

/// One version of the audit key, which was called log key when the first ones were stored.
pub fn audit_key(version: u32) -> String {
    format!("log-keys/{GLOBAL}/{version:010}")
}

/// Until when sessions of a principal are revoked.
pub fn session_revocation(account: AccountId, principal: PrincipalId) -> String {
    format!("session-revocations/{GLOBAL}/{account}/{principal}")
}

/// A virtual MFA device, by the name in lower case.
pub fn mfa_device(account: AccountId, folded_name: &str) -> String {
    format!("mfa-devices/{GLOBAL}/{account}/{folded_name}")
}

/// Number of virtual MFA devices of an account.
pub fn mfa_device_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/mfa-devices/{account}")
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

/// Number of grants on a key.
pub fn grant_count(region: Region, key: KeyId) -> String {
    format!("counters/{region}/grants/{key}")
}

/// Number of users of an account.
pub fn user_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/users/{account}")
}

/// Number of groups of an account.
pub fn group_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/groups/{account}")
}

/// Number of roles of an account.
pub fn role_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/roles/{account}")
}

/// Number of customer managed policies of an account.
pub fn customer_policy_count(account: AccountId) -> String {
    format!("counters/{GLOBAL}/customer-policies/{account}")
}

/// Number of users in a group.
pub fn group_member_count(group: GroupId) -> String {
    format!("counters/{GLOBAL}/group-members/{group}")
}

/// Number of users, groups and roles to which a customer managed policy is attached or whose boundary it is.
pub fn policy_use_count(account: AccountId, folded_name: &str) -> String {
    format!("counters/{GLOBAL}/policy-uses/{account}/{folded_name}")
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

/// How far the audit log holds no event that waits in an outbox.
pub fn audit_position() -> String {
    format!("audit-position/{GLOBAL}/current")
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
    /// `account-aliases/…`.
    AccountAlias,
    /// `aliases/…`.
    Alias,
    /// `audit-position/…`.
    AuditPosition,
    /// `cluster-keys/…`.
    ClusterKey,
    /// `control-policies/…`.
    ControlPolicy,
    /// `counters/…`.
    Counter,
    /// `customer-policies/…`.
    CustomerPolicy,
    /// `deployment/…`.
    Deployment,
    /// `dev-clock/…`.
    DevClock,
    /// `domain-keys/…`.
    DomainKey,
    /// `grants/…`.
    Grant,
    /// `groups/…`.
    Group,
    /// `keys/…`.
    Key,
    /// `log-keys/…`.
    AuditKey,
    /// `mfa-devices/…`.
    MfaDevice,
    /// `grant-names/…`.
    NamedGrant,
    /// `organization/…`.
    Organization,
    /// `organizational-units/…`.
    OrganizationalUnit,
    /// `outbox/…`.
    Outbox,
    /// `session-keys/…`.
    SessionKey,
    /// `session-revocations/…`.
    SessionRevocation,
    /// `roles/…`.
    Role,
    /// `users/…`.
    User,
}

/// Splits a path into its kind, its space and the rest. `None` for a path that no record of ours has.
pub fn parse(path: &str) -> Option<(PathKind, &str, &str)> {
    let (kind, rest) = path.split_once('/')?;
    let (space, rest) = rest.split_once('/')?;
    let kind = match kind {
        "access-keys" => PathKind::AccessKey,
        "account-aliases" => PathKind::AccountAlias,
        "accounts" => PathKind::Account,
        "aliases" => PathKind::Alias,
        "audit-position" => PathKind::AuditPosition,
        "cluster-keys" => PathKind::ClusterKey,
        "control-policies" => PathKind::ControlPolicy,
        "counters" => PathKind::Counter,
        "customer-policies" => PathKind::CustomerPolicy,
        "deployment" => PathKind::Deployment,
        "dev-clock" => PathKind::DevClock,
        "domain-keys" => PathKind::DomainKey,
        "grant-names" => PathKind::NamedGrant,
        "grants" => PathKind::Grant,
        "groups" => PathKind::Group,
        "keys" => PathKind::Key,
        "log-keys" => PathKind::AuditKey,
        "mfa-devices" => PathKind::MfaDevice,
        "organization" => PathKind::Organization,
        "organizational-units" => PathKind::OrganizationalUnit,
        "outbox" => PathKind::Outbox,
        "session-keys" => PathKind::SessionKey,
        "session-revocations" => PathKind::SessionRevocation,
        "roles" => PathKind::Role,
        "users" => PathKind::User,
        _ => return None,
    };
    Some((kind, space, rest))
}

/// Whether this is the path by which its record is looked up: each part in its one spelling, what has no Region in the
/// global space. [`parse`] is laxer. Counters and events are told from strays by what they count and hold.
pub fn is_canonical(path: &str) -> bool {
    let Some((kind, space, rest)) = parse(path) else { return false };
    match kind {
        PathKind::Counter | PathKind::Outbox => true,
        _ => spelled(kind, space, rest).is_some_and(|spelled| spelled == path),
    }
}

/// The path of what `space` and `rest` name, as the functions above write it.
fn spelled(kind: PathKind, space: &str, rest: &str) -> Option<String> {
    let region = || space.parse::<Region>().ok();
    let owned = || {
        let (owner, owned) = rest.split_once('/')?;
        Some((owner.parse::<AccountId>().ok()?, owned))
    };
    let of_key = || {
        let (key, own) = rest.split_once('/')?;
        Some((key.parse::<KeyId>().ok()?, own))
    };
    Some(match kind {
        PathKind::AccessKey => access_key(rest.parse().ok()?),
        PathKind::Account => account(rest.parse().ok()?),
        PathKind::AccountAlias => account_alias(&rest.to_ascii_lowercase()),
        PathKind::Alias => {
            let (owner, name) = owned()?;
            alias(region()?, owner, &name.parse().ok()?)
        }
        PathKind::AuditPosition => audit_position(),
        PathKind::ClusterKey => cluster_key(rest.parse().ok()?),
        PathKind::ControlPolicy => control_policy(&rest.parse().ok()?),
        PathKind::Counter | PathKind::Outbox => return None,
        PathKind::CustomerPolicy => {
            let (owner, name) = owned()?;
            customer_policy(owner, &name.parse::<PolicyName>().ok()?.folded())
        }
        PathKind::Deployment => deployment(),
        PathKind::DevClock => dev_clock(),
        PathKind::DomainKey => {
            let (owner, version) = owned()?;
            domain_key(space_from_name(space).ok()?, owner, version.parse().ok()?)
        }
        PathKind::Grant => {
            let (key, id) = of_key()?;
            grant(region()?, key, id.parse().ok()?)
        }
        PathKind::Key => key(region()?, rest.parse().ok()?),
        PathKind::AuditKey => audit_key(rest.parse().ok()?),
        PathKind::MfaDevice => {
            let (owner, name) = owned()?;
            mfa_device(owner, &name.parse::<MfaDeviceName>().ok()?.folded())
        }
        PathKind::SessionKey => session_key(rest.parse().ok()?),
        PathKind::SessionRevocation => {
            let (owner, principal) = owned()?;
            session_revocation(owner, principal.parse().ok()?)
        }
        PathKind::NamedGrant => {
            let (key, digest) = of_key()?;
            named_grant(region()?, key, &const_hex::decode(digest).ok()?.try_into().ok()?)
        }
        PathKind::Group => {
            let (owner, name) = owned()?;
            group(owner, &name.parse::<GroupName>().ok()?.folded())
        }
        PathKind::Role => {
            let (owner, name) = owned()?;
            role(owner, &name.parse::<RoleName>().ok()?.folded())
        }
        PathKind::Organization => organization(),
        PathKind::OrganizationalUnit => organizational_unit(&rest.parse().ok()?),
        PathKind::User => {
            let (owner, name) = owned()?;
            user(owner, &name.parse::<UserName>().ok()?.folded())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn one_path_for_one_record() {
        let (region, id) = ("us-east-1".parse().unwrap(), ID.parse().unwrap());
        let owner = "111122223333".parse().unwrap();
        for path in [
            access_key("AKIAIOSFODNN7EXAMPLE".parse().unwrap()),
            account(owner),
            account_alias("our-company"),
            alias(region, owner, &"alias/A/b".parse().unwrap()),
            alias_count(region, id),
            audit_position(),
            cluster_key(1),
            customer_policy(owner, "p"),
            control_policy(&"p-abcdefgh".parse().unwrap()),
            deployment(),
            dev_clock(),
            domain_key(Space::Global, owner, u32::MAX),
            domain_key(Space::Region(region), owner, 0),
            grant(region, id, GrantId::FIRST),
            grant_count(region, id),
            group(owner, "team"),
            key(region, id),
            key_count(region, owner),
            audit_key(1),
            mfa_device(owner, "phone"),
            mfa_device_count(owner),
            named_grant(region, id, &[0xab; 32]),
            organization(),
            organizational_unit(&"ou-abcd-efghijkl".parse().unwrap()),
            outbox(GLOBAL, ID),
            session_key(1),
            session_revocation(owner, "AIDA7777777777777777".parse().unwrap()),
            session_revocation(owner, "AROA7777777777777777".parse().unwrap()),
            role(owner, "build"),
            user(owner, "ann"),
            user_count(owner),
        ] {
            assert!(is_canonical(&path), "{path}");
        }
        for path in [
            "",
            "keys",
            "locks/global/a",
            "access-keys/us-east-1/AKIAIOSFODNN7EXAMPLE",
            "accounts/us-east-1/111122223333",
            "aliases/global/111122223333/alias/a",
            "audit-position/us-east-1/current",
            "cluster-keys/global/1",
            "cluster-keys/global/00000000001",
            "control-policies/us-east-1/p-abcdefgh",
            "deployment/global/other",
            "dev-clock/us-east-1/current",
            "domain-keys/us-east-1/111122223333/+000000001",
            &format!("grants/us-east-1/{ID}/{}", "AB".repeat(32)),
            &format!("grants/us-east-1/{ID}"),
            &format!("grants/global/{ID}/{}", "ab".repeat(32)),
            &format!("grant-names/us-east-1/{ID}/{}", "AB".repeat(32)),
            &format!("grant-names/us-east-1/{ID}/{}", "ab".repeat(31)),
            "keys/us-east-1/1234ABCD-12ab-34cd-56ef-1234567890ab",
            "mfa-devices/global/111122223333/Phone",
            "log-keys/global/1",
            "session-keys/global/1",
            "session-revocations/global/111122223333/AKIA7777777777777777",
            "account-aliases/global/Our",
            "customer-policies/global/111122223333/P",
            "groups/us-east-1/111122223333/team",
            "roles/global/111122223333/Build",
            "organization/global/other",
            "organizational-units/global/r-abcd",
            "users/global/111122223333/Ann",
        ] {
            assert!(!is_canonical(path), "{path}");
        }
    }
}
