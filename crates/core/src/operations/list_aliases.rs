//! `ListAliases`: the aliases of the account in the Region, or of one key. Source: API reference, ListAliases.

use std::sync::Arc;

use claviger_types::{AliasArn, AliasName, KeyId, Timestamp};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::members::key_id_or_arn;
use crate::operation::{Operation, Read};
use crate::page::Page;
use crate::target::{Account, Asked, Authorized, KeyName, KeyTarget, Target};
use crate::view::Alias;
use crate::wire::Fields;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// The request.
pub struct ListAliases {
    key_id: Option<KeyName>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    aliases: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// An alias of the list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    alias_name: AliasName,
    alias_arn: AliasArn,
    target_key_id: KeyId,
    creation_date: Timestamp,
    last_updated_date: Timestamp,
}

impl Operation for ListAliases {
    const NAME: &'static str = "ListAliases";
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let key_id = fields.present("KeyId").then(|| key_id_or_arn(fields, "KeyId"));
        let page = Page::new(fields.integer("Limit"), fields.string("Marker"), LIMIT_DEFAULT, LIMIT_MAX);
        Ok(Self { key_id, page })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListAliases {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        let (region, account) = (facts.region(), facts.account());
        let asked = Asked { cross_account: false, ..Self::asked() };
        let key = self.key_id.as_ref().map(|name| KeyTarget::resolve(name, asked, facts)).transpose()?;
        let filter = key.as_ref().map(|key| key.0.arn.id.to_string()).unwrap_or_default();
        let after = self.page.after::<Self>(facts, &filter)?;
        let after = after.map(|name| name.parse::<AliasName>().map_err(|_| Error::InvalidMarker)).transpose()?;
        let aliases: Box<dyn Iterator<Item = &Arc<Alias>>> = match &key {
            Some(key) => Box::new(facts.view.aliases_of_key(region, &key.0, after.as_ref())),
            None => Box::new(facts.view.aliases_after(region, account, after.as_ref())),
        };
        // An alias vanishes with its key, at the same moment.
        let living = aliases.filter(|alias| KeyTarget::exists(alias.key_id, facts));
        let page = self.page.take::<Self, _>(facts, &filter, living, |alias| alias.name.to_string())?;
        let entry = |alias: &Arc<Alias>| Entry {
            alias_name: alias.name.clone(),
            alias_arn: AliasArn { region, account, name: alias.name.clone() },
            target_key_id: alias.key_id,
            creation_date: alias.created_at,
            last_updated_date: alias.updated_at,
        };
        let aliases = page.items.into_iter().map(entry).collect();
        Ok(Reply { aliases, truncated: page.next.is_some(), next_marker: page.next })
    }
}
