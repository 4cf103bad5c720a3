//! Actions and resources as they are written when somebody asks about them.

use claviger_policy::Action;
use claviger_types::{KeyArn, KeyRef, KeyRefKind, ServiceName};

use crate::error::Error;
use crate::table;
use crate::target::ResourceType;

/// The action of a text such as `kms:Encrypt`; case does not count. One that nobody can ask for here is refused, since
/// policies that speak of it leave no trace.
pub(crate) fn action(text: &str) -> Result<Action, Error> {
    let named = Action::all().find(|action| action.to_string().eq_ignore_ascii_case(text));
    named.ok_or_else(|| Error::InvalidInput(format!("{text} is no action of a service that is here.")))
}

/// What an action is asked on: what its operation acts upon. Source for those of KMS that are no operations
/// here: its service authorization reference.
pub(crate) fn resource_type(action: Action) -> ResourceType {
    if let Some(row) = row_of(action) {
        return row.resource_type;
    }
    match (action.service(), action.name()) {
        (ServiceName::Kms, name) if name.contains("CustomKeyStore") => ResourceType::Other,
        (ServiceName::Kms, _) => ResourceType::Key,
        (ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Iam | ServiceName::Sts, _) => {
            ResourceType::Other
        }
    }
}

/// Whether the action can be done on a key of another account at all. What is no operation here may.
pub(crate) fn crosses_accounts(action: Action) -> bool {
    row_of(action).is_none_or(|row| row.asked.cross_account)
}

/// Whether a code of an MFA device may come with a request for the action.
pub(crate) fn takes_code(action: Action) -> bool {
    row_of(action).is_some_and(table::Row::takes_code)
}

/// The operation that asks for the action.
pub(crate) fn row_of(action: Action) -> Option<&'static table::Row> {
    table::rows().iter().find(|row| row.asked.action == action || row.asked_besides.contains(&action))
}

/// The key of an ARN, if it is a key's.
pub(crate) fn key_arn(text: &str) -> Option<KeyArn> {
    match KeyRef::parse(text.to_owned()).ok()?.kind() {
        KeyRefKind::KeyArn { region, account, id } => Some(KeyArn { region: *region, account: *account, id: *id }),
        KeyRefKind::AliasArn { .. } | KeyRefKind::AliasName(_) | KeyRefKind::KeyId(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_actions_are_asked_on() {
        for (name, want) in [
            ("kms:CreateAlias", ResourceType::Alias),
            ("kms:CreateCustomKeyStore", ResourceType::Other),
            ("kms:CreateGrant", ResourceType::Key),
            ("kms:CreateKey", ResourceType::Other),
            ("kms:Encrypt", ResourceType::Key),
            ("kms:ListRetirableGrants", ResourceType::Other),
            ("kms:ReEncryptFrom", ResourceType::Key),
            ("kms:ReEncryptTo", ResourceType::Key),
            ("kms:Sign", ResourceType::Key),
            ("sts:AssumeRole", ResourceType::Role),
            ("sts:SetSourceIdentity", ResourceType::Role),
            ("sts:TagSession", ResourceType::Role),
            ("iam:GetRole", ResourceType::Other),
            ("claviger:ResetKeyPolicy", ResourceType::Other),
        ] {
            assert_eq!(resource_type(action(name).unwrap()), want, "{name}");
        }
    }

    #[test]
    fn what_no_operation_is_called() {
        for (name, want) in [
            ("kms:ReEncryptFrom", Some("ReEncrypt")),
            ("kms:ReEncryptTo", Some("ReEncrypt")),
            ("kms:Sign", None),
            ("sts:SetSourceIdentity", Some("AssumeRole")),
            ("sts:TagSession", Some("AssumeRole")),
        ] {
            assert_eq!(row_of(action(name).unwrap()).map(|row| row.name), want, "{name}");
        }
    }
}
