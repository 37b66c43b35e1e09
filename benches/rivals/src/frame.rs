//! WebSocket frames out of reads, a frame a read: the read itself is a copy and stands in all rows.
//!
//! The bytes are looked at right after they were copied, when they are still on their way to the
//! cache. Whoever looks first waits for that: there is a floor with and one without.

use std::hint::black_box;

use fastwebsockets::Role as FastRole;
use tickbook_net::{ConnectionOptions, Frame, FrameReader};
use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

use crate::TICKBOOK;
use crate::contest::{Contest, Table, per};
use crate::web::{Frames, Reads};

/// Payload bytes: a small diff, a big one.
const PAYLOADS: &[usize] = &[300, 3_000];

/// Frames of one pass.
const FRAMES: usize = 2_000;

/// Bytes of the buffer that the floor reads to.
const BUFFER: usize = 16 << 10;

/// Nanoseconds per message.
pub(crate) fn run(table: &mut Table) {
    for &payload in PAYLOADS {
        let level = b"[\"61234.50000000\",\"0.20000000\"],";
        let text: Vec<u8> = level.iter().cycle().take(payload).copied().collect();
        let frames = Frames::of((0..FRAMES).map(|_| text.as_slice()));
        let outcome = contest(payload, &frames).run(table.rounds);
        table.add(&outcome);
    }
}

fn contest(payload: usize, frames: &Frames) -> Contest<'_> {
    let mut contest = Contest::new(format!("frame_{payload}"));
    let (all, mut buffer) = (FRAMES * payload, vec![0_u8; BUFFER]);
    let header = frames.longest() - payload;
    enter(&mut contest, all, "raw read", move || {
        let read = |bytes: &[u8]| {
            let room = &mut buffer[..bytes.len()];
            room.copy_from_slice(black_box(bytes));
            black_box(room).len() - header
        };
        frames.iter().map(read).sum()
    });
    let mut buffer = vec![0_u8; BUFFER];
    enter(&mut contest, all, "raw read, looked at", move || {
        let read = |bytes: &[u8]| {
            let room = &mut buffer[..bytes.len()];
            room.copy_from_slice(black_box(bytes));
            let payload = &black_box(room)[header..];
            // As vectors, without a branch: what anybody who looks at the bytes waits for.
            let (blocks, rest) = payload.as_chunks::<64>();
            let mut seen = [0_u8; 64];
            for block in blocks {
                seen.iter_mut().zip(block).for_each(|(seen, byte)| *seen |= byte);
            }
            let is_ascii = seen.is_ascii() && rest.is_ascii();
            if is_ascii { payload.len() } else { 0 }
        };
        frames.iter().map(read).sum()
    });
    for (name, validate_utf8) in
        [(TICKBOOK.to_owned(), true), (format!("{TICKBOOK}, UTF-8 unchecked"), false)]
    {
        let options = ConnectionOptions { validate_utf8, ..ConnectionOptions::default() };
        let mut reader = FrameReader::new(&options);
        enter(&mut contest, all, &name, move || tickbook(&mut reader, frames));
    }
    for (name, size) in [("tungstenite 16K", 16 << 10), ("tungstenite 128K", 128 << 10)] {
        let config = WebSocketConfig::default().read_buffer_size(size);
        let mut socket = WebSocket::from_raw_socket(Reads::of(frames), Role::Client, Some(config));
        enter(&mut contest, all, name, move || {
            let message = |_| black_box(socket.read().expect("sound frames")).len();
            (0..FRAMES).map(message).sum()
        });
    }
    #[cfg(feature = "boomnet")]
    enter(&mut contest, all, "boomnet", boomnet(frames));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut socket =
        fastwebsockets::WebSocket::after_handshake(Reads::of(frames), FastRole::Client);
    enter(&mut contest, all, "fastwebsockets", move || {
        runtime.block_on(async {
            let mut bytes = 0;
            for _ in 0..FRAMES {
                let frame = socket.read_frame().await.expect("sound frames");
                bytes += black_box(frame.payload).len();
            }
            bytes
        })
    });
    #[cfg(not(feature = "boomnet"))]
    contest.miss("boomnet", crate::peers::NOT_BUILT);
    contest
}

/// Adds a subject that gives the payload bytes of all frames, which are `all`.
fn enter<'a>(
    contest: &mut Contest<'a>,
    all: usize,
    name: &str,
    mut pass: impl FnMut() -> usize + 'a,
) {
    assert_eq!(pass(), all, "{name}");
    contest.enter(name, move || {
        per(FRAMES as u64, || {
            black_box(pass());
        })
    });
}

/// Payload bytes of all frames.
fn tickbook(reader: &mut FrameReader, frames: &Frames) -> usize {
    let mut bytes = 0;
    for read in frames.iter() {
        reader.free()[..read.len()].copy_from_slice(black_box(read));
        reader.filled(read.len());
        while let Some(frame) = reader.next_frame().expect("sound frames") {
            if let Frame::Message(message) = frame {
                bytes += black_box(message.payload).len();
            }
        }
    }
    bytes
}

#[cfg(feature = "boomnet")]
fn boomnet(frames: &Frames) -> impl FnMut() -> usize + '_ {
    use boomnet::ws::{Websocket, WebsocketFrame};
    let mut socket = Websocket::new_with_handshake_complete(Reads::of(frames));
    move || {
        let (mut bytes, mut messages) = (0, 0);
        while messages < FRAMES {
            let mut batch = socket.read_batch().expect("sound frames");
            while let Some(frame) = batch.receive_next() {
                if let WebsocketFrame::Text(_, payload) = frame.expect("sound frames") {
                    bytes += black_box(payload).len();
                    messages += 1;
                }
            }
        }
        bytes
    }
}
