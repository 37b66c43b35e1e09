//! TLS: whom we trust, records decrypted in place, and a peer that misbehaves below the frames.
//!
//! Method: a rustls server on loopback with a CA made for the test, and bytes of our choice past
//! its back where a real server would not send them.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedCipherSuite};
use support::{Peer, accept_upgrade, frame, linger, open, read_frame, read_until, receive_all};
use tickbook_net::{
    ConnectionOptions, HandshakeFault, MessageKind, NetError, TlsConfig, TlsConfigError, TlsFault,
    TlsOptions,
};
use tickbook_types::clock;

const HOST: &str = "venue.test";

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A certificate authority of a test.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        Self::named("our CA")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Trust in it and in Mozilla's roots, through a file as an operator would give it.
    fn trusted(&self) -> TlsConfig {
        let file = temporary(&self.certificate.pem());
        let options = TlsOptions { extra_roots: Some(file.clone()), ..Default::default() };
        let config = TlsConfig::new(&options).unwrap();
        std::fs::remove_file(file).unwrap();
        config
    }

    /// A server's configuration with a certificate for `host`, changed by `change`.
    fn server(
        &self,
        host: &str,
        suites: Vec<SupportedCipherSuite>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = suites;
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            );
        Arc::new(config.unwrap())
    }
}

fn temporary(content: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only the value counts.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("tickbook-net-test-{}-{number}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn all_suites() -> Vec<SupportedCipherSuite> {
    rustls::crypto::ring::default_provider().cipher_suites
}

/// A peer that runs `script` once TLS is up and the upgrade answered.
fn upgraded<T: Send + 'static>(
    config: Arc<ServerConfig>,
    script: impl FnOnce(&mut Stream) -> T + Send + 'static,
) -> Peer<T> {
    Peer::start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let answer = accept_upgrade(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        script(&mut stream)
    })
}

/// What a client that trusts `config` says of a server with `server`, and what the server says.
fn refused(config: &TlsConfig, server: Arc<ServerConfig>) -> (NetError, String) {
    let peer = Peer::start(move |stream| {
        let connection = ServerConnection::new(server).unwrap();
        StreamOwned::new(connection, stream).read(&mut [0]).unwrap_err().to_string()
    });
    let target = peer.tls_target(HOST, config);
    let error = open(&target, &ConnectionOptions::default()).unwrap_err();
    (error, peer.join())
}

#[test]
fn a_certificate_is_judged_by_signer_name_and_time() {
    let (ours, theirs) = (Authority::new(), Authority::named("their CA"));
    let trusted = ours.trusted();
    let good = ours.server(HOST, all_suites(), |_| ());

    let peer = upgraded(good.clone(), |_| ());
    assert!(open(&peer.tls_target(HOST, &trusted), &ConnectionOptions::default()).is_ok());
    peer.join();

    let (error, told) = refused(&theirs.trusted(), good.clone());
    assert_eq!(error, TlsFault::UnknownIssuer.into());
    assert!(told.contains("UnknownCA"), "the server is told why: {told}");
    assert!(error.to_string().contains("extra root"), "{error}");

    // A CA that was made anew has its old name and another key.
    let (error, _) = refused(&Authority::new().trusted(), good.clone());
    assert_eq!(error, TlsFault::UnknownIssuer.into());

    let mozilla = TlsConfig::new(&TlsOptions::default()).unwrap();
    assert_eq!(refused(&mozilla, good).0, TlsFault::UnknownIssuer.into());

    let other = ours.server("other.test", all_suites(), |_| ());
    assert_eq!(refused(&trusted, other).0, TlsFault::WrongName.into());

    let expired = ours.server(HOST, all_suites(), |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let (error, told) = refused(&trusted, expired);
    assert_eq!(error, TlsFault::Expired.into());
    assert!(told.contains("CertificateExpired"), "{told}");

    let future = ours.server(HOST, all_suites(), |params| {
        params.not_before = date_time_ymd(2990, 1, 1);
        params.not_after = date_time_ymd(2999, 1, 1);
    });
    assert_eq!(refused(&trusted, future).0, TlsFault::NotYetValid.into());
}

#[test]
fn an_address_is_a_name_too() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", all_suites(), |_| ());
    let peer = upgraded(server, |_| ());
    let target = peer.tls_target("127.0.0.1", &authority.trusted());
    assert!(open(&target, &ConnectionOptions::default()).is_ok());
    peer.join();
}

