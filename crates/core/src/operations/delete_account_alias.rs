//! `DeleteAccountAlias`: an account has no name at sign-in any more. Source: IAM API reference, DeleteAccountAlias.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::account_aliases;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct DeleteAccountAlias {
    alias: String,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = Account;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { alias: fields.string("AccountAlias").unwrap_or_default() })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl PlainCommand for DeleteAccountAlias {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Outcome<()>, Error> {
        let (account, alias) = (account_aliases::account(facts)?, &self.alias);
        if account.alias.as_ref() != Some(alias) {
            return Err(Error::NotFound(format!("The account alias {alias} cannot be found.")));
        }
        Ok(account_aliases::set(account, None).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused};

    #[test]
    fn only_its_own() {
        let kms = TestKms::new();
        let body = json!({"AccountAlias": "our-company"});
        kms.ok("CreateAccountAlias", body.clone());
        let missing = Err(refused("NoSuchEntity", "The account alias our-company cannot be found."));
        assert_eq!(kms.away().call("DeleteAccountAlias", body.clone()), missing);
        assert_eq!(kms.ok("DeleteAccountAlias", body.clone()), Value::Null);
        assert_eq!(kms.call("DeleteAccountAlias", body.clone()), missing);
        kms.away().ok("CreateAccountAlias", body);
    }
}
