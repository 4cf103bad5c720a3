//! `GenerateMac`: the HMAC of a message. Source: API reference, GenerateMac.

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
use crate::wire::{Base64, Blob, Fields};

/// The request.
pub struct GenerateMac {
    key_id: KeyName,
    message: Blob,
    algorithm: MacAlgorithm,
    grant_tokens: Vec<String>,
    dry_run: bool,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    mac: Base64<Vec<u8>>,
    mac_algorithm: MacAlgorithm,
    key_id: KeyArn,
}

impl Operation for GenerateMac {
    const NAME: &'static str = "GenerateMac";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            message: required_blob(fields, "Message")?,
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

impl RequestContext for GenerateMac {
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

impl Use for GenerateMac {
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
        let mac = material::current(&target.0)?.generate_mac(self.algorithm, self.message.as_slice())?;
        Ok(Reply { mac: Base64(mac), mac_algorithm: self.algorithm, key_id: target.0.arn })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn each_spec_has_one_algorithm() {
        let kms = TestKms::new();
        for (spec, length) in [("HMAC_224", 28), ("HMAC_256", 32), ("HMAC_384", 48), ("HMAC_512", 64)] {
            let key = kms.admin().key(spec);
            for algorithm in ["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"] {
                let request = json!({"KeyId": key, "Message": "AAAA", "MacAlgorithm": algorithm});
                let answer = kms.call("GenerateMac", request.clone());
                if algorithm[9..] == spec[5..] {
                    let reply = answer.unwrap();
                    assert_eq!(STANDARD.decode(reply["Mac"].as_str().unwrap()).unwrap().len(), length, "{spec}");
                    assert_eq!(
                        (&reply["KeyId"], &reply["MacAlgorithm"]),
                        (&json!(kms.admin().key_arn(&key)), &json!(algorithm))
                    );
                    assert_eq!(kms.ok("GenerateMac", request), reply);
                } else {
                    let text = format!("Algorithm {algorithm} is incompatible with key spec {spec}.");
                    assert_eq!(answer, Err(refused("InvalidKeyUsageException", &text)), "{spec} {algorithm}");
                }
            }
        }
    }
}
