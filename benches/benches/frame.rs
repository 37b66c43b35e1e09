//! WebSocket frames out of what reads brought: our decoder, tungstenite, and the copy alone.
//!
//! Every contender gets the bytes by a copy into its own buffer, in place of the kernel's. Decoding
//! costs what is above that copy (`memcpy`).

use std::hint::black_box;
use std::io::{self, Read, Write};

use criterion::{BenchmarkGroup, Throughput, measurement::WallTime};
use tickbook_net::{ConnectionOptions, Frame, FrameReader};
use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

/// Payload bytes: a small diff, a big one.
const PAYLOADS: &[usize] = &[300, 3_000];

/// Frames of one pass.
const FRAMES: usize = 1_000;

/// Bytes of a full read.
const READ: usize = 16 << 10;

fn main() {
    let mut criterion = tickbook_benches::criterion();
    for &payload in PAYLOADS {
        let frame = frame(payload);
        let stream = frame.repeat(FRAMES);
        for (reads, size) in [("a frame per read", frame.len()), ("full reads", READ)] {
            let group = criterion.benchmark_group(format!("frame_{payload}, {reads}"));
            decode(group, &stream, payload, size);
        }
    }
    criterion.final_summary();
}

fn decode(mut group: BenchmarkGroup<'_, WallTime>, stream: &[u8], payload: usize, size: usize) {
    group.throughput(Throughput::Elements(FRAMES as u64));
    let mut buffer = vec![0_u8; READ];
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for read in stream.chunks(size) {
                buffer[..read.len()].copy_from_slice(black_box(read));
                black_box(&mut buffer);
            }
        });
    });
    for (name, validate_utf8) in [("tickbook", true), ("tickbook, UTF-8 unchecked", false)] {
        let options = ConnectionOptions { validate_utf8, ..ConnectionOptions::default() };
        let mut reader = FrameReader::new(&options);
        assert_eq!(tickbook(&mut reader, stream, size), FRAMES * payload);
        group.bench_function(name, |b| b.iter(|| tickbook(&mut reader, stream, size)));
    }
    let config = WebSocketConfig::default().read_buffer_size(READ);
    let mut socket =
        WebSocket::from_raw_socket(Reads { stream, size, at: 0 }, Role::Client, Some(config));
    assert_eq!(tungstenite(&mut socket), FRAMES * payload);
    group.bench_function("tungstenite 16K", |b| b.iter(|| tungstenite(&mut socket)));
    group.finish();
}

/// Payload bytes of all frames.
fn tickbook(reader: &mut FrameReader, stream: &[u8], size: usize) -> usize {
    let mut bytes = 0;
    for read in stream.chunks(size) {
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

fn tungstenite(socket: &mut WebSocket<Reads<'_>>) -> usize {
    let message = |_| black_box(socket.read().expect("sound frames")).len();
    (0..FRAMES).map(message).sum()
}

/// The stream again and again, in reads of one size.
struct Reads<'a> {
    stream: &'a [u8],
    size: usize,
    at: usize,
}

impl Read for Reads<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.stream[self.at..];
        let count = rest.len().min(self.size).min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at = (self.at + count) % self.stream.len();
        Ok(count)
    }
}

impl Write for Reads<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text frame as a server sends it.
fn frame(payload: usize) -> Vec<u8> {
    let len = u16::try_from(payload).expect("a length of two bytes").to_be_bytes();
    let text = b"[\"61234.50000000\",\"0.20000000\"],".iter().cycle().take(payload);
    [0x81, 126, len[0], len[1]].iter().chain(text).copied().collect()
}
