//! Certificates for `--tls`: an authority that development clients are told to trust, and a leaf for loopback names.
//!
//! Authority and leaf are two certificates with key identifiers, since rustls refuses a leaf that is an authority and
//! Python refuses one without key identifiers. The authority's key signs the one leaf and is dropped: whoever copies
//! the directory can impersonate loopback names, and nothing else that its clients talk to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use claviger_http::TlsFiles;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::data_dir::{DataDir, make_private};
use crate::private_file;

/// What the leaf is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long both certificates are good. Source: Apple refuses longer-lived ones, those of private authorities too.
const VALID: Duration = Duration::from_hours(24 * 825);

/// A certificate that ends sooner than this is made anew at start.
const RENEWED_BEFORE: Duration = Duration::from_hours(24 * 30);

/// A client's clock may be behind by this.
const CLOCK_SKEW: Duration = Duration::from_hours(1);

/// The development certificates cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsDevError {
    /// A certificate cannot be made.
    #[error("cannot make the development certificates: {0}")]
    Making(#[from] rcgen::Error),
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}", path = path.display())]
    Writing {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The directory's certificates; they are made if they are missing, damaged, or at their end.
pub(crate) fn certificates(dir: &DataDir) -> Result<TlsFiles, TlsDevError> {
    let (authority, leaf) = (dir.dev_authority(), dir.dev_leaf());
    let then = SystemTime::now() + RENEWED_BEFORE;
    if !are_good(&authority, &leaf, then) {
        make(&authority, &leaf, SystemTime::now())?;
    }
    // Certificate and key stand in one file, so that no loss of power parts them.
    Ok(TlsFiles { certificates: leaf.clone(), key: leaf })
}

/// Whether a client that trusts the authority would trust the leaf at that time, under each of its names.
fn are_good(authority: &Path, leaf: &Path, at: SystemTime) -> bool {
    let Ok(since_epoch) = at.duration_since(SystemTime::UNIX_EPOCH) else { return false };
    let verify = || {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).ok()?).ok()?;
        let leaf = CertificateDer::from_pem_file(leaf).ok()?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
        let now = UnixTime::since_unix_epoch(since_epoch);
        for name in NAMES {
            verifier.verify_server_cert(&leaf, &[], &ServerName::try_from(name).ok()?, &[], now).ok()?;
        }
        Some(())
    };
    verify().is_some()
}

fn make(authority: &Path, leaf: &Path, now: SystemTime) -> Result<(), TlsDevError> {
    let authority_key = KeyPair::generate()?;
    let mut params = parameters("Claviger development authority", now);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let authority_certificate = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);

    let leaf_key = KeyPair::generate()?;
    let mut params = parameters("Claviger development server", now);
    params.subject_alt_names = CertificateParams::new(NAMES.map(str::to_owned))?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let leaf_certificate = params.signed_by(&leaf_key, &issuer)?;

    let leaf_pem = zeroize::Zeroizing::new(leaf_certificate.pem() + &leaf_key.serialize_pem());
    write(leaf, leaf_pem.as_bytes())?;
    write(authority, authority_certificate.pem().as_bytes())
}

fn parameters(name: &str, now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + VALID).into();
    params
}

fn write(path: &Path, contents: &[u8]) -> Result<(), TlsDevError> {
    let failed = |source| TlsDevError::Writing { path: path.to_owned(), source };
    path.parent().map_or(Ok(()), make_private).map_err(failed)?;
    private_file::write(path, contents).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn scratch() -> (tempfile::TempDir, DataDir) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = DataDir::at(scratch.path()).unwrap();
        (scratch, dir)
    }

    fn contents(dir: &DataDir) -> (String, String) {
        (fs::read_to_string(dir.dev_authority()).unwrap(), fs::read_to_string(dir.dev_leaf()).unwrap())
    }

    #[test]
    fn certificates_stay_while_they_are_good() {
        let (_scratch, dir) = scratch();
        certificates(&dir).unwrap();
        let first = contents(&dir);
        certificates(&dir).unwrap();
        assert_eq!(contents(&dir), first);
    }

    #[test]
    fn certificates_are_made_anew_when_they_are_not() {
        type Damage = fn(&DataDir);
        let damages: [(&str, Damage); 5] = [
            ("no authority", |dir| fs::remove_file(dir.dev_authority()).unwrap()),
            ("no leaf", |dir| fs::remove_file(dir.dev_leaf()).unwrap()),
            ("damaged leaf", |dir| fs::write(dir.dev_leaf(), "noise").unwrap()),
            ("another authority", |dir| {
                let (_other, other) = scratch();
                certificates(&other).unwrap();
                fs::copy(other.dev_authority(), dir.dev_authority()).unwrap();
            }),
            ("at their end", |dir| {
                let long_ago = SystemTime::now() - VALID + RENEWED_BEFORE / 2;
                make(&dir.dev_authority(), &dir.dev_leaf(), long_ago).unwrap();
            }),
        ];
        for (name, damage) in damages {
            let (_scratch, dir) = scratch();
            certificates(&dir).unwrap();
            damage(&dir);
            let damaged = fs::read(dir.dev_leaf()).ok();
            certificates(&dir).unwrap();
            assert_ne!(fs::read(dir.dev_leaf()).ok(), damaged, "{name}");
            assert!(are_good(&dir.dev_authority(), &dir.dev_leaf(), SystemTime::now()), "{name}");
        }
    }

    #[test]
    fn the_authority_leaves_no_key() {
        let (_scratch, dir) = scratch();
        let files = certificates(&dir).unwrap();
        let (authority, leaf) = contents(&dir);
        assert!(!authority.contains("PRIVATE KEY"));
        assert_eq!(leaf.matches("PRIVATE KEY").count(), 2, "begin and end of the leaf's own key");
        assert_eq!(files.certificates, files.key);
    }
}
