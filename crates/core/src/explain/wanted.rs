//! Actions and resources as they are written when somebody asks about them.

use claviger_policy::Action;
use claviger_types::{KeyArn, KeyRef, KeyRefKind, ServiceName};

use crate::error::Error;
use crate::table;

/// The action of a text such as `kms:Encrypt`; case does not count. One that nobody can ask for here is refused, since
/// policies that speak of it leave no trace.
pub(crate) fn action(text: &str) -> Result<Action, Error> {
    let named = Action::all().find(|action| action.to_string().eq_ignore_ascii_case(text));
    named.ok_or_else(|| Error::InvalidInput(format!("{text} is no action of a service that is here.")))
}

/// What an action is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedAbout {
    /// An alias, and the key that it points to.
    Alias,
    /// A key.
    Key,
    /// Something else, or nothing of its own.
    Other,
    /// A role that is to be assumed.
    Role,
}

/// What an action is asked about. Source: service authorization references of KMS and STS.
pub(crate) fn asked_about(action: Action) -> AskedAbout {
    match (action.service(), action.name()) {
        (ServiceName::Kms, "CreateAlias" | "DeleteAlias" | "UpdateAlias") => AskedAbout::Alias,
        (
            ServiceName::Kms,
            "ConnectCustomKeyStore"
            | "CreateCustomKeyStore"
            | "CreateKey"
            | "DeleteCustomKeyStore"
            | "DescribeCustomKeyStores"
            | "DisconnectCustomKeyStore"
            | "GenerateRandom"
            | "ListAliases"
            | "ListKeys"
            | "ListRetirableGrants"
            | "UpdateCustomKeyStore",
        ) => AskedAbout::Other,
        (ServiceName::Kms, _) => AskedAbout::Key,
        (ServiceName::Sts, "AssumeRole" | "SetSourceIdentity" | "TagSession") => AskedAbout::Role,
        (ServiceName::Claviger | ServiceName::Iam | ServiceName::Sts, _) => AskedAbout::Other,
    }
}

/// Whether the action can be done on a key of another account at all. What is no operation here may.
pub(crate) fn crosses_accounts(action: Action) -> bool {
    let of_row = |row: &&table::Row| row.asked.action == action;
    table::rows().iter().find(of_row).is_none_or(|row| row.asked.cross_account)
}

/// The key of an ARN, if it is a key's.
pub(crate) fn key_arn(text: &str) -> Option<KeyArn> {
    match KeyRef::parse(text.to_owned()).ok()?.kind() {
        KeyRefKind::KeyArn { region, account, id } => Some(KeyArn { region: *region, account: *account, id: *id }),
        KeyRefKind::AliasArn { .. } | KeyRefKind::AliasName(_) | KeyRefKind::KeyId(_) => None,
    }
}
