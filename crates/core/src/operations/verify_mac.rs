//! `VerifyMac`: whether an HMAC is the message's; a wrong one is an error, never `false`. Source: API reference, VerifyMac.

use claviger_types::{KeyArn, KeyUsage, MacAlgorithm};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::{check_enabled, check_mac_algorithm, check_usage};
use crate::material;
use crate::members::{dry_run, key_name, mac_algorithm, no_grant_tokens, required_blob};
use crate::operation::{Operation, Use};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::{Blob, Fields};

/// The request.
pub struct VerifyMac {
    key_id: KeyName,
    message: Blob,
    mac: Blob,
    algorithm: MacAlgorithm,
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
        no_grant_tokens(fields)?;
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            message: required_blob(fields, "Message")?,
            mac: required_blob(fields, "Mac")?,
            algorithm: mac_algorithm(fields)?,
            dry_run: dry_run(fields),
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
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

    fn run(self, _: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let (message, mac) = (self.message.as_slice(), self.mac.as_slice());
        let verified = material::current(&target.0)?.verify_mac(self.algorithm, message, mac);
        verified.map_err(|_| Error::InvalidMac)?;
        Ok(Reply { key_id: target.0.arn, mac_valid: true, mac_algorithm: self.algorithm })
    }
}
