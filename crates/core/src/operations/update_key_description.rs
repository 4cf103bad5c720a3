//! `UpdateKeyDescription`: the key's free text. Source: API reference, UpdateKeyDescription.

use crate::error::Error;
use crate::keys::checks::check_not_pending_deletion;
use crate::keys::edits::edit;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct UpdateKeyDescription {
    key_id: KeyName,
    description: String,
}

impl Operation for UpdateKeyDescription {
    const NAME: &'static str = "UpdateKeyDescription";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let description = fields.string("Description").unwrap_or_default();
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), description })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl PlainCommand for UpdateKeyDescription {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        check_not_pending_deletion(&target.0, facts)?;
        Ok(edit(&target.0, |record| record.description.clone_from(&self.description)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::TestKms;

    #[test]
    fn lengths() {
        let kms = TestKms::new();
        let key = kms.key();
        for length in [0, 1, 8192] {
            let description = "é".repeat(length);
            let body = json!({"KeyId": key, "Description": description});
            assert_eq!(kms.ok("UpdateKeyDescription", body), Value::Null);
            let metadata = kms.ok("DescribeKey", json!({"KeyId": key}));
            assert_eq!(metadata["KeyMetadata"]["Description"], description);
        }
        let answer = kms.call("UpdateKeyDescription", json!({"KeyId": key, "Description": "x".repeat(8193)}));
        assert_eq!(answer.unwrap_err().code, "ValidationException");
    }
}