#[test]
fn a_file_of_roots_that_cannot_be_used_is_named() {
    let with = |path: PathBuf| {
        let options = TlsOptions { extra_roots: Some(path), ..Default::default() };
        TlsConfig::new(&options).map(|_| ()).unwrap_err()
    };
    let missing = with("/nowhere/roots.pem".into());
    assert!(missing.to_string().contains("/nowhere/roots.pem"), "{missing}");
    for content in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        let path = temporary(content);
        let error = with(path.clone());
        assert!(matches!(error, TlsConfigError::ExtraRoots { .. }), "{error}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn plain_text_on_the_port_is_no_fallback() {
    let peer = Peer::start(|mut stream| {
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).unwrap();
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
        stream
    });
    let target = peer.tls_target(HOST, &Authority::new().trusted());
    let error = open(&target, &ConnectionOptions::default()).unwrap_err();
    assert_eq!(error, TlsFault::Misbehaved.into());
    peer.join();
}

#[test]
fn messages_of_every_size_come_through_every_suite() {
    let authority = Authority::new();
    let trusted = authority.trusted();
    let sizes = [0_usize, 1, 125, 126, 5_000, 16_383, 16_384, 16_385, 70_000, 1_000_000, 3];
    let mut tried = 0;
    for suite in all_suites() {
        // The test's keys are ECDSA.
        if format!("{suite:?}").contains("RSA") {
            continue;
        }
        tried += 1;
        let server = authority.server(HOST, vec![suite], |_| ());
        let peer = upgraded(server, move |stream| {
            for (n, size) in sizes.into_iter().enumerate() {
                // One write is one record, up to 16 KiB.
                stream.write_all(&frame(0x82, &vec![n as u8; size])).unwrap();
                stream.flush().unwrap();
            }
            // Many frames in one record, and frames over records.
            stream.write_all(&frame(0x81, b"small").repeat(1_000)).unwrap();
            let echoed = read_frame(stream);
            stream.write_all(&frame(0x88, b"")).unwrap();
            read_until(stream, 0x88);
            echoed
        });
        let target = peer.tls_target(HOST, &trusted);
        let mut connection = open(&target, &ConnectionOptions::default()).unwrap();
        connection.send_text(&"x".repeat(40_000), clock::mono_now()).unwrap();
        let (messages, end) = receive_all(&mut connection);
        assert_eq!(end, NetError::PeerClosed { code: None }, "{suite:?}");
        assert_eq!(messages.len(), sizes.len() + 1_000);
        for (n, size) in sizes.into_iter().enumerate() {
            assert_eq!(messages[n].1, vec![n as u8; size], "{suite:?}");
        }
        assert!(messages[sizes.len()..].iter().all(|message| message.1 == b"small"));
        linger(&mut connection);
        assert_eq!(peer.join(), Some((0x81, vec![b'x'; 40_000])), "{suite:?}");
    }
    assert!(tried >= 6, "TLS 1.2 and 1.3, three suites each");
}

#[test]
fn the_first_frame_may_come_in_the_record_of_the_answer() {
    let authority = Authority::new();
    let server = authority.server(HOST, all_suites(), |_| ());
    let peer = Peer::start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        let answer = accept_upgrade(&mut stream);
        stream.write_all(&[answer.as_bytes(), &frame(0x81, b"first")].concat()).unwrap();
        stream
    });
    let target = peer.tls_target(HOST, &authority.trusted());
    let mut connection = open(&target, &ConnectionOptions::default()).unwrap();
    let message = connection.next_message().unwrap().unwrap();
    assert_eq!(message.payload.payload(), b"first");
    peer.join();
}

/// Runs `script` on an open connection: what comes of it.
fn story(script: impl FnOnce(&mut Stream) + Send + 'static) -> support::Story {
    let authority = Authority::new();
    let server = authority.server(HOST, all_suites(), |_| ());
    let peer = upgraded(server, |stream| {
        stream.write_all(&frame(0x81, b"before")).unwrap();
        script(stream);
        // Lets the client end it, whatever comes.
        let _ = stream.sock.shutdown(Shutdown::Write);
        let _ = stream.sock.read_to_end(&mut Vec::new());
    });
    let target = peer.tls_target(HOST, &authority.trusted());
    let mut connection = open(&target, &ConnectionOptions::default()).unwrap();
    let story = receive_all(&mut connection);
    drop(connection);
    peer.join();
    story
}

const BEFORE: (MessageKind, &[u8]) = (MessageKind::Text, b"before");

fn assert_ends(story: &support::Story, end: NetError) {
    assert_eq!(story.0, [(BEFORE.0, BEFORE.1.to_vec())]);
    assert_eq!(story.1, end);
}

