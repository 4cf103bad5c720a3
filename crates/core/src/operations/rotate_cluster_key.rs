//! `RotateClusterKey`: a new version of the cluster key. The domain keys are wrapped again by a job (`jobs::rewrap`).
//! Source: models/claviger, RotateClusterKey.

use claviger_keyring::{ClusterKey, Space};
use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::keys::domain_keys::cluster_key;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::records::ClusterKeyRecord;
use crate::target::{Authorized, Deployment};
use crate::wire::Fields;

/// The request.
pub struct RotateClusterKey;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    cluster_key_version: u32,
}

/// The next version, wrapped by the root of trust.
pub struct Prepared {
    version: u32,
    wrapped: Vec<u8>,
}

impl Operation for RotateClusterKey {
    const NAME: &'static str = "RotateClusterKey";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = Deployment;
    type Reply = Reply;

    fn parse(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self)
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Command for RotateClusterKey {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<Deployment>, tools: &Tools<'_>) -> Result<Prepared, Error> {
        let version = cluster_key(facts.view)?.key.version() + 1;
        let generated = ClusterKey::generate(version, tools.root);
        let (_, wrapped) = generated.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Prepared { version, wrapped })
    }

    fn decide(&self, facts: &Facts<'_>, _: Authorized<Deployment>, new: &Prepared) -> Result<Outcome<Reply>, Error> {
        let current = cluster_key(facts.view)?;
        if current.key.version() + 1 != new.version {
            return Err(Error::AlreadyExists("The cluster key was rotated by somebody else at the same time".into()));
        }
        let now = facts.now.as_millis();
        let retired = ClusterKeyRecord { retired_at: Some(now), ..current.record.clone() };
        let record = ClusterKeyRecord { wrapped: new.wrapped.clone(), created_at: now, retired_at: None };
        let changes = Changes::new(Space::Global)
            .replace(paths::cluster_key(current.key.version()), current.revision, &retired)
            .create(paths::cluster_key(new.version), &record);
        Ok(changes.reply(Reply { cluster_key_version: new.version }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    /// The other node follows; two rotations at once are one.
    #[test]
    fn versions_count_on() {
        let kms = TestKms::new();
        let view = kms.view();
        assert_eq!(kms.ok("RotateClusterKey", json!({})), json!({"ClusterKeyVersion": 2}));
        assert_eq!(kms.ok("RotateClusterKey", json!({})), json!({"ClusterKeyVersion": 3}));
        let answer = kms.admin().call_on(&view, "RotateClusterKey", json!({}));
        let text = "The cluster key was rotated by somebody else at the same time";
        assert_eq!(answer, Err(refused("AlreadyExistsException", text)));
        assert_eq!(kms.view().cluster_keys().filter(|cluster| cluster.record.retired_at.is_none()).count(), 1);
    }
}
