//! TLS: the certificate by file, read again when it changes; hybrid post-quantum key exchange first.
//!
//! A new file that cannot be used changes nothing but the log: the certificate that worked goes on working.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use claviger_core::TlsConnection;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// Where the certificate chain and its key are, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificates: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

/// The certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("cannot read {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key do not fit, or TLS cannot be set up with them.
    #[error("cannot serve the certificate in {path}: {reason}")]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
    /// No thread could be started.
    #[error("cannot start the thread that follows the certificate: {0}")]
    Thread(#[from] std::io::Error),
}

/// A TLS configuration whose certificate follows the files for as long as this value lives.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    // Dropping it ends the thread that waits on its other end.
    _stop: mpsc::Sender<()>,
}

impl Tls {
    /// Reads the files and follows them.
    pub(crate) fn start(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Arc::new(Certificate::read(files, provider)?);
        let config = certificate.server_config()?;
        let (stop, stopped) = mpsc::channel::<()>();
        thread::Builder::new().name("certificate".into()).spawn(move || {
            while stopped.recv_timeout(POLL_EVERY) == Err(RecvTimeoutError::Timeout) {
                certificate.refresh();
            }
        })?;
        Ok(Self { config: Arc::new(config), _stop: stop })
    }

    /// What connections are accepted with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The certificate that is served now.
struct Certificate {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    stamp: ArcSwap<Stamp>,
}

/// What tells one version of the two files from another without reading them.
#[derive(Debug, PartialEq, Eq)]
struct Stamp([Option<(SystemTime, u64)>; 2]);

impl Certificate {
    fn read(files: TlsFiles, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let stamp = ArcSwap::from_pointee(Stamp::of(&files));
        let current = ArcSwap::from_pointee(load(&files, &provider)?);
        Ok(Self { files, provider, current, stamp })
    }

    fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let unusable = |reason| TlsError::Unusable { path: self.files.certificates.clone(), reason };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Tickets instead of a table of sessions: workers share no lock, and memory does not grow with clients.
        config.ticketer = Ticketer::new().map_err(unusable)?;
        Ok(config)
    }

    /// Reads the files again if they changed. Each failure is logged once for each change.
    fn refresh(&self) {
        let stamp = Stamp::of(&self.files);
        if stamp == **self.stamp.load() {
            return;
        }
        match load(&self.files, &self.provider) {
            Ok(certified) => {
                self.current.store(Arc::new(certified));
                tracing::info!(path = %self.files.certificates.display(), "the new certificate is served");
            }
            Err(error) => tracing::error!(%error, "the certificate changed and is not usable; the old one stays"),
        }
        self.stamp.store(Arc::new(stamp));
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Stamp {
    fn of(files: &TlsFiles) -> Self {
        Self([&files.certificates, &files.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        }))
    }
}

fn load(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &PathBuf, reason: String| TlsError::File { path: path.clone(), reason };
    let chain = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&files.certificates, error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(&files.certificates, "it holds no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error.to_string()))?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|reason| TlsError::Unusable { path: files.certificates.clone(), reason })
}

/// What was negotiated for a connection whose handshake is done. A value that is not known is 0.
pub(crate) fn negotiated(connection: &rustls::ServerConnection) -> TlsConnection {
    TlsConnection {
        version: connection.protocol_version().map_or(0, u16::from),
        cipher_suite: connection.negotiated_cipher_suite().map_or(0, |suite| u16::from(suite.suite())),
        key_exchange_group: connection.negotiated_key_exchange_group().map(|group| u16::from(group.name())),
    }
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    use super::*;

    fn write(files: &TlsFiles) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        fs::write(&files.certificates, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn served(certificate: &Certificate) -> Vec<u8> {
        certificate.current.load().cert[0].to_vec()
    }

    fn provider() -> Arc<CryptoProvider> {
        Arc::new(aws_lc_rs::default_provider())
    }

    #[test]
    fn the_post_quantum_exchange_is_first() {
        assert_eq!(provider().kx_groups[0].name(), NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn a_changed_certificate_is_served_and_a_bad_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificates: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        let first = write(&files);
        let certificate = Certificate::read(files.clone(), provider()).unwrap();
        assert_eq!(served(&certificate), first);
        for bad in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&files.certificates, bad).unwrap();
            certificate.refresh();
            assert_eq!(served(&certificate), first, "{bad:?}");
        }
        let second = write(&files);
        certificate.stamp.store(Arc::new(Stamp([None, None])));
        certificate.refresh();
        assert_eq!(served(&certificate), second);
        fs::remove_file(&files.key).unwrap();
        certificate.refresh();
        assert_eq!(served(&certificate), second);
    }

    #[test]
    fn the_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificates: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        write(&files);
        let other = TlsFiles { certificates: dir.path().join("other.pem"), ..files };
        fs::write(&other.certificates, rcgen::generate_simple_self_signed(vec!["x".into()]).unwrap().cert.pem())
            .unwrap();
        assert!(matches!(Certificate::read(other, provider()), Err(TlsError::Unusable { .. })));
    }
}
