//! Whom to trust.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Trust anchors and nothing else: verification cannot be turned off.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Roots {
    /// Mozilla's set, compiled in.
    #[default]
    Mozilla,
    /// The host's own set.
    Native,
}

/// How to build a [`TlsConfig`].
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// The set of trust anchors.
    pub roots: Roots,
    /// A PEM file with more of them: for test servers with a CA of their own.
    pub extra_roots: Option<PathBuf>,
}

/// Trust anchors, made once and shared by all connections.
///
/// # Guarantees
///
/// - Every certificate is verified against the anchors, the host name and the time.
/// - TLS 1.2 or 1.3, the AEAD suites of rustls only.
/// - Sessions are not resumed: a handshake is rare, and a ticket is a secret to keep.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub(crate) client: Arc<ClientConfig>,
}

impl TlsConfig {
    /// A configuration with these trust anchors. Reads files; off the hot path.
    ///
    /// # Errors
    ///
    /// The extra file cannot be read or holds no certificate, or the host has no trust anchors.
    pub fn new(options: &TlsOptions) -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        match options.roots {
            Roots::Mozilla => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::Native => {
                let found = rustls_native_certs::load_native_certs();
                // Some host files hold certificates that are no anchors; the others count.
                if roots.add_parsable_certificates(found.certs).0 == 0 {
                    return Err(TlsConfigError::NoNativeRoots);
                }
            }
        }
        if let Some(path) = &options.extra_roots {
            add_file(&mut roots, path)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsConfigError::Provider)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        // The keys go from the handshake to our own record layer, which decrypts in place; they
        // stay in this process. See `tls::record`.
        client.enable_secret_extraction = true;
        Ok(Self { client: Arc::new(client) })
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsConfigError> {
    let unreadable = |reason: String| TlsConfigError::ExtraRoots { path: path.into(), reason };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(unreadable("it holds no certificate".into()));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(())
}

/// Why there is no TLS configuration. The operator's fault, or the host's.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The file of extra roots cannot be used.
    ExtraRoots {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The host has no trust anchors.
    NoNativeRoots,
    /// The crypto provider supports no safe protocol version.
    Provider,
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraRoots { path, reason } => {
                write!(f, "cannot use extra roots {}: {reason}", path.display())
            }
            Self::NoNativeRoots => f.write_str("this host has no trust anchors; use Mozilla's"),
            Self::Provider => f.write_str("crypto provider supports no safe TLS version"),
        }
    }
}

impl core::error::Error for TlsConfigError {}
