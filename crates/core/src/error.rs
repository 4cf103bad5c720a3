//! The service's errors, and the one place that knows how the wire calls them.
//!
//! Operations speak of what is wrong; only this file knows exception names, statuses and which member carries the text.
//! Metrics and audit events go by the names too: [`Error::code`]. Sources: the public service models, and observed
//! answers where those are silent (docs/compatibility.md).

use std::fmt;

use claviger_types::{AliasArn, KeyArn};

use crate::denial::Denied;

/// Why a request was refused.
#[derive(Debug, Clone)]
pub enum Error {
    /// No policy lets the caller do this, or one forbids it.
    AccessDenied(Box<Denied>),
    /// A name that must be new is taken.
    AlreadyExists(String),
    /// The caller's access key was deleted while the request waited: it is answered as one that never was.
    CallerGone,
    /// A rule of the organization forbids it: a limit of the tree, a policy that must stay, an account that must.
    ConstraintViolation(String),
    /// The key is disabled.
    Disabled(KeyArn),
    /// A thing that still has parts cannot be deleted.
    DeleteConflict(String),
    /// Everything was checked, and the request asked for no more than that.
    DryRun,
    /// What is refused whatever policies say. The text is AWS's.
    Forbidden(String),
    /// The named key is not the one that made the ciphertext, or cannot have made one.
    IncorrectKey,
    /// The service failed. The caller learns no more than that; the text is the operator's.
    Internal(String),
    /// An identifier is of a kind that the operation does not take, or no ARN at all.
    InvalidArn(String),
    /// The codes are not the MFA device's, or were used before.
    InvalidAuthenticationCode,
    /// The ciphertext is damaged, not ours, or not for this encryption context: one answer for every reason.
    InvalidCiphertext,
    /// The text is no grant's id.
    InvalidGrantId,
    /// The grant token is not one of ours, or was altered.
    InvalidGrantToken,
    /// The key is not for this operation or algorithm.
    InvalidKeyUsage(String),
    /// Events are not looked up by that.
    InvalidLookupAttributes(String),
    /// More events are wanted than a page has, or none.
    InvalidMaxResults(String),
    /// A member's value makes no sense to IAM.
    InvalidInput(String),
    /// The MAC does not belong to the message.
    InvalidMac,
    /// The pagination marker is not one of ours for this request.
    InvalidMarker,
    /// The token is none of a page of this very request's answer.
    InvalidNextToken,
    /// The key's state forbids it.
    InvalidState(String),
    /// The time ends before it begins.
    InvalidTimeRange(String),
    /// A quota is used up.
    LimitExceeded(String),
    /// The policy is refused.
    MalformedPolicyDocument(String),
    /// A form without an `Action`.
    MissingAction,
    /// The name is kept for the service.
    NotAuthorized,
    /// There is no such key, alias or policy.
    NotFound(String),
    /// Session policies and tags are too much for a session.
    PackedPolicyTooLarge(String),
    /// A managed policy of the service or of another account, which the caller cannot change.
    OutsideAccount,
    /// The account asks too often.
    RateExceeded,
    /// The body is not what the protocol or the model's types demand.
    Serialization(Option<String>),
    /// The caller's session has ended.
    SessionExpired,
    /// Tags are refused.
    Tag(&'static str),
    /// Too much at once, on one record.
    Throttled,
    /// A form whose `Action` names no operation.
    UnknownAction(String),
    /// No operation of this name.
    UnknownOperation,
    /// Known to the API, and not there (yet).
    Unsupported(String),
    /// Members violate constraints, or contradict one another.
    Validation(String),
}

/// How an error looks on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Wire {
    /// The code in JSON 1.1 (`__type`).
    pub json_code: &'static str,
    /// The status in JSON 1.1.
    pub json_status: u16,
    /// The code in the Query protocol.
    pub query_code: &'static str,
    /// The status in the Query protocol.
    pub query_status: u16,
    /// The text, if the error has one.
    pub message: Option<String>,
    /// Whether JSON spells the text's member `Message` instead of `message`.
    pub capital_message: bool,
}

impl Error {
    /// `<arn> is <what>.`, as state errors read.
    pub fn invalid_state(arn: &KeyArn, what: &str) -> Self {
        Self::InvalidState(format!("{arn} is {what}."))
    }

    /// The key is absent. The ARN is the caller's idea of it, with the id as typed.
    pub fn key_not_found(arn: impl fmt::Display) -> Self {
        Self::NotFound(format!("Key '{arn}' does not exist"))
    }

    /// The key has no such grant.
    pub fn grant_not_found(id: impl fmt::Display) -> Self {
        Self::NotFound(format!("Grant ID {id} not found"))
    }

    /// The alias is absent.
    pub fn alias_not_found(arn: &AliasArn) -> Self {
        Self::NotFound(format!("Alias {arn} is not found."))
    }

