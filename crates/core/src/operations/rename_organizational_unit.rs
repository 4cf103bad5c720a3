//! `RenameOrganizationalUnit`: another name for a unit, unique in its parent. Source: models/claviger,
//! RenameOrganizationalUnit.

use claviger_types::{ControlTarget, OrganizationalUnitId, ParentId, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::records::OrganizationalUnitRecord;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct RenameOrganizationalUnit {
    id: OrganizationalUnitId,
    name: String,
    part: Part,
}

impl Operation for RenameOrganizationalUnit {
    const NAME: &'static str = "RenameOrganizationalUnit";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: OrganizationalUnitId = organization::required(fields, "OrganizationalUnitId")?;
        let name = organization::required(fields, "Name")?;
        Ok(Self { part: Part::Target(ControlTarget::Parent(ParentId::Unit(id.clone()))), id, name })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for RenameOrganizationalUnit {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let unit = organization::unit(&self.id, facts)?;
        if *unit.name != *self.name {
            organization::check_unit_name(&self.name, unit.parent.as_ref(), facts)?;
        }
        let record = OrganizationalUnitRecord { name: self.name.clone(), ..unit.to_record() };
        let changes = organization::change_tree(facts, |_| {})?;
        Ok(changes.replace(paths::organizational_unit(&self.id), unit.revision, &record).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{root, unit};
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn to_a_name_that_is_free() {
        let kms = TestKms::new();
        let root = root(&kms);
        let [a, _] = ["a", "b"].map(|name| unit(&kms, &root, name));
        let rename =
            |name: &str| kms.call("RenameOrganizationalUnit", json!({"OrganizationalUnitId": a, "Name": name}));
        let text = format!("An organizational unit named b already exists in {root}.");
        assert_eq!(rename("b"), Err(refused("AlreadyExistsException", &text)));
        assert!(rename("a").is_ok());
        assert!(rename("c").is_ok());
        let described = kms.ok("DescribeOrganizationalUnit", json!({"OrganizationalUnitId": a}));
        assert_eq!(described["OrganizationalUnit"]["Name"], "c");
    }
}
