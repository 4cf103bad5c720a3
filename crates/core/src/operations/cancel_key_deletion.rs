//! `CancelKeyDeletion`: the key exists on, disabled. Source: API reference, CancelKeyDeletion.

use claviger_types::{KeyArn, Transition};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::change_state;
use crate::keys::edits::edit;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct CancelKeyDeletion {
    key_id: KeyName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyArn,
}

impl Operation for CancelKeyDeletion {
    const NAME: &'static str = "CancelKeyDeletion";
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl PlainCommand for CancelKeyDeletion {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<Reply>, Error> {
        let state = change_state(&target.0, Transition::CancelDeletion, facts)?;
        Ok(edit(&target.0, |record| record.state = state.into()).reply(Reply { key_id: target.0.arn }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn the_key_is_there_again_disabled() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        let reply = kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
        assert_eq!(reply, json!({"KeyId": kms.admin().key_arn(&key)}));
        let metadata = &kms.ok("DescribeKey", json!({"KeyId": "alias/a"}))["KeyMetadata"];
        assert_eq!((&metadata["KeyState"], &metadata["Enabled"]), (&json!("Disabled"), &json!(false)));
        assert_eq!(metadata.get("DeletionDate"), None);
    }
}
