//! `GetKeyRotationStatus`: whether a key's material rotates by itself. Source: API reference, GetKeyRotationStatus.

use claviger_types::KeyId;
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct GetKeyRotationStatus {
    key_id: KeyName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyId,
    key_rotation_enabled: bool,
}

impl Operation for GetKeyRotationStatus {
    const NAME: &'static str = "GetKeyRotationStatus";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Read for GetKeyRotationStatus {
    /// There is no operation that turns rotation on, so it is off for each key: of any kind and in any state.
    fn run(&self, _: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        Ok(Reply { key_id: target.0.arn.id, key_rotation_enabled: false })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    /// Source: docs/compatibility.md, GetKeyRotationStatus.
    #[test]
    fn no_key_rotates_by_itself() {
        let kms = TestKms::new();
        for key in [kms.key(), kms.admin().key("HMAC_512")] {
            let status = || kms.ok("GetKeyRotationStatus", json!({"KeyId": kms.admin().key_arn(&key)}));
            assert_eq!(status(), json!({"KeyId": key, "KeyRotationEnabled": false}));
            for change in ["DisableKey", "ScheduleKeyDeletion"] {
                kms.ok(change, json!({"KeyId": key}));
                assert_eq!(status(), json!({"KeyId": key, "KeyRotationEnabled": false}), "{change}");
            }
        }
    }
}
