//! `ReopenAccount`: a closed account is as it was. Source: models/claviger, ReopenAccount.

use claviger_types::{AccountId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct ReopenAccount {
    id: AccountId,
    part: Part,
}

impl Operation for ReopenAccount {
    const NAME: &'static str = "ReopenAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        Ok(Self { id, part: Part::Target(ControlTarget::Account(id)) })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for ReopenAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        if account.closed_at.is_none() {
            return Err(Error::ConstraintViolation(format!("The account {} is not closed.", self.id)));
        }
        Ok(organization::edit_account(account, |record| record.closed_at = None).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused};

    /// What was to be deleted meanwhile is deleted; everything else is there.
    #[test]
    fn a_deletion_that_was_due_meanwhile() {
        let kms = TestKms::new();
        let (kept, deleted) = (kms.away().key("SYMMETRIC_DEFAULT"), kms.away().key("SYMMETRIC_DEFAULT"));
        kms.away().ok("ScheduleKeyDeletion", json!({"KeyId": deleted, "PendingWindowInDays": 7}));
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        kms.pass(std::time::Duration::from_secs(7 * 86_400));
        kms.block_on(crate::jobs::persist(kms.service()));
        kms.ok("ReopenAccount", json!({"AccountId": AWAY}));
        let keys = kms.away().ok("ListKeys", json!({}))["Keys"].clone();
        assert_eq!(keys.as_array().unwrap().iter().map(|key| &key["KeyId"]).collect::<Vec<_>>(), [&json!(kept)]);
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        for (id, want) in [
            (HOME, refused("ConstraintViolationException", &format!("The account {HOME} is not closed."))),
            ("777788889999", refused("NotFoundException", "The account 777788889999 does not exist.")),
        ] {
            assert_eq!(kms.call("ReopenAccount", json!({"AccountId": id})), Err(want), "{id}");
        }
    }
}
