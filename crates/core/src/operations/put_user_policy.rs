//! `PutUserPolicy`: an inline policy is added to a user, or gets another text. Source: IAM API reference,
//! PutUserPolicy.

use claviger_policy::IdentityPolicy;
use claviger_types::{ServiceName, UserName, limits};

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Command, Operation};
use crate::outcome::Outcome;
use crate::records::{InlinePolicyRecord, UserRecord};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users;
use crate::wire::Fields;

/// The request.
pub struct PutUserPolicy {
    user: UserPlace,
    policy_name: String,
    document: String,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user(fields)?,
            policy_name: fields.string("PolicyName").unwrap_or_default(),
            document: fields.string("PolicyDocument").unwrap_or_default(),
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for PutUserPolicy {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        IdentityPolicy::parse(&self.document).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
        let mut record = user.to_record();
        self.put_into(&mut record);
        check_size(&record, &user.name)?;
        Ok(users::edit_user(user, |stored| *stored = record).reply(()))
    }
}

impl PutUserPolicy {
    fn put_into(&self, record: &mut UserRecord) {
        match record.policies.iter_mut().find(|policy| policy.name == self.policy_name) {
            Some(policy) => policy.document.clone_from(&self.document),
            None => {
                let policy = InlinePolicyRecord { name: self.policy_name.clone(), document: self.document.clone() };
                record.policies.push(policy);
                record.policies.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
    }
}

/// White space is not counted, but must still find room in the store.
fn check_size(record: &UserRecord, name: &UserName) -> Result<(), Error> {
    let documents = || record.policies.iter().map(|policy| policy.document.as_str());
    let counted = |document: &str| document.chars().filter(|character| !character.is_whitespace()).count();
    let (chars, bytes): (usize, usize) = (documents().map(counted).sum(), documents().map(str::len).sum());
    let (chars_max, bytes_max) = (limits::INLINE_POLICY_CHARS_PER_USER_MAX, limits::POLICY_DOCUMENT_BYTES_MAX);
    let exceeded =
        |limit| Error::LimitExceeded(format!("Maximum policy size of {limit} bytes exceeded for user {name}"));
    if chars > chars_max {
        return Err(exceeded(chars_max));
    }
    if bytes > bytes_max { Err(exceeded(bytes_max)) } else { Ok(()) }
}
