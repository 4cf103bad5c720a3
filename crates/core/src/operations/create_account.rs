//! `CreateAccount`: an account with a user `admin`. Source: models/claviger, CreateAccount.

use std::sync::Arc;

use claviger_keyring::{Deployment, SecretAccessKey, Space};
use claviger_types::{AccessKeyId, AccountId, PrincipalArn, ServiceName};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::call::Facts;
use crate::domain_keys;
use crate::error::Error;
use crate::new_account::{ADMIN, NewAccount};
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome};
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
    #[serde(serialize_with = "exposed")]
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

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<target::Deployment>) -> Result<NewAccount, Error> {
        let chosen = match &self.access_key {
            Some((id, secret)) if facts.deployment()? == Deployment::Development => Some((*id, secret_of(secret)?)),
            Some(_) => return Err(Error::Unsupported("Only a development server takes a chosen access key.".into())),
            None => None,
        };
        let id = self.id.map_or_else(random_account_id, Ok)?;
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
        if facts.view.credential(new.access_key_id).is_some() {
            return Err(Error::AlreadyExists(format!("The access key {} already exists", new.access_key_id)));
        }
        let reply = Reply {
            account: AccountReply { id: new.id, name: self.name.clone(), arn: PrincipalArn::Root(new.id) },
            access_key: AccessKeyReply {
                user_name: ADMIN,
                access_key_id: new.access_key_id,
                secret_access_key: Arc::clone(&new.secret),
            },
        };
        Ok(new.write(Changes::new(Space::Global), &self.name, facts.now).reply(reply))
    }
}

/// The secret goes straight into the answer's buffer, which is wiped like the secret itself.
fn exposed<S: Serializer>(secret: &Arc<SecretAccessKey>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn secret_of(text: &Zeroizing<String>) -> Result<SecretAccessKey, Error> {
    SecretAccessKey::from_text(text.as_str().to_owned())
        .map_err(|_| Error::Validation("SecretAccessKey is no secret access key".into()))
}

/// Uniform over all twelve-digit numbers, but for a bias far below one in a million.
fn random_account_id() -> Result<AccountId, Error> {
    let number = u64::from_be_bytes(claviger_keyring::random()?) % 1_000_000_000_000;
    AccountId::from_u64(number).ok_or_else(|| Error::Internal("no account number below 10^12".into()))
}
