//! Every action that can be asked for, in one closed table: an action is its place in it, and what a policy matches
//! is a set of places. So a pattern costs its set and no text, and an action that nobody can ask for leaves no trace.
//!
//! A new operation adds its name to its service's list, in order. Sources: the service models (`models/`); service
//! authorization references of KMS, IAM and STS.

use std::fmt;

use claviger_types::ServiceName;

use crate::pattern::{glob, wild};

/// Something that can be asked for, such as `kms:Encrypt`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(u16);

impl Action {
    /// The action of this name, as the API spells it. Usable in constants, so that an unknown one need not compile.
    pub const fn of(service: ServiceName, name: &str) -> Option<Self> {
        let mut at = 0;
        let mut rest = TABLE;
        while let [(of, known), tail @ ..] = rest {
            if *of as u8 == service as u8 && same(known.as_bytes(), name.as_bytes()) {
                return Some(Self(at));
            }
            at += 1;
            rest = tail;
        }
        None
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(TABLE.len())
    }

    /// The service that has it.
    pub fn service(self) -> ServiceName {
        // INVARIANT: every action is a place of the table.
        self.row().map_or(ServiceName::Kms, |(service, _)| *service)
    }

    /// Its name without the service's.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |(_, name)| *name)
    }

    fn row(self) -> Option<&'static (ServiceName, &'static str)> {
        TABLE.get(usize::from(self.0))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service(), self.name())
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes are the same; `==` on slices is no constant function yet.
const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    loop {
        match (a, b) {
            ([], []) => return true,
            ([first, a_rest @ ..], [other, b_rest @ ..]) if *first == *other => (a, b) = (a_rest, b_rest),
            _ => return false,
        }
    }
}

const WORDS: usize = TABLE.len().div_ceil(64);

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet([u64; WORDS]);

impl ActionSet {
    /// All actions.
    pub fn all() -> Self {
        Action::all().collect()
    }

    /// Adds the actions that a value of `Action` or `NotAction` means: `*`, or `service:Name` with wildcards in the
    /// name. Case does not count. Actions of services that are not ours can never be asked for.
    pub(crate) fn insert_matching(&mut self, service: &str, name: &str) {
        let Some(service) = ServiceName::from_name(&service.to_ascii_lowercase()) else { return };
        let lower = name.to_ascii_lowercase();
        let wildcards = lower.contains(['*', '?']);
        for action in of_service(service) {
            let text = action.name();
            let matches = if wildcards {
                !self.contains(action) && glob(wild(&lower), text.chars().map(|c| c.to_ascii_lowercase()))
            } else {
                text.eq_ignore_ascii_case(name)
            };
            if matches {
                self.insert(action);
            }
        }
    }

