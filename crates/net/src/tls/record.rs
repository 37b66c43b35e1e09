//! TLS records after the handshake: found, counted, and decrypted in the receive buffer.
//!
//! # Guarantees
//!
//! - Opening a record copies nothing but plaintext that must join an unfinished frame, and
//!   allocates nothing.
//! - A record is judged by its header before it is waited for; a limit bounds records in a row
//!   that carry no data, and the size of post-handshake messages.
//! - Each record is opened once, with its own sequence number; a record that does not
//!   authenticate ends the connection.
//!
//! # Not guaranteed
//!
//! - That sealing does not allocate: rustls's encrypter makes a vector per record. We send rarely.
//!
//! # Invariants
//!
//! - `rx_seq` and `tx_seq` count the records opened and sealed under the present keys.

use rustls::client::ClientConnectionData;
use rustls::crypto::cipher::{
    InboundOpaqueMessage, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use rustls::kernel::KernelConnection;
use rustls::{
    ConnectionTrafficSecrets, ContentType, ExtractedSecrets, ProtocolVersion, SupportedCipherSuite,
};
use tickbook_types::MonoNanos;

use super::fault;
use crate::buffer::RecvBuffer;
use crate::limits::{TLS_IDLE_RECORDS_MAX, TLS_POST_HANDSHAKE_BYTES_MAX, TLS_RECORD_BYTES_MAX};
use crate::send::SendQueue;
use crate::{NetError, TlsFault};

/// The record layer of one connection.
pub(crate) struct Records {
    kernel: KernelConnection<ClientConnectionData>,
    suite: SupportedCipherSuite,
    decrypter: Box<dyn MessageDecrypter>,
    rx_seq: u64,
    encrypter: Box<dyn MessageEncrypter>,
    tx_seq: u64,
    /// Records in a row without data.
    idle_records: u32,
    /// A post-handshake message that is not yet whole.
    unfinished: Vec<u8>,
    /// The peer asked for new keys on our side.
    update_owed: bool,
}

/// What opening the next record gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opened {
    /// No whole record is there.
    More,
    /// Plaintext.
    Data,
    /// Something of TLS's own.
    Other,
    /// `close_notify`: nothing comes any more.
    Closed,
}

impl Records {
    pub(super) fn new(
        secrets: ExtractedSecrets,
        kernel: KernelConnection<ClientConnectionData>,
    ) -> Result<Self, TlsFault> {
        let suite = kernel.negotiated_cipher_suite();
        let (rx_seq, rx) = secrets.rx;
        let (tx_seq, tx) = secrets.tx;
        Ok(Self {
            kernel,
            suite,
            decrypter: decrypter(suite, rx)?,
            rx_seq,
            encrypter: encrypter(suite, tx)?,
            tx_seq,
            idle_records: 0,
            unfinished: Vec::new(),
            update_owed: false,
        })
    }

    /// Whether a whole record stands at the start of `bytes`.
    pub(super) fn is_whole(bytes: &[u8]) -> bool {
        matches!(Header::parse(bytes), Ok(Some(header)) if header.end <= bytes.len())
    }

    /// Bytes that sealing adds to a frame with this payload, at most.
    pub(crate) fn overhead(payload: &[u8]) -> usize {
        (payload.len() / PLAINTEXT_BYTES_MAX + 2) * (HEADER_BYTES + PROTECTION_BYTES_MAX)
    }

    /// Decrypts the next record, in place.
    #[inline]
    pub(crate) fn open_next(&mut self, buffer: &mut RecvBuffer) -> Result<Opened, TlsFault> {
        let ciphertext = buffer.ciphertext();
        let Some(header) = Header::parse(ciphertext)? else { return Ok(Opened::More) };
        let Some(sealed) = ciphertext.get_mut(HEADER_BYTES..header.end) else {
            return Ok(Opened::More);
        };
        let start = sealed.as_ptr().addr() - HEADER_BYTES;
        let record = InboundOpaqueMessage::new(header.kind, ProtocolVersion::TLSv1_2, sealed);
        let plain = self.decrypter.decrypt(record, self.rx_seq).map_err(|error| fault(&error))?;
        self.rx_seq += 1;
        if plain.typ == ContentType::ApplicationData && !plain.payload.is_empty() {
            // Messages of the handshake protocol must not be interrupted (RFC 8446, 5.1).
            if !self.unfinished.is_empty() {
                return Err(TlsFault::Misbehaved);
            }
            let from = plain.payload.as_ptr().addr() - start;
            let range = from..from + plain.payload.len();
            self.idle_records = 0;
            buffer.decrypted(header.end, range);
            return Ok(Opened::Data);
        }
        self.idle_records += 1;
        if self.idle_records > TLS_IDLE_RECORDS_MAX {
            return Err(TlsFault::Misbehaved);
        }
        let opened = match plain.typ {
            ContentType::ApplicationData => Opened::Other,
            ContentType::Alert => self.alert(plain.payload)?,
            ContentType::Handshake => {
                if self.unfinished.len() + plain.payload.len() > TLS_POST_HANDSHAKE_BYTES_MAX {
                    return Err(TlsFault::Misbehaved);
                }
                self.unfinished.extend_from_slice(plain.payload);
                self.post_handshake()?;
                Opened::Other
            }
            _ => return Err(TlsFault::Misbehaved),
        };
        buffer.decrypted(header.end, 0..0);
        Ok(opened)
    }

