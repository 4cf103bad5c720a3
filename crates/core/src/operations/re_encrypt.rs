//! `ReEncrypt`: from one key or context to another; the plaintext stays inside. Source: API reference, ReEncrypt.

use std::borrow::Cow;

use claviger_keyring::KeyMaterialId;
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn, KeyUsage};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::{check_enabled, check_encryption_algorithm, check_usage};
use crate::keys::ciphertexts::{check_source, ciphertext_blob, ciphertext_name};
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, encryption_algorithm, encryption_context, grant_tokens, key_name};
use crate::pipeline::operation::{Operation, Use};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, Materials, Pair, PairName, RE_ENCRYPT_FROM, RE_ENCRYPT_TO};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct ReEncrypt {
    names: PairName,
    ciphertext: Blob,
    source_context: EncryptionContext,
    source_algorithm: Cow<'static, str>,
    destination_context: EncryptionContext,
    destination_algorithm: Cow<'static, str>,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    ciphertext_blob: Base64<Vec<u8>>,
    source_key_id: KeyArn,
    key_id: KeyArn,
    source_encryption_algorithm: EncryptionAlgorithm,
    destination_encryption_algorithm: EncryptionAlgorithm,
    #[serde(serialize_with = "material::id_as_text")]
    source_key_material_id: KeyMaterialId,
    #[serde(serialize_with = "material::id_as_text")]
    destination_key_material_id: KeyMaterialId,
}

