//! Receiving allocates nothing once it is warm: plain and TLS, fragments and pings included.
//!
//! Method: an allocator that counts per thread; a peer that sends small and big messages while
//! only the receiving thread's count is looked at.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]
#![allow(unsafe_code, reason = "a global allocator is unsafe by nature")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{Peer, accept_upgrade, frame, open};
use tickbook_net::{Connection, ConnectionOptions, TlsConfig, TlsOptions};
use tickbook_types::clock;

/// The system's allocator, with a count per thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no cell any more, and is not looked at.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local
// cell that needs no allocation (const, no destructor).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `alloc` was the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and `alloc` was the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const WARM_UP: usize = 200;
const MESSAGES: usize = 20_000;

/// Sends everything that is to be received.
fn send(stream: &mut impl Write, pings: bool) {
    for n in 0..WARM_UP + MESSAGES {
        let size = if n % 1_000 == 999 { 300_000 } else { 50 + n % 700 };
        let text = vec![b'a' + (n % 26) as u8; size];
        if n % 50 == 49 {
            let (left, right) = text.split_at(size / 3);
            stream.write_all(&frame(0x01, left)).unwrap();
            stream.write_all(&frame(0x80, right)).unwrap();
        } else {
            stream.write_all(&frame(0x81, &text)).unwrap();
        }
        if pings && n % 100 == 99 {
            stream.write_all(&frame(0x89, b"still there?")).unwrap();
        }
    }
    stream.flush().unwrap();
}

/// Receives until `messages` in all are there: how many allocations that took.
fn allocations_until(connection: &mut Connection, received: &mut usize, messages: usize) -> u64 {
    let before = ALLOCATIONS.get();
    let mut bytes = 0;
    while *received < messages {
        if connection.recv(clock::now()).unwrap() == 0 {
            std::thread::yield_now();
        }
        while let Some(message) = connection.next_message().unwrap() {
            *received += 1;
            bytes += message.payload.len();
        }
        let now = clock::mono_now();
        connection.flush(now).unwrap();
        if now >= connection.deadline() {
            connection.on_deadline(now).unwrap();
        }
    }
    assert!(bytes > 0);
    ALLOCATIONS.get() - before
}

#[test]
fn plain_receiving_allocates_nothing() {
    let peer = Peer::upgraded(|mut stream| {
        send(&mut stream, true);
        stream
    });
    let mut connection = open(&peer.target(), &ConnectionOptions::default()).unwrap();
    let mut received = 0;
    allocations_until(&mut connection, &mut received, WARM_UP);
    assert!(received < MESSAGES / 2, "something is left to count");
    assert_eq!(allocations_until(&mut connection, &mut received, WARM_UP + MESSAGES), 0);
    assert!(connection.counters().pongs > 0);
    peer.join();
}

#[test]
fn receiving_over_tls_allocates_nothing() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["venue.test".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into(),
        );
    let config = Arc::new(config.unwrap());
    let name = format!("tickbook-net-allocation-{}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, cert.pem()).unwrap();
    let options = TlsOptions { extra_roots: Some(path.clone()), ..Default::default() };
    let tls = TlsConfig::new(&options).unwrap();
    std::fs::remove_file(path).unwrap();
    let peer = Peer::start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        let answer = accept_upgrade(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        send(&mut stream, false);
        stream
    });
    let target = peer.tls_target("venue.test", &tls);
    let mut connection = open(&target, &ConnectionOptions::default()).unwrap();
    let mut received = 0;
    allocations_until(&mut connection, &mut received, WARM_UP);
    assert!(received < MESSAGES / 2, "something is left to count");
    assert_eq!(allocations_until(&mut connection, &mut received, WARM_UP + MESSAGES), 0);
    peer.join();
}

#[test]
fn the_count_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(7)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}
