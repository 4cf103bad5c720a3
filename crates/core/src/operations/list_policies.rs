//! `ListPolicies`: the managed policies that there are for the account: its own first, then those of the service.
//! Source: IAM API reference, ListPolicies.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::policies::{self, PolicyShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, PoliciesBelow};
use crate::view::ManagedPolicy;
use crate::wire::Fields;

/// The request.
pub struct ListPolicies {
    path_prefix: Box<str>,
    scope: String,
    usage: Option<String>,
    only_attached: bool,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policies: Members<PolicyShown>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PoliciesBelow;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            path_prefix: fields.string("PathPrefix").unwrap_or_else(|| "/".into()).into(),
            scope: fields.string("Scope").unwrap_or_else(|| "All".into()),
            usage: fields.string("PolicyUsageFilter"),
            only_attached: fields.boolean("OnlyAttached").unwrap_or(false),
            page: listing::page(fields),
        })
    }

    fn target(&self) -> &Box<str> {
        &self.path_prefix
    }
}

impl Read for ListPolicies {
    fn run(&self, facts: &Facts<'_>, _: Authorized<PoliciesBelow>) -> Result<Reply, Error> {
        let usage = self.usage.as_deref().unwrap_or_default();
        let filter = format!("{} {usage} {} {}", self.scope, self.only_attached, self.path_prefix);
        let page = listing::take::<Self, _, _>(&self.page, facts, &filter, |after| {
            policies::all_after(facts, &after).filter(|(_, policy)| self.wants(policy, facts))
        })?;
        let policies = page.items.into_iter().map(|policy| PolicyShown::in_list(policy, facts)).collect();
        Ok(Reply { policies, is_truncated: page.next.is_some(), marker: page.next })
    }
}

impl ListPolicies {
    fn wants(&self, policy: &ManagedPolicy, facts: &Facts<'_>) -> bool {
        let in_scope = match self.scope.as_str() {
            "AWS" => policy.is_of_service(),
            "Local" => !policy.is_of_service(),
            _ => true,
        };
        let attached = || facts.view.attachment_count(facts.account(), &policy.arn) > 0;
        let bounds = || facts.view.boundary_count(facts.account(), &policy.arn) > 0;
        let used = match self.usage.as_deref() {
            Some("PermissionsBoundary") => bounds(),
            Some(_) => attached(),
            None => !self.only_attached || attached() || bounds(),
        };
        in_scope && policy.arn.path.starts_with(&*self.path_prefix) && used
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, statement};

    #[test]
    fn pages_and_filters() {
        let kms = TestKms::new();
        for (name, path) in [("b", "/team/"), ("A", "/"), ("c", "/team/x/")] {
            let document = policy(&statement("Allow", "kms:*", "*"));
            kms.ok("CreatePolicy", json!({"PolicyName": name, "Path": path, "PolicyDocument": document}));
        }
        let arn = "arn:aws:iam::111122223333:policy/A";
        kms.ok("CreateUser", json!({"UserName": "ann", "PermissionsBoundary": arn}));
        let service = crate::view::service_policies::all().map(|policy| policy.arn.name.to_string());
        let all: Vec<String> = ["A", "b", "c"].into_iter().map(str::to_owned).chain(service).collect();
        for items in [1, 2, 3, 4, 1000] {
            let names = |mut body: Value| {
                body["MaxItems"] = json!(items);
                kms.admin().all_pages("ListPolicies", "Policies", "PolicyName", body)
            };
            assert_eq!(names(json!({})), all, "{items}");
            assert_eq!(names(json!({"Scope": "All"})), all, "{items}");
            assert_eq!(names(json!({"Scope": "AWS"})), all[3..], "{items}");
            assert_eq!(names(json!({"Scope": "Local"})), ["A", "b", "c"], "{items}");
            assert_eq!(names(json!({"PathPrefix": "/team/"})), ["b", "c"], "{items}");
            assert_eq!(names(json!({"OnlyAttached": true})), ["A", "AdministratorAccess"], "{items}");
            assert_eq!(names(json!({"PolicyUsageFilter": "PermissionsPolicy"})), ["AdministratorAccess"], "{items}");
            assert_eq!(names(json!({"PolicyUsageFilter": "PermissionsBoundary"})), ["A"], "{items}");
        }
    }

    #[test]
    fn permission() {
        let kms = TestKms::new();
        let caller = kms.admin().user("caller", "");
        let rest = " on resource: policy path / because no identity-based policy allows the iam:ListPolicies action";
        assert_eq!(caller.call("ListPolicies", json!({})), Err(caller.denied("iam:ListPolicies", rest)));
    }
}