    /// The user, group, role, or policy inside of one, is absent. The name is as typed.
    pub fn entity_not_found(kind: &str, name: impl fmt::Display) -> Self {
        Self::NotFound(format!("The {kind} with name {name} cannot be found."))
    }

    /// The access key is absent. The id is as typed.
    pub fn access_key_not_found(id: &str) -> Self {
        Self::NotFound(format!("The Access Key with id {id} cannot be found."))
    }

    /// A list of IAM has room for no more.
    pub fn quota(name: &str, limit: usize) -> Self {
        Self::LimitExceeded(format!("Cannot exceed quota for {name}: {limit}"))
    }

    /// The name, status and text of this error on the wire.
    pub fn wire(&self) -> Wire {
        let (json_code, json_status, query_code, query_status) = self.names();
        Wire {
            json_code,
            json_status,
            query_code,
            query_status,
            message: self.message(),
            capital_message: matches!(self, Self::AccessDenied(_) | Self::Forbidden(_) | Self::Serialization(_)),
        }
    }

    /// What metrics and audit events call it.
    pub fn code(&self) -> &'static str {
        self.names().0
    }

    fn names(&self) -> (&'static str, u16, &'static str, u16) {
        match self {
            Self::AccessDenied(_) => ("AccessDeniedException", 400, "AccessDenied", 403),
            Self::AlreadyExists(_) => ("AlreadyExistsException", 400, "EntityAlreadyExists", 409),
            Self::CallerGone => ("UnrecognizedClientException", 400, "InvalidClientTokenId", 403),
            Self::ConstraintViolation(_) => ("ConstraintViolationException", 400, "ConstraintViolation", 409),
            Self::Disabled(_) => ("DisabledException", 400, "Disabled", 400),
            Self::DeleteConflict(_) => ("ConflictException", 400, "DeleteConflict", 409),
            Self::DryRun => ("DryRunOperationException", 400, "DryRunOperation", 412),
            Self::Forbidden(_) => ("AccessDeniedException", 400, "AccessDenied", 403),
            Self::IncorrectKey => ("IncorrectKeyException", 400, "IncorrectKey", 400),
            Self::Internal(_) => ("KMSInternalException", 500, "ServiceFailure", 500),
            Self::InvalidArn(_) => ("InvalidArnException", 400, "InvalidInput", 400),
            Self::InvalidAuthenticationCode => {
                ("InvalidAuthenticationCodeException", 400, "InvalidAuthenticationCode", 403)
            }
            Self::InvalidCiphertext => ("InvalidCiphertextException", 400, "InvalidCiphertext", 400),
            Self::InvalidGrantId => ("InvalidGrantIdException", 400, "InvalidInput", 400),
            Self::InvalidGrantToken => ("InvalidGrantTokenException", 400, "InvalidInput", 400),
            Self::InvalidInput(_) => ("ValidationException", 400, "InvalidInput", 400),
            Self::InvalidKeyUsage(_) => ("InvalidKeyUsageException", 400, "InvalidKeyUsage", 400),
            Self::InvalidLookupAttributes(_) => {
                ("InvalidLookupAttributesException", 400, "InvalidLookupAttributes", 400)
            }
            Self::InvalidMac => ("KMSInvalidMacException", 400, "InvalidMac", 400),
            Self::InvalidMarker => ("InvalidMarkerException", 400, "ValidationError", 400),
            Self::InvalidMaxResults(_) => ("InvalidMaxResultsException", 400, "InvalidMaxResults", 400),
            Self::InvalidNextToken => ("InvalidNextTokenException", 400, "InvalidNextToken", 400),
            Self::InvalidState(_) => ("KMSInvalidStateException", 400, "InvalidState", 400),
            Self::InvalidTimeRange(_) => ("InvalidTimeRangeException", 400, "InvalidTimeRange", 400),
            Self::LimitExceeded(_) => ("LimitExceededException", 400, "LimitExceeded", 409),
            Self::MalformedPolicyDocument(_) => {
                ("MalformedPolicyDocumentException", 400, "MalformedPolicyDocument", 400)
            }
            Self::MissingAction => ("MissingAction", 400, "MissingAction", 400),
            Self::NotAuthorized => ("NotAuthorizedException", 400, "AccessDenied", 403),
            Self::NotFound(_) => ("NotFoundException", 400, "NoSuchEntity", 404),
            Self::OutsideAccount => ("AccessDeniedException", 400, "AccessDenied", 403),
            Self::PackedPolicyTooLarge(_) => ("PackedPolicyTooLargeException", 400, "PackedPolicyTooLarge", 400),
            Self::RateExceeded => ("ThrottlingException", 400, "Throttling", 400),
            Self::Serialization(_) => ("SerializationException", 400, "MalformedInput", 400),
            Self::SessionExpired => ("ExpiredTokenException", 400, "ExpiredToken", 403),
            Self::Tag(_) => ("TagException", 400, "InvalidInput", 400),
            Self::Throttled => ("ThrottlingException", 400, "Throttling", 400),
            Self::UnknownAction(_) => ("InvalidAction", 400, "InvalidAction", 400),
            Self::UnknownOperation => ("UnknownOperationException", 400, "InvalidAction", 400),
            Self::Unsupported(_) => ("UnsupportedOperationException", 400, "UnsupportedOperation", 400),
            Self::Validation(_) => ("ValidationException", 400, "ValidationError", 400),
        }
    }

    fn message(&self) -> Option<String> {
        match self {
            Self::AccessDenied(denied) => Some(denied.to_string()),
            Self::CallerGone => Some("The security token included in the request is invalid.".into()),
            Self::Disabled(arn) => Some(format!("{arn} is disabled.")),
            Self::DryRun => Some("The request would have succeeded, but the DryRun option is set.".into()),
            Self::IncorrectKey => {
                Some("The key ID in the request does not identify a CMK that can perform this operation.".into())
            }
            Self::AlreadyExists(text)
            | Self::ConstraintViolation(text)
            | Self::DeleteConflict(text)
            | Self::Forbidden(text)
            | Self::InvalidArn(text)
            | Self::InvalidInput(text)
            | Self::InvalidKeyUsage(text)
            | Self::InvalidLookupAttributes(text)
            | Self::InvalidMaxResults(text)
            | Self::InvalidState(text)
            | Self::InvalidTimeRange(text)
            | Self::LimitExceeded(text)
            | Self::MalformedPolicyDocument(text)
            | Self::NotFound(text)
            | Self::PackedPolicyTooLarge(text)
            | Self::UnknownAction(text)
            | Self::Unsupported(text)
            | Self::Validation(text) => Some(text.clone()),
            Self::InvalidAuthenticationCode => Some("Authentication code for device is not valid.".into()),
            Self::InvalidGrantId => Some("The grant ID is not valid.".into()),
            Self::InvalidGrantToken => Some("The grant token is not valid.".into()),
            Self::OutsideAccount => Some("Policy is outside your own account.".into()),
            Self::InvalidMarker => Some("The marker is not valid for this request.".into()),
            Self::InvalidNextToken => Some("The token is not valid for this request.".into()),
            Self::Internal(_) => Some("The request failed because of an internal error. Try again.".into()),
            Self::MissingAction => Some("The request is missing an action or a required parameter.".into()),
            Self::RateExceeded => Some("Rate exceeded".into()),
            Self::Serialization(text) => text.clone(),
            Self::SessionExpired => Some("The security token included in the request is expired".into()),
            Self::Tag(text) => Some((*text).to_owned()),
            Self::Throttled => {
                Some("You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.".into())
            }
            Self::InvalidCiphertext | Self::InvalidMac | Self::NotAuthorized | Self::UnknownOperation => None,
        }
    }
}

