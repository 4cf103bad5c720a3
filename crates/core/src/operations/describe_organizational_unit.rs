//! `DescribeOrganizationalUnit`: one unit. Source: models/claviger, DescribeOrganizationalUnit.

use claviger_types::{ControlTarget, OrganizationalUnitId, ParentId, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::UnitShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct DescribeOrganizationalUnit {
    id: OrganizationalUnitId,
    part: Part,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    organizational_unit: UnitShown,
}

impl Operation for DescribeOrganizationalUnit {
    const NAME: &'static str = "DescribeOrganizationalUnit";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: OrganizationalUnitId = organization::required(fields, "OrganizationalUnitId")?;
        Ok(Self { part: Part::Target(ControlTarget::Parent(ParentId::Unit(id.clone()))), id })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl Read for DescribeOrganizationalUnit {
    fn run(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Reply, Error> {
        Ok(Reply { organizational_unit: UnitShown::new(organization::unit(&self.id, facts)?, facts)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::root;
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn what_was_made_is_described() {
        let kms = TestKms::new();
        let made = kms.ok("CreateOrganizationalUnit", json!({"ParentId": root(&kms), "Name": "team"}));
        let id = made["OrganizationalUnit"]["Id"].as_str().unwrap();
        assert_eq!(kms.ok("DescribeOrganizationalUnit", json!({"OrganizationalUnitId": id})), made);
        let organization = kms.ok("DescribeOrganization", json!({}))["Organization"]["Id"].clone();
        let arn = format!("arn:aws:organizations::111122223333:ou/{}/{id}", organization.as_str().unwrap());
        assert_eq!(made["OrganizationalUnit"]["Arn"], arn);
        let answer = kms.call("DescribeOrganizationalUnit", json!({"OrganizationalUnitId": "ou-none-12345678"}));
        let text = "The organizational unit ou-none-12345678 does not exist.";
        assert_eq!(answer, Err(refused("NotFoundException", text)));
    }
}
