//! `CloseAccount`: nobody calls for an account any more and its keys answer nobody, until it is reopened; nothing is
//! deleted. Source: models/claviger, CloseAccount.

use claviger_types::{AccountId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct CloseAccount {
    id: AccountId,
    part: Part,
}

impl Operation for CloseAccount {
    const NAME: &'static str = "CloseAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        Ok(Self { id, part: Part::Target(ControlTarget::Account(id)) })
    }

    fn target(&self) -> &Part {
        &self.part
    }
}

impl PlainCommand for CloseAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        if facts.view.deployment().is_some_and(|deployment| deployment.first_account == self.id) {
            return Err(Error::ConstraintViolation("The deployment's first account cannot be closed.".into()));
        }
        if account.closed_at.is_some() {
            return Err(Error::ConstraintViolation(format!("The account {} is closed already.", self.id)));
        }
        Ok(organization::edit_account(account, |record| record.closed_at = Some(facts.now.as_millis())).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, HOME, REGION, TestKms, refused};
    use crate::testing::test_sessions::Opened;

    #[test]
    fn what_a_closed_account_has_is_out_of_reach_and_comes_back() {
        let kms = TestKms::new();
        let (away, of_away) = (kms.away(), json!({"AccountId": AWAY}));
        let (key, own) = (away.key("SYMMETRIC_DEFAULT"), kms.key());
        let opened = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": [HOME, AWAY]}, "Action": "kms:*", "Resource": "*"}]});
        away.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": opened.to_string()}));
        kms.ok("PutKeyPolicy", json!({"KeyId": own, "Policy": opened.to_string()}));
        away.ok("CreateAlias", json!({"AliasName": "alias/away", "TargetKeyId": key}));
        let ciphertext = away.encrypt(&key, "AAAA");
        let arn = format!("arn:aws:kms:{REGION}:{AWAY}:key/{key}");
        let uses = || {
            let names = [arn.clone(), format!("arn:aws:kms:{REGION}:{AWAY}:alias/away")];
            let encrypts = names.map(|name| kms.call("Encrypt", json!({"KeyId": name, "Plaintext": "AAAA"})).err());
            (encrypts, kms.call("Decrypt", json!({"CiphertextBlob": ciphertext})).err())
        };
        assert_eq!(uses(), ([None, None], None));

        kms.ok("CloseAccount", of_away.clone());
        assert_eq!(away.call("GetCallerIdentity", json!({})), Err(refused("(unauthenticated)", "")));
        let unknown = "because the resource does not exist in this Region, no resource-based policies allow access, or a \
                       resource-based policy explicitly denies access";
        let encrypt = kms.admin().denied("kms:Encrypt", &format!(" on this resource {unknown}"));
        let rest = format!(" on the resource associated with this ciphertext {unknown}");
        let decrypt = kms.admin().denied("kms:Decrypt", &rest);
        assert_eq!(uses(), ([Some(encrypt.clone()), Some(encrypt)], Some(decrypt)));
        let account = kms.ok("DescribeAccount", of_away.clone())["Account"].clone();
        assert_eq!(account["Status"], "CLOSED");
        assert!(account["ClosingDate"].is_number());

        kms.ok("ReopenAccount", of_away.clone());
        assert_eq!(uses(), ([None, None], None));
        assert_eq!(away.ok("Decrypt", json!({"CiphertextBlob": ciphertext}))["Plaintext"], "AAAA");
        away.ok("Encrypt", json!({"KeyId": kms.admin().key_arn(&own), "Plaintext": "AAAA"}));
        assert_eq!(kms.ok("DescribeAccount", of_away)["Account"]["Status"], "ACTIVE");
    }

    /// Sessions live no longer than the account is open, and live on when it is again.
    #[test]
    fn sessions_of_a_closed_account() {
        let kms = TestKms::new();
        let session = Opened::of(&kms, &kms.away().ok("GetSessionToken", json!({})));
        assert!(session.call("ListKeys", json!({})).is_ok());
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        let gone = refused("UnrecognizedClientException", "The security token included in the request is invalid.");
        assert_eq!(session.call("ListKeys", json!({})), Err(gone));
        kms.ok("ReopenAccount", json!({"AccountId": AWAY}));
        assert!(session.call("ListKeys", json!({})).is_ok());
    }

    /// A caller who waited for a conflict to settle is gone like any other.
    #[test]
    fn a_command_that_waits_does_not_outlive_its_account() {
        let kms = TestKms::new();
        let key = kms.away().key("SYMMETRIC_DEFAULT");
        let view = kms.view();
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        kms.store.interfere(1);
        let gone = refused("UnrecognizedClientException", "The security token included in the request is invalid.");
        assert_eq!(kms.away().call_on(&view, "DisableKey", json!({"KeyId": key})), Err(gone));
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        for (id, want) in [
            (HOME, refused("ConstraintViolationException", "The deployment's first account cannot be closed.")),
            (AWAY, refused("ConstraintViolationException", &format!("The account {AWAY} is closed already."))),
            ("777788889999", refused("NotFoundException", "The account 777788889999 does not exist.")),
        ] {
            assert_eq!(kms.call("CloseAccount", json!({"AccountId": id})), Err(want), "{id}");
        }
    }

    /// Its access key ids stay taken.
    #[test]
    fn access_keys_of_a_closed_account_are_not_given_again() {
        let kms = TestKms::new();
        let (id, secret) = (kms.away().access_key_id.to_string(), "secret/with+signs=40characters0000000000");
        kms.ok("CloseAccount", json!({"AccountId": AWAY}));
        let answer = kms.call("CreateAccount", json!({"Name": "n", "AccessKeyId": id, "SecretAccessKey": secret}));
        assert_eq!(answer, Err(refused("AlreadyExistsException", &format!("The access key {id} already exists"))));
    }
}
