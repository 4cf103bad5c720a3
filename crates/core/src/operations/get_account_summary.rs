//! `GetAccountSummary`: how many users, groups, roles and policies there are, and how many there can be. Source: IAM
//! API reference, GetAccountSummary.

use claviger_types::{ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct GetAccountSummary;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    summary_map: Summary,
}

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = Reply;

    fn parse(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self)
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for GetAccountSummary {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        Ok(Reply { summary_map: Summary { entry: entries(facts) } })
    }
}

/// A map, as the Query protocol writes it.
#[derive(Serialize)]
struct Summary {
    entry: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    key: &'static str,
    value: u64,
}

fn entries(facts: &Facts<'_>) -> Vec<Entry> {
    let (view, account) = (facts.view, facts.account());
    let policies = || view.customer_policies_after(account, "");
    let counts = [
        ("Users", view.users_after(account, "").count()),
        ("Groups", view.groups_after(account, "").count()),
        ("Roles", view.roles_after(account, "").count()),
        ("Policies", policies().count()),
        ("PolicyVersionsInUse", policies().map(|policy| policy.versions.len()).sum()),
        ("AccessKeysPerUserQuota", limits::ACCESS_KEYS_PER_USER_MAX),
        ("AssumeRolePolicySizeQuota", limits::TRUST_POLICY_CHARS_MAX),
        ("AttachedPoliciesPerGroupQuota", limits::MANAGED_POLICIES_ATTACHED_MAX),
        ("AttachedPoliciesPerRoleQuota", limits::MANAGED_POLICIES_ATTACHED_MAX),
        ("AttachedPoliciesPerUserQuota", limits::MANAGED_POLICIES_ATTACHED_MAX),
        ("GroupPolicySizeQuota", limits::INLINE_POLICY_CHARS_PER_GROUP_MAX),
        ("GroupsPerUserQuota", limits::GROUPS_PER_USER_MAX),
        ("PolicySizeQuota", limits::MANAGED_POLICY_CHARS_MAX),
        ("RolePolicySizeQuota", limits::INLINE_POLICY_CHARS_PER_ROLE_MAX),
        ("UserPolicySizeQuota", limits::INLINE_POLICY_CHARS_PER_USER_MAX),
        ("VersionsPerPolicyQuota", limits::MANAGED_POLICY_VERSIONS_MAX),
    ];
    let quotas = [
        ("GroupsQuota", limits::GROUPS_PER_ACCOUNT_MAX),
        ("PoliciesQuota", limits::CUSTOMER_POLICIES_PER_ACCOUNT_MAX),
        ("RolesQuota", limits::ROLES_PER_ACCOUNT_MAX),
        ("UsersQuota", limits::USERS_PER_ACCOUNT_MAX),
        // The root has neither a password nor access keys here.
        ("AccountAccessKeysPresent", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("InstanceProfiles", 0),
        ("ServerCertificates", 0),
    ];
    let counts = counts.into_iter().map(|(key, value)| Entry { key, value: value as u64 });
    counts.chain(quotas.into_iter().map(|(key, value)| Entry { key, value })).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn counts_and_quotas() {
        let kms = TestKms::new();
        kms.role("x");
        kms.ok("CreateGroup", json!({"GroupName": "g"}));
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        let document = policy(&statement("Deny", "kms:*", "*"));
        kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let summary = kms.ok("GetAccountSummary", json!({}))["SummaryMap"].clone();
        for (key, want) in [
            ("Users", 2),
            ("Groups", 1),
            ("Roles", 1),
            ("Policies", 1),
            ("PolicyVersionsInUse", 2),
            ("UsersQuota", 5000),
            ("PolicySizeQuota", 6144),
            ("VersionsPerPolicyQuota", 5),
        ] {
            assert_eq!(summary[key], want, "{key}");
        }
    }
}
