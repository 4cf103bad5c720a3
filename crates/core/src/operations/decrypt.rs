//! `Decrypt`: the key is the one that the ciphertext names. Source: API reference, Decrypt.

use std::borrow::Cow;

use claviger_keyring::{KeyMaterialId, Plaintext};
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{EncryptionAlgorithm, EncryptionContext, KeyArn};
use serde::Serialize;

use crate::error::Error;
use crate::keys::ciphertexts::{check_source, ciphertext_blob, ciphertext_name};
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, encryption_algorithm, encryption_context, grant_tokens};
use crate::pipeline::operation::{Operation, Use};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, CiphertextKey, CiphertextName, KeyName, Materials};
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct Decrypt {
    name: CiphertextName,
    ciphertext: Blob,
    encryption_context: EncryptionContext,
    algorithm: Cow<'static, str>,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyArn,
    plaintext: Base64<Plaintext>,
    encryption_algorithm: EncryptionAlgorithm,
    #[serde(serialize_with = "material::id_as_text")]
    key_material_id: KeyMaterialId,
}

impl Operation for Decrypt {
    const NAME: &'static str = "Decrypt";
    const CROSS_ACCOUNT: bool = true;
    type Target = CiphertextKey;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let ciphertext = ciphertext_blob(fields, Self::NAME)?;
        Ok(Self {
            name: ciphertext_name(&ciphertext, fields.string("KeyId"))?,
            ciphertext,
            encryption_context: encryption_context(fields, "EncryptionContext")?,
            algorithm: encryption_algorithm(fields, "EncryptionAlgorithm"),
            grant_tokens: grant_tokens(fields),
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &CiphertextName {
        &self.name
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for Decrypt {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsEncryptionAlgorithm => Values::text(self.algorithm.as_ref()),
            ConditionKey::KmsRequestAlias => self.name.key.as_ref().map_or(Values::Absent, KeyName::request_alias),
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

impl Use for Decrypt {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<CiphertextKey>) -> Result<(), Error> {
        check_source(&target.key, &self.name, &self.algorithm, Self::NAME, facts)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn materials(&self, target: &Authorized<CiphertextKey>) -> Materials {
        [material::named_id(&target.key, &self.name.header), None]
    }

    fn run(self, facts: &Facts<'_>, target: Authorized<CiphertextKey>) -> Result<Reply, Error> {
        let (header, context) = (&self.name.header, &self.encryption_context);
        let (plaintext, backing) = material::decrypt(&target.key, facts, header, self.ciphertext.as_slice(), context)?;
        Ok(Reply {
            key_id: target.key.arn,
            plaintext: Base64(plaintext),
            encryption_algorithm: EncryptionAlgorithm::SymmetricDefault,
            key_material_id: backing.material_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn the_key_is_found_by_the_ciphertext() {
        let kms = TestKms::new();
        let key = kms.key();
        let ciphertext = kms.admin().encrypt(&key, "c2VjcmV0");
        let reply = kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext}));
        assert_eq!(reply["Plaintext"], "c2VjcmV0");
        assert_eq!(reply["KeyId"], kms.admin().key_arn(&key));
        let metadata = kms.ok("DescribeKey", json!({"KeyId": key}));
        assert_eq!(reply["KeyMaterialId"], metadata["KeyMetadata"]["CurrentKeyMaterialId"]);
    }

    /// The model lets the ciphertext be left out beside this member.
    #[test]
    fn no_ciphertext_at_all() {
        let kms = TestKms::new();
        let body = json!({"KeyId": kms.key(), "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
        let text = "Claviger does not support DryRunModifiers in Decrypt yet.";
        assert_eq!(kms.call("Decrypt", body), Err(refused("UnsupportedOperationException", text)));
    }

    /// One answer for every reason: an altered ciphertext, another context, something else altogether.
    #[test]
    fn every_flipped_bit_is_refused() {
        let kms = TestKms::new();
        let key = kms.key();
        let ciphertext = STANDARD.decode(kms.admin().encrypt(&key, "c2VjcmV0")).unwrap();
        let decrypt = |bytes: &[u8]| {
            kms.call("Decrypt", json!({"KeyId": key, "CiphertextBlob": STANDARD.encode(bytes)}))
                .err()
                .map(|error| error.code)
        };
        assert_eq!(decrypt(&ciphertext), None);
        for bit in 0..ciphertext.len() * 8 {
            let mut flipped = ciphertext.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A flipped bit in the key's id makes it the ciphertext of another key.
            let code = decrypt(&flipped).unwrap_or_else(|| panic!("bit {bit} does not matter"));
            let known = ["InvalidCiphertextException", "IncorrectKeyException"];
            assert!(known.contains(&&*code), "bit {bit}: {code}");
        }
        for length in 1..ciphertext.len() {
            assert!(decrypt(&ciphertext[..length]).is_some(), "{length} bytes");
        }
        assert!(decrypt(&[&ciphertext[..], &[0]].concat()).is_some());
    }

    #[test]
    fn contexts() {
        let kms = TestKms::new();
        let key = kms.key();
        let context = |pairs: &[(&str, &str)]| -> Value {
            Value::Object(pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
        };
        let bound = context(&[("a", "1"), ("b", "2")]);
        let encrypted = kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA", "EncryptionContext": bound}));
        let decrypt = |context: Value| {
            let body = json!({"CiphertextBlob": encrypted["CiphertextBlob"], "EncryptionContext": context});
            kms.call("Decrypt", body).map(|reply| reply["Plaintext"].clone())
        };
        assert_eq!(decrypt(context(&[("b", "2"), ("a", "1")])), Ok(json!("AAAA")));
        for other in [
            context(&[]),
            context(&[("a", "1")]),
            context(&[("a", "1"), ("b", "2"), ("c", "3")]),
            context(&[("a", "2"), ("b", "1")]),
            context(&[("A", "1"), ("b", "2")]),
            context(&[("a", "1"), ("b", "2 ")]),
        ] {
            assert_eq!(decrypt(other.clone()), Err(refused("InvalidCiphertextException", "")), "{other}");
        }
    }

    /// Source: docs/compatibility.md, order of checks: a foreign ciphertext, then another key, before usage and state.
    #[test]
    fn order_of_checks() {
        let kms = TestKms::new();
        let (key, other, hmac) = (kms.key(), kms.key(), kms.admin().key("HMAC_256"));
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        let text = "The key ID in the request does not identify a CMK that can perform this operation.";
        kms.ok("DisableKey", json!({"KeyId": other}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": hmac}));
        for named in [&other, &hmac] {
            let answer = kms.call("Decrypt", json!({"CiphertextBlob": ciphertext, "KeyId": named}));
            assert_eq!(answer, Err(refused("IncorrectKeyException", text)));
        }
        for garbage in ["AAAA", "AQICAHh3"] {
            let answer = kms.call("Decrypt", json!({"CiphertextBlob": garbage, "KeyId": "foo"}));
            assert_eq!(answer, Err(refused("InvalidCiphertextException", "")), "{garbage}");
        }
        // The state comes before the context, and the algorithm after the state.
        kms.ok("DisableKey", json!({"KeyId": key}));
        let disabled = refused("DisabledException", &format!("{} is disabled.", kms.admin().key_arn(&key)));
        for (member, value) in
            [("EncryptionContext", json!({"a": "b"})), ("EncryptionAlgorithm", json!("RSAES_OAEP_SHA_256"))]
        {
            let answer = kms.call("Decrypt", json!({"CiphertextBlob": ciphertext, member: value}));
            assert_eq!(answer.as_ref(), Err(&disabled), "{member}");
        }
        kms.ok("EnableKey", json!({"KeyId": key}));
        let wrong = json!({"CiphertextBlob": ciphertext, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"});
        let text = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.";
        assert_eq!(kms.call("Decrypt", wrong), Err(refused("InvalidKeyUsageException", text)));
    }

    /// Source: docs/compatibility.md, order of checks: a ciphertext whose key the caller may not use.
    #[test]
    fn a_ciphertext_whose_key_is_not_for_the_caller() {
        let kms = TestKms::new();
        let key = kms.key();
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        let on = " on the resource associated with this ciphertext";
        let unknown = " because the resource does not exist in this Region, no resource-based policies allow access, or a \
            resource-based policy explicitly denies access";
        let no_identity = " because no identity-based policy allows the kms:Decrypt action";
        let stranger = kms.admin().user("stranger", "");
        let denied = statement("Deny", "kms:Decrypt", "*");
        let denied = kms.admin().user("denied", &format!("{},{denied}", statement("Allow", "*", "*")));
        let explicit = " with an explicit deny in an identity-based policy";
        for (caller, reason) in [
            (stranger, no_identity),
            (denied, explicit),
            (kms.away(), unknown),
            (kms.admin().in_region("eu-west-1"), unknown),
        ] {
            let answer = caller.call("Decrypt", json!({"CiphertextBlob": ciphertext}));
            assert_eq!(answer, Err(caller.denied("kms:Decrypt", &format!("{on}{reason}"))));
        }
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
        kms.pass(std::time::Duration::from_secs(7 * 86_400));
        let answer = kms.call("Decrypt", json!({"CiphertextBlob": ciphertext}));
        assert_eq!(answer, Err(kms.admin().denied("kms:Decrypt", &format!("{on}{unknown}"))));
    }

    /// Source: API reference, Decrypt, KeyId: a bare id will do for another account's key.
    #[test]
    fn a_key_of_another_account() {
        let kms = TestKms::new();
        let away = kms.away();
        let key = away.key("SYMMETRIC_DEFAULT");
        let ciphertext = away.encrypt(&key, "AAAA");
        let open = policy(
            r#"{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":["111122223333","444455556666"]}}"#,
        );
        away.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": open}));
        for key_id in [json!(null), json!(key), json!(away.key_arn(&key))] {
            let reply = kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext, "KeyId": key_id}));
            assert_eq!((&reply["Plaintext"], &reply["KeyId"]), (&json!("AAAA"), &json!(away.key_arn(&key))));
        }
        // Both accounts must let it through.
        let stranger = kms.admin().user("stranger", "");
        assert!(stranger.call("Decrypt", json!({"CiphertextBlob": ciphertext})).is_err());
    }
}
