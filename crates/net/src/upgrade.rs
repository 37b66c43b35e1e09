//! The HTTP upgrade: tungstenite writes the request and parses the answer, we judge it.
//!
//! # Guarantees
//!
//! - Exactly the bytes up to the blank line are taken; frames that came in the same segment stay
//!   in the receive buffer.
//! - The answer is bounded in bytes and lines before it is parsed.
//! - Redirects are not followed; an extension or subprotocol that was not offered is refused (we
//!   offer none).

use tungstenite::handshake::client::{Request, Response, generate_key, generate_request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse as _;
use tungstenite::http::{HeaderMap, header};

use crate::limits::{RESPONSE_BYTES_MAX, RESPONSE_LINES_MAX};
use crate::{HandshakeFault, NetError, Target};

/// An upgrade under way.
#[derive(Debug)]
pub(crate) struct Upgrade {
    request: Vec<u8>,
    accept: String,
    /// Bytes of the answer that were looked through for its end.
    scanned: usize,
    lines: usize,
}

impl Upgrade {
    pub(crate) fn new(target: &Target) -> Result<Self, NetError> {
        let (scheme, default_port) = if target.tls.is_some() { ("wss", 443) } else { ("ws", 80) };
        // An IPv6 address stands in brackets in a URL.
        let host = if target.host.contains(':') && !target.host.starts_with('[') {
            format!("[{}]", target.host)
        } else {
            target.host.clone()
        };
        let authority =
            if target.port == default_port { host } else { format!("{host}:{}", target.port) };
        if !target.path.starts_with('/') {
            return Err(NetError::BadTarget);
        }
        let request = Request::builder()
            .uri(format!("{scheme}://{authority}{}", target.path))
            .header(header::HOST, authority)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, generate_key())
            .header(header::USER_AGENT, concat!("tickbook/", env!("CARGO_PKG_VERSION")))
            .body(())
            .map_err(|_| NetError::BadTarget)?;
        let (request, key) = generate_request(request).map_err(|_| NetError::BadTarget)?;
        let accept = derive_accept_key(key.as_bytes());
        Ok(Self { request, accept, scanned: 0, lines: 0 })
    }

    /// The request, to be sent once.
    pub(crate) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Judges the answer at the start of `bytes`: its length once it is whole and good, `None` as
    /// long as it is not whole.
    pub(crate) fn judge(&mut self, bytes: &[u8]) -> Result<Option<usize>, NetError> {
        let Some(len) = self.end(bytes)? else { return Ok(None) };
        let parsed = Response::try_parse(&bytes[..len]);
        let Ok(Some((parsed_len, response))) = parsed else {
            return Err(HandshakeFault::Malformed.into());
        };
        if parsed_len != len {
            return Err(HandshakeFault::Malformed.into());
        }
        let status = response.status().as_u16();
        if status != 101 {
            let retry_after_s = single(response.headers(), header::RETRY_AFTER.as_str())
                .and_then(|text| text.trim().parse().ok());
            return Err(NetError::Refused { status, retry_after_s });
        }
        self.check(response.headers())?;
        Ok(Some(len))
    }

    /// Where the answer ends: behind its first blank line.
    fn end(&mut self, bytes: &[u8]) -> Result<Option<usize>, HandshakeFault> {
        while let Some(&byte) = bytes.get(self.scanned) {
            self.scanned += 1;
            if byte == b'\n' {
                self.lines += 1;
                if bytes[..self.scanned].ends_with(b"\r\n\r\n") {
                    return Ok(Some(self.scanned));
                }
            }
            if self.scanned == RESPONSE_BYTES_MAX || self.lines > RESPONSE_LINES_MAX {
                return Err(HandshakeFault::TooLong);
            }
        }
        Ok(None)
    }

    /// RFC 6455, 4.1, points 2 to 6 of the answer's validation.
    fn check(&self, headers: &HeaderMap) -> Result<(), HandshakeFault> {
        let upgrade = single(headers, header::UPGRADE.as_str());
        if !upgrade.is_some_and(|text| text.trim().eq_ignore_ascii_case("websocket")) {
            return Err(HandshakeFault::NotUpgraded);
        }
        let mut tokens = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','));
        if !tokens.any(|token| token.trim().eq_ignore_ascii_case("upgrade")) {
            return Err(HandshakeFault::NotUpgraded);
        }
        let accept = single(headers, header::SEC_WEBSOCKET_ACCEPT.as_str());
        if accept.map(str::trim) != Some(self.accept.as_str()) {
            return Err(HandshakeFault::WrongAccept);
        }
        if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
            return Err(HandshakeFault::Extension);
        }
        if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
            return Err(HandshakeFault::Subprotocol);
        }
        Ok(())
    }
}

