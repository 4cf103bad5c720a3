//! `ListAccounts`: all accounts, or those that lie directly in one parent. Source: models/claviger, ListAccounts.

use claviger_types::{AccountId, ParentId, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::AccountShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ListAccounts {
    parent_id: Option<ParentId>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    accounts: Vec<AccountShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListAccounts {
    const NAME: &'static str = "ListAccounts";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { parent_id: organization::optional(fields, "ParentId")?, page: organization::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListAccounts {
    fn run(&self, facts: &Facts<'_>, _: Authorized<target::Deployment>) -> Result<Reply, Error> {
        let parent = self.parent_id.as_ref().map(|id| organization::parent(id, facts)).transpose()?;
        let parent = parent.map(|unit| unit.map(|unit| &unit.id));
        let filter = self.parent_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let after = self.page.after::<Self>(facts, &filter)?;
        let after: Option<AccountId> = after.map(|id| id.parse().map_err(|_| Error::InvalidMarker)).transpose()?;
        let rest = facts.view.accounts().filter(|account| after.is_none_or(|after| account.id > after));
        let rest = rest.filter(|account| parent.is_none_or(|parent| account.parent.as_ref() == parent));
        let page = self.page.take::<Self, _>(facts, &filter, rest, |account| account.id.to_string())?;
        let accounts = page.items.into_iter().map(|account| AccountShown::new(account, facts));
        Ok(Reply { accounts: accounts.collect::<Result<_, _>>()?, next_token: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::organization::{listed, root, unit};
    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused};

    #[test]
    fn pages_and_parents() {
        let kms = TestKms::new();
        let third = kms.ok("CreateAccount", json!({"Name": "third", "Id": "777788889999"}))["Account"]["Id"].clone();
        let team = unit(&kms, &root(&kms), "team");
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": team}));
        let ids = |body: Value| listed(&kms, "ListAccounts", "Accounts", "Id", body);
        for results in [1, 2, 3, 100] {
            assert_eq!(ids(json!({"MaxResults": results})), [HOME, AWAY, third.as_str().unwrap()], "{results}");
            let below_root = ids(json!({"MaxResults": results, "ParentId": root(&kms)}));
            assert_eq!(below_root, [HOME, third.as_str().unwrap()], "{results}");
            assert_eq!(ids(json!({"MaxResults": results, "ParentId": team})), [AWAY], "{results}");
        }
        let token = kms.ok("ListAccounts", json!({"MaxResults": 1}))["NextToken"].clone();
        let invalid = refused("InvalidMarkerException", "The marker is not valid for this request.");
        for body in [json!({"NextToken": token, "ParentId": team}), json!({"NextToken": "x"})] {
            assert_eq!(kms.call("ListAccounts", body), Err(invalid.clone()));
        }
        let missing = refused("NotFoundException", "The root r-none does not exist.");
        assert_eq!(kms.call("ListAccounts", json!({"ParentId": "r-none"})), Err(missing));
    }
}
