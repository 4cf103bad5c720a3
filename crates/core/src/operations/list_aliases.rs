//! `ListAliases`: the aliases of the account in the Region, or of one key. Source: API reference, ListAliases.

use std::sync::Arc;

use claviger_types::{AliasArn, AliasName, KeyId, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    fn names(reply: &Value) -> Vec<String> {
        let entries = reply["Aliases"].as_array().unwrap().iter();
        entries.map(|entry| entry["AliasName"].as_str().unwrap().to_owned()).collect()
    }

    fn all(kms: &TestKms, mut body: Value) -> Vec<String> {
        let mut listed = Vec::new();
        loop {
            let reply = kms.ok("ListAliases", body.clone());
            listed.extend(names(&reply));
            match reply.get("NextMarker") {
                Some(next) => body["Marker"] = next.clone(),
                None => return listed,
            }
        }
    }

    #[test]
    fn of_the_account_or_of_a_key() {
        let kms = TestKms::new();
        let keys = [kms.key(), kms.key()];
        for (key, name) in [(0, "c"), (1, "b"), (0, "a"), (1, "d"), (0, "A")] {
            kms.ok("CreateAlias", json!({"AliasName": format!("alias/{name}"), "TargetKeyId": keys[key]}));
        }
        let away = kms.away();
        away.ok("CreateAlias", json!({"AliasName": "alias/away", "TargetKeyId": away.key("HMAC_224")}));
        for limit in [1, 2, 5, 1000] {
            let body = json!({"Limit": limit});
            assert_eq!(all(&kms, body), ["alias/A", "alias/a", "alias/b", "alias/c", "alias/d"], "{limit}");
            let body = json!({"Limit": limit, "KeyId": keys[0]});
            assert_eq!(all(&kms, body), ["alias/A", "alias/a", "alias/c"], "{limit}");
        }
        let reply = kms.ok("ListAliases", json!({"KeyId": kms.admin().key_arn(&keys[1])}));
        let entry = &reply["Aliases"][0];
        assert_eq!(entry["AliasArn"], "arn:aws:kms:us-east-1:111122223333:alias/b");
        assert_eq!(entry["TargetKeyId"], keys[1]);
        assert_eq!(entry["CreationDate"], entry["LastUpdatedDate"]);
    }

    /// A marker belongs to the filter too.
    #[test]
    fn a_marker_of_another_key() {
        let kms = TestKms::new();
        let key = kms.key();
        for name in ["alias/a", "alias/b"] {
            kms.ok("CreateAlias", json!({"AliasName": name, "TargetKeyId": key}));
        }
        let marker = kms.ok("ListAliases", json!({"KeyId": key, "Limit": 1}))["NextMarker"].clone();
        let invalid = refused("InvalidMarkerException", "The marker is not valid for this request.");
        for body in [json!({"Marker": marker}), json!({"Marker": marker, "KeyId": kms.key()})] {
            assert_eq!(kms.call("ListAliases", body), Err(invalid.clone()));
        }
    }

    #[test]
    fn aliases_go_with_their_key() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        assert_eq!(all(&kms, json!({})), ["alias/a"]);
        kms.pass(std::time::Duration::from_secs(7 * 86_400));
        assert_eq!(all(&kms, json!({})), [""; 0]);
    }
}
