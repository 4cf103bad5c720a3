//! `ListInstanceProfilesForRole`: none: there are no instances here. Tools ask before they delete a role. Source: IAM
//! API reference, ListInstanceProfilesForRole.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct ListInstanceProfilesForRole {
    role: RolePlace,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    instance_profiles: Members<()>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, page: listing::page(fields) })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl Read for ListInstanceProfilesForRole {
    fn run(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Reply, Error> {
        let role = target.existing()?;
        let none = std::iter::empty::<(String, ())>();
        let page = listing::take_sorted::<Self, _>(&self.page, facts, role.id.as_str(), none)?;
        let instance_profiles = page.items.into_iter().collect();
        Ok(Reply { instance_profiles, is_truncated: page.next.is_some(), marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn none() {
        let kms = TestKms::new();
        kms.role("x");
        let answer = kms.ok("ListInstanceProfilesForRole", json!({"RoleName": "x"}));
        assert_eq!(answer, json!({"InstanceProfiles": [], "IsTruncated": false}));
        assert!(kms.call("ListInstanceProfilesForRole", json!({"RoleName": "y"})).is_err());
    }
}
