//! `ListKeys`: the keys of the account in the Region. Source: API reference, ListKeys.

use claviger_types::{KeyArn, KeyId, StateAt};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn pages() {
        let kms = TestKms::new();
        let mut keys: Vec<_> = (0..7).map(|_| kms.key()).collect();
        keys.sort();
        kms.away().key("HMAC_224");
        kms.admin().in_region("eu-west-1").key("HMAC_224");
        for limit in [1, 2, 3, 6, 7, 8, 1000] {
            let mut listed = Vec::new();
            let mut marker = json!(null);
            loop {
                let reply = kms.ok("ListKeys", json!({"Limit": limit, "Marker": marker}));
                let page = reply["Keys"].as_array().unwrap();
                assert!(page.len() <= limit);
                for entry in page {
                    let id = entry["KeyId"].as_str().unwrap();
                    assert_eq!(entry["KeyArn"], kms.admin().key_arn(id));
                    listed.push(id.to_owned());
                }
                assert_eq!(reply["Truncated"], reply.get("NextMarker").is_some());
                match reply.get("NextMarker") {
                    Some(next) => marker = next.clone(),
                    None => break,
                }
            }
            assert_eq!(listed, keys, "pages of {limit}");
        }
    }

    /// A marker is one caller account's, Region's and operation's, and cannot be made up.
    #[test]
    fn markers_of_something_else() {
        let kms = TestKms::new();
        (0..2).for_each(|number| {
            let target = kms.key();
            kms.ok("CreateAlias", json!({"AliasName": format!("alias/{number}"), "TargetKeyId": target}));
        });
        let marker = kms.ok("ListKeys", json!({"Limit": 1}))["NextMarker"].as_str().unwrap().to_owned();
        kms.ok("ListKeys", json!({"Marker": marker}));
        let of_aliases = kms.ok("ListAliases", json!({"Limit": 1}))["NextMarker"].as_str().unwrap().to_owned();
        let mut altered = marker.clone().into_bytes();
        altered[30] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        let invalid = refused("InvalidMarkerException", "The marker is not valid for this request.");
        let (away, west) = (kms.away(), kms.admin().in_region("eu-west-1"));
        for (caller, marker) in [
            (kms.admin(), &of_aliases),
            (kms.admin(), &altered),
            (kms.admin(), &"x".into()),
            (away, &marker),
            (west, &marker),
        ] {
            assert_eq!(caller.call("ListKeys", json!({"Marker": marker})).as_ref(), Err(&invalid), "{marker}");
        }
        // The marker outlives the key of the cluster that sealed it, for as long as that is kept.
        kms.ok("RotateClusterKey", json!({}));
        assert_eq!(kms.ok("ListKeys", json!({"Marker": marker}))["Keys"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn keys_that_are_gone_are_not_listed() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        assert_eq!(kms.ok("ListKeys", json!({"ResourceOwners": ["SELF"]}))["Keys"].as_array().unwrap().len(), 1);
        kms.pass(std::time::Duration::from_secs(7 * 86_400));
        assert_eq!(kms.ok("ListKeys", json!({}))["Keys"], json!([]));
    }
}