/// What CloudTrail calls the error that the wire calls `code`: refusals of all services have one name there. Source: AWS
/// KMS developer guide, "Examples of AWS KMS log entries", Decrypt.
pub(crate) fn cloudtrail_code(code: &str) -> &str {
    if code == "AccessDeniedException" { "AccessDenied" } else { code }
}

/// As the operator reads it, who is told of a failure of the service what its caller is not.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(text) => f.write_str(text),
            Self::InvalidCiphertext => f.write_str("the ciphertext is not valid"),
            Self::InvalidMac => f.write_str("the MAC does not belong to the message"),
            Self::NotAuthorized => f.write_str("the name is kept for the service"),
            Self::Serialization(None) => f.write_str("the body is not what the protocol demands"),
            Self::UnknownOperation => f.write_str("there is no operation of this name"),
            error => f.write_str(&error.message().unwrap_or_default()),
        }
    }
}

impl std::error::Error for Error {}

impl From<claviger_keyring::ModuleFailed> for Error {
    fn from(_: claviger_keyring::ModuleFailed) -> Self {
        Self::Internal("the cryptographic module failed".into())
    }
}

impl From<claviger_keyring::UseError> for Error {
    fn from(error: claviger_keyring::UseError) -> Self {
        Self::Internal(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The operator is told what the caller is not.
    #[test]
    fn an_internal_error_is_told_to_the_operator_alone() {
        let error = Error::Internal("the disk is gone".into());
        assert_eq!(error.to_string(), "the disk is gone");
        assert!(!error.wire().message.is_some_and(|text| text.contains("disk")));
        for (error, want) in [
            (Error::InvalidMac, "the MAC does not belong to the message"),
            (Error::NotFound("no key".into()), "no key"),
        ] {
            assert_eq!(error.to_string(), want);
        }
    }
}
