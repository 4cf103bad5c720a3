//! `DescribeAccount`: one account. Its own principals may ask for it too. Source: models/claviger, DescribeAccount.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::AccountShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{AccountEntry, AccountName, Authorized};
use crate::wire::Fields;

/// The request.
pub struct DescribeAccount {
    account: AccountName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    account: AccountShown,
}

impl Operation for DescribeAccount {
    const NAME: &'static str = "DescribeAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = AccountEntry;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { account: AccountName::Id(organization::required(fields, "AccountId")?) })
    }

    fn target(&self) -> &AccountName {
        &self.account
    }
}

impl Read for DescribeAccount {
    fn run(&self, facts: &Facts<'_>, target: Authorized<AccountEntry>) -> Result<Reply, Error> {
        Ok(Reply { account: AccountShown::new(organization::account(target.id, facts)?, facts)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{root, unit};
    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused};

    #[test]
    fn an_account_with_its_place() {
        let kms = TestKms::new();
        let (root, id) = (root(&kms), kms.ok("DescribeOrganization", json!({}))["Organization"]["Id"].clone());
        let (id, of_away) = (id.as_str().unwrap(), json!({"AccountId": AWAY}));
        let account = kms.ok("DescribeAccount", of_away.clone())["Account"].clone();
        assert_eq!(account["Name"], "away");
        assert_eq!(account["Arn"], format!("arn:aws:iam::{AWAY}:root"));
        assert_eq!((&account["Status"], &account["ParentId"]), (&json!("ACTIVE"), &json!(root)));
        assert_eq!(account["OrganizationPath"], format!("{id}/{root}/"));
        let team = unit(&kms, &root, "team");
        let inner = unit(&kms, &team, "inner");
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": inner}));
        let account = kms.ok("DescribeAccount", of_away)["Account"].clone();
        assert_eq!(account["ParentId"], inner);
        assert_eq!(account["OrganizationPath"], format!("{id}/{root}/{team}/{inner}/"));
    }

    /// An account may look at itself, and learns nothing of others.
    #[test]
    fn ones_own() {
        let kms = TestKms::new();
        let away = kms.away();
        let own = away.ok("DescribeAccount", json!({"AccountId": AWAY}));
        assert_eq!(own, kms.ok("DescribeAccount", json!({"AccountId": AWAY})));
        let only = " on resource: * because only the deployment's first account may do this";
        for id in [HOME, "777788889999"] {
            let answer = away.call("DescribeAccount", json!({"AccountId": id}));
            assert_eq!(answer, Err(away.denied("claviger:DescribeAccount", only)), "{id}");
        }
        let missing = refused("NotFoundException", "The account 777788889999 does not exist.");
        assert_eq!(kms.call("DescribeAccount", json!({"AccountId": "777788889999"})), Err(missing));
    }
}
