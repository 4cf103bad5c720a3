//! Key specs, key usages and algorithms, and which go together.
//!
//! Only what the service can do stands here. A value that the public model knows and this module does not is
//! answered with `UnsupportedOperationException`, never taken for another.

use std::fmt;

use serde::Serialize;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that the API uses.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What kind of key material a key has.
    KeySpec {
        /// A 28-byte HMAC key.
        Hmac224 = "HMAC_224",
        /// A 32-byte HMAC key.
        Hmac256 = "HMAC_256",
        /// A 48-byte HMAC key.
        Hmac384 = "HMAC_384",
        /// A 64-byte HMAC key.
        Hmac512 = "HMAC_512",
        /// A 256-bit key for AES-256-GCM.
        SymmetricDefault = "SYMMETRIC_DEFAULT",
    }
}

named! {
    /// What a key may be used for; fixed when it is created.
    KeyUsage {
        /// Encrypt, Decrypt, ReEncrypt and the data key operations.
        EncryptDecrypt = "ENCRYPT_DECRYPT",
        /// GenerateMac and VerifyMac.
        GenerateVerifyMac = "GENERATE_VERIFY_MAC",
    }
}

named! {
    /// Algorithms of Encrypt and Decrypt.
    EncryptionAlgorithm {
        /// AES-256-GCM under a key derived for the one message.
        SymmetricDefault = "SYMMETRIC_DEFAULT",
    }
}

named! {
    /// Algorithms of GenerateMac and VerifyMac.
    MacAlgorithm {
        /// HMAC with SHA-224.
        HmacSha224 = "HMAC_SHA_224",
        /// HMAC with SHA-256.
        HmacSha256 = "HMAC_SHA_256",
        /// HMAC with SHA-384.
        HmacSha384 = "HMAC_SHA_384",
        /// HMAC with SHA-512.
        HmacSha512 = "HMAC_SHA_512",
    }
}

named! {
    /// Lengths of a data key by name.
    DataKeySpec {
        /// 16 bytes.
        Aes128 = "AES_128",
        /// 32 bytes.
        Aes256 = "AES_256",
    }
}

impl KeySpec {
    /// The usage that this spec allows. The specs known so far allow one each.
    pub fn usage(self) -> KeyUsage {
        match self {
            Self::Hmac224 | Self::Hmac256 | Self::Hmac384 | Self::Hmac512 => KeyUsage::GenerateVerifyMac,
            Self::SymmetricDefault => KeyUsage::EncryptDecrypt,
        }
    }

    /// Bytes of key material.
    pub fn material_bytes(self) -> usize {
        match self {
            Self::Hmac224 => 28,
            Self::Hmac256 | Self::SymmetricDefault => 32,
            Self::Hmac384 => 48,
            Self::Hmac512 => 64,
        }
    }

    /// The one MAC algorithm of an HMAC key; none for others. Source: API reference, CreateKey.
    pub fn mac_algorithm(self) -> Option<MacAlgorithm> {
        match self {
            Self::Hmac224 => Some(MacAlgorithm::HmacSha224),
            Self::Hmac256 => Some(MacAlgorithm::HmacSha256),
            Self::Hmac384 => Some(MacAlgorithm::HmacSha384),
            Self::Hmac512 => Some(MacAlgorithm::HmacSha512),
            Self::SymmetricDefault => None,
        }
    }
}

impl DataKeySpec {
    /// Bytes of the data key.
    pub fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for &spec in KeySpec::ALL {
            assert_eq!(KeySpec::from_name(spec.as_str()), Some(spec));
            assert_eq!(spec.mac_algorithm().is_some(), spec.usage() == KeyUsage::GenerateVerifyMac, "{spec}");
        }
        assert_eq!(KeySpec::from_name("RSA_2048"), None);
        assert_eq!(serde_json::to_string(&KeyUsage::EncryptDecrypt).unwrap(), "\"ENCRYPT_DECRYPT\"");
    }
}
