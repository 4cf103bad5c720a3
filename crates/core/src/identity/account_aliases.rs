//! The name that stands for an account's number at sign-in: one for each account, taken over all accounts. Nothing is
//! decided by it. Source: IAM user guide, "Creating, deleting, and listing an AWS account alias".

use claviger_keyring::Space;

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::view::Account;

/// The caller's account.
pub fn account<'f>(facts: &Facts<'f>) -> Result<&'f Account, Error> {
    let account = facts.view.account(facts.account());
    account.map(|account| &**account).ok_or_else(|| Error::Internal("the caller's account is missing".into()))
}

/// Another alias, or none, in place of the one that the account may have.
pub fn set(account: &Account, alias: Option<&str>) -> Changes {
    let mut record = account.to_record();
    record.alias = alias.map(ToOwned::to_owned);
    let changes = Changes::new(Space::Global).replace(paths::account(account.id), account.revision, &record);
    match &account.alias {
        Some(before) => changes.delete_any(paths::account_alias(before)),
        None => changes,
    }
}
