//! `DeleteUser`: a user without access keys and policies goes. Its unique id is never given again, so that what names
//! the user names nobody from then on. Source: IAM API reference, DeleteUser.

use claviger_keyring::Space;
use claviger_types::ServiceName;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome};
use crate::paths;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users;
use crate::wire::Fields;

/// The request.
pub struct DeleteUser {
    user: UserPlace,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for DeleteUser {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        if !user.access_keys.is_empty() {
            return Err(Error::DeleteConflict("Cannot delete entity, must remove access keys first.".into()));
        }
        if !user.policies.is_empty() {
            return Err(Error::DeleteConflict("Cannot delete entity, must delete policies first.".into()));
        }
        let changes = Changes::new(Space::Global).delete(users::path_of(user), user.revision);
        Ok(changes.count_out(paths::user_count(user.account)).reply(()))
    }
}
