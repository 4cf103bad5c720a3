//! `CreateOrganizationalUnit`: a unit in the root or in another unit, five levels deep at most. Source:
//! models/claviger, CreateOrganizationalUnit.

use claviger_types::{ControlTarget, OrganizationalUnitId, ParentId, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::organization;
use crate::organization::shown::UnitShown;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::records::OrganizationalUnitRecord;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::view::control_policies::FULL_ACCESS;
use crate::wire::Fields;

/// The request.
pub struct CreateOrganizationalUnit {
    parent_id: ParentId,
    name: String,
    part: Part,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    organizational_unit: UnitShown,
}

impl Operation for CreateOrganizationalUnit {
    const NAME: &'static str = "CreateOrganizationalUnit";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let parent_id: ParentId = organization::required(fields, "ParentId")?;
        let name = organization::required(fields, "Name")?;
        Ok(Self { part: Part::Target(ControlTarget::Parent(parent_id.clone())), parent_id, name })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl Command for CreateOrganizationalUnit {
    type Prepared = OrganizationalUnitId;

    fn prepare(
        &self,
        facts: &Facts<'_>,
        _: &Authorized<OrganizationPart>,
        _: &Tools<'_>,
    ) -> Result<OrganizationalUnitId, Error> {
        let root = &organization::organization(facts)?.root;
        Ok(OrganizationalUnitId::from_random(root, claviger_keyring::random()?))
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        _: Authorized<OrganizationPart>,
        id: &OrganizationalUnitId,
    ) -> Result<Outcome<Reply>, Error> {
        let parent = organization::parent(&self.parent_id, facts)?.map(|unit| unit.id.clone());
        let depth = std::iter::successors(parent.as_ref(), |id| facts.view.organizational_unit(id)?.parent.as_ref());
        if depth.count() >= limits::ORGANIZATIONAL_UNIT_DEPTH_MAX {
            let limit = limits::ORGANIZATIONAL_UNIT_DEPTH_MAX;
            return Err(Error::ConstraintViolation(format!("Organizational units cannot be more than {limit} deep.")));
        }
        if facts.view.organizational_units().count() >= limits::ORGANIZATIONAL_UNITS_MAX {
            let limit = limits::ORGANIZATIONAL_UNITS_MAX;
            return Err(Error::LimitExceeded(format!("The organization has {limit} organizational units already.")));
        }
        organization::check_unit_name(&self.name, parent.as_ref(), facts)?;
        let record = OrganizationalUnitRecord {
            name: self.name.clone(),
            parent: parent.map(|id| id.to_string()),
            created_at: facts.now.as_millis(),
            policies: vec![FULL_ACCESS.to_owned()],
        };
        let shown = UnitShown::made(id.clone(), &self.name, self.parent_id.clone(), facts.now, facts)?;
        let changes = organization::change_tree(facts, |_| {})?.create(paths::organizational_unit(id), &record);
        Ok(changes.making(shown.arn()).reply(Reply { organizational_unit: shown }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{root, unit};
    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn names_are_unique_in_their_parent() {
        let kms = TestKms::new();
        let root = root(&kms);
        let team = unit(&kms, &root, "team");
        unit(&kms, &team, "team");
        unit(&kms, &root, "Team");
        let answer = kms.call("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "team"}));
        let text = format!("An organizational unit named team already exists in {root}.");
        assert_eq!(answer, Err(refused("AlreadyExistsException", &text)));
    }

    #[test]
    fn five_levels_and_no_more() {
        let kms = TestKms::new();
        let deepest = (1..=5).fold(root(&kms), |parent, level| unit(&kms, &parent, &format!("level {level}")));
        let answer = kms.call("CreateOrganizationalUnit", json!({"ParentId": deepest, "Name": "6"}));
        let text = "Organizational units cannot be more than 5 deep.";
        assert_eq!(answer, Err(refused("ConstraintViolationException", text)));
    }
}
