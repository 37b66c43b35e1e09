//! The TLS handshake, driven over our own buffers.

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use tickbook_types::MonoNanos;

use super::{Records, TlsConfig, fault};
use crate::buffer::RecvBuffer;
use crate::limits::TLS_RECORD_BYTES_MAX;
use crate::send::SendQueue;
use crate::{HandshakeFault, NetError, TlsFault};

/// A handshake under way.
pub(crate) struct Handshake {
    connection: UnbufferedClientConnection,
    /// Where rustls encodes what is to be sent.
    out: Vec<u8>,
}

impl Handshake {
    /// A handshake with a server that must prove to be `host`.
    pub(crate) fn new(config: &TlsConfig, host: &str) -> Result<Self, NetError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| NetError::BadTarget)?;
        let connection = UnbufferedClientConnection::new(config.client.clone(), name)
            .map_err(|error| fault(&error))?;
        Ok(Self { connection, out: vec![0; TLS_RECORD_BYTES_MAX] })
    }

    /// Goes as far as what was received allows. `true`: done, [`Self::into_records`] is next.
    pub(crate) fn advance(
        &mut self,
        buffer: &mut RecvBuffer,
        queue: &mut SendQueue,
        now: MonoNanos,
    ) -> Result<bool, NetError> {
        loop {
            match self.step(buffer, queue, now) {
                Ok(Step::Again) => {}
                Ok(Step::Blocked) => return Ok(false),
                Ok(Step::Done) => {
                    // A post-handshake message over several records is still rustls's to join:
                    // it leaves such records in the buffer until it has them all.
                    return Ok(!Records::is_whole(buffer.ciphertext()));
                }
                Err(error) => {
                    self.queue_alert(queue, now);
                    return Err(error);
                }
            }
        }
    }

    fn step(
        &mut self,
        buffer: &mut RecvBuffer,
        queue: &mut SendQueue,
        now: MonoNanos,
    ) -> Result<Step, NetError> {
        let UnbufferedStatus { discard, state, .. } =
            self.connection.process_tls_records(buffer.ciphertext());
        let step = match state.map_err(|error| fault(&error))? {
            ConnectionState::EncodeTlsData(mut data) => {
                let written = match data.encode(&mut self.out) {
                    Err(EncodeError::InsufficientSize(need)) => {
                        // A handshake message (not a record) may be bigger; once per connection.
                        self.out.resize(need.required_size, 0);
                        data.encode(&mut self.out)
                    }
                    result => result,
                };
                let written = written.map_err(|_| TlsFault::Internal)?;
                queue.push_raw(&self.out[..written], now);
                Step::Again
            }
            ConnectionState::TransmitTlsData(data) => {
                // It waits in the queue, which keeps the order.
                data.done();
                Step::Again
            }
            ConnectionState::BlockedHandshake => Step::Blocked,
            ConnectionState::WriteTraffic(_) => Step::Done,
            ConnectionState::ReadTraffic(_) | ConnectionState::ReadEarlyData(_) => {
                return Err(HandshakeFault::Unasked.into());
            }
            ConnectionState::PeerClosed | ConnectionState::Closed => {
                return Err(NetError::Truncated);
            }
            _ => return Err(TlsFault::Internal.into()),
        };
        buffer.decrypted(discard, 0..0);
        Ok(step)
    }

    /// Tells the server why, as far as rustls wants it told.
    ///
    /// rustls must not look at the received bytes again, which failed already (its debug
    /// assertions say so): while it has something to send it gives that first.
    fn queue_alert(&mut self, queue: &mut SendQueue, now: MonoNanos) {
        for _ in 0..ALERT_RECORDS_MAX {
            if !self.connection.wants_write() {
                return;
            }
            let state = self.connection.process_tls_records(&mut []).state;
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else { return };
            if let Ok(written) = data.encode(&mut self.out) {
                queue.push_raw(&self.out[..written], now);
            }
        }
    }

    /// The record layer of the finished handshake.
    pub(crate) fn into_records(self) -> Result<Records, NetError> {
        let (secrets, kernel) =
            self.connection.dangerous_into_kernel_connection().map_err(|error| fault(&error))?;
        Ok(Records::new(secrets, kernel)?)
    }
}

enum Step {
    Again,
    Blocked,
    Done,
}

/// The alert, and what the handshake had ready before it.
const ALERT_RECORDS_MAX: u32 = 8;

impl core::fmt::Debug for Handshake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}
