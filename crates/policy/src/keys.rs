//! Condition keys: those that a request of ours can have, by name, and all others, which never have a value here.
//!
//! Case does not count, neither in a key nor in the tag or context name that it holds. Sources: AWS KMS developer
//! guide, "Condition keys for AWS KMS"; IAM user guide, "AWS global condition context keys" and "Available keys for
//! IAM and AWS STS".

use std::fmt;

macro_rules! condition_keys {
    (plain { $($plain:ident $text:literal)+ } named { $($named:ident $prefix:literal)+ }) => {
        /// A condition key.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum ConditionKey {
            $(#[doc = concat!("`", $text, "`.")] $plain,)+
            $(#[doc = concat!("`", $prefix, "NAME`, with the name as written.")] $named(Box<str>),)+
            /// Any other key: no request has it.
            Unknown(Box<str>),
        }

        impl ConditionKey {
            /// The keys that hold no name.
            pub const PLAIN: &'static [Self] = &[$(Self::$plain),+];

            /// The key that a text means.
            pub fn parse(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) {
                    return Self::$plain;
                })+
                $(if let Some(name) = after_prefix(text, $prefix) {
                    return Self::$named(name.into());
                })+
                Self::Unknown(text.into())
            }

            /// The text before the name, and the name.
            fn parts(&self) -> (&'static str, &str) {
                match self {
                    $(Self::$plain => ($text, ""),)+
                    $(Self::$named(name) => ($prefix, name),)+
                    Self::Unknown(text) => ("", text),
                }
            }
        }
    };
}

condition_keys! {
    plain {
        AwsCalledVia "aws:CalledVia"
        AwsCalledViaFirst "aws:CalledViaFirst"
        AwsCalledViaLast "aws:CalledViaLast"
        AwsCurrentTime "aws:CurrentTime"
        AwsEpochTime "aws:EpochTime"
        AwsFederatedProvider "aws:FederatedProvider"
        AwsMultiFactorAuthAge "aws:MultiFactorAuthAge"
        AwsMultiFactorAuthPresent "aws:MultiFactorAuthPresent"
        AwsPrincipalAccount "aws:PrincipalAccount"
        AwsPrincipalArn "aws:PrincipalArn"
        AwsPrincipalIsAwsService "aws:PrincipalIsAWSService"
        AwsPrincipalOrgId "aws:PrincipalOrgID"
        AwsPrincipalOrgPaths "aws:PrincipalOrgPaths"
        AwsPrincipalType "aws:PrincipalType"
        AwsReferer "aws:Referer"
        AwsRequestedRegion "aws:RequestedRegion"
        AwsResourceAccount "aws:ResourceAccount"
        AwsResourceOrgId "aws:ResourceOrgID"
        AwsResourceOrgPaths "aws:ResourceOrgPaths"
        AwsSecureTransport "aws:SecureTransport"
        AwsSourceAccount "aws:SourceAccount"
        AwsSourceArn "aws:SourceArn"
        AwsSourceIdentity "aws:SourceIdentity"
        AwsSourceIp "aws:SourceIp"
        AwsTagKeys "aws:TagKeys"
        AwsTokenIssueTime "aws:TokenIssueTime"
        AwsUserAgent "aws:UserAgent"
        AwsUserId "aws:userid"
        AwsUserName "aws:username"
        AwsViaAwsService "aws:ViaAWSService"
        IamAwsServiceName "iam:AWSServiceName"
        IamPassedToService "iam:PassedToService"
        IamPermissionsBoundary "iam:PermissionsBoundary"
        IamPolicyArn "iam:PolicyARN"
        KmsBypassPolicyLockoutSafetyCheck "kms:BypassPolicyLockoutSafetyCheck"
        KmsCallerAccount "kms:CallerAccount"
        KmsCustomerMasterKeySpec "kms:CustomerMasterKeySpec"
        KmsCustomerMasterKeyUsage "kms:CustomerMasterKeyUsage"
        KmsDataKeyPairSpec "kms:DataKeyPairSpec"
        KmsEncryptionAlgorithm "kms:EncryptionAlgorithm"
        KmsEncryptionContextKeys "kms:EncryptionContextKeys"
        KmsExpirationModel "kms:ExpirationModel"
        KmsGrantConstraintSourceArn "kms:GrantConstraintSourceArn"
        KmsGrantConstraintType "kms:GrantConstraintType"
        KmsGrantIsForAwsResource "kms:GrantIsForAWSResource"
        KmsGrantOperations "kms:GrantOperations"
        KmsGranteePrincipal "kms:GranteePrincipal"
        KmsGranteeServicePrincipal "kms:GranteeServicePrincipal"
        KmsKeyAgreementAlgorithm "kms:KeyAgreementAlgorithm"
        KmsKeyOrigin "kms:KeyOrigin"
        KmsKeySpec "kms:KeySpec"
        KmsKeyUsage "kms:KeyUsage"
        KmsMacAlgorithm "kms:MacAlgorithm"
        KmsMessageType "kms:MessageType"
        KmsMultiRegion "kms:MultiRegion"
        KmsMultiRegionKeyType "kms:MultiRegionKeyType"
        KmsPrimaryRegion "kms:PrimaryRegion"
        KmsReEncryptOnSameKey "kms:ReEncryptOnSameKey"
        KmsReplicaRegion "kms:ReplicaRegion"
        KmsRequestAlias "kms:RequestAlias"
        KmsResourceAliases "kms:ResourceAliases"
        KmsRetiringPrincipal "kms:RetiringPrincipal"
        KmsRetiringServicePrincipal "kms:RetiringServicePrincipal"
        KmsRotationPeriodInDays "kms:RotationPeriodInDays"
        KmsScheduleKeyDeletionPendingWindowInDays "kms:ScheduleKeyDeletionPendingWindowInDays"
        KmsSigningAlgorithm "kms:SigningAlgorithm"
        KmsTrailingDaysWithoutKeyUsage "kms:TrailingDaysWithoutKeyUsage"
        KmsValidTo "kms:ValidTo"
        KmsViaService "kms:ViaService"
        KmsWrappingAlgorithm "kms:WrappingAlgorithm"
        KmsWrappingKeySpec "kms:WrappingKeySpec"
        StsDurationSeconds "sts:DurationSeconds"
        StsExternalId "sts:ExternalId"
        StsRoleSessionName "sts:RoleSessionName"
        StsSourceIdentity "sts:SourceIdentity"
        StsTransitiveTagKeys "sts:TransitiveTagKeys"
    }
    named {
        AwsPrincipalTag "aws:PrincipalTag/"
        AwsRequestTag "aws:RequestTag/"
        AwsResourceTag "aws:ResourceTag/"
        IamResourceTag "iam:ResourceTag/"
        KmsEncryptionContext "kms:EncryptionContext:"
        KmsRecipientAttestation "kms:RecipientAttestation:"
    }
}