/// The value of a header that may stand once; `None` if it is missing, repeated or not text.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgrade() -> Upgrade {
        let target = Target {
            host: "venue.test".into(),
            port: 9443,
            path: "/ws?a=1".into(),
            tls: None,
            addr: "127.0.0.1:1".parse().unwrap(),
        };
        Upgrade::new(&target).unwrap()
    }

    fn answer(upgrade: &Upgrade, more: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
             Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: {}\r\n{more}\r\n",
            upgrade.accept
        )
    }

    #[test]
    fn the_request_names_host_port_and_path() {
        let text = String::from_utf8(upgrade().request).unwrap();
        assert!(text.starts_with("GET /ws?a=1 HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("Host: venue.test:9443\r\n"), "{text}");
        assert!(!text.to_ascii_lowercase().contains("extensions"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_target_that_cannot_stand_in_a_request_is_refused() {
        let target = |host: &str, path: &str| Target {
            host: host.into(),
            port: 80,
            path: path.into(),
            tls: None,
            addr: "127.0.0.1:1".parse().unwrap(),
        };
        for (host, path) in [("a b", "/"), ("a\r\nX: y", "/"), ("a", "ws"), ("a", "/ x\r\n")] {
            let bad = Upgrade::new(&target(host, path)).map(|_| ());
            assert_eq!(bad, Err(NetError::BadTarget), "{host} {path}");
        }
        assert!(Upgrade::new(&target("::1", "/")).is_ok());
    }

    #[test]
    fn an_answer_ends_at_its_blank_line_however_it_is_cut() {
        let mut whole = upgrade();
        let mut bytes = answer(&whole, "").into_bytes();
        let len = bytes.len();
        bytes.extend(b"\x81\x02hi\r\n\r\n");
        assert_eq!(whole.judge(&bytes), Ok(Some(len)));
        let mut cut = Upgrade { accept: whole.accept.clone(), ..upgrade() };
        for end in 0..len {
            assert_eq!(cut.judge(&bytes[..end]), Ok(None));
        }
        assert_eq!(cut.judge(&bytes[..len]), Ok(Some(len)));
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        let cases = [
            ("Sec-WebSocket-Extensions: permessage-deflate\r\n", HandshakeFault::Extension),
            ("Sec-WebSocket-Protocol: chat\r\n", HandshakeFault::Subprotocol),
            ("Sec-WebSocket-Accept: x\r\n", HandshakeFault::WrongAccept),
            ("Upgrade: h2c\r\n", HandshakeFault::NotUpgraded),
        ];
        for (more, fault) in cases {
            let mut upgrade = upgrade();
            let text = answer(&upgrade, more);
            assert_eq!(upgrade.judge(text.as_bytes()), Err(fault.into()), "{more}");
        }
    }

    #[test]
    fn other_answers_are_named() {
        let judge = |text: &str| upgrade().judge(text.as_bytes());
        let refused = |status, retry_after_s| Err(NetError::Refused { status, retry_after_s });
        assert_eq!(
            judge("HTTP/1.1 302 Found\r\nLocation: ws://evil.test/\r\n\r\n"),
            refused(302, None)
        );
        assert_eq!(judge("HTTP/1.1 429 Slow\r\nRetry-After: 120\r\n\r\n"), refused(429, Some(120)));
        assert_eq!(judge("HTTP/1.1 503 No\r\nRetry-After: Fri, 1\r\n\r\n"), refused(503, None));
        let malformed = Err(HandshakeFault::Malformed.into());
        assert_eq!(judge("SSH-2.0-OpenSSH_9.6\r\n\r\n"), malformed);
        assert_eq!(judge("\r\n\r\n"), malformed);
        let no_accept = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
        assert_eq!(judge(no_accept), Err(HandshakeFault::WrongAccept.into()));
        assert_eq!(judge("HTTP/1.1 101 S\r\n\r\n"), Err(HandshakeFault::NotUpgraded.into()));
    }

    #[test]
    fn an_endless_answer_is_refused_at_its_limit() {
        let mut long = upgrade();
        assert_eq!(long.judge(&[b'a'; RESPONSE_BYTES_MAX - 1]), Ok(None));
        let too_long = Err(HandshakeFault::TooLong.into());
        assert_eq!(long.judge(&[b'a'; RESPONSE_BYTES_MAX]), too_long);
        let lines = "a\r\n".repeat(RESPONSE_LINES_MAX + 1);
        assert_eq!(upgrade().judge(lines.as_bytes()), too_long);
    }
}
