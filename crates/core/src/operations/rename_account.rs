//! `RenameAccount`: another name for people; nothing else depends on it. Source: models/claviger, RenameAccount.

use claviger_types::{AccountId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct RenameAccount {
    id: AccountId,
    name: String,
    part: Part,
}

impl Operation for RenameAccount {
    const NAME: &'static str = "RenameAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        let name = organization::required(fields, "Name")?;
        Ok(Self { id, name, part: Part::Target(ControlTarget::Account(id)) })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for RenameAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        Ok(organization::edit_account(account, |record| record.name.clone_from(&self.name)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, TestKms};

    #[test]
    fn only_the_name_changes() {
        let kms = TestKms::new();
        let of_away = json!({"AccountId": AWAY});
        kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": [{"Key": "environment", "Value": "prod"}]}));
        let mut want = kms.ok("DescribeAccount", of_away.clone());
        kms.ok("RenameAccount", json!({"AccountId": AWAY, "Name": "payments"}));
        want["Account"]["Name"] = json!("payments");
        assert_eq!(kms.ok("DescribeAccount", of_away.clone()), want);
        assert_eq!(kms.ok("ListAccountTags", of_away)["Tags"][0]["Value"], "prod");
    }
}
