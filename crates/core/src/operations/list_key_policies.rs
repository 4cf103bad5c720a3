//! `ListKeyPolicies`: every key has one policy, `default`. Source: API reference, ListKeyPolicies.

use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The request.
pub struct ListKeyPolicies {
    key_id: KeyName,
    page: Page,
}

/// The answer: always the last page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_names: Vec<&'static str>,
    truncated: bool,
}

impl Operation for ListKeyPolicies {
    const NAME: &'static str = "ListKeyPolicies";
    type Target = KeyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let page = Page::new(fields.integer("Limit"), fields.string("Marker"), LIMIT_DEFAULT, LIMIT_MAX);
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), page })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Read for ListKeyPolicies {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        // One name fits every page, so no marker was ever given out: any is refused.
        self.page.after::<Self>(facts, &target.0.arn.id.to_string())?;
        Ok(Reply { policy_names: vec!["default"], truncated: false })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn there_is_one() {
        let kms = TestKms::new();
        let key = kms.key();
        for limit in [1, 1000] {
            let reply = kms.ok("ListKeyPolicies", json!({"KeyId": key, "Limit": limit}));
            assert_eq!(reply, json!({"PolicyNames": ["default"], "Truncated": false}));
        }
    }
}
