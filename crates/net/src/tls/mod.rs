//! TLS: trust, handshake, and records decrypted in place.

mod config;

pub use config::{Roots, TlsConfig, TlsConfigError, TlsOptions};
