//! `RotateDomainKeys`: a new version of a domain key of the caller's account. What the old one wraps is wrapped again by
//! a job (`jobs::rewrap`). Source: models/claviger, RotateDomainKeys.

use claviger_keyring::{DomainScope, Space};
use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::keys::domain_keys::{self, NewDomainKey, cluster_key};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::records::DomainKeyRecord;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct RotateDomainKeys {
    part: Part,
}

/// Which of the account's domain keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Global,
    RequestRegion,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    region: String,
    domain_key_version: u32,
}

/// The next version, and the present one marked as retired.
pub struct Prepared {
    new: NewDomainKey,
    retired: Option<DomainKeyRecord>,
}

impl Operation for RotateDomainKeys {
    const NAME: &'static str = "RotateDomainKeys";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let global = fields.string("Space").as_deref() == Some("GLOBAL");
        Ok(Self { part: if global { Part::Global } else { Part::RequestRegion } })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl RotateDomainKeys {
    fn space(&self, facts: &Facts<'_>) -> Space {
        match self.part {
            Part::Global => Space::Global,
            Part::RequestRegion => Space::Region(facts.region()),
        }
    }
}

impl Command for RotateDomainKeys {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<Account>, _: &Tools<'_>) -> Result<Prepared, Error> {
        let scope = DomainScope { account: facts.account(), space: self.space(facts) };
        let cluster = &cluster_key(facts.view)?.key;
        let current = facts.view.domain_key(scope.space, scope.account);
        let retired = current.map(|domain| domain_keys::wrap_again(domain, cluster, true)).transpose()?;
        let version = current.map_or(1, |domain| domain.key.version() + 1);
        Ok(Prepared { new: domain_keys::make(cluster, scope, version, facts.now.as_millis())?, retired })
    }

    fn decide(&self, facts: &Facts<'_>, _: Authorized<Account>, prepared: &Prepared) -> Result<Outcome<Reply>, Error> {
        let space = self.space(facts);
        // A rotation at the same moment shows as a conflict on one of these paths; then both are prepared again.
        let changes = Changes::new(space).create(prepared.new.path().to_owned(), prepared.new.record());
        let current = facts.view.domain_key(space, facts.account());
        let changes = match (current, &prepared.retired) {
            (Some(current), Some(retired)) => changes.replace(domain_keys::path_of(current), current.revision, retired),
            _ => changes,
        };
        let domain_key_version = prepared.new.key().version();
        Ok(changes.reply(Reply { region: paths::space_name(space), domain_key_version }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn of_the_region_or_of_none() {
        let kms = TestKms::new();
        kms.key();
        let west = kms.admin().in_region("eu-west-1");
        for (session, body, want) in [
            (kms.admin(), json!({}), json!({"Region": "us-east-1", "DomainKeyVersion": 2})),
            (kms.admin(), json!({"Space": "REGION"}), json!({"Region": "us-east-1", "DomainKeyVersion": 3})),
            (kms.admin(), json!({"Space": "GLOBAL"}), json!({"Region": "global", "DomainKeyVersion": 2})),
            // There was none yet.
            (west, json!({}), json!({"Region": "eu-west-1", "DomainKeyVersion": 1})),
            (kms.away(), json!({"Space": "GLOBAL"}), json!({"Region": "global", "DomainKeyVersion": 2})),
        ] {
            assert_eq!(session.ok("RotateDomainKeys", body.clone()), want, "{body}");
        }
        assert_eq!(kms.call("RotateDomainKeys", json!({"Space": "ALL"})).unwrap_err().code, "ValidationException");
    }

    /// Who comes second on the same View rotates once more.
    #[test]
    fn twice_on_one_view() {
        let kms = TestKms::new();
        kms.key();
        let view = kms.view();
        for version in [2, 3] {
            let reply = kms.admin().call_on(&view, "RotateDomainKeys", json!({})).unwrap();
            assert_eq!(reply["DomainKeyVersion"], version);
        }
    }
}
