//! Virtual MFA devices: their ARN, which is also their serial number.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Malformed, MfaDeviceName};

/// `arn:aws:iam::ACCOUNT:mfa/PATH/NAME`: a virtual MFA device's serial number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MfaDeviceArn {
    /// Whose device.
    pub account: AccountId,
    /// `/`, or `/…/`.
    pub path: Box<str>,
    /// The name without its path.
    pub name: MfaDeviceName,
}

impl FromStr for MfaDeviceArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("MFA device ARN");
        let (account, resource) =
            text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(':')).ok_or(malformed)?;
        let full = resource.strip_prefix("mfa").filter(|full| full.starts_with('/')).ok_or(malformed)?;
        let (path, name) = full.rsplit_once('/').ok_or(malformed)?;
        Ok(Self { account: account.parse()?, path: format!("{path}/").into(), name: name.parse()? })
    }
}

impl fmt::Display for MfaDeviceArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:iam::{}:mfa{}{}", self.account, self.path, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["arn:aws:iam::111122223333:mfa/ann", "arn:aws:iam::111122223333:mfa/team/a/Ann.B"] {
            assert_eq!(text.parse::<MfaDeviceArn>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "GAHT12345678",
            "arn:aws:iam::111122223333:mfa",
            "arn:aws:iam::111122223333:mfa/",
            "arn:aws:iam::111122223333:mfaann",
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:iam::1111:mfa/ann",
            "arn:aws:sts::111122223333:mfa/ann",
            "arn:aws:iam::111122223333:mfa/a b",
        ] {
            assert!(bad.parse::<MfaDeviceArn>().is_err(), "{bad}");
        }
    }
}
