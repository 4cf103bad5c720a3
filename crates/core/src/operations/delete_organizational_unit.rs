//! `DeleteOrganizationalUnit`: a unit goes in which nothing lies any more, with what was attached to it. Source:
//! models/claviger, DeleteOrganizationalUnit.

use claviger_types::{ControlTarget, OrganizationalUnitId, ParentId, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct DeleteOrganizationalUnit {
    id: OrganizationalUnitId,
    part: Part,
}

impl Operation for DeleteOrganizationalUnit {
    const NAME: &'static str = "DeleteOrganizationalUnit";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id: OrganizationalUnitId = organization::required(fields, "OrganizationalUnitId")?;
        Ok(Self { part: Part::Target(ControlTarget::Parent(ParentId::Unit(id.clone()))), id })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for DeleteOrganizationalUnit {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let unit = organization::unit(&self.id, facts)?;
        let has_accounts = facts.view.accounts().any(|account| account.parent.as_ref() == Some(&self.id));
        let has_units = facts.view.organizational_units().any(|unit| unit.parent.as_ref() == Some(&self.id));
        if has_accounts || has_units {
            return Err(Error::DeleteConflict(format!("The organizational unit {} is not empty.", self.id)));
        }
        let changes = organization::change_tree(facts, |_| {})?;
        Ok(changes.delete(paths::organizational_unit(&self.id), unit.revision).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{root, unit};
    use crate::testing::test_kms::{AWAY, TestKms, refused};

    #[test]
    fn only_when_nothing_lies_in_it() {
        let kms = TestKms::new();
        let root = root(&kms);
        let outer = unit(&kms, &root, "outer");
        let inner = unit(&kms, &outer, "inner");
        let delete = |id: &str| kms.call("DeleteOrganizationalUnit", json!({"OrganizationalUnitId": id})).err();
        let not_empty =
            |id: &str| Some(refused("ConflictException", &format!("The organizational unit {id} is not empty.")));
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": inner}));
        assert_eq!(delete(&outer), not_empty(&outer));
        assert_eq!(delete(&inner), not_empty(&inner));
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": root}));
        assert_eq!(delete(&inner), None);
        assert_eq!(delete(&outer), None);
        let gone = refused("NotFoundException", &format!("The organizational unit {outer} does not exist."));
        assert_eq!(delete(&outer), Some(gone));
    }
}
