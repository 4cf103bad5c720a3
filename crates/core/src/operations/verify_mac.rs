//! `VerifyMac`: whether an HMAC is the message's; a wrong one is an error, never `false`. Source: API reference, VerifyMac.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{KeyArn, KeyUsage, MacAlgorithm};
use serde::Serialize;

use crate::error::Error;
use crate::keys::checks::{check_enabled, check_mac_algorithm, check_usage};
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, grant_tokens, key_name, mac_algorithm, required_blob};
use crate::pipeline::operation::{Operation, Use};
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget, Materials};
use crate::wire::{Blob, Fields};

/// The request.
pub struct VerifyMac {
    key_id: KeyName,
    message: Blob,
    mac: Blob,
    algorithm: MacAlgorithm,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_id: KeyArn,
    mac_valid: bool,
    mac_algorithm: MacAlgorithm,
}

impl Operation for VerifyMac {
    const NAME: &'static str = "VerifyMac";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            message: required_blob(fields, "Message")?,
            mac: required_blob(fields, "Mac")?,
            algorithm: mac_algorithm(fields)?,
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

impl RequestContext for VerifyMac {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsMacAlgorithm => Values::text(self.algorithm.as_str()),
            ConditionKey::KmsRequestAlias => self.key_id.request_alias(),
            _ => Values::Absent,
        }
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

impl Use for VerifyMac {
    fn check(&self, facts: &Facts<'_>, target: &Authorized<KeyTarget>) -> Result<(), Error> {
        check_usage(&target.0, KeyUsage::GenerateVerifyMac, Self::NAME)?;
        check_enabled(&target.0, facts)?;
        check_mac_algorithm(&target.0, self.algorithm)
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }

    fn materials(&self, target: &Authorized<KeyTarget>) -> Materials {
        [material::current_id(&target.0), None]
    }

    fn run(self, _: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let (message, mac) = (self.message.as_slice(), self.mac.as_slice());
        let verified = material::current(&target.0)?.verify_mac(self.algorithm, message, mac);
        verified.map_err(|_| Error::InvalidMac)?;
        Ok(Reply { key_id: target.0.arn, mac_valid: true, mac_algorithm: self.algorithm })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn only_the_macs_of_this_key_and_message() {
        let kms = TestKms::new();
        let (key, other) = (kms.admin().key("HMAC_256"), kms.admin().key("HMAC_256"));
        let request =
            |key: &str, message: &str| json!({"KeyId": key, "Message": message, "MacAlgorithm": "HMAC_SHA_256"});
        let mac = kms.ok("GenerateMac", request(&key, "AAAA"))["Mac"].as_str().unwrap().to_owned();
        let verify = |key: &str, message: &str, mac: &str| {
            let mut body = request(key, message);
            body["Mac"] = json!(mac);
            kms.call("VerifyMac", body)
        };
        let want = json!({"KeyId": kms.admin().key_arn(&key), "MacValid": true, "MacAlgorithm": "HMAC_SHA_256"});
        assert_eq!(verify(&key, "AAAA", &mac), Ok(want));
        let bytes = STANDARD.decode(&mac).unwrap();
        let flipped = |bit: usize| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            STANDARD.encode(bytes)
        };
        let wrong = (0..256).map(|bit| verify(&key, "AAAA", &flipped(bit)));
        let others = [
            verify(&key, "AAAB", &mac),
            verify(&other, "AAAA", &mac),
            verify(&key, "AAAA", &STANDARD.encode(&bytes[..31])),
            verify(&key, "AAAA", &STANDARD.encode([&bytes[..], &[0]].concat())),
        ];
        for answer in wrong.chain(others) {
            assert_eq!(answer, Err(refused("KMSInvalidMacException", "")));
        }
    }
}
