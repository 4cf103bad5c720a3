//! `ListUsers`: the users of the account, or those below a path. Source: IAM API reference, ListUsers.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::users::UserShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, EntitiesBelow};
use crate::view::User;
use crate::wire::Fields;

/// The request.
pub struct ListUsers {
    path_prefix: Box<str>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    users: Members<UserShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = EntitiesBelow<User>;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let path_prefix = fields.string("PathPrefix").unwrap_or_else(|| "/".into());
        Ok(Self { path_prefix: path_prefix.into(), page: listing::page(fields) })
    }

    fn target(&self) -> &Box<str> {
        &self.path_prefix
    }
}

impl Read for ListUsers {
    fn run(&self, facts: &Facts<'_>, _: Authorized<EntitiesBelow<User>>) -> Result<Reply, Error> {
        // No name is empty, so every user comes after the empty one.
        let page = listing::take::<Self, _, _>(&self.page, facts, &self.path_prefix, |after| {
            let all = facts.view.users_after(facts.account(), &after);
            let below = all.filter(|user| user.path.starts_with(&*self.path_prefix));
            below.map(|user| (user.name.folded(), user))
        })?;
        let users = page.items.into_iter().map(|user| UserShown::in_list(user)).collect();
        Ok(Reply { users, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{Session, TestKms, refused};

    fn names(session: Session<'_>, mut body: Value) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let reply = session.ok("ListUsers", body.clone());
            let users = reply["Users"].as_array().unwrap().iter();
            names.extend(users.map(|user| user["UserName"].as_str().unwrap().to_owned()));
            assert_eq!(reply["IsTruncated"], reply.get("Marker").is_some());
            match reply.get("Marker") {
                Some(next) => body["Marker"] = next.clone(),
                None => return names,
            }
        }
    }

    #[test]
    fn pages_and_paths() {
        let kms = TestKms::new();
        for (name, path) in [("bob", "/team/"), ("Ann", "/team/a/"), ("eve", "/teams/"), ("dan", "/")] {
            kms.ok("CreateUser", json!({"UserName": name, "Path": path}));
        }
        for items in [1, 2, 4, 5, 1000] {
            let list = |prefix: &str| names(kms.admin(), json!({"MaxItems": items, "PathPrefix": prefix}));
            assert_eq!(list("/"), ["admin", "Ann", "bob", "dan", "eve"], "{items}");
            assert_eq!(list("/team/"), ["Ann", "bob"], "{items}");
            assert_eq!(list("/team"), ["Ann", "bob", "eve"], "{items}");
            assert_eq!(list("/none/"), [""; 0], "{items}");
        }
        assert_eq!(names(kms.away(), json!({})), ["admin"]);
    }

    #[test]
    fn a_marker_of_another_path() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "bob"}));
        let marker = kms.ok("ListUsers", json!({"MaxItems": 1}))["Marker"].clone();
        let invalid = refused("ValidationError", "The marker is not valid for this request.");
        for body in [json!({"Marker": marker, "PathPrefix": "/a"}), json!({"Marker": "x"})] {
            assert_eq!(kms.call("ListUsers", body), Err(invalid.clone()));
        }
    }
}
