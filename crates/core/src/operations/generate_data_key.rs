//! `GenerateDataKey`: a fresh key, plain and encrypted. Source: API reference, GenerateDataKey.

use claviger_keyring::{KeyMaterialId, Plaintext};
use claviger_types::KeyArn;
use serde::Serialize;

use crate::error::Error;
use crate::keys::data_keys::DataKeyRequest;
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Use};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget, Materials};
use crate::wire::{Base64, Fields};

/// The request.
pub struct GenerateDataKey(DataKeyRequest);

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    plaintext: Base64<Plaintext>,
    key_id: KeyArn,
    #[serde(serialize_with = "material::id_as_text")]
    key_material_id: KeyMaterialId,
}

impl Operation for GenerateDataKey {
    const NAME: &'static str = "GenerateDataKey";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        DataKeyRequest::parse(fields).map(Self)
    }

    fn target(&self) -> &KeyName {
        &self.0.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.0
    }
}

impl Use for GenerateDataKey {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<KeyTarget>) -> Result<(), Error> {
        self.0.check(&target.0, Self::NAME, facts)
    }

    fn dry_run(&self) -> bool {
        self.0.dry_run
    }

    fn materials(&self, target: &Authorized<KeyTarget>) -> Materials {
        [material::current_id(&target.0), None]
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let data_key = self.0.make(key, facts)?;
        Ok(Reply {
            ciphertext_blob: Base64(data_key.ciphertext),
            plaintext: Base64(data_key.plaintext),
            key_id: key.arn,
            key_material_id: material::current_entry(key)?.material_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, validation, violation};

    /// Source: docs/compatibility.md, order of checks: one of the two, judged after the key was found, before its usage.
    #[test]
    fn lengths() {
        let kms = TestKms::new();
        let (key, hmac) = (kms.key(), kms.admin().key("HMAC_256"));
        let either = validation("Please specify either number of bytes or key spec.");
        let range = |number: u32, rule: &str| {
            violation(&format!(
                "Value '{number}' at 'numberOfBytes' failed to satisfy constraint: Member must have value {rule}"
            ))
        };
        let missing = refused("NotFoundException", "Invalid keyId 'foo'");
        for (body, want) in [
            (json!({"KeyId": key}), either.clone()),
            (json!({"KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 32}), either.clone()),
            (json!({"KeyId": hmac}), either),
            (json!({"KeyId": "foo"}), missing),
            (json!({"KeyId": "foo", "NumberOfBytes": 0}), range(0, "greater than or equal to 1")),
            (json!({"KeyId": key, "NumberOfBytes": 1025}), range(1025, "less than or equal to 1024")),
        ] {
            assert_eq!(kms.call("GenerateDataKey", body.clone()), Err(want), "{body}");
        }
        for (member, value, length) in [
            ("KeySpec", json!("AES_128"), 16),
            ("KeySpec", json!("AES_256"), 32),
            ("NumberOfBytes", json!(1), 1),
            ("NumberOfBytes", json!(1024), 1024),
        ] {
            let reply =
                kms.ok("GenerateDataKey", json!({"KeyId": key, member: value, "EncryptionContext": {"a": "b"}}));
            let opened = json!({"CiphertextBlob": reply["CiphertextBlob"], "EncryptionContext": {"a": "b"}});
            let opened = kms.ok("Decrypt", opened);
            assert_eq!(STANDARD.decode(opened["Plaintext"].as_str().unwrap()).unwrap().len(), length, "{value}");
            assert_eq!(reply["KeyId"], kms.admin().key_arn(&key));
            assert_eq!(reply["KeyMaterialId"], opened["KeyMaterialId"]);
            assert_eq!(reply["Plaintext"], opened["Plaintext"]);
        }
    }
}
