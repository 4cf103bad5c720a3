//! `TagAccount`: tags are added to an account, or take another value. Source: models/claviger, TagAccount.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{AccountId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::identity::tags;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::records::TagRecord;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct TagAccount {
    id: AccountId,
    tags: Vec<TagRecord>,
    part: Part,
}

impl Operation for TagAccount {
    const NAME: &'static str = "TagAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        let tags = organization::tags(fields)?;
        Ok(Self { id, tags, part: Part::Target(ControlTarget::Account(id)) })
    }

    fn target(&self) -> &Part {
        &self.part
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for TagAccount {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition(&self.tags, key)
    }
}

impl PlainCommand for TagAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        let is_new = |tag: &&TagRecord| account.tags.iter().all(|(key, _)| **key != *tag.key);
        organization::check_tag_count(account.tags.len() + self.tags.iter().filter(is_new).count())?;
        let changes = organization::edit_account(account, |record| {
            record.tags.retain(|old| self.tags.iter().all(|tag| tag.key != old.key));
            record.tags.extend_from_slice(&self.tags);
            record.tags.sort_by(|a, b| a.key.cmp(&b.key));
        });
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, TestKms, refused, statement};

    #[test]
    fn tags_come_change_and_go() {
        let kms = TestKms::new();
        let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
        let tags = || kms.ok("ListAccountTags", json!({"AccountId": AWAY}))["Tags"].clone();
        let put = |tags: &[Value]| drop(kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": tags})));
        assert_eq!(tags(), json!([]));
        put(&[tag("environment", "dev"), tag("application", "pay"), tag("Environment", "x")]);
        put(&[tag("environment", "prod"), tag("owner", "")]);
        let [upper, application] = [tag("Environment", "x"), tag("application", "pay")];
        assert_eq!(tags(), json!([upper, application, tag("environment", "prod"), tag("owner", "")]));
        kms.ok("UntagAccount", json!({"AccountId": AWAY, "TagKeys": ["owner", "Environment", "none"]}));
        assert_eq!(tags(), json!([application, tag("environment", "prod")]));
        assert_eq!(kms.away().ok("ListAccountTags", json!({"AccountId": AWAY}))["Tags"], tags());
    }

    /// Conditions see which tags come and which go.
    #[test]
    fn a_deny_by_tags_holds() {
        let kms = TestKms::new();
        let deny = json!({"Effect": "Deny", "Action": "claviger:*", "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}});
        let deny_value = json!({"Effect": "Deny", "Action": "claviger:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestTag/env": "prod"}}});
        let ann = kms.admin().user("ann", &format!("{},{deny},{deny_value}", statement("Allow", "*", "*")));
        for (key, value, allowed) in [("x", "", false), ("y", "", true), ("env", "prod", false), ("env", "dev", true)] {
            let body = json!({"AccountId": AWAY, "Tags": [{"Key": key, "Value": value}]});
            assert_eq!(ann.call("TagAccount", body).is_ok(), allowed, "{key} {value}");
        }
        for (key, allowed) in [("x", false), ("y", true)] {
            let body = json!({"AccountId": AWAY, "TagKeys": [key]});
            assert_eq!(ann.call("UntagAccount", body).is_ok(), allowed, "{key}");
        }
    }

    #[test]
    fn refused_tags() {
        let kms = TestKms::new();
        let numbered = |from: usize, to: usize| {
            (from..to).map(|number| json!({"Key": number.to_string(), "Value": ""})).collect::<Vec<_>>()
        };
        kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": numbered(0, 49)}));
        for (tags, want) in [
            (numbered(48, 51), "Too many tags"),
            (vec![json!({"Key": "a", "Value": ""}), json!({"Key": "a", "Value": "b"})], "Duplicate tag keys"),
            (vec![json!({"Key": "AWS:x", "Value": ""})], "Tags beginning with aws: are reserved"),
        ] {
            let answer = kms.call("TagAccount", json!({"AccountId": AWAY, "Tags": tags}));
            assert_eq!(answer, Err(refused("TagException", want)));
        }
        kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": numbered(48, 50)}));
    }
}
