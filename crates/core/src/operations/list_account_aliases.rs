//! `ListAccountAliases`: the name of the account at sign-in, if it has one. Source: IAM API reference,
//! ListAccountAliases.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::account_aliases;
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ListAccountAliases {
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    account_aliases: Members<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { page: listing::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListAccountAliases {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        let alias = account_aliases::account(facts)?.alias.iter().map(|alias| (alias.clone(), alias.clone()));
        let page = listing::take_sorted::<Self, _>(&self.page, facts, "", alias)?;
        let account_aliases = page.items.into_iter().collect();
        Ok(Reply { account_aliases, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn none_or_one() {
        let kms = TestKms::new();
        let listed = || kms.ok("ListAccountAliases", json!({}));
        assert_eq!(listed(), json!({"AccountAliases": [], "IsTruncated": false}));
        kms.ok("CreateAccountAlias", json!({"AccountAlias": "our-company"}));
        assert_eq!(listed(), json!({"AccountAliases": ["our-company"], "IsTruncated": false}));
    }
}
