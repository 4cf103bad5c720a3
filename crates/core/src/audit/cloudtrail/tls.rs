//! `tlsDetails`: how the request came. Source: CloudTrail user guide, "Record contents"; names of RFC 8446 and of IANA's
//! TLS parameters.

use std::fmt;

use serde::Serialize;

use crate::records::TlsRecord;

/// A TLS connection by names; what has no name here is shown by its number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails {
    tls_version: String,
    cipher_suite: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_exchange: Option<String>,
}

const VERSIONS: &[(u16, &str)] = &[(0x0303, "TLSv1.2"), (0x0304, "TLSv1.3")];

/// Those of TLS 1.2 as OpenSSL calls them, as CloudTrail does.
const CIPHER_SUITES: &[(u16, &str)] = &[
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xc030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"),
    (0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"),
];

const GROUPS: &[(u16, &str)] = &[
    (0x0017, "secp256r1"),
    (0x0018, "secp384r1"),
    (0x0019, "secp521r1"),
    (0x001d, "x25519"),
    (0x0200, "MLKEM512"),
    (0x0201, "MLKEM768"),
    (0x0202, "MLKEM1024"),
    (0x11eb, "SecP256r1MLKEM768"),
    (0x11ec, "X25519MLKEM768"),
];

impl TlsDetails {
    /// The names of these numbers.
    pub fn of(tls: &TlsRecord) -> Self {
        Self {
            tls_version: name(VERSIONS, tls.version),
            cipher_suite: name(CIPHER_SUITES, tls.cipher_suite),
            key_exchange: (tls.group != 0).then(|| name(GROUPS, tls.group)),
        }
    }
}

impl fmt::Display for TlsDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exchange = self.key_exchange.as_deref().unwrap_or("resumed");
        write!(f, "{}, {}, {exchange}", self.tls_version, self.cipher_suite)
    }
}

fn name(names: &[(u16, &str)], number: u16) -> String {
    let known = names.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("0x{number:04x}"), |(_, name)| (*name).to_owned())
}
