//! `RotateAuditKey`: a new audit key signs the audit log. The log's writer takes it over, then a job deletes the old
//! one (`jobs::audit_keys`). Source: models/claviger, RotateAuditKey.

use claviger_keyring::Space;
use claviger_tlog::VerifierKey;
use claviger_types::ServiceName;
use serde::Serialize;

use crate::audit::{audit_key, origin};
use crate::error::Error;
use crate::keys::domain_keys::cluster_key;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::records::AuditKeyRecord;
use crate::target::{Authorized, Deployment};
use crate::view::View;
use crate::wire::Fields;

/// The request.
pub struct RotateAuditKey;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    audit_key_version: u32,
    verifier_key: String,
}

/// The next version, wrapped by the cluster key, and its public key.
pub struct Prepared {
    version: u32,
    record: AuditKeyRecord,
    verifier_key: String,
}

impl Operation for RotateAuditKey {
    const NAME: &'static str = "RotateAuditKey";
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

impl Command for RotateAuditKey {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<Deployment>, _: &Tools<'_>) -> Result<Prepared, Error> {
        let version = next_version(facts.view)?;
        let deployment = facts.view.deployment().ok_or_else(|| Error::Internal("the store is empty".into()))?;
        let origin = origin(deployment).map_err(|error| Error::Internal(error.to_string()))?;
        let (key, record) = audit_key::make(&cluster_key(facts.view)?.key, version, facts.call.authenticated_at)?;
        let verifier_key = VerifierKey::new(origin, key.public_key()).to_string();
        Ok(Prepared { version, record, verifier_key })
    }

    fn decide(&self, facts: &Facts<'_>, _: Authorized<Deployment>, new: &Prepared) -> Result<Outcome<Reply>, Error> {
        if next_version(facts.view)? != new.version {
            return Err(in_progress());
        }
        let changes = Changes::new(Space::Global).create(paths::audit_key(new.version), &new.record);
        Ok(changes.reply(Reply { audit_key_version: new.version, verifier_key: new.verifier_key.clone() }))
    }
}

/// One rotation at a time: every key that was answered is to sign, and there are never more than two.
fn next_version(view: &View) -> Result<u32, Error> {
    let mut keys = view.audit_keys();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key.key.version() + 1),
        _ => Err(in_progress()),
    }
}

fn in_progress() -> Error {
    Error::AlreadyExists("The audit key is being rotated already. Try again in a few seconds".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn one_rotation_at_a_time() {
        let kms = TestKms::new();
        let (view, first) = (kms.view(), kms.view().audit_keys().next().unwrap().key.public_key());
        let answer = kms.ok("RotateAuditKey", json!({}));
        assert_eq!(answer["AuditKeyVersion"], 2);
        assert!(answer["VerifierKey"].as_str().unwrap().starts_with("claviger/"), "{answer}");
        let text = "The audit key is being rotated already. Try again in a few seconds";
        let refusal = Err(refused("AlreadyExistsException", text));
        assert_eq!(kms.admin().call("RotateAuditKey", json!({})), refusal);
        assert_eq!(kms.admin().call_on(&view, "RotateAuditKey", json!({})), refusal, "at the same time");
        let keys: Vec<_> = kms.view().audit_keys().map(|stored| stored.key.public_key()).collect();
        assert!(keys.len() == 2 && keys[0] == first && keys[1] != first);
    }
}
