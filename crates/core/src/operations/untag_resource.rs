//! `UntagResource`: tags go; keys of tags that are not there are no matter. Source: API reference, UntagResource.

use crate::error::Error;
use crate::keys::checks::check_not_pending_deletion;
use crate::keys::edits::edit;
use crate::keys::tags;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::{RequestContext, tag_keys};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;
use claviger_policy::{Action, ConditionKey, Values};

/// The request.
pub struct UntagResource {
    key_id: KeyName,
    tag_keys: Vec<String>,
}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let tag_keys = fields.strings("TagKeys").unwrap_or_default();
        tag_keys.iter().try_for_each(|key| tags::check_key(key))?;
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), tag_keys })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for UntagResource {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::AwsTagKeys => tag_keys(self.tag_keys.iter().map(String::as_str)),
            _ => Values::Absent,
        }
    }
}

impl PlainCommand for UntagResource {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        check_not_pending_deletion(&target.0, facts)?;
        Ok(edit(&target.0, |record| record.tags.retain(|tag| !self.tag_keys.contains(&tag.key))).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn tags_go_and_missing_ones_are_no_matter() {
        let kms = TestKms::new();
        let tag = |key: &str| json!({"TagKey": key, "TagValue": ""});
        let key = kms.ok("CreateKey", json!({"Tags": [tag("a"), tag("A"), tag("b")]}))["KeyMetadata"]["KeyId"].clone();
        let body = json!({"KeyId": key, "TagKeys": ["a", "none", "b"]});
        assert_eq!(kms.ok("UntagResource", body.clone()), Value::Null);
        assert_eq!(kms.ok("UntagResource", body), Value::Null);
        assert_eq!(kms.ok("ListResourceTags", json!({"KeyId": key}))["Tags"], json!([tag("A")]));
        let reserved = refused("TagException", "Tags beginning with aws: are reserved");
        assert_eq!(kms.call("UntagResource", json!({"KeyId": key, "TagKeys": ["aws:x"]})), Err(reserved));
    }
}
