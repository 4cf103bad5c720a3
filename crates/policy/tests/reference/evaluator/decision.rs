//! The decision: which policies must allow a request, which may refuse it, and in which order.

use serde_json::Value;

use super::grants;
use super::principals::{self, Named};
use super::scenario::{CallerKind, Layer, Outcome, Scenario, Side};
use super::statements::{Effect, identity_policy_says, resource_policy_statements};

/// Actions on a key that a principal of another account may use: cryptography, and what goes with it.
pub const ACROSS_ACCOUNTS: [&str; 22] = [
    "kms:CreateGrant",
    "kms:Decapsulate",
    "kms:Decrypt",
    "kms:DeriveSharedSecret",
    "kms:DescribeKey",
    "kms:Encapsulate",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateMac",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:Sign",
    "kms:Verify",
    "kms:VerifyMac",
];

/// A request on a key, or one that has neither key nor role.
pub fn decide(scenario: &Scenario) -> Outcome {
    match &scenario.key {
        Some(_) if scenario.action == "kms:RetireGrant" => decide_on_retirement(scenario, None),
        None => decide_by_identity(scenario),
        Some(key) => decide_on_key(scenario, key),
    }
}

/// Operations without a key: the caller's own policies alone decide.
fn decide_by_identity(scenario: &Scenario) -> Outcome {
    refusal_before_granting(scenario, None, Kind::Key).unwrap_or_else(|| granted_by_identity(scenario))
}

fn decide_on_key(scenario: &Scenario, key: &Side) -> Outcome {
    if let Some(refused) = refusal_before_granting(scenario, Some(key), Kind::Key) {
        return refused;
    }
    let same_account = key.account == scenario.caller.account;
    if !same_account && !ACROSS_ACCOUNTS.contains(&scenario.action.as_str()) {
        return management_of_a_foreign_key();
    }
    if key.grants.iter().any(|grant| grants::allows(grant, scenario)) {
        return granted_by_grant();
    }
    granted_by_policies(scenario, key, Kind::Key)
}

/// `sts:AssumeRole` and its kin: the role's trust policy is to the role what a key policy is to the key. The role stands
/// where the key stands in the scenario.
pub fn decide_on_role(scenario: &Scenario) -> Outcome {
    let role = scenario.key.as_ref().expect("a role has its side");
    refusal_before_granting(scenario, Some(role), Kind::Role)
        .unwrap_or_else(|| granted_by_policies(scenario, role, Kind::Role))
}

/// `kms:RetireGrant`, which follows rules of its own. `retiring_principal` is the root ARN or unique id that the grant
/// names as such; the grants of the scenario are those through which the caller could retire it as a grantee.
///
/// The retiring principal and a grantee whose grant holds the operation may retire. So may the account that owns the key,
/// and the account that is the retiring principal: each hands it on by identity policies. An Allow of the key's policy
/// has no effect. Explicit denies and control policies hold as for any other action.
pub fn decide_on_retirement(scenario: &Scenario, retiring_principal: Option<&str>) -> Outcome {
    let key = scenario.key.as_ref().expect("a grant belongs to a key");
    if let Some(refused) = refusal_before_granting(scenario, Some(key), Kind::Key) {
        return refused;
    }
    let is_retiring = retiring_principal.is_some_and(|retiring| grants::is_grantee(retiring, &scenario.caller));
    if is_retiring || key.grants.iter().any(|grant| grants::allows(grant, scenario)) {
        return granted_by_grant();
    }
    let account_root = format!("arn:aws:iam::{}:root", scenario.caller.account);
    if key.account == scenario.caller.account || retiring_principal == Some(account_root.as_str()) {
        return granted_by_identity(scenario);
    }
    Outcome::NoAllow(Layer::Resource)
}

/// What owns the resource's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key,
    Role,
}

/// An explicit deny of any layer ends it. Then the control policies must allow, whatever the other policies say.
fn refusal_before_granting(scenario: &Scenario, side: Option<&Side>, kind: Kind) -> Option<Outcome> {
    if let Some(layer) = explicit_deny(scenario, side, kind) {
        return Some(Outcome::ExplicitDeny(layer));
    }
    if !service_control_policies_allow(scenario) {
        return Some(Outcome::NoAllow(Layer::ServiceControl));
    }
    if side.is_some_and(|side| !resource_control_policies_allow(scenario, side)) {
        return Some(Outcome::NoAllow(Layer::ResourceControl));
    }
    None
}

