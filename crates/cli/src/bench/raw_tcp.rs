//! Bare TCP over loopback: what the kernel takes for itself, whoever reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use hdrhistogram::Histogram;
use tickbook_types::Ticks;
use tickbook_types::clock::{self, Converter};

use super::floors;
use crate::Failure;

/// Bytes of a message: about a diff of eight levels.
const MESSAGE: usize = 350;

/// Messages per second: few enough that none waits for the one before.
const RATE: u64 = 5_000;

/// Two ends of a connection, the first one non-blocking.
fn pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    for socket in [&near, &far] {
        socket.set_nodelay(true)?;
    }
    near.set_nonblocking(true)?;
    Ok((near, far))
}

/// A receive call that finds nothing.
pub(super) fn empty_recv(clock: &Converter, rounds: u32) -> Result<f64, Failure> {
    let (mut near, _far) = pair()?;
    let mut buffer = [0_u8; 1 << 12];
    let mut found = 0_usize;
    let time = floors::per_round(clock, rounds, || {
        found += near.read(&mut buffer).unwrap_or(0);
    });
    if found > 0 { Err("a silent socket had something to read".into()) } else { Ok(time) }
}

/// p50 and p99 from the write of one thread to the read of another one that spins, ns.
pub(super) fn one_way(messages: u32) -> Result<[f64; 2], Failure> {
    let (near, far) = pair()?;
    let clock = Converter::new();
    std::thread::scope(|scope| {
        let sender = std::thread::Builder::new().name("bench-sender".to_owned());
        let sending = sender.spawn_scoped(scope, move || send(far, messages, &clock))?;
        let received = receive(near, messages, &clock);
        match sending.join() {
            Ok(sent) => sent?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        let times = received?;
        #[expect(clippy::cast_precision_loss, reason = "an interval")]
        Ok([0.5, 0.99].map(|quantile| times.value_at_quantile(quantile) as f64))
    })
}

/// Sends messages with their time in front, on schedule.
fn send(mut far: TcpStream, messages: u32, clock: &Converter) -> std::io::Result<()> {
    let mut message = [b' '; MESSAGE];
    let start = clock::now();
    for index in 0..messages {
        let due_ns = u64::from(index) * (1_000_000_000 / RATE);
        loop {
            let passed = clock.nanos(clock::now().0.saturating_sub(start.0));
            match due_ns.saturating_sub(passed) {
                0 => break,
                1..LONG_NS => std::hint::spin_loop(),
                left => std::thread::sleep(Duration::from_nanos(left - LONG_NS / 2)),
            }
        }
        message[..8].copy_from_slice(&clock::now().0.to_le_bytes());
        far.write_all(&message)?;
    }
    Ok(())
}

/// Reads them all; a histogram of their ages.
fn receive(
    mut near: TcpStream,
    messages: u32,
    clock: &Converter,
) -> Result<Histogram<u64>, Failure> {
    let mut times = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut buffer = [0_u8; 1 << 14];
    let mut held = 0;
    let mut empty = 0_u32;
    let mut last = clock::now();
    while times.len() < u64::from(messages) {
        match near.read(&mut buffer[held..]) {
            Ok(0) => return Err("the bare connection ended early".into()),
            Ok(more) => {
                held += more;
                last = clock::now();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if clock.nanos(clock::now().0.saturating_sub(last.0)) > STALLED_NS {
                    return Err("the bare connection stalled".into());
                }
                empty = empty.wrapping_add(1);
                // On a host without a spare core the sender would wait for this thread's slice.
                if empty.is_multiple_of(EMPTY_MAX) {
                    std::thread::yield_now();
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let whole = held - held % MESSAGE;
        for message in buffer[..whole].chunks_exact(MESSAGE) {
            let mut stamp = [0; 8];
            stamp.copy_from_slice(&message[..8]);
            let sent = Ticks(u64::from_le_bytes(stamp));
            times.saturating_record(clock.nanos(last.0.saturating_sub(sent.0)));
        }
        buffer.copy_within(whole..held, 0);
        held -= whole;
    }
    Ok(times)
}

/// Empty receive calls, some 20 us, before the receiver offers its core.
const EMPTY_MAX: u32 = 64;

/// Waits longer than this are slept, most of them.
const LONG_NS: u64 = 200_000;

/// A sender that is silent for so long is gone.
const STALLED_NS: u64 = 10_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_after_they_were_sent() {
        let [p50, p99] = one_way(50).unwrap();
        assert!(p50 > 0.0 && p99 >= p50);
        assert!(empty_recv(&Converter::new(), 200).unwrap() > 0.0);
    }
}
