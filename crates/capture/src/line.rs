//! One line of text to the places of its parts.

use crate::error::Fault;

/// What a line says, with its parts as ranges of the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) ns: i64,
    pub(crate) kind: Kind,
    /// Where the payload begins: frame, base64, sent text, REST body; the end for `OPEN`.
    pub(crate) payload: usize,
    /// Where the URL begins and ends; empty if there is none.
    pub(crate) url: (usize, usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Frame,
    Binary,
    Sent,
    Http,
    Open,
}

/// Takes `line` (without its end) apart.
pub(crate) fn parse(line: &[u8]) -> Result<Line, Fault> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // 19 digits hold every time an i64 holds; the first of them that does not fit is refused below.
    if digits == 0 || digits > 19 || line.get(digits) != Some(&b' ') {
        return Err(Fault::Timestamp);
    }
    let ns = line[..digits]
        .iter()
        .try_fold(0_i64, |ns, digit| ns.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
        .ok_or(Fault::Timestamp)?;
    let start = digits + 1;
    let rest = &line[start..];
    let plain = |kind, tag: usize| Line { ns, kind, payload: start + tag, url: (0, 0) };
    match rest.first() {
        Some(b'{' | b'[') => Ok(plain(Kind::Frame, 0)),
        Some(b'>') if rest.starts_with(b"> ") => Ok(plain(Kind::Sent, 2)),
        Some(b'B') if rest.starts_with(b"B64 ") => Ok(plain(Kind::Binary, 4)),
        Some(b'H') if rest.starts_with(b"HTTP ") => {
            let url = start + 5;
            let length = memchr::memchr(b' ', &line[url..]).ok_or(Fault::Url)?;
            if length == 0 {
                return Err(Fault::Url);
            }
            let end = url + length;
            Ok(Line { ns, kind: Kind::Http, payload: end + 1, url: (url, end) })
        }
        Some(b'O') if rest.starts_with(b"OPEN ") => {
            let url = start + 5;
            if url == line.len() || line[url..].contains(&b' ') {
                return Err(Fault::Url);
            }
            Ok(Line { ns, kind: Kind::Open, payload: line.len(), url: (url, line.len()) })
        }
        _ => Err(Fault::Tag),
    }
}
