//! The targets file: which credentials sign and which keys are asked for. The load generator and the yardstick read the same.
//!
//! The file holds secret access keys of a bench, so it is written with mode 0600 like any credentials file.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use crate::BenchError;

/// Whom the load generator speaks as, and about which keys.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Targets {
    /// The Region that requests are signed for.
    pub region: String,
    /// The account of the credentials and keys.
    pub account_id: String,
    /// The access keys, used in turn.
    pub credentials: Vec<Credential>,
    /// The key ids, used in turn.
    pub key_ids: Vec<String>,
}

/// An access key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Credential {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretText,
    /// What tells the session, if the access key is of one.
    #[serde(default)]
    pub session_token: Option<SecretText>,
}

/// A secret access key or session token; it can be neither printed nor cloned.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret, for signing and for the targets file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Targets {
    /// Reads a targets file.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let bytes = Zeroizing::new(fs::read(path).map_err(|error| BenchError::file(path, error))?);
        let targets: Self = serde_json::from_slice(&bytes).map_err(|error| BenchError::file(path, error))?;
        if targets.credentials.is_empty() || targets.key_ids.is_empty() {
            return Err(BenchError::file(path, "it names no credential or no key"));
        }
        Ok(targets)
    }

    /// Writes a targets file that only its owner can read.
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        let bytes = self.to_json()?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path).map_err(|error| BenchError::file(path, error))?;
        file.write_all(&bytes).map_err(|error| BenchError::file(path, error))
    }

    /// Made-up credentials and key ids, for an endpoint that accepts any key: the yardstick.
    pub fn made_up(region: &str, account_id: &str, credentials: usize, keys: usize) -> Result<Self, BenchError> {
        let credentials = (0..credentials)
            .map(|index| {
                let secret = random::<20>()?;
                Ok(Credential {
                    access_key_id: format!("AKIA{index:016}"),
                    secret_access_key: SecretText::new(const_hex::encode(secret)),
                    session_token: None,
                })
            })
            .collect::<Result<_, BenchError>>()?;
        let key_ids = (0..keys).map(|_| random::<16>().map(uuid_text)).collect::<Result<_, BenchError>>()?;
        Ok(Self { region: region.to_owned(), account_id: account_id.to_owned(), credentials, key_ids })
    }

    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, BenchError> {
        let written = Written {
            region: &self.region,
            account_id: &self.account_id,
            credentials: self.credentials.iter().map(WrittenCredential::from).collect(),
            key_ids: &self.key_ids,
        };
        let bytes = serde_json::to_vec_pretty(&written).map_err(|error| BenchError::Usage(error.to_string()))?;
        Ok(Zeroizing::new(bytes))
    }
}

/// The administrator of a freshly started server, as its credentials file names it.
pub struct Administrator {
    /// The account.
    pub account_id: String,
    /// The access key.
    pub credential: Credential,
}

impl Administrator {
    /// Reads the profile `default` of a file in AWS shared-credentials format that also names the account.
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| BenchError::file(path, error))?);
        let setting = |name: &str| {
            profile_setting(&text, "default", name)
                .map(str::to_owned)
                .ok_or_else(|| BenchError::file(path, format!("profile `default` has no `{name}`")))
        };
        Ok(Self {
            account_id: setting("aws_account_id")?,
            credential: Credential {
                access_key_id: setting("aws_access_key_id")?,
                secret_access_key: SecretText::new(setting("aws_secret_access_key")?),
                session_token: None,
            },
        })
    }
}

/// `N` random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], BenchError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes)
}

fn profile_setting<'a>(text: &'a str, profile: &str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines
        .find(|line| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim) == Some(profile))?;
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// The text form of a version 4 UUID (RFC 9562, section 5.4) of 16 random bytes.
fn uuid_text(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Written<'a> {
    region: &'a str,
    account_id: &'a str,
    credentials: Vec<WrittenCredential<'a>>,
    key_ids: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenCredential<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
}

impl<'a> From<&'a Credential> for WrittenCredential<'a> {
    fn from(credential: &'a Credential) -> Self {
        Self {
            access_key_id: &credential.access_key_id,
            secret_access_key: credential.secret_access_key.expose(),
            session_token: credential.session_token.as_ref().map(SecretText::expose),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_written_file_reads_back_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("targets.json");
        let written = Targets::made_up("eu-west-1", "111122223333", 3, 4).unwrap();
        written.write(&path).unwrap();
        let read = Targets::read(&path).unwrap();
        assert_eq!(read.region, "eu-west-1");
        assert_eq!(read.key_ids, written.key_ids);
        for (read, written) in read.credentials.iter().zip(&written.credentials) {
            assert_eq!(read.access_key_id, written.access_key_id);
            assert_eq!(read.secret_access_key.expose(), written.secret_access_key.expose());
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn made_up_key_ids_are_version_4_uuids() {
        assert_eq!(uuid_text([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid_text([0; 16]), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn the_default_profile_is_found_among_others() {
        let text = "# made by serve\n[other]\naws_access_key_id = A\n\n[ default ]\naws_access_key_id=B\n\
                    aws_secret_access_key = s/=+\naws_account_id = 111122223333\n[third]\nregion = x\n";
        for (name, want) in [
            ("aws_access_key_id", Some("B")),
            ("aws_secret_access_key", Some("s/=+")),
            ("aws_account_id", Some("111122223333")),
            ("region", None),
        ] {
            assert_eq!(profile_setting(text, "default", name), want, "name={name}");
        }
    }
}
