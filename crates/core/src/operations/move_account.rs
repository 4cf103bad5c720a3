//! `MoveAccount`: an account gets another parent, and with it the control policies above that one. Source:
//! models/claviger, MoveAccount.

use claviger_types::{AccountId, ParentId, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct MoveAccount {
    id: AccountId,
    parent_id: ParentId,
    part: Part,
}

impl Operation for MoveAccount {
    const NAME: &'static str = "MoveAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        let parent_id: ParentId = organization::required(fields, "DestinationParentId")?;
        Ok(Self { id, part: Part::Move(id, parent_id.clone()), parent_id })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for MoveAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        let parent = organization::parent(&self.parent_id, facts)?.map(|unit| unit.id.to_string());
        let changes = organization::change_tree(facts, |_| {})?;
        Ok(organization::write_account(changes, account, |record| record.parent = parent).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::organization::{root, unit};
    use crate::testing::test_events::event_of;
    use crate::testing::test_kms::{AWAY, TestKms, refused, statement};

    #[test]
    fn into_a_unit_and_back() {
        let kms = TestKms::new();
        let parent = || kms.ok("DescribeAccount", json!({"AccountId": AWAY}))["Account"]["ParentId"].clone();
        let root = root(&kms);
        let team = unit(&kms, &root, "team");
        for to in [&team, &team, &root] {
            kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": to}));
            assert_eq!(parent(), *to);
        }
        let answer = kms.call("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": "ou-none-12345678"}));
        let text = "The organizational unit ou-none-12345678 does not exist.";
        assert_eq!(answer, Err(refused("NotFoundException", text)));
    }

    /// Its event names what the request names, and not where the account was: that is nothing for those who are refused.
    #[test]
    fn what_its_event_names() {
        let kms = TestKms::new();
        let root = root(&kms);
        let team = unit(&kms, &root, "team");
        for to in [&root, &team, &team, &root] {
            let commits = kms.store.commits();
            kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": to}));
            let commit = kms.store.commits_since(commits).remove(0);
            let resources = event_of(&commit).1.resources;
            assert_eq!(resources[0], format!("arn:aws:iam::{AWAY}:root"));
            let parents: Vec<_> = resources[1..].iter().map(|arn| arn.rsplit('/').next().unwrap()).collect();
            assert_eq!(parents, [to]);
        }
    }

    /// Who may move the account, but not out of where it is, is not told where that is.
    #[test]
    fn a_refusal_does_not_name_what_the_account_is_moved_out_of() {
        let kms = TestKms::new();
        let root = root(&kms);
        let (from, to) = (unit(&kms, &root, "from"), unit(&kms, &root, "to"));
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": from}));
        let account = format!("arn:aws:iam::{AWAY}:root");
        let everywhere = statement("Allow", "claviger:MoveAccount", "*");
        let not_there = statement("Deny", "*", &format!("arn:aws:organizations::*:ou/*/{from}"));
        let named = [account.clone(), format!("arn:aws:organizations::*:ou/*/{to}")];
        let named = named.map(|resource| statement("Allow", "claviger:MoveAccount", &resource)).join(",");
        for (name, statements, why) in [
            ("denied", [everywhere, not_there].join(","), "with an explicit deny in an identity-based policy"),
            ("lacking", named, "because no identity-based policy allows the claviger:MoveAccount action"),
        ] {
            let caller = kms.admin().user(name, &statements);
            let answer = caller.call("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": to}));
            let text = format!(
                "User: {} is not authorized to perform: claviger:MoveAccount on resource: {account} {why}",
                caller.arn()
            );
            assert_eq!(answer, Err(refused("AccessDeniedException", &text)), "{name}");
        }
    }
}