    fn alert(&self, payload: &[u8]) -> Result<Opened, TlsFault> {
        match *payload {
            [_, ALERT_CLOSE_NOTIFY] => Ok(Opened::Closed),
            // Warnings: TLS 1.3 has but this one beside close_notify.
            [_, ALERT_USER_CANCELED] => Ok(Opened::Other),
            [ALERT_LEVEL_WARNING, _] if !self.is_tls13() => Ok(Opened::Other),
            [_, code] => Err(TlsFault::Alert(code)),
            _ => Err(TlsFault::Misbehaved),
        }
    }

    /// Takes the whole messages out of `unfinished`.
    fn post_handshake(&mut self) -> Result<(), TlsFault> {
        let mut at = 0;
        while let [kind, l0, l1, l2, rest @ ..] = &self.unfinished[at..] {
            let len = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
            if len > TLS_POST_HANDSHAKE_BYTES_MAX {
                return Err(TlsFault::Misbehaved);
            }
            let Some(body) = rest.get(..len) else { break };
            match (*kind, body, self.is_tls13()) {
                // We do not resume sessions.
                (KIND_NEW_SESSION_TICKET, _, true) => {}
                // We do not renegotiate; RFC 5246, 7.4.1.1, lets us ignore the wish.
                (KIND_HELLO_REQUEST, [], false) => {}
                (KIND_KEY_UPDATE, [asked @ (0 | 1)], true) => {
                    // Records behind it have other keys: it must end its record.
                    if rest.len() != len {
                        return Err(TlsFault::Misbehaved);
                    }
                    self.update_owed |= *asked == 1;
                    let (seq, secrets) =
                        self.kernel.update_rx_secret().map_err(|error| fault(&error))?;
                    self.decrypter = decrypter(self.suite, secrets)?;
                    self.rx_seq = seq;
                }
                _ => return Err(TlsFault::Misbehaved),
            }
            at += KIND_AND_LENGTH_BYTES + len;
        }
        self.unfinished.drain(..at);
        Ok(())
    }

    /// Seals `plaintext` as application data.
    pub(crate) fn seal(
        &mut self,
        plaintext: &[u8],
        queue: &mut SendQueue,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        self.answer_key_update(queue, now)?;
        for part in plaintext.chunks(PLAINTEXT_BYTES_MAX) {
            self.seal_record(ContentType::ApplicationData, part, queue, now)?;
        }
        Ok(())
    }

    /// Changes our keys if the peer asked for that. To be called before anything else is sealed.
    pub(crate) fn answer_key_update(
        &mut self,
        queue: &mut SendQueue,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        if !core::mem::take(&mut self.update_owed) {
            return Ok(());
        }
        let update = [KIND_KEY_UPDATE, 0, 0, 1, 0];
        self.seal_record(ContentType::Handshake, &update, queue, now)?;
        let (seq, secrets) = self.kernel.update_tx_secret().map_err(|error| fault(&error))?;
        self.encrypter = encrypter(self.suite, secrets)?;
        self.tx_seq = seq;
        Ok(())
    }

    /// Whether [`Self::answer_key_update`] has something to do.
    pub(crate) fn owes_key_update(&self) -> bool {
        self.update_owed
    }

    /// Says that nothing more comes from us: `close_notify`, or a fatal alert for a bad record.
    pub(crate) fn close(&mut self, bad_record: bool, queue: &mut SendQueue, now: MonoNanos) {
        let alert = if bad_record {
            [ALERT_LEVEL_FATAL, ALERT_BAD_RECORD_MAC]
        } else {
            [ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY]
        };
        // Where it cannot be sealed the stream just ends.
        let _ = self.seal_record(ContentType::Alert, &alert, queue, now);
    }

