//! `GetAccountAuthorizationDetails`: all users, groups, roles and policies of the account with all that they hold.
//! Source: IAM API reference, GetAccountAuthorizationDetails.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::details::{self, Detail, GroupDetail, ManagedPolicyDetail, RoleDetail, UserDetail};
use crate::identity::listing::{self, Members};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct GetAccountAuthorizationDetails {
    kinds: Vec<String>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user_detail_list: Members<UserDetail>,
    group_detail_list: Members<GroupDetail>,
    role_detail_list: Members<RoleDetail>,
    policies: Members<ManagedPolicyDetail>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { kinds: fields.strings("Filter").unwrap_or_default(), page: listing::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for GetAccountAuthorizationDetails {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        let filter = self.kinds.join(" ");
        let page = listing::take::<Self, _, _>(&self.page, facts, &filter, |after| {
            details::all_after(facts, after).filter(|(_, detail)| self.wants(detail))
        })?;
        let details = &page.items;
        Ok(Reply {
            user_detail_list: details.iter().filter_map(|detail| detail.user(facts)).collect(),
            group_detail_list: details.iter().filter_map(Detail::group).collect(),
            role_detail_list: details.iter().filter_map(|detail| detail.role(facts)).collect(),
            policies: details.iter().filter_map(|detail| detail.policy(facts)).collect(),
            is_truncated: page.next.is_some(),
            marker: page.next,
        })
    }
}

impl GetAccountAuthorizationDetails {
    fn wants(&self, detail: &Detail<'_>) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == detail.kind())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, statement};

    #[test]
    fn everything_by_pages_and_kinds() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        kms.policy("q", &statement("Allow", "kms:*", "*"));
        kms.role("r");
        kms.admin().user("ann", &statement("Allow", "kms:ListKeys", "*"));
        kms.ok("CreateGroup", json!({"GroupName": "g"}));
        kms.ok("AddUserToGroup", json!({"GroupName": "g", "UserName": "ann"}));
        kms.ok("AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn}));
        let whole = kms.ok("GetAccountAuthorizationDetails", json!({}));
        let ann = &whole["UserDetailList"][1];
        assert_eq!((&ann["UserName"], &ann["GroupList"]), (&json!("ann"), &json!(["g"])));
        assert_eq!(ann["UserPolicyList"][0]["PolicyName"], "p");
        let attached = json!([{"PolicyName": "p", "PolicyArn": arn}]);
        assert_eq!(whole["GroupDetailList"][0]["AttachedManagedPolicies"], attached);
        assert_eq!(whole["RoleDetailList"][0]["RoleName"], "r");
        for items in [1, 2, 3, 7] {
            for (kinds, users, groups, roles, policies) in [
                (json!([]), &["admin", "ann"][..], &["g"][..], &["r"][..], &["p", "q", "AdministratorAccess"][..]),
                (json!(["User", "Role"]), &["admin", "ann"], &[], &["r"], &[]),
                (json!(["LocalManagedPolicy"]), &[], &[], &[], &["p", "q"]),
                (json!(["AWSManagedPolicy", "Group"]), &[], &["g"], &[], &["AdministratorAccess"]),
            ] {
                let names = |list: &str, member: &str| {
                    let body = json!({"Filter": kinds, "MaxItems": items});
                    kms.admin().all_pages("GetAccountAuthorizationDetails", list, member, body)
                };
                assert_eq!(names("UserDetailList", "UserName"), users, "{items} {kinds}");
                assert_eq!(names("GroupDetailList", "GroupName"), groups, "{items} {kinds}");
                assert_eq!(names("RoleDetailList", "RoleName"), roles, "{items} {kinds}");
                assert_eq!(names("Policies", "PolicyName"), policies, "{items} {kinds}");
            }
        }
    }
}
