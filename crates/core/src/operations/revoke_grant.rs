//! `RevokeGrant`: a grant goes, by who administers the key. Source: API reference, RevokeGrant.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::GrantId;

use crate::error::Error;
use crate::keys::grants::{grant_is_for_aws_resource, removal};
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, grant_id, key_id_or_arn};
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct RevokeGrant {
    key_id: KeyName,
    grant_id: GrantId,
    dry_run: bool,
}

impl Operation for RevokeGrant {
    const NAME: &'static str = "RevokeGrant";
    const CROSS_ACCOUNT: bool = true;
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            key_id: key_id_or_arn(fields, "KeyId"),
            grant_id: grant_id(fields, "GrantId")?.ok_or(Error::InvalidGrantId)?,
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

impl RequestContext for RevokeGrant {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        grant_is_for_aws_resource(key)
    }
}

impl PlainCommand for RevokeGrant {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>) -> Result<Outcome<()>, Error> {
        let arn = target.0.arn;
        let grant = facts.view.grant(arn.region, arn.id, self.grant_id);
        let grant = grant.ok_or_else(|| Error::grant_not_found(self.grant_id))?;
        Ok(removal(grant).reply(()))
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::paths;
    use crate::testing::test_kms::{REGION, TestKms, refused, statement};

    #[test]
    fn what_was_permitted_is_no_more() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let (one, other) = (kms.admin().grant(&key, ann, &["DescribeKey"]), kms.admin().grant(&key, ann, &["Encrypt"]));
        let count = || kms.store.counter(&paths::grant_count(REGION.parse().unwrap(), key.parse().unwrap()));
        assert_eq!(count(), 2);
        assert_eq!(kms.ok("RevokeGrant", json!({"KeyId": kms.admin().key_arn(&key), "GrantId": one})), Value::Null);
        assert_eq!(count(), 1);
        assert!(ann.call("DescribeKey", json!({"KeyId": key})).is_err());
        ann.encrypt(&key, "AAAA");
        // It is gone, and was never on another key.
        let missing = |id: &str| Err(refused("NotFoundException", &format!("Grant ID {id} not found")));
        assert_eq!(kms.call("RevokeGrant", json!({"KeyId": key, "GrantId": one})), missing(&one));
        assert_eq!(kms.call("RevokeGrant", json!({"KeyId": kms.key(), "GrantId": other})), missing(&other));
        let malformed = refused("InvalidGrantIdException", "The grant ID is not valid.");
        for id in ["x", &other.to_uppercase(), &other[1..]] {
            assert_eq!(kms.call("RevokeGrant", json!({"KeyId": key, "GrantId": id})), Err(malformed.clone()), "{id}");
        }
    }

    /// A grantee is no administrator, and no grant makes it one.
    #[test]
    fn who_may() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let id = kms.admin().grant(&key, ann, &["RetireGrant", "DescribeKey", "CreateGrant"]);
        let body = json!({"KeyId": key, "GrantId": id});
        let because = "because no identity-based policy allows the kms:RevokeGrant action";
        let denied = ann.denied("kms:RevokeGrant", &format!(" on resource: {} {because}", ann.key_arn(&key)));
        assert_eq!(ann.call("RevokeGrant", body.clone()), Err(denied));
        let bob = kms.admin().user("bob", &statement("Allow", "kms:RevokeGrant", &kms.admin().key_arn(&key)));
        bob.ok("RevokeGrant", body);
    }
}