impl Operation for ReEncrypt {
    const NAME: &'static str = "ReEncrypt";
    const ACTION: Action = RE_ENCRYPT_FROM;
    const ASKED_BESIDES: &'static [Action] = &[RE_ENCRYPT_TO];
    const CROSS_ACCOUNT: bool = true;
    type Target = Pair;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let ciphertext = ciphertext_blob(fields, Self::NAME)?;
        let source = ciphertext_name(&ciphertext, fields.string("SourceKeyId"))?;
        Ok(Self {
            names: PairName { source, destination: key_name(fields, "DestinationKeyId") },
            ciphertext,
            source_context: encryption_context(fields, "SourceEncryptionContext")?,
            source_algorithm: encryption_algorithm(fields, "SourceEncryptionAlgorithm"),
            destination_context: encryption_context(fields, "DestinationEncryptionContext")?,
            destination_algorithm: encryption_algorithm(fields, "DestinationEncryptionAlgorithm"),
            grant_tokens: grant_tokens(fields),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &PairName {
        &self.names
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for ReEncrypt {
    fn condition(&self, action: Action, key: &ConditionKey) -> Values<'_> {
        let PairName { source, destination } = &self.names;
        let from = action == RE_ENCRYPT_FROM;
        match key {
            ConditionKey::KmsEncryptionAlgorithm if from => Values::text(self.source_algorithm.as_ref()),
            ConditionKey::KmsEncryptionAlgorithm => Values::text(self.destination_algorithm.as_ref()),
            ConditionKey::KmsRequestAlias if from => source.key.as_ref().map_or(Values::Absent, KeyName::request_alias),
            ConditionKey::KmsRequestAlias => destination.request_alias(),
            _ => Values::Absent,
        }
    }

    fn encryption_context(&self, action: Action) -> Option<&EncryptionContext> {
        Some(if action == RE_ENCRYPT_FROM { &self.source_context } else { &self.destination_context })
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

impl Use for ReEncrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<Pair>) -> Result<(), Error> {
        check_source(target.source(), &self.names.source, &self.source_algorithm, Self::NAME, facts)?;
        let destination = target.destination()?;
        check_usage(destination, KeyUsage::EncryptDecrypt, Self::NAME)?;
        check_enabled(destination, facts)?;
        check_encryption_algorithm(destination, &self.destination_algorithm)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn materials(&self, target: &Authorized<Pair>) -> Materials {
        let destination = target.destination().ok();
        [material::named_id(target.source(), &self.names.source.header), destination.and_then(material::current_id)]
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<Pair>) -> Result<Reply, Error> {
        let (source, destination) = (target.source(), target.destination()?);
        let header = &self.names.source.header;
        let (plaintext, backing) =
            material::decrypt(source, facts, header, self.ciphertext.as_slice(), &self.source_context)?;
        let ciphertext = material::encrypt(destination, facts, plaintext.as_bytes(), &self.destination_context)?;
        Ok(Reply {
            ciphertext_blob: Base64(ciphertext),
            source_key_id: source.arn,
            key_id: destination.arn,
            source_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            destination_encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            source_key_material_id: backing.material_id,
            destination_key_material_id: material::current_entry(destination)?.material_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_events::parsed;
    use crate::testing::test_kms::{self, TestKms, statement};

    #[test]
    fn from_one_key_and_context_to_another() {
        let kms = TestKms::new();
        let (source, destination) = (kms.key(), kms.key());
        let context = |name: &str| json!({"for": name});
        let encrypted =
            kms.ok("Encrypt", json!({"KeyId": source, "Plaintext": "AAAA", "EncryptionContext": context("a")}));
        let reply = kms.ok(
            "ReEncrypt",
            json!({
                "CiphertextBlob": encrypted["CiphertextBlob"], "SourceEncryptionContext": context("a"),
                "DestinationKeyId": destination, "DestinationEncryptionContext": context("b"),
            }),
        );
        assert_eq!(reply["SourceKeyId"], kms.admin().key_arn(&source));
        assert_eq!(reply["KeyId"], kms.admin().key_arn(&destination));
        assert_ne!(reply["SourceKeyMaterialId"], reply["DestinationKeyMaterialId"]);
        let opened =
            kms.ok("Decrypt", json!({"CiphertextBlob": reply["CiphertextBlob"], "EncryptionContext": context("b")}));
        assert_eq!(opened["Plaintext"], "AAAA");
        assert_eq!(opened["KeyMaterialId"], reply["DestinationKeyMaterialId"]);
    }

    /// Source: developer guide, permissions of ReEncrypt: `ReEncryptFrom` on the source, `ReEncryptTo` on the other.
    #[test]
    fn both_keys_must_allow_it() {
        let kms = TestKms::new();
        let (source, destination) = (kms.key(), kms.key());
        let ciphertext = kms.admin().encrypt(&source, "AAAA");
        let (from, to) = (
            statement("Allow", "kms:ReEncryptFrom", &kms.admin().key_arn(&source)),
            statement("Allow", "kms:ReEncryptTo", &kms.admin().key_arn(&destination)),
        );
        let from_text = " on the resource associated with this ciphertext because no identity-based policy allows the \
            kms:ReEncryptFrom action";
        let to_text = format!(
            " on resource: {} because no identity-based policy allows the kms:ReEncryptTo action",
            kms.admin().key_arn(&destination)
        );
        for (number, statements, want) in [
            (1, to.clone(), Some(("kms:ReEncryptFrom", from_text))),
            (2, from.clone(), Some(("kms:ReEncryptTo", &*to_text))),
            (3, format!("{from},{to}"), None),
        ] {
            let caller = kms.admin().user(&format!("user-{number}"), &statements);
            let answer =
                caller.call("ReEncrypt", json!({"CiphertextBlob": ciphertext, "DestinationKeyId": destination}));
            assert_eq!(answer.err(), want.map(|(action, rest)| caller.denied(action, rest)), "{statements}");
        }
    }

    /// The destination's owner gets its copy of an event that names its key, and would learn from it that there is a source.
    #[test]
    fn an_event_names_the_destination_only_if_the_source_is_allowed() {
        let kms = TestKms::new();
        let (ciphertext, own) = (kms.admin().encrypt(&kms.key(), "AAAA"), kms.away().key("SYMMETRIC_DEFAULT"));
        let own_ciphertext = kms.away().encrypt(&own, "AAAA");
        for (ciphertext, allowed, named) in [(&ciphertext, false, 1), (&own_ciphertext, true, 2)] {
            let before = kms.events().len();
            let answer = kms.away().call("ReEncrypt", json!({"CiphertextBlob": ciphertext, "DestinationKeyId": own}));
            assert_eq!(answer.is_ok(), allowed);
            assert_eq!(parsed(&kms.events()[before]).keys.len(), named, "{answer:?}");
        }
    }

    #[test]
    fn refused() {
        let kms = TestKms::new();
        let (key, other, hmac) = (kms.key(), kms.key(), kms.admin().key("HMAC_256"));
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        let usage = format!(
            "{} key usage is GENERATE_VERIFY_MAC which is not valid for ReEncrypt.",
            kms.admin().key_arn(&hmac)
        );
        let incorrect = "The key ID in the request does not identify a CMK that can perform this operation.";
        let missing = "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.";
        let algorithm = "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT.";
        for (member, value, code, text) in [
            ("SourceKeyId", json!(other), "IncorrectKeyException", incorrect),
            ("DestinationKeyId", json!(hmac), "InvalidKeyUsageException", &*usage),
            ("DestinationKeyId", json!("alias/none"), "NotFoundException", missing),
            ("SourceEncryptionContext", json!({"a": "b"}), "InvalidCiphertextException", ""),
            ("SourceEncryptionAlgorithm", json!("RSAES_OAEP_SHA_1"), "InvalidKeyUsageException", algorithm),
            ("DestinationEncryptionAlgorithm", json!("RSAES_OAEP_SHA_1"), "InvalidKeyUsageException", algorithm),
            ("CiphertextBlob", json!("AAAA"), "InvalidCiphertextException", ""),
        ] {
            let mut body = json!({"CiphertextBlob": ciphertext, "DestinationKeyId": other, "SourceKeyId": key});
            body[member] = value;
            assert_eq!(kms.call("ReEncrypt", body), Err(test_kms::refused(code, text)), "{member}");
        }
        // The model lets the ciphertext be left out beside this member.
        let body = json!({"DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"], "DestinationKeyId": other});
        let text = "Claviger does not support DryRunModifiers in ReEncrypt yet.";
        assert_eq!(kms.call("ReEncrypt", body), Err(test_kms::refused("UnsupportedOperationException", text)));
    }
}
