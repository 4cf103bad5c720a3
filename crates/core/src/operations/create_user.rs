//! `CreateUser`: a new user, who may do nothing yet. Source: IAM API reference, CreateUser.

use claviger_keyring::Space;
use claviger_types::{PrincipalArn, ServiceName, UserId, UserName, limits};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome, Quota};
use crate::paths;
use crate::records::UserRecord;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users::UserShown;
use crate::wire::Fields;

/// The request.
pub struct CreateUser {
    name: UserName,
    path: Box<str>,
    place: UserPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user: UserShown,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = fields.string("UserName").unwrap_or_default();
        let name: UserName =
            name.parse().map_err(|_| Error::Internal(format!("UserName {name} passed the constraints")))?;
        let path: Box<str> = fields.string("Path").unwrap_or_else(|| "/".into()).into();
        Ok(Self { place: UserPlace::New(name.clone(), path.clone()), name, path })
    }

    fn target(&self) -> &UserPlace {
        &self.place
    }
}

impl Command for CreateUser {
    type Prepared = UserId;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>) -> Result<UserId, Error> {
        Ok(UserId::from_random(claviger_keyring::random()?))
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>, id: &UserId) -> Result<Outcome<Reply>, Error> {
        let (account, Self { name, path, .. }) = (facts.account(), self);
        if target.user.is_some() {
            return Err(Error::AlreadyExists(format!("User with name {name} already exists.")));
        }
        let record = UserRecord {
            id: id.to_string(),
            name: name.to_string(),
            path: path.to_string(),
            created_at: facts.now.as_millis(),
            policies: Vec::new(),
            access_keys: Vec::new(),
        };
        let changes = Changes::new(Space::Global).create(paths::user(account, &name.folded()), &record);
        let changes = changes.count_in(paths::user_count(account), Quota::Users, limits::USERS_PER_ACCOUNT_MAX);
        let arn = PrincipalArn::User { account, path: path.clone(), name: name.clone() };
        Ok(changes.reply(Reply { user: UserShown::new(path.clone(), name.clone(), *id, arn, facts.now) }))
    }
}
