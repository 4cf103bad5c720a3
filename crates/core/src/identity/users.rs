//! What the IAM operations on users share: members of requests, parts of answers, changes of a user's record.
//! Source: IAM API reference. The protocol is Query: times are ISO 8601, a list is a structure with one member.

use std::fmt::Write;
use std::sync::Arc;

use claviger_keyring::{SecretAccessKey, Space};
use claviger_types::{PrincipalArn, Timestamp, UserId, UserName};
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::pipeline::page::Page;
use crate::records::UserRecord;
use crate::target::UserPlace;
use crate::view::User;
use crate::wire::Fields;

const MAX_ITEMS_DEFAULT: usize = 100;
const MAX_ITEMS_MAX: usize = 1000;

/// `UserName` where IAM demands it. The model lets names through that are longer than any user's: nobody has them.
pub fn named_user(fields: &mut Fields) -> Result<UserPlace, Error> {
    let name = fields.string("UserName").unwrap_or_default();
    name.parse().map(UserPlace::Existing).map_err(|_| Error::user_not_found(name))
}

/// `UserName` where its absence means the caller.
pub fn named_user_or_caller(fields: &mut Fields) -> Result<UserPlace, Error> {
    if fields.present("UserName") { named_user(fields) } else { Ok(UserPlace::Caller) }
}

/// `MaxItems` and `Marker`.
pub fn page(fields: &mut Fields) -> Page {
    Page::new(fields.integer("MaxItems"), fields.string("Marker"), MAX_ITEMS_DEFAULT, MAX_ITEMS_MAX)
}

/// The user's record with one change, guarded by the revision that was decided on.
pub fn edit_user(user: &User, change: impl FnOnce(&mut UserRecord)) -> Changes {
    let mut record = user.to_record();
    change(&mut record);
    Changes::new(Space::Global).replace(path_of(user), user.revision, &record)
}

/// Where a user's record is.
pub fn path_of(user: &User) -> String {
    paths::user(user.account, &user.name.folded())
}

/// `User`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserShown {
    path: Box<str>,
    user_name: UserName,
    user_id: UserId,
    arn: PrincipalArn,
    #[serde(serialize_with = "iso_8601")]
    create_date: Timestamp,
}

impl UserShown {
    /// A user with this ARN, unique id and date.
    pub fn new(path: Box<str>, name: UserName, id: UserId, arn: PrincipalArn, created_at: Timestamp) -> Self {
        Self { path, user_name: name, user_id: id, arn, create_date: created_at }
    }
}

impl From<&User> for UserShown {
    fn from(user: &User) -> Self {
        Self::new(user.path.clone(), user.name.clone(), user.id, user.arn(), user.created_at)
    }
}

/// A list.
#[derive(Serialize)]
pub struct Members<T> {
    member: Vec<T>,
}

impl<T> FromIterator<T> for Members<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self { member: items.into_iter().collect() }
    }
}

/// `2026-01-31T12:00:00Z`.
pub fn iso_8601<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_iso8601())
}

/// The secret goes straight into the answer's buffer, which is wiped like the secret itself.
pub fn exposed<S: Serializer>(secret: &Arc<SecretAccessKey>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// A policy as IAM answers it: every byte but the unreserved ones as `%XX`. Source: RFC 3986, section 2.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // INVARIANT: writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding() {
        for (text, want) in [
            ("", ""),
            ("aZ09-._~", "aZ09-._~"),
            ("{\"a\": *}\n", "%7B%22a%22%3A%20%2A%7D%0A"),
            ("é+/%", "%C3%A9%2B%2F%25"),
        ] {
            assert_eq!(percent_encoded(text), want, "{text:?}");
        }
    }
}
