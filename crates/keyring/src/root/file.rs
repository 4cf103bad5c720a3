//! A root of trust in a file that only the server's user can read.
//!
//! Three lines of text, so that it can be printed, and read back from paper:
//!
//! ```text
//! claviger root of trust, version 1
//! key 64 hex digits
//! check 32 hex digits
//! ```
//!
//! The key is only derived from: one derived key wraps, another value is the *check*, which tells a damaged file from
//! a whole one and the wrong file from the right one. What it wraps is
//! `format 1 | check 16 | IV 12 | cluster key 32 | tag 16`.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{RootError, RootOfTrust};
use crate::error::ModuleFailed;
use crate::primitives::{IV_BYTES, TAG_BYTES, aes_256_gcm, derive_key};
use crate::random::random;
use crate::secret::Secret;

const TITLE: &str = "claviger root of trust, version ";
const VERSION: &str = "1";
const TEXT_BYTES: usize = TITLE.len() + VERSION.len() + 1 + "key \n".len() + 64 + "check \n".len() + 32;

const FORMAT: u8 = 1;
const WRAPPED_BYTES: usize = 1 + 16 + IV_BYTES + 32 + TAG_BYTES;

/// A root of trust that a file holds.
pub struct FileRoot {
    path: PathBuf,
    wrapping_key: LessSafeKey,
    check: [u8; 16],
}

impl FileRoot {
    /// Makes a new root in a new file and returns once it will survive a loss of power.
    pub fn create(path: &Path) -> Result<Self, RootError> {
        let key = Secret::random()?;
        let root = Self::from_key(path, &key)?;
        let text = root.to_text(&key)?;
        let io = |action| move |source| RootError::Io { path: path.to_owned(), action, source };
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(RootError::AlreadyExists { path: path.to_owned() });
            }
            opened => opened.map_err(io("create"))?,
        };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| sync_parent(path));
        if written.is_err() {
            // Nothing was wrapped by this root yet, so half a file is only in the way.
            let _ = std::fs::remove_file(path);
        }
        written.map_err(io("write"))?;
        Ok(root)
    }

    /// Reads a root, after making sure that nobody else can.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let io = |source| RootError::Io { path: path.to_owned(), action: "read", source };
        // Non-blocking, so that a pipe at this path is refused below and not waited for.
        let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
        let file = file.map_err(io)?;
        refuse_unless_private(path, &file.metadata().map_err(io)?, rustix::process::geteuid().as_raw())?;
        let mut text = Zeroizing::new(Vec::with_capacity(TEXT_BYTES + 1));
        // One byte more than a root has tells a longer file; the capacity keeps the vector from moving and leaving
        // a copy of the key behind.
        file.take(TEXT_BYTES as u64 + 1).read_to_end(&mut text).map_err(io)?;
        Self::from_text(path, &text)
    }

    pub(crate) fn from_text(path: &Path, text: &[u8]) -> Result<Self, RootError> {
        let damaged = || RootError::Damaged { path: path.to_owned() };
        let Some(rest) = text.strip_prefix(TITLE.as_bytes()) else {
            return Err(RootError::NotARoot { path: path.to_owned() });
        };
        let Some(rest) = rest.strip_prefix(b"1\nkey ") else {
            let newer = rest.split(|byte| *byte == b'\n').next().is_some_and(|line| line != VERSION.as_bytes());
            return Err(if newer { RootError::Newer { path: path.to_owned() } } else { damaged() });
        };
        let (digits, rest) = rest.split_first_chunk::<64>().ok_or_else(damaged)?;
        let check = rest.strip_prefix(b"\ncheck ").and_then(|rest| rest.strip_suffix(b"\n")).ok_or_else(damaged)?;
        let key = Secret::fill_with(|key| const_hex::decode_to_slice(digits, key)).map_err(|_| damaged())?;
        let root = Self::from_key(path, &key)?;
        if const_hex::encode(root.check).as_bytes() != check {
            return Err(damaged());
        }
        Ok(root)
    }

    pub(crate) fn to_text(&self, key: &Secret<32>) -> Result<Zeroizing<String>, ModuleFailed> {
        let mut digits = Zeroizing::new([0; 64]);
        const_hex::encode_to_slice(key.expose(), digits.as_mut_slice()).map_err(|_| ModuleFailed)?;
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
        for part in [TITLE, VERSION, "\nkey "] {
            text.push_str(part);
        }
        text.push_str(std::str::from_utf8(digits.as_slice()).map_err(|_| ModuleFailed)?);
        text.push_str("\ncheck ");
        text.push_str(&const_hex::encode(self.check));
        text.push('\n');
        Ok(text)
    }

    pub(crate) fn from_key(path: &Path, key: &Secret<32>) -> Result<Self, ModuleFailed> {
        let wrapping_key = aes_256_gcm(derive_key(key, "claviger/v1/root/wrap")?.expose())?;
        let check = derive_key(key, "claviger/v1/root/check")?;
        let check = *check.expose().first_chunk().ok_or(ModuleFailed)?;
        Ok(Self { path: path.to_owned(), wrapping_key, check })
    }

    pub(crate) fn wrap_with_iv(&self, key: &Secret<32>, aad: &[u8], iv: [u8; IV_BYTES]) -> Result<Vec<u8>, RootError> {
        let mut wrapped = Vec::with_capacity(WRAPPED_BYTES);
        wrapped.push(FORMAT);
        wrapped.extend_from_slice(&self.check);
        wrapped.extend_from_slice(&iv);
        let mut body = [0; 32];
        let mut tag = [0; TAG_BYTES];
        let nonce = Nonce::assume_unique_for_key(iv);
        self.wrapping_key
            .seal_out_of_place_scatter(nonce, Aad::from(aad), key.expose(), &mut body, &[], &mut tag)
            .map_err(|_| ModuleFailed)?;
        wrapped.extend_from_slice(&body);
        wrapped.extend_from_slice(&tag);
        Ok(wrapped)
    }
}

