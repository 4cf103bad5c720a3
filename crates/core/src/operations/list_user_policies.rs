//! `ListUserPolicies`: the names of a user's inline policies. Source: IAM API reference, ListUserPolicies.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::{inline, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ListUserPolicies {
    user: UserPlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_names: Members<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListUserPolicies {
    const NAME: &'static str = "ListUserPolicies";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for ListUserPolicies {
    fn run(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let filter = user.id.to_string();
        let page = listing::take_sorted::<Self, _>(&self.page, facts, &filter, inline::names(user))?;
        let policy_names = page.items.into_iter().collect();
        Ok(Reply { policy_names, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn pages() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        for name in ["c", "B", "a", "d"] {
            let document = policy(&statement("Allow", "kms:*", "*"));
            kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": name, "PolicyDocument": document}));
        }
        for items in [1, 3, 4, 1000] {
            let (mut names, mut body) = (Vec::new(), json!({"UserName": "ann", "MaxItems": items}));
            loop {
                let reply = kms.ok("ListUserPolicies", body.clone());
                names.extend(reply["PolicyNames"].as_array().unwrap().clone());
                match reply.get("Marker") {
                    Some(next) => body["Marker"] = next.clone(),
                    None => break,
                }
            }
            assert_eq!(names, ["B", "a", "c", "d"], "{items}");
        }
        kms.ok("CreateUser", json!({"UserName": "bob"}));
        let none = json!({"PolicyNames": [], "IsTruncated": false});
        assert_eq!(kms.ok("ListUserPolicies", json!({"UserName": "bob"})), none);
    }
}
