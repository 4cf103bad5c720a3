//! `DeleteAccessKey`: credentials go, and are refused from then on; without a user's name, the caller's. Source: IAM
//! API reference, DeleteAccessKey.

use claviger_types::{AccessKeyId, ServiceName};

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Command, Operation};
use crate::outcome::Outcome;
use crate::paths;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users;
use crate::wire::Fields;

/// The request.
pub struct DeleteAccessKey {
    user: UserPlace,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user_or_caller(fields)?,
            access_key_id: fields.string("AccessKeyId").unwrap_or_default(),
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for DeleteAccessKey {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let (user, typed) = (target.existing()?, &self.access_key_id);
        let not_found = || Error::NotFound(format!("The Access Key with id {typed} cannot be found."));
        let owned = user.access_keys.iter().any(|access_key| access_key.id == *typed);
        let id: AccessKeyId = typed.parse().ok().filter(|_| owned).ok_or_else(not_found)?;
        let changes = users::edit_user(user, |record| record.access_keys.retain(|access_key| access_key.id != *typed));
        Ok(changes.delete_any(paths::access_key(id)).reply(()))
    }
}
