//! An open connection: control frames, closes, deadlines, stamps, and a peer that misbehaves.
//!
//! Method: a raw server on loopback sends bytes of our choice and looks at what comes back.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use support::{Peer, frame, linger, open, read_frame, read_until, receive, receive_all};
use tickbook_net::{
    ConnectionOptions, MessageKind, NetError, Phase, PongPolicy, Violation, Waited,
};
use tickbook_types::{MonoNanos, clock};

const HOUR_NS: i64 = 3_600_000_000_000;

fn quiet() -> ConnectionOptions {
    ConnectionOptions { idle_ns: 0, probe_ns: 0, ..Default::default() }
}

/// Sends `bytes`, then gives the first close frame's payload that comes back.
fn closed_with(bytes: Vec<u8>) -> (support::Story, Option<Vec<u8>>) {
    let peer = Peer::upgraded(move |mut stream| {
        stream.write_all(&bytes).unwrap();
        read_until(&mut stream, 0x88)
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    let story = receive_all(&mut connection);
    assert_eq!(connection.phase(), Phase::Closing);
    linger(&mut connection);
    (story, peer.join())
}

#[test]
fn a_close_is_echoed_with_its_code() {
    let cases: [(&[u8], Option<u16>); 6] = [
        (b"", None),
        (b"\x03\xe8", Some(1000)),
        (b"\x03\xf4try later", Some(1012)),
        (b"\x03\xf0", Some(1008)),
        (b"\x0b\xb8", Some(3000)),
        (b"\x13\x87", Some(4999)),
    ];
    for (payload, code) in cases {
        let bytes = [frame(0x81, b"last words"), frame(0x88, payload)].concat();
        let ((messages, end), echoed) = closed_with(bytes);
        assert_eq!(messages.len(), 1);
        assert_eq!(end, NetError::PeerClosed { code });
        assert_eq!(echoed.unwrap(), payload[..payload.len().min(2)]);
    }
}

#[test]
fn nothing_behind_a_close_is_delivered() {
    let bytes = [frame(0x88, b"\x03\xe8"), frame(0x81, b"late"), frame(0x89, b"")].concat();
    let ((messages, end), _) = closed_with(bytes);
    assert_eq!(messages, []);
    assert_eq!(end, NetError::PeerClosed { code: Some(1000) });
}

#[test]
fn each_violation_is_answered_with_its_code() {
    let too_long = 9_u64 << 20;
    let cases = [
        (vec![0xC1, 0], Violation::ReservedBit, 1002),
        (vec![0x83, 0], Violation::Opcode, 1002),
        (vec![0x8B, 0], Violation::Opcode, 1002),
        (vec![0x81, 0x80, 1, 2, 3, 4], Violation::Masked, 1002),
        (vec![0x81, 126, 0, 5], Violation::LengthForm, 1002),
        (vec![0x82, 127, 0xFF], Violation::LengthSign, 1002),
        (vec![0x89, 126, 0, 126], Violation::ControlLength, 1002),
        (vec![0x09, 0], Violation::ControlFragmented, 1002),
        (frame(0x80, b"x"), Violation::ContinuationAlone, 1002),
        ([frame(0x01, b"x"), frame(0x81, b"y")].concat(), Violation::MessageInside, 1002),
        (
            [vec![0x82, 127], too_long.to_be_bytes().to_vec()].concat(),
            Violation::MessageTooLong,
            1009,
        ),
        ([vec![0x02, 0], [0, 0].repeat(100)].concat(), Violation::FragmentsTooMany, 1009),
        (frame(0x81, b"\xff"), Violation::Utf8, 1007),
        (vec![0x81, 90, 0xC0], Violation::Utf8, 1007),
        (frame(0x88, b"\x03"), Violation::CloseLength, 1002),
        (frame(0x88, &1005_u16.to_be_bytes()), Violation::CloseCode, 1002),
        (frame(0x88, b"\x03\xe8\xff"), Violation::Utf8, 1007),
    ];
    for (bytes, violation, code) in cases {
        let ((messages, end), sent) = closed_with([frame(0x81, b"before"), bytes].concat());
        assert_eq!(messages, [(MessageKind::Text, b"before".to_vec())], "{violation}");
        assert_eq!(end, NetError::Protocol(violation));
        let sent = sent.unwrap();
        assert_eq!(u16::from_be_bytes([sent[0], sent[1]]), code, "{violation}");
    }
}

#[test]
fn our_close_is_sent_and_the_rest_is_dropped() {
    let peer = Peer::upgraded(|mut stream| {
        stream.write_all(&frame(0x81, &[b'a'; 1_000]).repeat(500)).unwrap();
        read_until(&mut stream, 0x88)
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    let ((messages, _), ended) = receive(&mut connection, 1);
    assert!(!messages.is_empty() && !ended);
    connection.close(1001, clock::mono_now());
    assert!(matches!(connection.next_message(), Err(NetError::NotOpen)));
    linger(&mut connection);
    assert_eq!(peer.join().unwrap(), 1001_u16.to_be_bytes());
}

#[test]
fn a_peer_that_does_not_end_the_stream_is_left_after_a_while() {
    let peer = Peer::upgraded(|mut stream| {
        read_until(&mut stream, 0x88);
        stream
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    let now = clock::mono_now();
    connection.close(1000, now);
    assert_eq!(connection.drive(now), Ok(Phase::Closing));
    assert_eq!(connection.drive(connection.deadline()), Ok(Phase::Closed));
    peer.join();
}

#[test]
fn of_many_pings_the_last_is_answered_and_not_too_often() {
    let (go, wait) = std::sync::mpsc::channel();
    let peer = Peer::upgraded(move |mut stream: TcpStream| {
        let pings = |from: u8| (from..from + 10).map(|n| frame(0x89, &[n])).collect::<Vec<_>>();
        stream.write_all(&[pings(0).concat(), frame(0x81, b"a")].concat()).unwrap();
        let first = read_frame(&mut stream);
        stream.write_all(&[pings(50).concat(), frame(0x81, b"b")].concat()).unwrap();
        wait.recv().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let early = stream.read(&mut [0]).is_ok();
        go_on(&stream);
        (first, early, read_frame(&mut stream))
    });
    let policy = PongPolicy::Last { interval_ns: HOUR_NS };
    let options = ConnectionOptions { pong: policy, ..quiet() };
    let mut connection = open(&peer.target(), &options).unwrap();
    receive(&mut connection, 2);
    assert_eq!(connection.counters().pings, 20);
    assert_eq!(connection.counters().pongs, 1);
    let due = connection.deadline();
    assert!(due < MonoNanos::FAR, "the second pong has a time");
    connection.on_deadline(due.plus(-1)).unwrap();
    go.send(()).unwrap();
    std::thread::sleep(Duration::from_millis(60));
    connection.on_deadline(due).unwrap();
    assert_eq!(connection.counters().pongs, 2);
    let (first, early, second) = peer.join();
    assert_eq!(first, Some((0x8A, vec![9])));
    assert!(!early, "no pong before its time");
    assert_eq!(second, Some((0x8A, vec![59])));
}

fn go_on(stream: &TcpStream) {
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
}

#[test]
fn every_ping_is_answered_where_that_is_wanted() {
    let peer = Peer::upgraded(|mut stream| {
        let pings: Vec<_> = (0..10).map(|n| frame(0x89, &[n; 125])).collect();
        stream.write_all(&pings.concat()).unwrap();
        let pongs: Vec<_> = (0..10).map(|_| read_frame(&mut stream).unwrap()).collect();
        stream.write_all(&frame(0x88, b"")).unwrap();
        read_until(&mut stream, 0x88);
        pongs
    });
    let options = ConnectionOptions { pong: PongPolicy::Every, ..quiet() };
    let mut connection = open(&peer.target(), &options).unwrap();
    receive_all(&mut connection);
    linger(&mut connection);
    let expected: Vec<_> = (0..10).map(|n| (0x8A, vec![n; 125])).collect();
    assert_eq!(peer.join(), expected);
}

#[test]
fn a_silent_venue_is_probed_and_then_given_up() {
    let peer = Peer::upgraded(|mut stream| {
        let ping = read_frame(&mut stream);
        stream.write_all(&frame(0x8A, b"")).unwrap();
        read_until(&mut stream, 0x88);
        ping
    });
    let options =
        ConnectionOptions { idle_ns: 2 * HOUR_NS, probe_ns: HOUR_NS, ..Default::default() };
    let mut connection = open(&peer.target(), &options).unwrap();
    let opened = clock::mono_now();
    let probe = connection.deadline();
    assert!(probe.since(opened) <= HOUR_NS);
    connection.on_deadline(probe).unwrap();
    // The deadline of the probe's own way out may be nearer than that of the silence.
    assert!(connection.deadline() > probe);
    // The pong counts as a sign of life.
    while connection.counters().bytes == 0 || connection.recv(clock::now()).unwrap() == 0 {
        assert!(connection.next_message().unwrap().is_none());
    }
    assert!(connection.next_message().unwrap().is_none());
    connection.on_deadline(connection.deadline()).unwrap();
    let heard = clock::mono_now();
    let late = connection.on_deadline(heard.plus(2 * HOUR_NS));
    assert_eq!(late, Err(NetError::Timeout(Waited::Data)));
    assert_eq!(connection.recv(clock::now()), Err(NetError::Timeout(Waited::Data)));
    drop(connection);
    assert_eq!(peer.join(), Some((0x89, vec![])));
}

#[test]
fn a_stream_that_ends_without_a_close_is_truncated() {
    for bytes in [vec![], frame(0x81, b"whole"), vec![0x81, 50, b'h', b'a', b'l', b'f']] {
        let whole = usize::from(bytes.ends_with(b"whole"));
        let peer = Peer::upgraded(move |mut stream| stream.write_all(&bytes).unwrap());
        let mut connection = open(&peer.target(), &quiet()).unwrap();
        let (messages, end) = receive_all(&mut connection);
        assert_eq!(messages.len(), whole);
        assert_eq!(end, NetError::Truncated);
        assert_eq!(connection.phase(), Phase::Closed);
        peer.join();
    }
}

#[test]
fn a_reset_in_the_middle_of_a_frame_is_an_error_of_the_network() {
    let peer = Peer::upgraded(|mut stream| {
        stream.write_all(&[0x81, 50, b'h', b'a', b'l', b'f']).unwrap();
        // Closing a socket with unread bytes resets the connection.
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    receive_half(&mut connection);
    connection.send_text("unread", clock::mono_now()).unwrap();
    let (messages, end) = receive_all(&mut connection);
    assert_eq!(messages, []);
    let NetError::Io { kind, .. } = end else { panic!("{end}") };
    assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
    peer.join();
}

fn receive_half(connection: &mut tickbook_net::Connection) {
    while connection.recv(clock::now()).unwrap() == 0 {}
    assert!(connection.next_message().unwrap().is_none());
}

#[test]
fn a_peer_that_does_not_read_neither_stops_reading_nor_grows_the_queue() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let peer = Peer::upgraded(move |mut stream| {
        for n in 0..1_000_u32 {
            stream.write_all(&frame(0x81, n.to_string().as_bytes())).unwrap();
        }
        wait.recv().unwrap();
        let mut texts = Vec::new();
        while let Some((first, payload)) = read_frame(&mut stream) {
            if first == 0x88 {
                break;
            }
            assert_eq!(first, 0x82);
            texts.push(payload);
        }
        texts
    });
    let options = ConnectionOptions { send_queue_bytes: 50_000, ..quiet() };
    let mut connection = open(&peer.target(), &options).unwrap();
    let now = clock::mono_now();
    let mut sent = 0_u32;
    let refused = loop {
        let payload = vec![sent as u8; 20_000];
        match connection.send(MessageKind::Binary, &payload, now) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, NetError::SendQueueFull);
    assert!(connection.queued_bytes() <= 50_000);
    assert_eq!(connection.phase(), Phase::Open, "a full queue fails nothing");
    // Reading goes on.
    let ((messages, _), ended) = receive(&mut connection, 1_000);
    assert_eq!((messages.len(), ended), (1_000, false));
    go.send(()).unwrap();
    while connection.queued_bytes() > 0 {
        connection.flush(now).unwrap();
    }
    connection.close(1000, now);
    linger(&mut connection);
    let texts = peer.join();
    assert_eq!(texts.len(), sent as usize);
    for (n, text) in texts.iter().enumerate() {
        assert_eq!(*text, vec![n as u8; 20_000], "whole and in order");
    }
}

#[test]
fn what_the_socket_does_not_take_in_time_fails_the_connection() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let peer = Peer::upgraded(move |stream| {
        let _ = wait.recv();
        drop(stream);
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    let now = clock::mono_now();
    while connection.send(MessageKind::Binary, &[0; 30_000], now).is_ok() {}
    let deadline = connection.deadline();
    assert_eq!(deadline, now.plus(quiet().write_ns));
    connection.on_deadline(deadline.plus(-1)).unwrap();
    assert_eq!(connection.on_deadline(deadline), Err(NetError::Timeout(Waited::Write)));
    drop(done);
    peer.join();
}

#[test]
fn reads_are_stamped_by_the_kernel() {
    let start = clock::wall_now();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let peer = Peer::upgraded(move |mut stream| {
        for _ in wait {
            stream.write_all(&frame(0x81, b"tick")).unwrap();
        }
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    assert!(connection.report().kernel_stamps, "this kernel has no receive stamps");
    let mut stamped = 0;
    for _ in 0..20 {
        let empty = clock::now();
        assert_eq!(connection.recv(empty), Ok(0));
        go.send(()).unwrap();
        let mut last_empty = empty;
        let polled = loop {
            let turn = clock::now();
            if connection.recv(turn).unwrap() > 0 {
                break last_empty;
            }
            last_empty = turn;
        };
        assert!(connection.next_message().unwrap().unwrap().last_of_read);
        assert!(connection.next_message().unwrap().is_none());
        let stamps = *connection.stamps();
        assert_eq!(stamps.poll_gap, stamps.received.since_u32(polled));
        assert_ne!(stamps.poll_gap, 0);
        if let Some(kernel) = stamps.kernel {
            stamped += 1;
            // A second's grace for a step of the wall clock.
            assert!(kernel.0 > start.0 - 1_000_000_000);
            assert!(kernel.0 < clock::wall_now().0 + 1_000_000_000);
        }
    }
    // The kernel turns stamping on a moment after it is asked to.
    assert!(stamped >= 10, "only {stamped} of 20 reads had a stamp");
    drop(go);
    peer.join();
}

#[test]
fn without_kernel_stamps_nothing_else_changes() {
    let peer = Peer::upgraded(|mut stream| {
        stream.write_all(&frame(0x81, b"tick")).unwrap();
        stream
    });
    let options = ConnectionOptions { kernel_stamps: false, ..quiet() };
    let mut connection = open(&peer.target(), &options).unwrap();
    let ((messages, _), _) = receive(&mut connection, 1);
    assert_eq!(messages.len(), 1);
    assert_eq!(connection.stamps().kernel, None);
    assert_ne!(connection.stamps().received.0, 0);
    peer.join();
}

#[test]
fn the_socket_says_what_it_was_granted() {
    let peer = Peer::upgraded(|stream| stream);
    let options = ConnectionOptions {
        so_rcvbuf: Some(100_000),
        busy_poll_us: Some(50),
        user_timeout_ms: 7_000,
        ..quiet()
    };
    let connection = open(&peer.target(), &options).unwrap();
    let report = connection.report();
    assert!(report.so_rcvbuf >= 100_000, "{report:?}");
    assert!(report.user_timeout, "{report:?}");
    // Granted or refused, by the rights of who runs this; never fatal.
    assert!(matches!(report.busy_poll_us, None | Some(50)), "{report:?}");
    peer.join();
}

#[test]
fn a_sleeping_thread_is_woken_by_bytes() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let peer = Peer::upgraded(move |mut stream| {
        wait.recv().unwrap();
        stream.write_all(&frame(0x81, b"tick")).unwrap();
        stream
    });
    let mut connection = open(&peer.target(), &quiet()).unwrap();
    let mut poll = mio::Poll::new().unwrap();
    connection.register(poll.registry(), mio::Token(3)).unwrap();
    assert_eq!(connection.recv(clock::now()), Ok(0));
    go.send(()).unwrap();
    let mut events = mio::Events::with_capacity(8);
    while connection.recv(clock::now()).unwrap() == 0 {
        poll.poll(&mut events, Some(support::PATIENCE)).unwrap();
        assert!(events.iter().all(|event| event.token() == mio::Token(3)));
    }
    assert!(connection.next_message().unwrap().is_some());
    connection.deregister(poll.registry()).unwrap();
    peer.join();
}
