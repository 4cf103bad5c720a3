//! `ListOrganizationalUnits`: all units, or those that lie directly in one parent. Source: models/claviger,
//! ListOrganizationalUnits.

use claviger_types::{ParentId, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::UnitShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ListOrganizationalUnits {
    parent_id: Option<ParentId>,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    organizational_units: Vec<UnitShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListOrganizationalUnits {
    const NAME: &'static str = "ListOrganizationalUnits";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { parent_id: organization::optional(fields, "ParentId")?, page: organization::page(fields) })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for ListOrganizationalUnits {
    fn run(&self, facts: &Facts<'_>, _: Authorized<target::Deployment>) -> Result<Reply, Error> {
        let parent = self.parent_id.as_ref().map(|id| organization::parent(id, facts)).transpose()?;
        let parent = parent.map(|unit| unit.map(|unit| &unit.id));
        let filter = self.parent_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let after = self.page.after::<Self>(facts, &filter)?;
        let rest = facts.view.organizational_units();
        let rest = rest.filter(|unit| after.as_deref().is_none_or(|after| unit.id.as_str() > after));
        let rest = rest.filter(|unit| parent.is_none_or(|parent| unit.parent.as_ref() == parent));
        let page = self.page.take::<Self, _>(facts, &filter, rest, |unit| unit.id.to_string())?;
        let units = page.items.into_iter().map(|unit| UnitShown::new(unit, facts));
        Ok(Reply { organizational_units: units.collect::<Result<_, _>>()?, next_token: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::organization::{listed, root, unit};
    use crate::testing::test_kms::TestKms;

    #[test]
    fn pages_and_parents() {
        let kms = TestKms::new();
        let root = root(&kms);
        let mut outer = ["a", "b", "c"].map(|name| unit(&kms, &root, name));
        let inner = unit(&kms, &outer[0], "inner");
        outer.sort();
        let mut all: Vec<String> = outer.iter().chain([&inner]).cloned().collect();
        all.sort();
        let ids = |body: Value| listed(&kms, "ListOrganizationalUnits", "OrganizationalUnits", "Id", body);
        for results in [1, 2, 4, 100] {
            assert_eq!(ids(json!({"MaxResults": results})), all, "{results}");
            assert_eq!(ids(json!({"MaxResults": results, "ParentId": root})), outer, "{results}");
            let of_inner = inner.clone();
            assert_eq!(ids(json!({"MaxResults": results, "ParentId": of_inner})), [""; 0], "{results}");
        }
    }
}
