//! `PutKeyPolicy`: another key policy. Source: API reference, PutKeyPolicy.

use crate::call::Facts;
use crate::error::Error;
use crate::key_edits::edit;
use crate::key_policies::{self, LockoutCheck};
use crate::members::key_id_or_arn;
use crate::operation::{Command, Operation};
use crate::outcome::Outcome;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct PutKeyPolicy {
    key_id: KeyName,
    policy: String,
    lockout: LockoutCheck,
}

impl Operation for PutKeyPolicy {
    const NAME: &'static str = "PutKeyPolicy";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let policy_name = fields.string("PolicyName").unwrap_or_else(|| "default".into());
        match policy_name.as_str() {
            "default" => {}
            "AWS_RAM" => {
                return Err(Error::Validation("The AWS_RAM policy can only be managed by the RAM service".into()));
            }
            other => return Err(Error::Validation(format!("A key has one policy, default, and none named {other}"))),
        }
        let bypass = fields.boolean("BypassPolicyLockoutSafetyCheck").unwrap_or(false);
        Ok(Self {
            key_id: key_id_or_arn(fields, "KeyId"),
            policy: fields.string("Policy").unwrap_or_default(),
            lockout: if bypass { LockoutCheck::Bypassed } else { LockoutCheck::Made },
        })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Command for PutKeyPolicy {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<KeyTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let policy = key_policies::accept(&self.policy, target.0.arn, self.lockout, facts)?;
        Ok(edit(&target.0, |record| record.policy = policy).reply(()))
    }
}
