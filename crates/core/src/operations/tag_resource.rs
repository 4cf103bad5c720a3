//! `TagResource`: tags are added, or get new values. Source: API reference, TagResource.

use crate::error::Error;
use crate::keys::checks::check_not_pending_deletion;
use crate::keys::edits::edit;
use crate::keys::tags::{self, Tag};
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::{RequestContext, tag_keys};
use crate::records::TagRecord;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;
use claviger_policy::{Action, ConditionKey, Values};

/// The request.
pub struct TagResource {
    key_id: KeyName,
    tags: Vec<Tag>,
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), tags: tags::from_request(fields)? })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for TagResource {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::AwsRequestTag(name) => tags::value(&self.tags, name),
            ConditionKey::AwsTagKeys => tag_keys(self.tags.iter().map(|tag| tag.tag_key.as_str())),
            _ => Values::Absent,
        }
    }
}

impl PlainCommand for TagResource {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        let key = &target.0;
        check_not_pending_deletion(key, facts)?;
        let kept = |record: &TagRecord| self.tags.iter().all(|tag| tag.tag_key != record.key);
        let mut tags: Vec<TagRecord> = key.to_record().tags.into_iter().filter(kept).collect();
        tags.extend(self.tags.iter().map(TagRecord::from));
        tags::check_count(tags.len())?;
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(edit(key, |record| record.tags = tags).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{self, TestKms, violation};

    #[test]
    fn tags_are_added_or_get_new_values() {
        let kms = TestKms::new();
        let key = kms.key();
        let tags = |tags: &[(&str, &str)]| -> Value {
            tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect()
        };
        let listed = || kms.ok("ListResourceTags", json!({"KeyId": key}))["Tags"].clone();
        assert_eq!(kms.ok("TagResource", json!({"KeyId": key, "Tags": tags(&[("b", "1"), ("a", "")])})), Value::Null);
        kms.ok("TagResource", json!({"KeyId": key, "Tags": tags(&[("b", "2"), ("B", "3")])}));
        assert_eq!(listed(), tags(&[("B", "3"), ("a", ""), ("b", "2")]));
    }

    /// Source of the texts: observed at AWS.
    #[test]
    fn refused() {
        let kms = TestKms::new();
        let key = kms.key();
        let tag = |key: &str| json!({"TagKey": key, "TagValue": ""});
        let many =
            |from: usize, to: usize| -> Vec<Value> { (from..to).map(|number| tag(&number.to_string())).collect() };
        let exception = |text: &str| test_kms::refused("TagException", text);
        kms.ok("TagResource", json!({"KeyId": key, "Tags": many(0, 49)}));
        for (tags, want) in [
            (vec![tag("x"), tag("x")], exception("Duplicate tag keys")),
            (vec![tag("aws:x")], exception("Tags beginning with aws: are reserved")),
            (vec![tag("AWS:")], exception("Tags beginning with aws: are reserved")),
            (vec![tag("x"), tag("y")], exception("Too many tags")),
            (many(100, 151), exception("Too many tags")),
        ] {
            let answer = kms.call("TagResource", json!({"KeyId": key, "Tags": tags}));
            assert_eq!(answer, Err(want), "{tags:?}");
        }
        let long = "v".repeat(257);
        let text = format!(
            "Value '{long}' at 'tags.1.member.tagValue' failed to satisfy constraint: Member must have length less than or \
             equal to 256"
        );
        let answer = kms.call("TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "k", "TagValue": long}]}));
        assert_eq!(answer, Err(violation(&text)));
        // The fiftieth fits, and so does a new value of one that is there.
        kms.ok("TagResource", json!({"KeyId": key, "Tags": [tag("x")]}));
        kms.ok("TagResource", json!({"KeyId": key, "Tags": [tag("1")]}));
    }
}
