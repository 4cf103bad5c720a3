//! `ListAccountTags`: the tags of an account. Its own principals may ask for them too. Source: models/claviger,
//! ListAccountTags.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::tags::{self, TagShown};
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{AccountEntry, AccountName, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ListAccountTags {
    account: AccountName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    tags: Vec<TagShown>,
}

impl Operation for ListAccountTags {
    const NAME: &'static str = "ListAccountTags";
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

impl Read for ListAccountTags {
    fn run(&self, facts: &Facts<'_>, target: Authorized<AccountEntry>) -> Result<Reply, Error> {
        Ok(Reply { tags: tags::pairs(&organization::account(target.id, facts)?.tags).map(|(_, tag)| tag).collect() })
    }
}
