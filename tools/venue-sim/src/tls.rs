//! The venue's own certificate authority, made at start and known to nobody else.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::error::SimError;
use crate::outbound::{Outbound, Work};

/// The server's side of TLS, and the certificate that a client must trust.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

impl Tls {
    /// Makes an authority and a certificate for `localhost` and `127.0.0.1`.
    pub(crate) fn new() -> Result<Self, SimError> {
        let failed = |error: rcgen::Error| SimError::Certificate { what: error.to_string() };
        let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "tickbook venue-sim test authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate().map_err(failed)?;
        let ca = params.self_signed(&ca_key).map_err(failed)?;
        let issuer = Issuer::new(params, ca_key);

        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let leaf = params.signed_by(&key, &issuer).map_err(failed)?;

        let failed = |error: rustls::Error| SimError::Certificate { what: error.to_string() };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .map_err(failed)?;
        Ok(Self { config: Arc::new(config), ca_pem: ca.pem() })
    }
}

/// A TLS connection that one thread reads and another writes.
#[derive(Clone, Debug)]
pub(crate) struct SharedTls(Arc<Mutex<ServerConnection>>);

impl SharedTls {
    pub(crate) fn new(tls: &Tls) -> Result<Self, rustls::Error> {
        let mut connection = ServerConnection::new(Arc::clone(&tls.config))?;
        connection.set_buffer_limit(None);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn connection(&self) -> MutexGuard<'_, ServerConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading half of a client's socket. What is written to it goes to the client's [`Outbound`],
/// so that a protocol library on top of it shares the writing thread with everybody else.
#[derive(Debug)]
pub(crate) struct Inbound {
    socket: TcpStream,
    tls: Option<SharedTls>,
    outbound: Arc<Outbound>,
    raw: Box<[u8]>,
}

/// Bytes read from the socket at once; clients send little.
const RAW_BYTES: usize = 16 << 10;

impl Inbound {
    pub(crate) fn new(socket: TcpStream, tls: Option<SharedTls>, outbound: Arc<Outbound>) -> Self {
        Self { socket, tls, outbound, raw: vec![0; RAW_BYTES].into() }
    }
}

impl Read for Inbound {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.connection().reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let count = self.socket.read(&mut self.raw)?;
            let mut bytes = &self.raw[..count];
            if bytes.is_empty() {
                return Ok(0);
            }
            let mut connection = tls.connection();
            while !bytes.is_empty() {
                connection.read_tls(&mut bytes)?;
                let processed = connection.process_new_packets();
                // An error is told to the client by an alert.
                let wants_write = connection.wants_write();
                if wants_write {
                    self.outbound.flush();
                }
                processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
        }
    }
}

impl Write for Inbound {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outbound.push_raw(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The writing thread of a client: until it is to finish or the socket fails.
pub(crate) fn write_all(socket: &TcpStream, tls: Option<&SharedTls>, outbound: &Outbound) {
    let mut socket = socket;
    let (mut plain, mut cipher) = (Vec::new(), Vec::new());
    loop {
        let work = outbound.take(&mut plain);
        let written = match tls {
            None => socket.write_all(&plain),
            Some(tls) => {
                cipher.clear();
                encrypt(&mut tls.connection(), &plain, work, &mut cipher)
                    .and_then(|()| socket.write_all(&cipher))
            }
        };
        outbound.taken_is_written();
        if written.is_err() || work == Work::Finish {
            break;
        }
    }
    outbound.gone();
    // The client sees an orderly end; an error means that it is gone already.
    let _ = socket.shutdown(std::net::Shutdown::Write);
}

fn encrypt(
    connection: &mut ServerConnection,
    plain: &[u8],
    work: Work,
    cipher: &mut Vec<u8>,
) -> io::Result<()> {
    connection.writer().write_all(plain)?;
    if work == Work::Finish {
        connection.send_close_notify();
    }
    while connection.wants_write() {
        connection.write_tls(cipher)?;
    }
    Ok(())
}