    /// Adds one.
    pub fn insert(&mut self, action: Action) {
        let (word, bit) = place(action);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether it is there.
    pub fn contains(&self, action: Action) -> bool {
        let (word, bit) = place(action);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether all of it is in the other.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The actions in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = Action> {
        Action::all().filter(|action| self.contains(*action))
    }

    /// All other actions.
    pub(crate) fn complement(&self) -> Self {
        Action::all().filter(|action| !self.contains(*action)).collect()
    }
}

impl FromIterator<Action> for ActionSet {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let mut set = Self::default();
        actions.into_iter().for_each(|action| set.insert(action));
        set
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn place(action: Action) -> (usize, u64) {
    (usize::from(action.0 / 64), 1 << (action.0 % 64))
}

/// The table is sorted by service, so that each has one run of places.
fn of_service(service: ServiceName) -> impl Iterator<Item = Action> {
    let start = TABLE.partition_point(|(of, _)| *of < service);
    let end = TABLE.partition_point(|(of, _)| *of <= service);
    Action::all().take(end).skip(start)
}

macro_rules! actions {
    ($($service:ident { $($name:literal)+ })+) => {
        const TABLE: &[(ServiceName, &str)] = &[$($((ServiceName::$service, $name),)+)+];
    };
}

actions! {
    Claviger {
        "AttachControlPolicy" "CloseAccount" "CreateAccount" "CreateControlPolicy" "CreateOrganizationalUnit"
        "DeleteControlPolicy" "DeleteOrganizationalUnit" "DescribeAccount" "DescribeControlPolicy"
        "DescribeOrganization" "DescribeOrganizationalUnit" "DetachControlPolicy" "ExplainAccess"
        "ImportCloudTrail" "ListAccountTags" "ListAccounts" "ListControlPolicies" "ListControlPoliciesForTarget" "ListOrganizationalUnits"
        "ListTargetsForControlPolicy" "MoveAccount" "RenameAccount" "RenameOrganizationalUnit" "ReopenAccount"
        "ResetKeyPolicy" "RevokeSessions" "RotateAuditKey" "RotateClusterKey" "RotateDomainKeys" "SetDevClock"
        "TagAccount" "UntagAccount" "UpdateControlPolicy"
    }
    CloudTrail { "LookupEvents" }
    Iam {
        "AddClientIDToOpenIDConnectProvider" "AddUserToGroup" "AttachGroupPolicy" "AttachRolePolicy"
        "AttachUserPolicy" "CreateAccessKey" "CreateAccountAlias" "CreateGroup" "CreateOpenIDConnectProvider"
        "CreatePolicy" "CreatePolicyVersion" "CreateRole" "CreateUser" "CreateVirtualMFADevice" "DeactivateMFADevice"
        "DeleteAccessKey" "DeleteAccountAlias" "DeleteGroup" "DeleteGroupPolicy" "DeleteLoginProfile"
        "DeleteOpenIDConnectProvider" "DeletePolicy" "DeletePolicyVersion" "DeleteRole"
        "DeleteRolePermissionsBoundary" "DeleteRolePolicy" "DeleteUser" "DeleteUserPermissionsBoundary"
        "DeleteUserPolicy" "DeleteVirtualMFADevice" "DetachGroupPolicy" "DetachRolePolicy" "DetachUserPolicy"
        "EnableMFADevice" "GetAccessKeyLastUsed" "GetAccountAuthorizationDetails" "GetAccountSummary"
        "GetContextKeysForCustomPolicy" "GetContextKeysForPrincipalPolicy" "GetGroup" "GetGroupPolicy"
        "GetLoginProfile" "GetMFADevice" "GetOpenIDConnectProvider" "GetPolicy" "GetPolicyVersion" "GetRole"
        "GetRolePolicy" "GetUser" "GetUserPolicy" "ListAccessKeys" "ListAccountAliases" "ListAttachedGroupPolicies"
        "ListAttachedRolePolicies" "ListAttachedUserPolicies" "ListEntitiesForPolicy" "ListGroupPolicies" "ListGroups"
        "ListGroupsForUser" "ListInstanceProfilesForRole" "ListMFADeviceTags" "ListMFADevices"
        "ListOpenIDConnectProviderTags" "ListOpenIDConnectProviders" "ListPolicies" "ListPolicyTags"
        "ListPolicyVersions" "ListRolePolicies" "ListRoleTags" "ListRoles" "ListSSHPublicKeys"
        "ListServiceSpecificCredentials" "ListSigningCertificates" "ListUserPolicies" "ListUserTags" "ListUsers"
        "ListVirtualMFADevices" "PassRole" "PutGroupPolicy" "PutRolePermissionsBoundary" "PutRolePolicy"
        "PutUserPermissionsBoundary" "PutUserPolicy" "RemoveClientIDFromOpenIDConnectProvider" "RemoveUserFromGroup"
        "ResyncMFADevice" "SetDefaultPolicyVersion" "SimulateCustomPolicy" "SimulatePrincipalPolicy" "TagMFADevice"
        "TagOpenIDConnectProvider" "TagPolicy" "TagRole" "TagUser" "UntagMFADevice" "UntagOpenIDConnectProvider"
        "UntagPolicy" "UntagRole" "UntagUser" "UpdateAccessKey" "UpdateAssumeRolePolicy" "UpdateGroup"
        "UpdateOpenIDConnectProviderThumbprint" "UpdateRole" "UpdateRoleDescription" "UpdateUser"
    }
    Kms {
        "CancelKeyDeletion" "ConnectCustomKeyStore" "CreateAlias" "CreateCustomKeyStore" "CreateGrant" "CreateKey"
        "Decapsulate" "Decrypt" "DeleteAlias" "DeleteCustomKeyStore" "DeleteImportedKeyMaterial" "DeriveSharedSecret"
        "DescribeCustomKeyStores" "DescribeKey" "DisableKey" "DisableKeyRotation" "DisconnectCustomKeyStore"
        "EnableKey" "EnableKeyRotation" "Encapsulate" "Encrypt" "GenerateDataKey" "GenerateDataKeyPair"
        "GenerateDataKeyPairWithoutPlaintext" "GenerateDataKeyWithoutPlaintext" "GenerateMac" "GenerateRandom"
        "GetKeyLastUsage" "GetKeyPolicy" "GetKeyRotationStatus" "GetParametersForImport" "GetPublicKey"
        "ImportKeyMaterial" "ListAliases" "ListGrants" "ListKeyPolicies" "ListKeyRotations" "ListKeys"
        "ListResourceTags" "ListRetirableGrants" "PutKeyPolicy" "ReEncryptFrom" "ReEncryptTo" "ReplicateKey"
        "RetireGrant" "RevokeGrant" "RotateKeyOnDemand" "ScheduleKeyDeletion" "Sign" "TagResource" "UntagResource"
        "UpdateAlias" "UpdateCustomKeyStore" "UpdateKeyDescription" "UpdatePrimaryRegion" "Verify" "VerifyMac"
    }
    Sts {
        "AssumeRole" "AssumeRoleWithSAML" "AssumeRoleWithWebIdentity" "AssumeRoot" "DecodeAuthorizationMessage"
        "GetAccessKeyInfo" "GetCallerIdentity" "GetDelegatedAccessToken" "GetFederationToken" "GetSessionToken"
        "GetWebIdentityToken" "SetContext" "SetSourceIdentity" "TagSession"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_stands_once_and_is_found_by_its_name() {
        let mut seen = BTreeSet::new();
        for action in Action::all() {
            assert_eq!(Action::of(action.service(), action.name()), Some(action));
            assert!(seen.insert(action.to_string().to_lowercase()), "{action} stands twice");
        }
        assert!(TABLE.is_sorted());
        for (service, name) in [(ServiceName::Kms, "encrypt"), (ServiceName::Iam, "Encrypt"), (ServiceName::Kms, "")] {
            assert_eq!(Action::of(service, name), None, "{service}:{name}");
        }
    }

    /// What the service models have, a policy can name. Only ReEncrypt is asked for under two other names.
    #[test]
    fn all_of_the_models_are_there() {
        for (service, model) in [
            (ServiceName::Claviger, include_str!("../../../models/claviger/2026-12-01/service-2.json")),
            (ServiceName::CloudTrail, include_str!("../../../models/cloudtrail.json")),
            (ServiceName::Iam, include_str!("../../../models/iam.json")),
            (ServiceName::Kms, include_str!("../../../models/kms.json")),
            (ServiceName::Sts, include_str!("../../../models/sts.json")),
        ] {
            let model: serde_json::Value = serde_json::from_str(model).unwrap();
            for name in model["operations"].as_object().unwrap().keys().filter(|name| *name != "ReEncrypt") {
                assert!(Action::of(service, name).is_some(), "{service}:{name}");
            }
        }
    }

    #[test]
    fn patterns() {
        let kms = |name| Action::of(ServiceName::Kms, name).unwrap();
        let matching = |service, name| {
            let mut set = ActionSet::default();
            set.insert_matching(service, name);
            set
        };
        for (service, name, want) in [
            ("kms", "Encrypt", true),
            ("kms", "eNCRYPT", true),
            ("KMS", "ENC*", true),
            ("kms", "?ncrypt", true),
            ("kms", "*", true),
            ("kms", "*?*", true),
            ("kms", "Encryp", false),
            ("kms", "ReEncrypt*", false),
            ("iam", "Encrypt", false),
            ("iam", "*", false),
            ("s3", "*", false),
        ] {
            assert_eq!(matching(service, name).contains(kms("Encrypt")), want, "{service}:{name}");
        }
        let pair: ActionSet = [kms("ReEncryptFrom"), kms("ReEncryptTo")].into_iter().collect();
        assert_eq!(matching("kms", "ReEncrypt*"), pair);
        assert_eq!((pair.len(), pair.complement().len()), (2, TABLE.len() - 2));
        assert!(pair.is_subset_of(&ActionSet::all()) && !ActionSet::all().is_subset_of(&pair));
        assert!(ActionSet::default().is_empty() && pair.iter().eq([kms("ReEncryptFrom"), kms("ReEncryptTo")]));
    }
}
