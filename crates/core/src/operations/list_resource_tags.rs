//! `ListResourceTags`: the tags of a key. Source: API reference, ListResourceTags.

use serde::Serialize;

use crate::error::Error;
use crate::keys::tags::Tag;
use crate::pipeline::call::Facts;
use crate::pipeline::members::key_id_or_arn;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 50;

/// The request.
pub struct ListResourceTags {
    key_id: KeyName,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

impl Operation for ListResourceTags {
    const NAME: &'static str = "ListResourceTags";
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

impl Read for ListResourceTags {
    fn run(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Reply, Error> {
        let key = &target.0;
        let filter = key.arn.id.to_string();
        let after = self.page.after::<Self>(facts, &filter)?;
        let rest = key.tags.iter().filter(|(tag_key, _)| after.as_deref().is_none_or(|after| &**tag_key > after));
        let page = self.page.take::<Self, _>(facts, &filter, rest, |(tag_key, _)| tag_key.to_string())?;
        let tag = |(key, value): &(Box<str>, Box<str>)| Tag { tag_key: key.to_string(), tag_value: value.to_string() };
        let tags = page.items.into_iter().map(tag).collect();
        Ok(Reply { tags, truncated: page.next.is_some(), next_marker: page.next })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn pages() {
        let kms = TestKms::new();
        let tag = |name: &str| json!({"TagKey": name, "TagValue": format!("of {name}")});
        let tags = ["b", "C", "a", "é", "d"].map(tag);
        let key = kms.ok("CreateKey", json!({"Tags": tags}))["KeyMetadata"]["KeyId"].clone();
        for limit in [1, 2, 4, 5, 50, 1000] {
            let (mut listed, mut marker) = (Vec::new(), json!(null));
            loop {
                let reply = kms.ok("ListResourceTags", json!({"KeyId": key, "Limit": limit, "Marker": marker}));
                listed.extend(reply["Tags"].as_array().unwrap().clone());
                match reply.get("NextMarker") {
                    Some(next) => marker = next.clone(),
                    None => break,
                }
            }
            assert_eq!(listed, ["C", "a", "b", "d", "é"].map(tag), "pages of {limit}");
        }
    }
}
