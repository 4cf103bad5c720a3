//! `DescribeKey`: what a key is. Source: API reference, DescribeKey.

use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::present_state;
use crate::key_metadata::{KeyMetadata, Parts};
use crate::material::current_entry;
use crate::members::{key_name, no_grant_tokens};
use crate::operation::{Operation, Read};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct DescribeKey {
    key_id: KeyName,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_metadata: KeyMetadata,
}

impl Operation for DescribeKey {
    const NAME: &'static str = "DescribeKey";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        no_grant_tokens(fields)?;
        Ok(Self { key_id: key_name(fields, "KeyId") })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Read for DescribeKey {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let key_metadata = KeyMetadata::of(&Parts {
            arn: key.arn,
            spec: key.spec,
            created_at: key.created_at,
            description: &key.description,
            state: present_state(key, facts)?,
            material_id: current_entry(key)?.material_id,
        });
        Ok(Reply { key_metadata })
    }
}
