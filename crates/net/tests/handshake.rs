//! The way to an open connection, and every way it can go wrong before.
//!
//! Time is an argument of the connection, so deadlines are tested by naming a later time.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use support::{Peer, accept_upgrade, frame, open, read_head, receive};
use tickbook_net::{
    Connection, ConnectionOptions, HandshakeFault, MessageKind, NetError, Phase, Waited, limits,
};
use tickbook_types::clock;

/// What a connection says to a peer that answers the request with `answer`.
fn answered(answer: impl FnOnce(String) -> Vec<u8> + Send + 'static) -> NetError {
    let peer = Peer::start(move |mut stream: TcpStream| {
        let good = accept_upgrade(&mut stream);
        // The client may have seen enough and gone.
        let _ = stream.write_all(&answer(good));
        let _ = stream.shutdown(Shutdown::Write);
        stream
    });
    let error = open(&peer.target(), &ConnectionOptions::default()).unwrap_err();
    peer.join();
    error
}

#[test]
fn the_first_frames_may_come_with_the_answer_in_one_segment() {
    let peer = Peer::start(|mut stream| {
        let answer = accept_upgrade(&mut stream);
        let frames = [frame(0x81, b"first"), frame(0x01, b"sec"), frame(0x80, b"ond")].concat();
        stream.write_all(&[answer.as_bytes(), &frames].concat()).unwrap();
        stream
    });
    let mut connection = open(&peer.target(), &ConnectionOptions::default()).unwrap();
    // They are there without another read.
    for expected in [&b"first"[..], b"second"] {
        let message = connection.next_message().unwrap().unwrap();
        assert_eq!(message.kind, MessageKind::Text);
        assert_eq!(message.payload.payload(), expected);
    }
    assert!(connection.next_message().unwrap().is_none());
    assert_ne!(connection.stamps().received.0, 0, "they have the stamps of that read");
    peer.join();
}

#[test]
fn an_answer_byte_by_byte_is_an_answer() {
    let peer = Peer::start(|mut stream| {
        let answer = accept_upgrade(&mut stream);
        for byte in answer.as_bytes().iter().chain(&frame(0x82, &[7])) {
            stream.write_all(&[*byte]).unwrap();
        }
        stream
    });
    let mut connection = open(&peer.target(), &ConnectionOptions::default()).unwrap();
    let ((messages, _), _) = receive(&mut connection, 1);
    assert_eq!(messages, [(MessageKind::Binary, vec![7])]);
    peer.join();
}

#[test]
fn a_wrong_accept_key_is_refused() {
    let error = answered(|good| good.replace("Accept: ", "Accept: x").into_bytes());
    assert_eq!(error, HandshakeFault::WrongAccept.into());
}

#[test]
fn what_was_not_offered_is_refused() {
    let with = |line: &'static str| {
        answered(move |good| good.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n")).into())
    };
    assert_eq!(
        with("Sec-WebSocket-Extensions: permessage-deflate"),
        HandshakeFault::Extension.into()
    );
    assert_eq!(with("Sec-WebSocket-Protocol: graphql-ws"), HandshakeFault::Subprotocol.into());
}

#[test]
fn a_redirect_is_not_followed() {
    let error = answered(|_| b"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1/\r\n\r\n".to_vec());
    assert_eq!(error, NetError::Refused { status: 301, retry_after_s: None });
}

#[test]
fn a_refusal_says_how_long_to_stay_away() {
    let error = answered(|_| b"HTTP/1.1 429 Too Many\r\nretry-after: 33\r\n\r\nbody".to_vec());
    assert_eq!(error, NetError::Refused { status: 429, retry_after_s: Some(33) });
}

#[test]
fn endless_headers_are_refused() {
    let many = answered(|_| {
        let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        bytes.extend("X: y\r\n".repeat(100_000).into_bytes());
        bytes
    });
    assert_eq!(many, HandshakeFault::TooLong.into());
    let long = answered(|_| vec![b'a'; limits::RESPONSE_BYTES_MAX + 1]);
    assert_eq!(long, HandshakeFault::TooLong.into());
}

#[test]
fn something_else_on_the_port_is_told_apart() {
    assert_eq!(answered(|_| b"220 smtp\r\n\r\n".to_vec()), HandshakeFault::Malformed.into());
    assert_eq!(answered(|_| Vec::new()), NetError::Truncated);
    let half = answered(|good| good.into_bytes()[..40].to_vec());
    assert_eq!(half, NetError::Truncated);
}

#[test]
fn nobody_listening_is_an_error_of_the_network() {
    let peer = Peer::start(|_| ());
    let target = peer.target();
    // The listener goes with its first connection.
    drop(TcpStream::connect(target.addr).unwrap());
    peer.join();
    let error = open(&target, &ConnectionOptions::default()).unwrap_err();
    let NetError::Io { kind, errno } = error else { panic!("{error}") };
    assert_eq!(kind, std::io::ErrorKind::ConnectionRefused);
    assert_ne!(errno, 0);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_slow_answer_runs_into_the_deadline_though_bytes_come() {
    let peer = Peer::start(|mut stream| {
        read_head(&mut stream);
        for byte in b"HTTP/1.1 101 Switching Protocols\r\nX: ".iter().chain([&b'y'; 100]) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let options = ConnectionOptions::default();
    let start = clock::mono_now();
    let mut connection = Connection::open(&peer.target(), &options, start).unwrap();
    while connection.drive(start).unwrap() != Phase::Handshaking {}
    let mut bytes = 0;
    while bytes < 50 {
        assert_eq!(connection.drive(start.plus(options.handshake_ns - 1)), Ok(Phase::Handshaking));
        bytes = connection.counters().bytes;
    }
    assert_eq!(connection.deadline(), start.plus(options.handshake_ns));
    let late = connection.drive(connection.deadline());
    assert_eq!(late, Err(NetError::Timeout(Waited::Handshake)));
    assert_eq!(connection.drive(start), Ok(Phase::Closed));
    drop(connection);
    peer.join();
}

#[test]
fn a_connection_that_does_not_come_runs_into_its_deadline() {
    // A full backlog drops SYNs; a route that is not there may fail at once instead.
    let peer = Peer::start(|stream| stream);
    let options = ConnectionOptions { connect_ns: 1_000, ..Default::default() };
    let start = clock::mono_now();
    let mut connection = Connection::open(&peer.target(), &options, start).unwrap();
    assert_eq!(connection.deadline(), start.plus(1_000));
    assert_eq!(connection.phase(), Phase::Connecting);
    let late = connection.drive(start.plus(1_000));
    assert_eq!(late, Err(NetError::Timeout(Waited::Connect)));
    assert_eq!(connection.recv(clock::now()), Err(NetError::Timeout(Waited::Connect)));
    peer.join();
}

#[test]
fn nothing_can_be_sent_or_read_before_it_is_open() {
    let peer = Peer::start(|stream| stream);
    let now = clock::mono_now();
    let options = ConnectionOptions::default();
    let mut connection = Connection::open(&peer.target(), &options, now).unwrap();
    assert_eq!(connection.send_text("x", now), Err(NetError::NotOpen));
    assert_eq!(connection.recv(clock::now()), Err(NetError::NotOpen));
    assert!(matches!(connection.next_message(), Err(NetError::NotOpen)));
    connection.close(1000, now);
    assert_eq!(connection.drive(now), Ok(Phase::Closed));
    peer.join();
}
