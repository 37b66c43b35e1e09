//! Hostile TLS: handshake and records against a rustls server whose bytes are cut and mutated.
//!
//! Method: both ends run in memory. Unharmed, every byte arrives; with a byte changed anywhere in
//! what the server sent, nothing panics, nothing grows, and no byte arrives that was not sent.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use proptest::sample::Index;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};
use tickbook_types::MonoNanos;

use super::{Handshake, Opened, Records, TlsConfig};
use crate::NetError;
use crate::buffer::RecvBuffer;
use crate::send::SendQueue;

const HOST: &str = "venue.test";
const NOW: MonoNanos = MonoNanos(0);

/// A client and a server that trust each other.
fn configs() -> &'static (TlsConfig, Arc<ServerConfig>) {
    static CONFIGS: OnceLock<(TlsConfig, Arc<ServerConfig>)> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.enable_secret_extraction = true;
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into(),
            );
        // Small enough to tear session tickets and certificates apart.
        let mut server = server.unwrap();
        server.max_fragment_size = Some(64);
        (TlsConfig { client: Arc::new(client) }, Arc::new(server))
    })
}

/// What the client side of one connection consists of.
struct Client {
    handshake: Option<Handshake>,
    records: Option<Records>,
    buffer: RecvBuffer,
    queue: SendQueue,
    received: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        Self {
            handshake: Some(Handshake::new(&configs().0, HOST).unwrap()),
            records: None,
            buffer: RecvBuffer::new(0, 1_000),
            queue: SendQueue::new(1_000),
            received: Vec::new(),
        }
    }

    /// Takes bytes from the server, as far as there is room. `false`: over.
    fn take(&mut self, mut bytes: &[u8]) -> Result<bool, NetError> {
        while !bytes.is_empty() {
            let room = self.buffer.free();
            assert!(!room.is_empty(), "a drained buffer has room");
            let count = bytes.len().min(room.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.buffer.filled_sealed(count);
            bytes = &bytes[count..];
            if !self.drain()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn drain(&mut self) -> Result<bool, NetError> {
        if let Some(mut handshake) = self.handshake.take() {
            if !handshake.advance(&mut self.buffer, &mut self.queue, NOW)? {
                self.handshake = Some(handshake);
                return Ok(true);
            }
            self.records = Some(handshake.into_records()?);
        }
        let Some(records) = &mut self.records else { return Ok(true) };
        loop {
            match records.open_next(&mut self.buffer)? {
                Opened::More => return Ok(true),
                Opened::Closed => return Ok(false),
                Opened::Other => records.answer_key_update(&mut self.queue, NOW)?,
                Opened::Data => {
                    self.received.extend_from_slice(self.buffer.plaintext());
                    let count = self.buffer.plaintext_len();
                    self.buffer.consume(count);
                }
            }
        }
    }
}

/// What a server does between its writes.
#[derive(Clone, Debug)]
enum Act {
    Write(usize),
    NewKeys,
}

/// Changes to the stream from the server: where, and to what.
type Mutations = Vec<(usize, u8)>;

/// Runs a whole connection: what was sent, what was received, and how it ended.
fn run(
    acts: &[Act],
    cut: usize,
    mutations: &Mutations,
) -> (Vec<u8>, Vec<u8>, Result<(), NetError>) {
    let mut server = ServerConnection::new(configs().1.clone()).unwrap();
    let mut client = Client::new();
    let mut sent = Vec::new();
    let mut acts = acts.iter();
    let mut position = 0;
    let mut end = client.drain().map(|_| ());
    while end.is_ok() {
        let mut pending = client.queue.pending();
        while !pending.is_empty() && server.read_tls(&mut pending).is_ok() {
            if server.process_new_packets().is_err() {
                break;
            }
        }
        let count = client.queue.waiting();
        client.queue.sent(count);
        let idle = !server.is_handshaking() && !server.wants_write();
        match acts.next() {
            Some(Act::Write(size)) if idle => {
                let bytes: Vec<u8> = (0..*size).map(|i| (i % 251).to_le_bytes()[0]).collect();
                std::io::Write::write_all(&mut server.writer(), &bytes).unwrap();
                sent.extend(bytes);
            }
            Some(Act::NewKeys) if idle => {
                let _ = server.refresh_traffic_keys();
            }
            Some(_) => {}
            None if idle => break,
            None => {}
        }
        let mut bytes = Vec::new();
        while server.wants_write() && server.write_tls(&mut bytes).is_ok() {}
        for (at, byte) in mutations {
            if let Some(byte_there) = at.checked_sub(position).and_then(|at| bytes.get_mut(at)) {
                *byte_there ^= byte;
            }
        }
        position += bytes.len();
        if bytes.is_empty() && server.is_handshaking() {
            // Each waits for the other: the mutation was in a length.
            break;
        }
        for part in bytes.chunks(cut) {
            match client.take(part) {
                Ok(true) => {}
                Ok(false) => return (sent, client.received, Ok(())),
                Err(error) => {
                    end = Err(error);
                    break;
                }
            }
        }
    }
    (sent, client.received, end)
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0_usize..3_000).prop_map(Act::Write),
        1 => Just(Act::Write(40_000)),
        1 => Just(Act::NewKeys),
    ];
    // The acts that come while the handshake is under way are lost; these are for them.
    prop::collection::vec(act, 0..8).prop_map(|acts| [vec![Act::Write(0); 4], acts].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn unharmed_bytes_arrive_however_they_are_cut(acts in any_acts(), cut in 1_usize..5_000) {
        let (sent, received, end) = run(&acts, cut, &Vec::new());
        prop_assert_eq!(end, Ok(()));
        prop_assert!(sent == received);
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_arrives(
        acts in any_acts(),
        cut in 1_usize..5_000,
        at in prop_oneof![
            3 => (any::<Index>()).prop_map(|at| at.index(1_500)),
            1 => (any::<Index>()).prop_map(|at| at.index(60_000)),
        ],
        byte in 1_u8..,
    ) {
        let (sent, received, _) = run(&acts, cut, &vec![(at, byte)]);
        prop_assert!(sent.starts_with(&received));
    }

    #[test]
    fn random_bytes_end_a_handshake_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        header in any::<bool>(),
        cut in 1_usize..100,
    ) {
        let mut client = Client::new();
        client.drain().unwrap();
        let mut stream = Vec::new();
        if header {
            stream.extend([22, 3, 3]);
            stream.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        }
        stream.extend(bytes);
        for part in stream.chunks(cut) {
            if client.take(part).is_err() {
                break;
            }
        }
        prop_assert!(client.records.is_none());
    }
}
