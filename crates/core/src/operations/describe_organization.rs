//! `DescribeOrganization`: the organization of all accounts: its id, its root, the account that governs it. Source:
//! models/claviger, DescribeOrganization.

use claviger_types::{AccountId, OrganizationId, RootId, ServiceName, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct DescribeOrganization;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    organization: Shown,
}

/// The organization.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    id: OrganizationId,
    root_id: RootId,
    management_account_id: AccountId,
    creation_date: Timestamp,
}

impl Operation for DescribeOrganization {
    const NAME: &'static str = "DescribeOrganization";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Account;
    type Reply = Reply;

    fn parse(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self)
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for DescribeOrganization {
    fn run(&self, facts: &Facts<'_>, _: Authorized<target::Account>) -> Result<Reply, Error> {
        let organization = organization::organization(facts)?;
        let first = facts.view.deployment().map(|deployment| deployment.first_account);
        let management_account_id = first.ok_or_else(|| Error::Internal("the store is empty".into()))?;
        let (id, root_id) = (organization.id.clone(), organization.root.clone());
        let organization = Shown { id, root_id, management_account_id, creation_date: organization.created_at };
        Ok(Reply { organization })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{HOME, TestKms};

    /// Policies of every account may name the organization, so every account may ask for it.
    #[test]
    fn one_for_all_accounts() {
        let kms = TestKms::new();
        let organization = kms.ok("DescribeOrganization", json!({}));
        assert_eq!(organization["Organization"]["ManagementAccountId"], HOME);
        assert_eq!(kms.away().ok("DescribeOrganization", json!({})), organization);
        assert_ne!(TestKms::new().ok("DescribeOrganization", json!({})), organization);
    }
}
