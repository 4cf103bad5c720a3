//! What is folded: uses of keys, as an entry of the log tells of them. The texts are borrowed and need not be kept.

use claviger_types::{AccessKeyId, KeyArn, Region, ServiceName, Timestamp};
use minicbor::{Decode, Encode};

/// An entry of the log, with what it says of usage. Most entries are of one use or of none.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its place in the log.
    pub index: u64,
    /// The id of the request, which its answer bore.
    pub request_id: [u8; 16],
    /// The long-term access key that signed, if one did.
    pub access_key: Option<AccessKeyUse>,
    /// The keys that the request used. A ReEncrypt uses two.
    pub uses: &'a [Use<'a>],
}

/// Entries of the log that differ in nothing but their places and ids, and the time within one day.
#[derive(Debug, Clone, Copy)]
pub struct Alike<'a> {
    /// The latest of them; of two at the same time the one that stands behind the other.
    pub latest: Entry<'a>,
    /// When the earliest of them was.
    pub first_at: Timestamp,
    /// How many they are.
    pub count: u64,
}

/// One key in one request.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// When.
    pub at: Timestamp,
    /// The key, also if the request named an alias or nothing but a ciphertext.
    pub key: KeyArn,
    /// As which action.
    pub operation: Operation,
    /// How the request named the key.
    pub addressed: Addressed,
    /// KeyMaterialId of the backing key that was used, if one was.
    pub backing_key: Option<[u8; 32]>,
    /// Unique id of the user or role, the account's id for a root.
    pub principal_id: &'a str,
    /// ARN of the user or role, never of a session: each session would be a principal of its own.
    pub principal: &'a str,
    /// Label of the network that the request came from, if it has one.
    pub source: Option<&'a str>,
    /// `Environment`, by the tags of the session, else of the principal, else of the account.
    pub environment: Option<&'a str>,
    /// `Application`, likewise.
    pub application: Option<&'a str>,
    /// The pairs of the encryption context, in any order.
    pub encryption_context: &'a [(&'a str, &'a str)],
    /// The error's code, if the use failed.
    pub error_code: Option<&'a str>,
    /// Which copy of the event the key's account has: 0 if that is the caller's account too.
    pub event_copy: u16,
}

impl Use<'_> {
    /// Whether it was one.
    pub fn outcome(&self) -> Outcome {
        if self.error_code.is_none() { Outcome::Success } else { Outcome::Failure }
    }
}

/// The last use of an access key, for whatever service. Source: IAM API reference, AccessKeyLastUsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessKeyUse {
    /// The access key.
    pub id: AccessKeyId,
    /// When.
    pub at: Timestamp,
    /// The Region that the request was signed for.
    pub region: Region,
    /// The service that it was signed for.
    pub service: ServiceName,
}

/// Where a use is known from. Uses of different origins never share a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// An entry of our own log.
    #[n(0)]
    Logged,
    /// A record of AWS CloudTrail.
    #[n(1)]
    Imported,
}

/// Whether a use succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It did.
    #[n(0)]
    Success,
    /// It was refused, or failed.
    #[n(1)]
    Failure,
}

/// How a request names a key. Source: API reference, KeyId.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Addressed {
    /// By the ARN of an alias.
    #[n(0)]
    AliasArn,
    /// By the name of an alias.
    #[n(1)]
    AliasName,
    /// By nothing but a ciphertext.
    #[n(2)]
    Ciphertext,
    /// By the key's ARN.
    #[n(3)]
    KeyArn,
    /// By the key's id.
    #[n(4)]
    KeyId,
}

macro_rules! operations {
    ($($name:ident = $number:literal of $api:ident,)+) => {
        /// A cryptographic use of a key, named as its IAM action. Source: developer guide, "Actions".
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Operation {
            $(#[doc = concat!("`kms:", stringify!($name), "`.")] #[n($number)] $name,)+
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The IAM action, without its prefix.
            pub fn action(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The operation of the API, as GetKeyLastUsage tells it.
            pub fn api_name(self) -> &'static str {
                match self { $(Self::$name => stringify!($api),)+ }
            }
        }
    };
}

operations! {
    Decapsulate = 0 of Decapsulate,
    Decrypt = 1 of Decrypt,
    DeriveSharedSecret = 2 of DeriveSharedSecret,
    Encapsulate = 3 of Encapsulate,
    Encrypt = 4 of Encrypt,
    GenerateDataKey = 5 of GenerateDataKey,
    GenerateDataKeyPair = 6 of GenerateDataKeyPair,
    GenerateDataKeyPairWithoutPlaintext = 7 of GenerateDataKeyPairWithoutPlaintext,
    GenerateDataKeyWithoutPlaintext = 8 of GenerateDataKeyWithoutPlaintext,
    GenerateMac = 9 of GenerateMac,
    ReEncryptFrom = 10 of ReEncrypt,
    ReEncryptTo = 11 of ReEncrypt,
    Sign = 12 of Sign,
    Verify = 13 of Verify,
    VerifyMac = 14 of VerifyMac,
}

impl Operation {
    /// The use that an IAM action without its prefix stands for, if it is one.
    pub fn from_action(action: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.action() == action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: API reference, KeyLastUsageData: `Operation` has these values, and ReEncrypt counts for both keys.
    #[test]
    fn operations_have_the_names_of_actions_and_of_the_api() {
        assert_eq!(Operation::ALL.len(), 15);
        for operation in Operation::ALL {
            assert_eq!(Operation::from_action(operation.action()), Some(*operation));
            let of_re_encrypt = matches!(operation, Operation::ReEncryptFrom | Operation::ReEncryptTo);
            assert_eq!(operation.api_name() == "ReEncrypt", of_re_encrypt, "{operation:?}");
            assert_eq!(operation.api_name() == operation.action(), !of_re_encrypt, "{operation:?}");
        }
        for none in ["ReEncrypt", "kms:Decrypt", "decrypt", "DescribeKey", "GenerateRandom", ""] {
            assert_eq!(Operation::from_action(none), None, "{none}");
        }
    }
}
