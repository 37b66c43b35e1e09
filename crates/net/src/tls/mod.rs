//! TLS: trust, handshake, and records decrypted in place.
//!
//! The handshake is rustls's, through its unbuffered connection. Its way to give application data
//! (as of 0.23) copies each record into a vector of its own, so once the handshake is done rustls
//! hands over the keys ([`rustls::kernel`], made for TLS in the kernel), and [`Records`] does what
//! is left: it finds record boundaries, counts, and lets rustls's own decrypter work in the
//! receive buffer. No cryptography is ours.

mod config;
mod handshake;
mod record;
#[cfg(test)]
mod tests;

use rustls::{CertificateError, Error};

use crate::TlsFault;

pub use config::{Roots, TlsConfig, TlsConfigError, TlsOptions};
pub(crate) use handshake::Handshake;
pub(crate) use record::{Opened, Records};

/// What a rustls error means to us.
fn fault(error: &Error) -> TlsFault {
    use CertificateError as Bad;
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => TlsFault::Expired,
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => TlsFault::NotYetValid,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFault::WrongName,
            Bad::Revoked => TlsFault::Revoked,
            // The signature: an anchor has the signer's name, but another key.
            Bad::UnknownIssuer | Bad::BadSignature => TlsFault::UnknownIssuer,
            _ => TlsFault::BadCertificate,
        },
        Error::NoCertificatesPresented | Error::UnsupportedNameType => TlsFault::BadCertificate,
        Error::AlertReceived(alert) => TlsFault::Alert(u8::from(*alert)),
        Error::DecryptError => TlsFault::BadRecord,
        Error::PeerIncompatible(_) => TlsFault::Incompatible,
        Error::PeerMisbehaved(_)
        | Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => TlsFault::Misbehaved,
        _ => TlsFault::Internal,
    }
}
