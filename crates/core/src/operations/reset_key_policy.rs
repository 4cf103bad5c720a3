//! `ResetKeyPolicy`: puts the default key policy back on a key that nobody can manage any more. It lets the key's own
//! account in again, and nobody else. Source: models/claviger, ResetKeyPolicy.

use claviger_types::{KeyArn, KeyRef, KeyRefKind, ServiceName};

use crate::error::Error;
use crate::keys::edits::edit;
use crate::keys::policies::default_document;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::records::KeyPolicyRecord;
use crate::target::{AnyKey, Authorized};
use crate::wire::Fields;

/// The request.
pub struct ResetKeyPolicy {
    arn: KeyArn,
}

impl Operation for ResetKeyPolicy {
    const NAME: &'static str = "ResetKeyPolicy";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = AnyKey;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let text = fields.string("KeyArn").unwrap_or_default();
        match KeyRef::parse(text.clone()).as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::KeyArn { region, account, id }) => {
                Ok(Self { arn: KeyArn { region: *region, account: *account, id: *id } })
            }
            _ => Err(Error::InvalidArn(format!("Invalid arn {text}"))),
        }
    }

    fn target(&self) -> &KeyArn {
        &self.arn
    }
}

impl PlainCommand for ResetKeyPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<AnyKey>) -> Result<Outcome<()>, Error> {
        let key = target.key.as_deref().ok_or_else(|| Error::key_not_found(self.arn))?;
        let document = default_document(key.arn.account);
        Ok(edit(key, |record| record.policy = KeyPolicyRecord { document, principals: Vec::new() }).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, TestKms, refused};

    /// The only user that the policy let in is gone.
    #[test]
    fn a_locked_out_key_comes_back_to_its_account_and_to_nobody_else() {
        let kms = TestKms::new();
        let (away, key) = (kms.away(), kms.away().key("SYMMETRIC_DEFAULT"));
        away.ok("CreateUser", json!({"UserName": "ann"}));
        let ann = format!("arn:aws:iam::{AWAY}:user/ann");
        let only_ann = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ann}, "Action": "kms:*", "Resource": "*"}]});
        let bypass = json!({"KeyId": key, "Policy": only_ann.to_string(), "BypassPolicyLockoutSafetyCheck": true});
        away.ok("PutKeyPolicy", bypass);
        away.ok("DeleteUser", json!({"UserName": "ann"}));
        let arn = away.key_arn(&key);
        assert!(away.call("DescribeKey", json!({"KeyId": key})).is_err());
        assert_eq!(away.call("ResetKeyPolicy", json!({"KeyArn": arn})).unwrap_err().code, "AccessDeniedException");

        kms.ok("ResetKeyPolicy", json!({"KeyArn": arn}));
        let policy = crate::keys::policies::default_document(AWAY.parse().unwrap());
        assert_eq!(away.ok("GetKeyPolicy", json!({"KeyId": key}))["Policy"], policy);
        assert_eq!(kms.call("DescribeKey", json!({"KeyId": arn})).unwrap_err().code, "AccessDeniedException");
    }

    /// Only a principal that may do it to this key learns whether there is one.
    #[test]
    fn permission_comes_first() {
        let kms = TestKms::new();
        let (key, other) = (kms.away().key("SYMMETRIC_DEFAULT"), kms.away().key("SYMMETRIC_DEFAULT"));
        let (key, other) = (kms.away().key_arn(&key), kms.away().key_arn(&other));
        let absent = format!("arn:aws:kms:us-east-1:{AWAY}:key/00000000-0000-4000-8000-000000000000");
        let statement = crate::testing::test_kms::statement("Allow", "claviger:ResetKeyPolicy", &key);
        let support = kms.admin().user("support", &statement);
        support.ok("ResetKeyPolicy", json!({"KeyArn": key}));
        for arn in [&other, &absent] {
            let rest = format!(
                " on resource: {arn} because no identity-based policy allows the claviger:ResetKeyPolicy action"
            );
            let answer = support.call("ResetKeyPolicy", json!({"KeyArn": arn}));
            assert_eq!(answer, Err(support.denied("claviger:ResetKeyPolicy", &rest)), "{arn}");
        }
        let missing = refused("NotFoundException", &format!("Key '{absent}' does not exist"));
        assert_eq!(kms.call("ResetKeyPolicy", json!({"KeyArn": absent})), Err(missing));
        let elsewhere = kms.admin().in_region("eu-west-1").call("ResetKeyPolicy", json!({"KeyArn": key}));
        assert_eq!(elsewhere, Err(refused("NotFoundException", &format!("Key '{key}' does not exist"))));
        let answer = kms.call("ResetKeyPolicy", json!({"KeyArn": format!("arn:aws:kms:us-east-1:{AWAY}:alias/a")}));
        assert_eq!(answer.unwrap_err().code, "InvalidArnException");
    }
}
