//! The venue's REST port: HTTP/1.1 with keep-alive, one thread per connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use crate::hub::{Hub, POLL, lock};
use crate::rest_api::{self, Answer};

/// Longest request head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// A connection without a request ends after this.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A client that does not take its answer within this is given up.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// What the server asks of a socket, plain or TLS.
trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// Serves a connection until it ends.
pub(crate) fn serve(hub: &Arc<Hub>, socket: TcpStream) {
    let Ok(raw) = socket.try_clone() else { return };
    // The first error ends the connection; the client sees the end.
    let _ = serve_requests(hub, socket, &raw);
    let _ = raw.shutdown(Shutdown::Both);
}

fn serve_requests(hub: &Hub, socket: TcpStream, raw: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(POLL))?;
    socket.set_write_timeout(Some(WRITE_MAX))?;
    let mut stream: Box<dyn Duplex> = match &hub.tls {
        None => Box::new(socket),
        Some(tls) => {
            let connection =
                ServerConnection::new(Arc::clone(&tls.config)).map_err(io::Error::other)?;
            Box::new(StreamOwned::new(connection, socket))
        }
    };
    let mut buffer = Vec::new();
    while let Some(head) = read_head(hub, &mut *stream, &mut buffer)? {
        let keep = answer(hub, &mut *stream, raw, &head)?;
        if !keep {
            break;
        }
    }
    Ok(())
}

/// A request without a body.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Head {
    method: String,
    path_and_query: String,
    keep_alive: bool,
}

/// The next request; `None` when the client closed, was idle too long, or the venue stops.
fn read_head(hub: &Hub, stream: &mut dyn Duplex, buffer: &mut Vec<u8>) -> io::Result<Option<Head>> {
    let began = Instant::now();
    let mut part = [0; 4096];
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = parse_head(&buffer[..end]);
            buffer.drain(..end + 4);
            return head.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
        if buffer.len() > HEAD_BYTES_MAX || hub.is_stopping() || began.elapsed() > IDLE_MAX {
            return Ok(None);
        }
        match stream.read(&mut part) {
            Ok(0) => return Ok(None),
            Ok(count) => buffer.extend_from_slice(&part[..count]),
            Err(error) if matches!(error.kind(), TIMED_OUT | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
}

const TIMED_OUT: io::ErrorKind = io::ErrorKind::TimedOut;

fn parse_head(head: &[u8]) -> Option<Head> {
    let head = core::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if !(version == "HTTP/1.1" || version == "HTTP/1.0") || !target.starts_with('/') {
        return None;
    }
    let mut keep_alive = version == "HTTP/1.1";
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("connection") {
            keep_alive = !value.trim().eq_ignore_ascii_case("close");
        }
    }
    Some(Head { method: method.to_owned(), path_and_query: target.to_owned(), keep_alive })
}

/// Answers a request. False: the connection is to be closed.
fn answer(hub: &Hub, stream: &mut dyn Duplex, raw: &TcpStream, head: &Head) -> io::Result<bool> {
    if head.method != "GET" {
        // The body, if it has one, is not read: the connection cannot go on.
        write_answer(hub, stream, &rest_api::method_not_allowed(), false)?;
        return Ok(false);
    }
    let refusal = rest_api::account(hub, &head.path_and_query);
    if let Some(refusal) = refusal {
        write_answer(hub, stream, &refusal, head.keep_alive)?;
    } else if let Some(playback) = &hub.playback {
        match playback.claim(hub, &head.path_and_query, || is_gone(raw)) {
            Some(claim) => {
                let answer = Answer::ok(claim.body().to_vec());
                write_answer(hub, stream, &answer, head.keep_alive)?;
                claim.given();
            }
            None => write_answer(hub, stream, &rest_api::not_found(), head.keep_alive)?,
        }
    } else {
        let answer = rest_api::answer(hub, &head.path_and_query);
        write_answer(hub, stream, &answer, head.keep_alive)?;
    }
    Ok(head.keep_alive)
}

/// Whether the client has closed while its request waits.
fn is_gone(socket: &TcpStream) -> bool {
    if socket.set_nonblocking(true).is_err() {
        return true;
    }
    let gone = match socket.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    socket.set_nonblocking(false).is_err() || gone
}

fn write_answer(
    hub: &Hub,
    stream: &mut dyn Duplex,
    answer: &Answer,
    keep_alive: bool,
) -> io::Result<()> {
    let used = lock(&hub.budget).used();
    let reason = match answer.code {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        _ => "Other",
    };
    let mut message = Vec::with_capacity(answer.body.len() + 256);
    write!(
        message,
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json;charset=UTF-8\r\n\
         content-length: {}\r\nX-MBX-USED-WEIGHT-1M: {used}\r\nX-MBX-USED-WEIGHT: {used}\r\n",
        answer.code,
        answer.body.len(),
    )?;
    if let Some(seconds) = answer.retry_after_s {
        write!(message, "Retry-After: {seconds}\r\n")?;
    }
    write!(message, "Connection: {}\r\n\r\n", if keep_alive { "keep-alive" } else { "close" })?;
    message.extend_from_slice(&answer.body);
    stream.write_all(&message)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_parsed_and_garbage_is_refused() {
        let head = parse_head(b"GET /api/v3/ping?x=1 HTTP/1.1\r\nHost: a:1\r\nconnection: Close");
        let wanted = Head {
            method: "GET".into(),
            path_and_query: "/api/v3/ping?x=1".into(),
            keep_alive: false,
        };
        assert_eq!(head, Some(wanted));
        for wrong in ["", "GET", "GET / SPDY/3", "GET x HTTP/1.1", "GET / HTTP/1.1\r\nnocolon"] {
            assert_eq!(parse_head(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(parse_head(b"\xff\xfe"), None);
    }
}