impl PartialEq for ConditionKey {
    fn eq(&self, other: &Self) -> bool {
        let ((prefix, name), (other_prefix, other_name)) = (self.parts(), other.parts());
        prefix == other_prefix && name.eq_ignore_ascii_case(other_name)
    }
}

impl Eq for ConditionKey {}

impl fmt::Display for ConditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, name) = self.parts();
        write!(f, "{prefix}{name}")
    }
}

/// A name is never empty.
fn after_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, name) = text.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_any_case() {
        for key in ConditionKey::PLAIN {
            for text in [key.to_string(), key.to_string().to_uppercase(), key.to_string().to_lowercase()] {
                assert_eq!(ConditionKey::parse(&text), *key, "{text}");
            }
        }
        for (text, want) in [
            ("aws:principaltag/Team", ConditionKey::AwsPrincipalTag("team".into())),
            ("kms:EncryptionContext:a:b", ConditionKey::KmsEncryptionContext("A:B".into())),
            ("kms:RecipientAttestation:PCR0", ConditionKey::KmsRecipientAttestation("PCR0".into())),
            ("aws:PrincipalTag/", ConditionKey::Unknown("aws:PrincipalTag/".into())),
            ("s3:prefix", ConditionKey::Unknown("S3:Prefix".into())),
            // The Kelvin sign is no letter of a key.
            ("\u{212a}ms:KeySpec", ConditionKey::Unknown("\u{212a}ms:KeySpec".into())),
        ] {
            assert_eq!(ConditionKey::parse(text), want, "{text}");
        }
        assert_ne!(ConditionKey::AwsResourceTag("a".into()), ConditionKey::AwsRequestTag("a".into()));
        assert_eq!(ConditionKey::parse("AWS:RequestTag/Team").to_string(), "aws:RequestTag/Team");
    }
}
