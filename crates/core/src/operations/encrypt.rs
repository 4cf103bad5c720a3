//! `Encrypt`: up to 4,096 bytes, bound to an encryption context. Source: API reference, Encrypt.

use std::borrow::Cow;

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn, KeyUsage};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{
    dry_run, encryption_algorithm, encryption_context, grant_tokens, key_name, required_blob,
};
use crate::pipeline::operation::{Operation, Use};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget, Materials};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct Encrypt {
    key_id: KeyName,
    plaintext: Blob,
    encryption_context: EncryptionContext,
    algorithm: Cow<'static, str>,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    key_id: KeyArn,
    encryption_algorithm: EncryptionAlgorithm,
}

impl Operation for Encrypt {
    const NAME: &'static str = "Encrypt";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            plaintext: required_blob(fields, "Plaintext")?,
            encryption_context: encryption_context(fields, "EncryptionContext")?,
            algorithm: encryption_algorithm(fields, "EncryptionAlgorithm"),
            grant_tokens: grant_tokens(fields),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for Encrypt {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsEncryptionAlgorithm => Values::text(self.algorithm.as_ref()),
            ConditionKey::KmsRequestAlias => self.key_id.request_alias(),
            _ => Values::Absent,
        }
    }

    fn encryption_context(&self, _: Action) -> Option<&EncryptionContext> {
        Some(&self.encryption_context)
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

impl Use for Encrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<KeyTarget>) -> Result<(), Error> {
        check_usage(&target.0, KeyUsage::EncryptDecrypt, Self::NAME)?;
        check_enabled(&target.0, facts)?;
        check_encryption_algorithm(&target.0, &self.algorithm)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn materials(&self, target: &Authorized<KeyTarget>) -> Materials {
        [material::current_id(&target.0), None]
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let ciphertext = material::encrypt(key, facts, self.plaintext.as_slice(), &self.encryption_context)?;
        Ok(Reply {
            ciphertext_blob: Base64(ciphertext),
            key_id: key.arn,
            encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, validation, violation};

    /// Source: API reference, Encrypt: 1 to 4,096 bytes.
    #[test]
    fn lengths() {
        let kms = TestKms::new();
        let key = kms.key();
        let text = |rule: &str| {
            violation(&format!("Value at 'plaintext' failed to satisfy constraint: Member must have length {rule}"))
        };
        for (length, want) in [
            (0, Some(text("greater than or equal to 1"))),
            (1, None),
            (4096, None),
            (4097, Some(text("less than or equal to 4096"))),
        ] {
            let plaintext = STANDARD.encode(vec![7; length]);
            let answer = kms.call("Encrypt", json!({"KeyId": key, "Plaintext": plaintext}));
            assert_eq!(answer.as_ref().err(), want.as_ref(), "{length} bytes");
            if let Ok(reply) = answer {
                let opened = kms.ok("Decrypt", json!({"CiphertextBlob": reply["CiphertextBlob"]}));
                assert_eq!(opened["Plaintext"], plaintext);
            }
        }
    }

    #[test]
    fn the_answer_names_the_key_however_it_was_called() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        let arn = kms.admin().key_arn(&key);
        for key_id in [&*key, &*arn, "alias/a", "arn:aws:kms:us-east-1:111122223333:alias/a"] {
            let mut reply = kms.ok("Encrypt", json!({"KeyId": key_id, "Plaintext": "AAAA"}));
            reply.as_object_mut().unwrap().remove("CiphertextBlob").unwrap();
            assert_eq!(reply, json!({"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}), "{key_id}");
        }
    }

    #[test]
    fn one_plaintext_twice_is_two_ciphertexts() {
        let kms = TestKms::new();
        let key = kms.key();
        assert_ne!(kms.admin().encrypt(&key, "AAAA"), kms.admin().encrypt(&key, "AAAA"));
    }

    #[test]
    fn refused_algorithms_and_contexts() {
        let kms = TestKms::new();
        let key = kms.key();
        let usage = |text: &str| refused("InvalidKeyUsageException", text);
        for (member, value, want) in [
            (
                "EncryptionAlgorithm",
                json!("RSAES_OAEP_SHA_256"),
                usage("Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."),
            ),
            ("EncryptionContext", json!({"a": "b".repeat(8192)}), validation("Invalid EncryptionContext")),
        ] {
            let answer = kms.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA", member: value}));
            assert_eq!(answer, Err(want), "{member}");
        }
    }
}
