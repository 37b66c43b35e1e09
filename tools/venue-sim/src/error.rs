//! Why a simulated venue could not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a simulated venue could not start or go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum SimError {
    /// Another process listens there. Operator: take another port, or 0 for any.
    PortInUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on. Operator.
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The address is not on loopback: a simulated venue serves this host only. Operator.
    NotLoopback {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// A value of the configuration makes no sense. Operator.
    Config {
        /// Which, and what is allowed.
        what: String,
    },
    /// The test certificates could not be made. The TLS library's or ours.
    Certificate {
        /// What the library said.
        what: String,
    },
    /// A file could not be read or written, or a thread not started. Operator.
    Io {
        /// What was tried.
        context: String,
        /// What the system said.
        source: io::Error,
    },
    /// The capture to be played cannot be read. Operator.
    Capture {
        /// What the reader of captures said.
        what: String,
    },
}

impl SimError {
    pub(crate) fn bind(addr: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::PortInUse { addr }
        } else {
            Self::Bind { addr, source }
        }
    }

    pub(crate) fn config(what: impl Into<String>) -> Self {
        Self::Config { what: what.into() }
    }

    pub(crate) fn io(context: impl Into<String>, source: io::Error) -> Self {
        Self::Io { context: context.into(), source }
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortInUse { addr } => {
                write!(f, "port {} on {} is in use; choose another, or 0", addr.port(), addr.ip())
            }
            Self::Bind { addr, source } => write!(f, "cannot listen on {addr}: {source}"),
            Self::NotLoopback { addr } => {
                write!(f, "{addr} is not a loopback address; use 127.0.0.1:{}", addr.port())
            }
            Self::Config { what } => f.write_str(what),
            Self::Certificate { what } => write!(f, "cannot make test certificates: {what}"),
            Self::Io { context, source } => write!(f, "{context}: {source}"),
            Self::Capture { what } => write!(f, "cannot play the capture: {what}"),
        }
    }
}

impl std::error::Error for SimError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