#[test]
fn an_end_without_close_notify_is_truncated_and_so_is_one_without_a_close_frame() {
    assert_ends(&story(|_| ()), NetError::Truncated);
    let notified = story(|stream| {
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    assert_ends(&notified, NetError::Truncated);
    let cut = story(|stream| {
        // A record that promises more than comes.
        stream.sock.write_all(&[23, 3, 3, 1, 0, 1, 2, 3]).unwrap();
    });
    assert_ends(&cut, NetError::Truncated);
}

#[test]
fn a_record_that_is_forged_or_misshapen_ends_the_connection() {
    let raw = |bytes: Vec<u8>| {
        let story = story(move |stream| stream.sock.write_all(&bytes).unwrap());
        assert_eq!(story.0.len(), 1);
        story.1
    };
    let forged = [vec![23, 3, 3, 0, 40], vec![7; 40]].concat();
    assert_eq!(raw(forged), TlsFault::BadRecord.into());
    assert_eq!(raw(vec![23, 3, 3, 0, 3, 1, 2, 3]), TlsFault::BadRecord.into());
    // Refused by their headers, before anything of them is waited for.
    assert_eq!(raw(vec![23, 3, 3, 0x41, 1]), TlsFault::Misbehaved.into());
    assert_eq!(raw(vec![99, 3, 3, 0, 1]), TlsFault::Misbehaved.into());
    assert_eq!(raw(vec![23, 9, 3, 0, 1]), TlsFault::Misbehaved.into());
    assert_eq!(raw(vec![20, 3, 3, 0, 1, 1]), TlsFault::Misbehaved.into());
}

#[test]
fn frames_are_judged_under_tls_too() {
    let violation = story(|stream| stream.write_all(&frame(0x83, b"")).unwrap());
    assert_ends(&violation, NetError::Protocol(tickbook_net::Violation::Opcode));
}

#[test]
fn keys_may_change_at_any_time() {
    let authority = Authority::new();
    let server = authority.server(HOST, all_suites(), |_| ());
    let peer = upgraded(server, |stream| {
        for n in 0..100_u8 {
            stream.conn.refresh_traffic_keys().unwrap();
            stream.write_all(&frame(0x82, &[n])).unwrap();
            if n % 10 == 0 {
                assert_eq!(read_frame(stream), Some((0x81, vec![b'0' + n / 10])));
            }
        }
        stream.write_all(&frame(0x88, b"")).unwrap();
        read_until(stream, 0x88);
    });
    let target = peer.tls_target(HOST, &authority.trusted());
    let mut connection = open(&target, &ConnectionOptions::default()).unwrap();
    let mut count = 0;
    for n in 0..10 {
        let ((messages, end), ended) = support::receive(&mut connection, n * 10 + 1 - count);
        assert!(!ended, "{end}");
        count += messages.len();
        connection.send_text(&n.to_string(), clock::mono_now()).unwrap();
    }
    let (messages, end) = receive_all(&mut connection);
    assert_eq!(end, NetError::PeerClosed { code: None });
    assert_eq!(count + messages.len(), 100);
    linger(&mut connection);
    peer.join();
}

#[test]
fn key_updates_without_end_are_refused() {
    let flood = story(|stream| {
        for _ in 0..100 {
            stream.conn.refresh_traffic_keys().unwrap();
        }
        // The client hangs up before it has read them all.
        let _ = stream.flush();
    });
    assert_ends(&flood, TlsFault::Misbehaved.into());
}

#[test]
fn a_server_that_speaks_before_it_is_asked_is_refused() {
    let authority = Authority::new();
    let server = authority.server(HOST, all_suites(), |_| ());
    let peer = Peer::start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(server).unwrap(), stream);
        // TLS 1.3 lets a server send before the client's Finished.
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        let _ = stream.flush();
        stream
    });
    let target = peer.tls_target(HOST, &authority.trusted());
    let error = open(&target, &ConnectionOptions::default()).unwrap_err();
    let faults = [HandshakeFault::Unasked, HandshakeFault::NotUpgraded];
    assert!(faults.iter().any(|fault| error == (*fault).into()), "{error}");
    peer.join();
}

#[test]
fn the_native_roots_are_a_choice() {
    let options = TlsOptions { roots: tickbook_net::Roots::Native, ..Default::default() };
    match TlsConfig::new(&options) {
        Ok(_) | Err(TlsConfigError::NoNativeRoots) => {}
        Err(error) => panic!("{error}"),
    }
}
