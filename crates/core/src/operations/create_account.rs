//! `CreateAccount`: an account with a user `admin`. Source: models/claviger, CreateAccount.

use std::sync::Arc;

use claviger_keyring::{Deployment, SecretAccessKey, Space};
use claviger_types::{AccessKeyId, AccountId, PrincipalArn, ServiceName};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::identity::new_account::{ADMIN, NewAccount, random_account_id};
use crate::identity::users;
use crate::keys::domain_keys;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{self, Authorized};
use crate::wire::Fields;

/// The request.
pub struct CreateAccount {
    id: Option<AccountId>,
    name: String,
    access_key: Option<(AccessKeyId, Zeroizing<String>)>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    account: AccountReply,
    access_key: AccessKeyReply,
}

/// The new account.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountReply {
    id: AccountId,
    name: String,
    arn: PrincipalArn,
}

/// Its admin's access key; the secret is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyReply {
    user_name: &'static str,
    access_key_id: AccessKeyId,
    #[serde(serialize_with = "users::exposed")]
    secret_access_key: Arc<SecretAccessKey>,
}

impl Operation for CreateAccount {
    const NAME: &'static str = "CreateAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = target::Deployment;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let invalid = |error: claviger_types::Malformed| Error::Validation(error.to_string());
        let id = fields.string("Id").map(|id| id.parse().map_err(invalid)).transpose()?;
        let access_key = match (fields.string("AccessKeyId"), fields.secret("SecretAccessKey")) {
            (Some(id), Some(secret)) => Some((id.parse().map_err(invalid)?, secret)),
            (None, None) => None,
            _ => return Err(Error::Validation("AccessKeyId and SecretAccessKey go together".into())),
        };
        Ok(Self { id, name: fields.string("Name").unwrap_or_default(), access_key })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Command for CreateAccount {
    type Prepared = NewAccount;

    fn prepare(
        &self,
        facts: &Facts<'_>,
        _: &Authorized<target::Deployment>,
        _: &Tools<'_>,
    ) -> Result<NewAccount, Error> {
        let chosen = match &self.access_key {
            Some((id, secret)) if facts.deployment()? == Deployment::Development => Some((*id, secret_of(secret)?)),
            Some(_) => return Err(Error::Unsupported("Only a development server takes a chosen access key.".into())),
            None => None,
        };
        let id = match self.id {
            Some(chosen) => chosen,
            None => random_account_id()?,
        };
        NewAccount::prepare(&domain_keys::cluster_key(facts.view)?.key, id, chosen, facts.now)
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        _: Authorized<target::Deployment>,
        new: &NewAccount,
    ) -> Result<Outcome<Reply>, Error> {
        if facts.view.account(new.id).is_some() {
            return Err(Error::AlreadyExists(format!("The account {} already exists", new.id)));
        }
        if facts.view.access_key(new.admin.access_key_id).is_some() {
            return Err(Error::AlreadyExists(format!("The access key {} already exists", new.admin.access_key_id)));
        }
        let reply = Reply {
            account: AccountReply { id: new.id, name: self.name.clone(), arn: PrincipalArn::Root(new.id) },
            access_key: AccessKeyReply {
                user_name: ADMIN,
                access_key_id: new.admin.access_key_id,
                secret_access_key: Arc::clone(&new.admin.secret),
            },
        };
        let changes = new.write(Changes::new(Space::Global), &self.name, facts.now);
        Ok(changes.making(PrincipalArn::Root(new.id)).reply(reply))
    }
}

fn secret_of(text: &Zeroizing<String>) -> Result<SecretAccessKey, Error> {
    SecretAccessKey::from_text(text.as_str().to_owned())
        .map_err(|_| Error::Validation("SecretAccessKey is no secret access key".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{HOME, TestKms, refused, validation};

    #[test]
    fn an_account_is_on_its_own() {
        let kms = TestKms::new();
        let made = kms.ok("CreateAccount", json!({"Id": "222233334444", "Name": "orders"}));
        let account = json!({"Id": "222233334444", "Name": "orders", "Arn": "arn:aws:iam::222233334444:root"});
        assert_eq!(made["Account"], account);
        assert_eq!(made["AccessKey"]["UserName"], "admin");
        let admin = kms.session(made["AccessKey"]["AccessKeyId"].as_str().unwrap().parse().unwrap());
        assert_eq!(admin.ok("GetCallerIdentity", json!({}))["Arn"], "arn:aws:iam::222233334444:user/admin");
        let attached = admin.ok("ListAttachedUserPolicies", json!({"UserName": "admin"}))["AttachedPolicies"].clone();
        assert_eq!(attached[0]["PolicyArn"], "arn:aws:iam::aws:policy/AdministratorAccess");
        let key = admin.key("SYMMETRIC_DEFAULT");
        let ciphertext = admin.encrypt(&key, "AAAA");
        assert_eq!(admin.ok("Decrypt", json!({"CiphertextBlob": ciphertext}))["Plaintext"], "AAAA");
        assert!(kms.call("Decrypt", json!({"CiphertextBlob": ciphertext})).is_err());
        assert_eq!(kms.store.counter("counters/global/users/222233334444"), 1);
        let id = kms.ok("CreateAccount", json!({"Name": "any"}))["Account"]["Id"].clone();
        assert_eq!(id.as_str().unwrap().len(), 12);
    }

    #[test]
    fn a_chosen_access_key() {
        let kms = TestKms::new();
        let chosen = |id: &str| json!({"Name": "n", "AccessKeyId": id, "SecretAccessKey": "secret/with+signs=40characters0000000000"});
        let made = kms.ok("CreateAccount", chosen("AKIACHOSENCHOSEN2222"));
        assert_eq!(made["AccessKey"]["AccessKeyId"], "AKIACHOSENCHOSEN2222");
        assert_eq!(made["AccessKey"]["SecretAccessKey"], "secret/with+signs=40characters0000000000");
        let taken = refused("AlreadyExistsException", "The access key AKIACHOSENCHOSEN2222 already exists");
        assert_eq!(kms.call("CreateAccount", chosen("AKIACHOSENCHOSEN2222")), Err(taken));
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        let together = validation("AccessKeyId and SecretAccessKey go together");
        for (body, want) in [
            (
                json!({"Name": "n", "Id": HOME}),
                refused("AlreadyExistsException", &format!("The account {HOME} already exists")),
            ),
            (json!({"Name": "n", "AccessKeyId": "AKIACHOSENCHOSEN2222"}), together.clone()),
            (json!({"Name": "n", "SecretAccessKey": "secret/with+signs=40characters0000000000"}), together),
        ] {
            assert_eq!(kms.call("CreateAccount", body.clone()), Err(want), "{body}");
        }
        for body in [
            json!({"Name": ""}),
            json!({"Name": "n", "Id": "1"}),
            json!({"Name": "n", "Id": "11112222333a"}),
            json!({"Name": "n", "AccessKeyId": "x", "SecretAccessKey": "secret/with+signs=40characters0000000000"}),
            json!({"Name": "n", "AccessKeyId": "AKIACHOSENCHOSEN2222", "SecretAccessKey": "with space"}),
        ] {
            assert_eq!(kms.call("CreateAccount", body.clone()).unwrap_err().code, "ValidationException", "{body}");
        }
    }
}
