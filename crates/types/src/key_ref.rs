//! The four ways in which a request names a key. Source: API reference, KeyId.

use std::str::FromStr;

use crate::{AccountId, AliasName, KeyId, Region};

/// A key identifier as a request sent it, with what it was understood as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    text: String,
    kind: KeyRefKind,
}

/// What a key identifier means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRefKind {
    /// `arn:aws:kms:REGION:ACCOUNT:alias/NAME`.
    AliasArn {
        /// The ARN's Region.
        region: Region,
        /// The ARN's account.
        account: AccountId,
        /// `alias/NAME`.
        name: AliasName,
    },
    /// `alias/NAME`, in the caller's account and Region.
    AliasName(AliasName),
    /// `arn:aws:kms:REGION:ACCOUNT:key/ID`.
    KeyArn {
        /// The ARN's Region.
        region: Region,
        /// The ARN's account.
        account: AccountId,
        /// The key's id.
        id: KeyId,
    },
    /// A bare key id, in the caller's account and Region.
    KeyId(KeyId),
}

/// Why a key identifier means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKeyRef {
    /// It begins with `alias/` and goes on as no alias can.
    #[error("no alias has this name")]
    AliasName(String),
    /// It begins with `arn:` and is no key's or alias's ARN.
    #[error("not the ARN of a key or an alias")]
    Arn(String),
    /// An ARN of a key, in good form up to the id.
    #[error("the ARN holds no key id")]
    ArnKeyId(String),
    /// Neither an ARN nor an alias, and no key id.
    #[error("not a key id")]
    KeyId(String),
}

impl KeyRef {
    /// Understands `text`, which is kept for the messages that echo it.
    pub fn parse(text: String) -> Result<Self, BadKeyRef> {
        match classify(&text) {
            Ok(kind) => Ok(Self { text, kind }),
            Err(bad) => Err(bad(text)),
        }
    }

    /// What it means.
    pub fn kind(&self) -> &KeyRefKind {
        &self.kind
    }

    /// The key id as it was typed: the last part of an ARN, or the whole. Messages echo it without changing its case.
    pub fn typed_id(&self) -> &str {
        match self.kind {
            KeyRefKind::KeyArn { .. } | KeyRefKind::AliasArn { .. } => {
                self.text.splitn(6, ':').last().map_or("", |last| last.strip_prefix("key/").unwrap_or(last))
            }
            KeyRefKind::AliasName(_) | KeyRefKind::KeyId(_) => &self.text,
        }
    }

    /// Whether it names an alias, by name or by ARN.
    pub fn is_alias(&self) -> bool {
        matches!(self.kind, KeyRefKind::AliasArn { .. } | KeyRefKind::AliasName(_))
    }
}

/// Also decides which complaint a bad text deserves; the caller adds the text.
fn classify(text: &str) -> Result<KeyRefKind, fn(String) -> BadKeyRef> {
    if text.starts_with(AliasName::PREFIX) {
        return text.parse().map(KeyRefKind::AliasName).map_err(|_| BadKeyRef::AliasName as _);
    }
    let Some(rest) = text.strip_prefix("arn:") else {
        return text.parse().map(KeyRefKind::KeyId).map_err(|_| BadKeyRef::KeyId as _);
    };
    let bad_arn = || BadKeyRef::Arn as fn(String) -> BadKeyRef;
    let mut parts = rest.splitn(5, ':');
    let mut part = || parts.next().ok_or_else(bad_arn);
    if (part()?, part()?) != ("aws", "kms") {
        return Err(bad_arn());
    }
    let region = Region::from_str(part()?).map_err(|_| bad_arn())?;
    let account = AccountId::from_str(part()?).map_err(|_| bad_arn())?;
    let resource = part()?;
    if let Some(id) = resource.strip_prefix("key/") {
        let id = id.parse().map_err(|_| BadKeyRef::ArnKeyId as fn(String) -> BadKeyRef)?;
        return Ok(KeyRefKind::KeyArn { region, account, id });
    }
    let name = resource.parse().map_err(|_| bad_arn())?;
    Ok(KeyRefKind::AliasArn { region, account, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn four_forms() {
        let account: AccountId = "111122223333".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let name: AliasName = "alias/a/b".parse().unwrap();
        let id: KeyId = ID.parse().unwrap();
        for (text, kind) in [
            (ID.to_owned(), KeyRefKind::KeyId(id)),
            (format!("arn:aws:kms:eu-west-1:111122223333:key/{ID}"), KeyRefKind::KeyArn { region, account, id }),
            ("alias/a/b".to_owned(), KeyRefKind::AliasName(name.clone())),
            ("arn:aws:kms:eu-west-1:111122223333:alias/a/b".to_owned(), KeyRefKind::AliasArn { region, account, name }),
        ] {
            assert_eq!(KeyRef::parse(text.clone()).unwrap().kind(), &kind, "{text}");
        }
    }

    #[test]
    fn each_complaint() {
        for (text, want) in [
            ("foo", BadKeyRef::KeyId as fn(String) -> BadKeyRef),
            ("", BadKeyRef::KeyId),
            ("alias/", BadKeyRef::AliasName),
            ("alias/a.b", BadKeyRef::AliasName),
            ("arn:aws:kms:eu-west-1:111122223333:key/foo", BadKeyRef::ArnKeyId),
            ("arn:aws:kms:eu-west-1:111122223333:grant/foo", BadKeyRef::Arn),
            ("arn:aws:s3:eu-west-1:111122223333:key/foo", BadKeyRef::Arn),
            ("arn:aws:kms:Europe:111122223333:key/foo", BadKeyRef::Arn),
            ("arn:aws:kms:eu-west-1:1:key/foo", BadKeyRef::Arn),
            ("arn:", BadKeyRef::Arn),
        ] {
            assert_eq!(KeyRef::parse(text.into()), Err(want(text.into())), "{text}");
        }
    }

    #[test]
    fn ids_are_echoed_as_typed() {
        let upper = ID.to_uppercase();
        for text in [upper.clone(), format!("arn:aws:kms:eu-west-1:111122223333:key/{upper}")] {
            assert_eq!(KeyRef::parse(text).unwrap().typed_id(), upper);
        }
    }
}