impl RootOfTrust for FileRoot {
    fn wrap(&self, key: &Secret<32>, aad: &[u8]) -> Result<Vec<u8>, RootError> {
        self.wrap_with_iv(key, aad, random()?)
    }

    fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<Secret<32>, RootError> {
        let damaged = || RootError::DamagedClusterKey { root: self.describe() };
        let (&[FORMAT], rest) = wrapped.split_first_chunk().ok_or_else(damaged)? else { return Err(damaged()) };
        let (check, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
        if *check != self.check {
            return Err(RootError::OtherRoot { root: self.describe() });
        }
        let (iv, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (body, tag) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
        let nonce = Nonce::assume_unique_for_key(*iv);
        Secret::fill_with(|key| self.wrapping_key.open_separate_gather(nonce, Aad::from(aad), body, tag, key))
            .map_err(|_| damaged())
    }

    fn describe(&self) -> String {
        format!("file `{}`", self.path.display())
    }
}

/// Only a plain file of this user, with no permission for anybody else, holds a root.
fn refuse_unless_private(path: &Path, metadata: &Metadata, user: u32) -> Result<(), RootError> {
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if !metadata.is_file() {
        return Err(RootError::NotARoot { path: path.to_owned() });
    }
    if owner != user {
        return Err(RootError::ForeignOwner { path: path.to_owned(), owner, user });
    }
    if mode & 0o077 != 0 {
        return Err(RootError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

/// A new name survives a loss of power only once its directory is synced.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::fixture::{counting, file_root, one_bit_flips, secret, wrong_lengths};

    fn error(result: Result<FileRoot, RootError>) -> RootError {
        result.err().expect("an error")
    }

    /// A scratch directory and the path of a root in it.
    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root");
        (directory, path)
    }

    #[test]
    fn a_created_root_opens_again() {
        let (_directory, path) = scratch();
        let root = FileRoot::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let wrapped = root.wrap(&secret(1), b"place").unwrap();
        let opened = FileRoot::open(&path).unwrap();
        assert_eq!(opened.unwrap(&wrapped, b"place").ok().unwrap().expose(), &counting::<32>(1));
        assert_eq!(opened.describe(), format!("file `{}`", path.display()));
    }

    #[test]
    fn a_root_is_never_overwritten() {
        let (_directory, path) = scratch();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(error(FileRoot::create(&path)), RootError::AlreadyExists { .. }));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn only_a_private_plain_file_is_read() {
        let (directory, path) = scratch();
        FileRoot::create(&path).unwrap();
        for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o660, 0o666, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = error(FileRoot::open(&path));
            assert!(matches!(error, RootError::OpenToOthers { .. }), "{mode:o}: {error}");
            assert!(error.to_string().contains(&format!("`chmod 600 {}`", path.display())), "{error}");
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(FileRoot::open(&path).is_ok(), "{mode:o}");
        }
        let metadata = fs::metadata(&path).unwrap();
        let foreign = refuse_unless_private(&path, &metadata, metadata.uid() + 1);
        assert!(matches!(foreign, Err(RootError::ForeignOwner { .. })));
        assert!(matches!(error(FileRoot::open(directory.path())), RootError::NotARoot { .. }));
        assert!(matches!(error(FileRoot::open(&directory.path().join("none"))), RootError::Io { .. }));
    }

    #[test]
    fn every_alteration_of_the_text_is_noticed() {
        let root = file_root();
        let text = root.to_text(&secret(0)).unwrap();
        let path = Path::new("root");
        assert!(FileRoot::from_text(path, text.as_bytes()).is_ok());
        for (bit, altered) in one_bit_flips(text.as_bytes()) {
            // Hex digits may be written in upper case: the key is the same.
            let same_key = altered.eq_ignore_ascii_case(text.as_bytes()) && (38..102).contains(&(bit / 8));
            assert_eq!(FileRoot::from_text(path, &altered).is_ok(), same_key, "bit {bit}");
        }
        for altered in wrong_lengths(text.as_bytes()) {
            assert!(FileRoot::from_text(path, &altered).is_err(), "{} bytes", altered.len());
        }
    }

    #[test]
    fn what_is_wrong_with_the_text_is_told_apart() {
        let text = file_root().to_text(&secret(0)).unwrap();
        let path = Path::new("root");
        let damaged = text.replace("key 00", "key 01");
        let newer = text.replace("version 1", "version 2");
        assert!(matches!(error(FileRoot::from_text(path, damaged.as_bytes())), RootError::Damaged { .. }));
        assert!(matches!(error(FileRoot::from_text(path, newer.as_bytes())), RootError::Newer { .. }));
        for other in ["", "secret", "-----BEGIN PRIVATE KEY-----\n"] {
            assert!(
                matches!(error(FileRoot::from_text(path, other.as_bytes())), RootError::NotARoot { .. }),
                "{other}"
            );
        }
        for altered in [damaged, newer] {
            assert!(
                !error(FileRoot::from_text(path, altered.as_bytes())).to_string().contains("0203"),
                "shows the key"
            );
        }
    }

    #[test]
    fn a_wrapped_cluster_key_opens_under_its_root_and_place_only() {
        let root = file_root();
        let wrapped = root.wrap(&secret(1), b"place").unwrap();
        let other = FileRoot::from_key(Path::new("other"), &secret(2)).unwrap();
        assert!(matches!(other.unwrap(&wrapped, b"place").err().unwrap(), RootError::OtherRoot { .. }));
        assert!(matches!(root.unwrap(&wrapped, b"elsewhere").err().unwrap(), RootError::DamagedClusterKey { .. }));
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(root.unwrap(&altered, b"place").is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(root.unwrap(&altered, b"place").is_err(), "{} bytes", altered.len());
        }
    }
}
