//! `ListAccessKeys`: the access keys of a user, without their secrets; without a name, of the caller. Source: IAM API
//! reference, ListAccessKeys.

use claviger_types::{ServiceName, Timestamp, UserName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::users;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::records::AccessKeyRecord;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ListAccessKeys {
    user: UserPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    access_key_metadata: Members<Metadata>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// `AccessKeyMetadata`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    user_name: UserName,
    access_key_id: String,
    status: &'static str,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user_or_caller(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for ListAccessKeys {
    fn run(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let filter = user.id.to_string();
        let access_keys = user.access_keys.iter().map(|access_key| (access_key.id.clone(), access_key));
        let page = listing::take_sorted::<Self, _>(&self.page, facts, &filter, access_keys)?;
        let metadata = |access_key: &AccessKeyRecord| Metadata {
            user_name: user.name.clone(),
            access_key_id: access_key.id.clone(),
            status: users::status(access_key.active),
            create_date: Timestamp::from_millis(access_key.created_at),
        };
        let access_key_metadata = page.items.into_iter().map(metadata).collect();
        Ok(Reply { access_key_metadata, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, statement};

    #[test]
    fn without_secrets() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:*", "arn:aws:iam::*:user/ann"));
        let second = ann.ok("CreateAccessKey", json!({}))["AccessKey"]["AccessKeyId"].clone();
        let mut ids = [json!(ann.access_key_id.to_string()), second];
        ids.sort_by_key(ToString::to_string);
        for (caller, name) in [(ann, json!({})), (kms.admin(), json!({"UserName": "ANN"}))] {
            for items in [1, 2] {
                let (mut listed, mut body) = (Vec::new(), name.clone());
                body["MaxItems"] = json!(items);
                loop {
                    let reply = caller.ok("ListAccessKeys", body.clone());
                    for entry in reply["AccessKeyMetadata"].as_array().unwrap() {
                        assert_eq!((&entry["UserName"], &entry["Status"]), (&json!("ann"), &json!("Active")));
                        listed.push(entry["AccessKeyId"].clone());
                    }
                    match reply.get("Marker") {
                        Some(next) => body["Marker"] = next.clone(),
                        None => break,
                    }
                }
                assert_eq!(listed, ids, "{items}");
            }
        }
    }
}
