//! `ListKeys`: the keys of the account in the Region. Source: API reference, ListKeys.

use claviger_types::{KeyArn, KeyId, StateAt};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Operation, Read};
use crate::page::Page;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The request.
pub struct ListKeys {
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    keys: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// A key of the list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    key_id: KeyId,
    key_arn: KeyArn,
}

impl Operation for ListKeys {
    const NAME: &'static str = "ListKeys";
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        // No key is shared through AWS RAM here: SELF is all that there is.
        let owners = fields.strings("ResourceOwners").unwrap_or_default();
        if let Some(other) = owners.iter().find(|owner| *owner != "SELF") {
            return Err(Error::Unsupported(format!("Claviger does not support ResourceOwners {other} yet.")));
        }
        let page = Page::new(fields.integer("Limit"), fields.string("Marker"), LIMIT_DEFAULT, LIMIT_MAX);
        Ok(Self { page })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListKeys {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        let after = self.page.after::<Self>(facts, "")?;
        let after = after.map(|id| id.parse::<KeyId>().map_err(|_| Error::InvalidMarker)).transpose()?;
        let keys = facts.view.keys_after(facts.region(), facts.account(), after);
        let living = keys.filter(|key| key.state_at(facts.now) != StateAt::Gone);
        let page = self.page.take::<Self, _>(facts, "", living, |key| key.arn.id.to_string())?;
        let keys = page.items.into_iter().map(|key| Entry { key_id: key.arn.id, key_arn: key.arn }).collect();
        Ok(Reply { keys, truncated: page.next.is_some(), next_marker: page.next })
    }
}
