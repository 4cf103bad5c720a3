//! `CreateAccountAlias`: an account gets a name at sign-in, in place of one that it may have. Source: IAM API
//! reference, CreateAccountAlias.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::account_aliases;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::records::AccountAliasRecord;
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct CreateAccountAlias {
    alias: String,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
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

impl PlainCommand for CreateAccountAlias {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Outcome<()>, Error> {
        let (account, alias) = (account_aliases::account(facts)?, &self.alias);
        if facts.view.account_of_alias(alias).is_some() {
            return Err(Error::AlreadyExists(format!("The account alias {alias} already exists.")));
        }
        let record = AccountAliasRecord { account: account.id.as_u64() };
        let changes = account_aliases::set(account, Some(alias)).create(paths::account_alias(alias), &record);
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{Session, TestKms, refused};

    #[test]
    fn one_for_each_account_and_each_but_once() {
        let kms = TestKms::new();
        let create =
            |caller: Session<'_>, alias: &str| caller.call("CreateAccountAlias", json!({"AccountAlias": alias}));
        let listed = |caller: Session<'_>| caller.ok("ListAccountAliases", json!({}))["AccountAliases"].clone();
        assert_eq!(create(kms.admin(), "our-company"), Ok(Value::Null));
        let taken = Err(refused("EntityAlreadyExists", "The account alias our-company already exists."));
        assert_eq!(create(kms.away(), "our-company"), taken);
        assert_eq!(create(kms.admin(), "our-company-2"), Ok(Value::Null));
        assert_eq!(listed(kms.admin()), json!(["our-company-2"]));
        assert_eq!(listed(kms.away()), json!([]));
        assert_eq!(create(kms.away(), "our-company"), Ok(Value::Null));
        for bad in ["ab", "-ab", "ab-", "a--b", "Abc", "a_b", &"a".repeat(64)] {
            assert_eq!(create(kms.admin(), bad).unwrap_err().code, "ValidationError", "{bad}");
        }
    }
}