    fn seal_record(
        &mut self,
        kind: ContentType,
        plaintext: &[u8],
        queue: &mut SendQueue,
        now: MonoNanos,
    ) -> Result<(), NetError> {
        let limit = match self.suite {
            SupportedCipherSuite::Tls12(suite) => suite.common.confidentiality_limit,
            SupportedCipherSuite::Tls13(suite) => suite.common.confidentiality_limit,
        };
        if self.tx_seq >= limit {
            return Err(TlsFault::Internal.into());
        }
        let message = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(plaintext),
        };
        let sealed = self.encrypter.encrypt(message, self.tx_seq).map_err(|error| fault(&error))?;
        self.tx_seq += 1;
        queue.push_raw(&sealed.encode(), now);
        Ok(())
    }

    fn is_tls13(&self) -> bool {
        matches!(self.suite, SupportedCipherSuite::Tls13(_))
    }
}

impl core::fmt::Debug for Records {
    /// Without keys.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Records")
            .field("suite", &self.suite)
            .field("rx_seq", &self.rx_seq)
            .field("tx_seq", &self.tx_seq)
            .finish_non_exhaustive()
    }
}

/// Header of a sealed record.
struct Header {
    kind: ContentType,
    /// Bytes of the record, its header included.
    end: usize,
}

impl Header {
    #[inline]
    fn parse(bytes: &[u8]) -> Result<Option<Self>, TlsFault> {
        let Some(&[kind, major, _, l0, l1]) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let end = HEADER_BYTES + usize::from(u16::from_be_bytes([l0, l1]));
        let kind = ContentType::from(kind);
        let known = matches!(
            kind,
            ContentType::ApplicationData | ContentType::Alert | ContentType::Handshake
        );
        if !known || major != 3 || end > TLS_RECORD_BYTES_MAX {
            return Err(TlsFault::Misbehaved);
        }
        Ok(Some(Self { kind, end }))
    }
}

fn decrypter(
    suite: SupportedCipherSuite,
    secrets: ConnectionTrafficSecrets,
) -> Result<Box<dyn MessageDecrypter>, TlsFault> {
    let (key, iv) = parts(secrets)?;
    Ok(match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.decrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let (fixed, _) = split(suite, iv.as_ref())?;
            suite.aead_alg.decrypter(key, fixed)
        }
    })
}

fn encrypter(
    suite: SupportedCipherSuite,
    secrets: ConnectionTrafficSecrets,
) -> Result<Box<dyn MessageEncrypter>, TlsFault> {
    let (key, iv) = parts(secrets)?;
    Ok(match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
        SupportedCipherSuite::Tls12(suite) => {
            let (fixed, explicit) = split(suite, iv.as_ref())?;
            suite.aead_alg.encrypter(key, fixed, explicit)
        }
    })
}

fn parts(
    secrets: ConnectionTrafficSecrets,
) -> Result<(rustls::crypto::cipher::AeadKey, rustls::crypto::cipher::Iv), TlsFault> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => Ok((key, iv)),
        _ => Err(TlsFault::Internal),
    }
}

/// The fixed and the explicit part of a TLS 1.2 nonce.
fn split<'a>(
    suite: &rustls::Tls12CipherSuite,
    iv: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), TlsFault> {
    let shape = suite.aead_alg.key_block_shape();
    iv.split_at_checked(shape.fixed_iv_len).ok_or(TlsFault::Internal)
}

const HEADER_BYTES: usize = 5;

/// The most that protection adds: an explicit nonce (8), a content type (1), a tag (16).
const PROTECTION_BYTES_MAX: usize = 25;

/// Plaintext of one record.
const PLAINTEXT_BYTES_MAX: usize = 1 << 14;

const KIND_AND_LENGTH_BYTES: usize = 4;
const KIND_HELLO_REQUEST: u8 = 0;
const KIND_NEW_SESSION_TICKET: u8 = 4;
const KIND_KEY_UPDATE: u8 = 24;

const ALERT_LEVEL_WARNING: u8 = 1;
const ALERT_LEVEL_FATAL: u8 = 2;
const ALERT_CLOSE_NOTIFY: u8 = 0;
const ALERT_BAD_RECORD_MAC: u8 = 20;
const ALERT_USER_CANCELED: u8 = 90;