/// The first layer, in the order of `Layer`, that has a Deny for the request. The account's root has no policies of an
/// identity, so none of these denies it.
fn explicit_deny(scenario: &Scenario, side: Option<&Side>, kind: Kind) -> Option<Layer> {
    let denied_by = |policy: &Value| identity_policy_says(Effect::Deny, policy, scenario);
    if scenario.scp_levels.iter().flatten().any(denied_by) {
        return Some(Layer::ServiceControl);
    }
    if let Some(side) = side {
        let rcps = side.rcp_levels.iter().flatten();
        if rcps.into_iter().any(|policy| resource_policy_denies(policy, scenario, side, false)) {
            return Some(Layer::ResourceControl);
        }
        if resource_policy_denies(&side.policy, scenario, side, kind == Kind::Role) {
            return Some(Layer::Resource);
        }
    }
    if scenario.caller.kind == CallerKind::Root {
        return None;
    }
    if scenario.identity.iter().any(denied_by) {
        return Some(Layer::Identity);
    }
    if scenario.boundary.iter().any(denied_by) {
        return Some(Layer::Boundary);
    }
    if scenario.session_policies.iter().flatten().any(denied_by) {
        return Some(Layer::Session);
    }
    None
}

fn resource_policy_denies(policy: &Value, scenario: &Scenario, side: &Side, is_trust_policy: bool) -> bool {
    resource_policy_statements(Effect::Deny, policy, is_trust_policy, scenario)
        .into_iter()
        .any(|statement| principals::denies(statement, &scenario.caller, scenario.boundary.is_some(), &side.bindings))
}

/// At each level from the organization's root down to the account at least one policy must allow.
fn service_control_policies_allow(scenario: &Scenario) -> bool {
    scenario
        .scp_levels
        .iter()
        .all(|level| level.iter().any(|policy| identity_policy_says(Effect::Allow, policy, scenario)))
}

/// The same for the policies that limit the resources of an account. They speak of everyone.
fn resource_control_policies_allow(scenario: &Scenario, side: &Side) -> bool {
    side.rcp_levels.iter().all(|level| {
        level.iter().any(|policy| {
            resource_policy_statements(Effect::Allow, policy, false, scenario)
                .into_iter()
                .any(|statement| !principals::allowed_as(statement, &scenario.caller, &side.bindings).is_empty())
        })
    })
}

/// Only the owner's account manages a key. The refusal is laid to the key's policy, since no policy could allow it.
fn management_of_a_foreign_key() -> Outcome {
    Outcome::NoAllow(Layer::Resource)
}

/// A grant suffices alone, across accounts too: neither identity policies nor what limits them are asked for an Allow.
fn granted_by_grant() -> Outcome {
    Outcome::Allow
}

fn granted_by_policies(scenario: &Scenario, side: &Side, kind: Kind) -> Outcome {
    let named = ways_in(scenario, side, kind);
    if side.account == scenario.caller.account {
        granted_in_same_account(scenario, &named)
    } else {
        granted_across_accounts(scenario, &named)
    }
}

/// All ways in which Allow statements of the resource's policy name the caller.
fn ways_in(scenario: &Scenario, side: &Side, kind: Kind) -> Vec<Named> {
    resource_policy_statements(Effect::Allow, &side.policy, kind == Kind::Role, scenario)
        .into_iter()
        .flat_map(|statement| principals::allowed_as(statement, &scenario.caller, &side.bindings))
        .collect()
}

/// Whom the policy names itself needs no identity policy. Named as user, session or anyone, the caller is limited by
/// nothing more; named by its role, it is limited by boundary and session policies. Who is let in only through the account
/// needs an identity policy, with the same limits.
fn granted_in_same_account(scenario: &Scenario, named: &[Named]) -> Outcome {
    let is_named = named.iter().any(|one| matches!(one, Named::AsAnyone | Named::BySession | Named::ByUser));
    if is_named {
        return Outcome::Allow;
    }
    if named.contains(&Named::ByRole) {
        // Through the account no more could come of it: the same limits would stand in the way.
        return within_limits(scenario);
    }
    if named.contains(&Named::ByAccount) { granted_by_identity(scenario) } else { Outcome::NoAllow(Layer::Resource) }
}

/// Two must agree: the resource's policy, which names the caller or its account in whatever way, and the caller's own
/// account, through an identity policy with its limits.
fn granted_across_accounts(scenario: &Scenario, named: &[Named]) -> Outcome {
    if named.is_empty() { Outcome::NoAllow(Layer::Resource) } else { granted_by_identity(scenario) }
}

/// An identity policy allows, and what limits it allows too. The account's root needs none.
fn granted_by_identity(scenario: &Scenario) -> Outcome {
    if scenario.caller.kind == CallerKind::Root {
        return Outcome::Allow;
    }
    if !scenario.identity.iter().any(|policy| identity_policy_says(Effect::Allow, policy, scenario)) {
        return Outcome::NoAllow(Layer::Identity);
    }
    within_limits(scenario)
}

/// The permissions boundary, if there is one, must allow; so must the session policies, if the session was made with any:
/// one of them is enough.
fn within_limits(scenario: &Scenario) -> Outcome {
    let allowed_by = |policy: &Value| identity_policy_says(Effect::Allow, policy, scenario);
    if scenario.boundary.as_ref().is_some_and(|boundary| !allowed_by(boundary)) {
        return Outcome::NoAllow(Layer::Boundary);
    }
    if scenario.session_policies.as_ref().is_some_and(|policies| !policies.iter().any(allowed_by)) {
        return Outcome::NoAllow(Layer::Session);
    }
    Outcome::Allow
}
