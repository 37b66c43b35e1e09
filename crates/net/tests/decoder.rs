//! The frame decoder against two others: a naive twin and tungstenite.
//!
//! Method: streams of frames are made from data, valid or not, and mutated; the decoder gets them
//! cut in every way, the twin gets them whole. Frames and verdict must be equal. Streams that are
//! valid also go through tungstenite.

#![allow(clippy::cast_possible_truncation, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{self, Read, Write};

use proptest::prelude::*;
use support::frame;
use tickbook_net::{ConnectionOptions, Frame, FrameReader, MessageKind, Violation, limits};
use tungstenite::protocol::{Role, WebSocket};

const MESSAGE_BYTES_MAX: usize = 3_000;

#[derive(Clone, Debug, Eq, PartialEq)]
enum Event {
    Message(MessageKind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

type Outcome = (Vec<Event>, Option<Violation>);

/// The decoder, with the stream cut at `cuts` (lengths, used in turn).
fn decode(bytes: &[u8], cuts: &[usize]) -> Outcome {
    let options = ConnectionOptions { message_bytes_max: MESSAGE_BYTES_MAX, ..Default::default() };
    let mut reader = FrameReader::new(&options);
    let mut events = Vec::new();
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let count = (*cuts.next().unwrap()).clamp(1, rest.len()).min(reader.free().len());
        assert!(count > 0, "a drained reader always has room");
        let (part, tail) = rest.split_at(count);
        rest = tail;
        reader.free()[..count].copy_from_slice(part);
        reader.filled(count);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => events.push(event(&frame)),
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
            if matches!(events.last(), Some(Event::Close(_))) {
                return (events, None);
            }
        }
    }
    (events, None)
}

fn event(frame: &Frame<'_>) -> Event {
    match frame {
        Frame::Message(message) => {
            let padded = message.payload.with_padding().len();
            assert!(padded >= message.payload.len() + tickbook_types::PADDING);
            Event::Message(message.kind, message.payload.payload().to_vec())
        }
        Frame::Ping(payload) => Event::Ping(payload.to_vec()),
        Frame::Pong(payload) => Event::Pong(payload.to_vec()),
        Frame::Close(code) => Event::Close(*code),
    }
}

/// The naive twin: the whole stream at once, one frame after the other, everything copied.
fn naive(bytes: &[u8]) -> Outcome {
    let mut events = Vec::new();
    let verdict = naive_frames(bytes, &mut events).err();
    (events, verdict)
}

fn naive_frames(mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Violation> {
    let mut joined: Option<(MessageKind, Vec<u8>, u32)> = None;
    while let Some((&b0, rest)) = bytes.split_first() {
        let opcode = b0 & 15;
        if matches!(opcode, 3..=7 | 11..) {
            return Err(Violation::Opcode);
        }
        if b0 & 0x70 != 0 {
            return Err(Violation::ReservedBit);
        }
        let last = b0 & 0x80 != 0;
        if opcode >= 8 && !last {
            return Err(Violation::ControlFragmented);
        }
        let Some((&b1, rest)) = rest.split_first() else { return Ok(()) };
        if b1 & 0x80 != 0 {
            return Err(Violation::Masked);
        }
        if opcode >= 8 && b1 > 125 {
            return Err(Violation::ControlLength);
        }
        let extra = match b1 {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if b1 == 127 && rest.first().is_some_and(|b| b & 0x80 != 0) {
            return Err(Violation::LengthSign);
        }
        if rest.len() < extra {
            return Ok(());
        }
        let (length, rest) = rest.split_at(extra);
        let long = length.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let len = if extra == 0 { u64::from(b1) } else { long };
        if (extra == 2 && len < 126) || (extra == 8 && len < 0x1_0000) {
            return Err(Violation::LengthForm);
        }
        if opcode < 8 {
            match (opcode, &joined) {
                (0, None) => return Err(Violation::ContinuationAlone),
                (1 | 2, Some(_)) => return Err(Violation::MessageInside),
                _ => {}
            }
            let before = joined.as_ref().map_or(0, |(_, bytes, _)| bytes.len());
            if before as u64 + len > MESSAGE_BYTES_MAX as u64 {
                return Err(Violation::MessageTooLong);
            }
            if joined.as_ref().is_some_and(|(_, _, n)| *n == limits::FRAGMENTS_MAX) {
                return Err(Violation::FragmentsTooMany);
            }
        }
        let have = rest.len().min(len as usize);
        let whole = have as u64 == len;
        let payload = &rest[..have];
        if opcode < 8 {
            let kind = if opcode == 1 { MessageKind::Text } else { MessageKind::Binary };
            let (kind, mut message, count) = joined.take().unwrap_or((kind, Vec::new(), 0));
            message.extend(payload);
            if kind == MessageKind::Text {
                match std::str::from_utf8(&message) {
                    Ok(_) => {}
                    Err(error) if error.error_len().is_none() && !(whole && last) => {}
                    Err(_) => return Err(Violation::Utf8),
                }
            }
            if !whole {
                return Ok(());
            }
            if last {
                events.push(Event::Message(kind, message));
            } else {
                joined = Some((kind, message, count + 1));
            }
        } else {
            if !whole {
                return Ok(());
            }
            match opcode {
                9 => events.push(Event::Ping(payload.to_vec())),
                10 => events.push(Event::Pong(payload.to_vec())),
                _ => {
                    events.push(Event::Close(naive_close(payload)?));
                    return Ok(());
                }
            }
        }
        bytes = &rest[have..];
    }
    Ok(())
}

fn naive_close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload.len() {
        0 => Ok(None),
        1 => Err(Violation::CloseLength),
        _ => {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            let good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
            if !good.contains(&code) && !(3000..5000).contains(&code) {
                return Err(Violation::CloseCode);
            }
            std::str::from_utf8(&payload[2..]).map_err(|_| Violation::Utf8)?;
            Ok(Some(code))
        }
    }
}

/// One frame of a stream; what is wrong with it comes from mutation and from the mix.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let text = "\\PC{0,60}".prop_map(String::into_bytes);
    let long = (120_usize..200).prop_map(|len| vec![b'x'; len]);
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    // Text that ends within a character: wrong at the end of a message, right in a fragment.
    let torn = (0_usize..20, 1_usize..4)
        .prop_map(|(len, cut)| [&vec![b'x'; len][..], &"\u{10348}".as_bytes()[..cut]].concat());
    let rest = (1_usize..4).prop_map(|cut| "\u{10348}".as_bytes()[cut..].to_vec());
    let payload = prop_oneof![4 => text, 2 => long, 1 => bytes, 2 => torn, 1 => rest];
    let first = prop_oneof![
        6 => Just(0x81_u8),
        2 => Just(0x82),
        2 => Just(0x01),
        1 => Just(0x02),
        3 => Just(0x00),
        3 => Just(0x80),
        1 => Just(0x89),
        1 => Just(0x8A),
    ];
    (first, payload).prop_map(|(first, mut payload)| {
        if first & 8 != 0 {
            payload.truncate(limits::CONTROL_PAYLOAD_MAX);
        }
        frame(first, &payload)
    })
}

/// A stream that follows every rule.
fn valid_stream() -> impl Strategy<Value = Vec<u8>> {
    let message = (
        any::<bool>(),
        "\\PC{0,80}".prop_map(String::into_bytes),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        any::<[bool; 4]>(),
    );
    let close = prop_oneof![
        3 => Just(None),
        1 => Just(Some(frame(0x88, &[]))),
        1 => Just(Some(frame(0x88, b"\x03\xe8bye"))),
    ];
    (prop::collection::vec(message, 0..8), close).prop_map(|(messages, close)| {
        let mut stream = Vec::new();
        for (text, payload, cuts, pings) in messages {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(payload.len());
            let mut from = 0;
            for (i, &to) in cuts.iter().enumerate() {
                let opcode = if i > 0 {
                    0
                } else if text {
                    1
                } else {
                    2
                };
                let last = if i + 1 == cuts.len() { 0x80 } else { 0 };
                stream.extend(frame(last | opcode, &payload[from..to]));
                from = to;
                if pings.get(i) == Some(&true) {
                    stream.extend(frame(0x89, &[i as u8]));
                }
            }
        }
        stream.extend(close.unwrap_or_default());
        stream
    })
}

/// What tungstenite makes of a stream.
fn general(bytes: &[u8]) -> Vec<Event> {
    struct Stream<'a>(&'a [u8]);
    impl Read for Stream<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for Stream<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut socket = WebSocket::from_raw_socket(Stream(bytes), Role::Client, None);
    let mut events = Vec::new();
    while let Ok(message) = socket.read() {
        events.push(match message {
            tungstenite::Message::Text(text) => {
                Event::Message(MessageKind::Text, text.as_bytes().to_vec())
            }
            tungstenite::Message::Binary(bytes) => {
                Event::Message(MessageKind::Binary, bytes.to_vec())
            }
            tungstenite::Message::Ping(bytes) => Event::Ping(bytes.to_vec()),
            tungstenite::Message::Pong(bytes) => Event::Pong(bytes.to_vec()),
            tungstenite::Message::Close(close) => {
                Event::Close(close.map(|frame| frame.code.into()))
            }
            tungstenite::Message::Frame(_) => unreachable!("only for writing"),
        });
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_valid_stream_is_what_tungstenite_makes_of_it(
        stream in valid_stream(),
        cuts in prop::collection::vec(1_usize..300, 1..6),
    ) {
        let expected = (general(&stream), None);
        prop_assert_eq!(&naive(&stream), &expected);
        prop_assert_eq!(&decode(&stream, &cuts), &expected);
        prop_assert_eq!(&decode(&stream, &[usize::MAX]), &expected);
    }

    #[test]
    fn any_mix_of_frames_is_what_the_twin_makes_of_it(
        frames in prop::collection::vec(any_frame(), 0..30),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cuts in prop::collection::vec(1_usize..300, 1..6),
    ) {
        let mut stream = frames.concat();
        for (at, byte) in mutations {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
        }
        let expected = naive(&stream);
        prop_assert_eq!(&decode(&stream, &cuts), &expected);
        prop_assert_eq!(&decode(&stream, &[1]), &expected);
    }

    #[test]
    fn random_bytes_neither_panic_nor_differ(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(1_usize..50, 1..6),
    ) {
        prop_assert_eq!(decode(&bytes, &cuts), naive(&bytes));
    }
}

#[test]
fn every_split_of_a_stream_gives_the_same_frames() {
    let mut stream = Vec::new();
    for len in [0, 1, 2, 125, 126, 127, 300] {
        stream.extend(frame(0x81, &vec![b'a'; len]));
    }
    stream.extend(frame(0x01, "κό".as_bytes()));
    stream.extend(frame(0x89, b"ping"));
    stream.extend(frame(0x00, &[0xCF]));
    stream.extend(frame(0x80, &[0x83]));
    stream.extend(frame(0x82, &[0xFF; 130]));
    stream.extend(frame(0x88, &[3, 233]));
    let expected = naive(&stream);
    assert_eq!(expected.1, None);
    assert_eq!(expected.0, general(&stream));
    for first in 1..stream.len() {
        assert_eq!(decode(&stream, &[first, usize::MAX]), expected, "cut at {first}");
    }
    for step in 1..20 {
        assert_eq!(decode(&stream, &[step]), expected, "steps of {step}");
    }
}

#[test]
fn big_messages_come_through_a_small_window_however_they_are_cut() {
    let most = 300_000;
    let options =
        ConnectionOptions { message_bytes_max: most, recv_window_bytes: 0, ..Default::default() };
    for step in [1_460, 16_384, 33_000, 100_000] {
        let mut reader = FrameReader::new(&options);
        let mut stream = Vec::new();
        for round in 0..6_u8 {
            let text = vec![b'0' + round; most - usize::from(round)];
            stream.extend(frame(0x81, &text));
            stream.extend(frame(0x82, &[round; 70]));
            // The same in fragments.
            stream.extend(frame(0x01, &text[..100_000]));
            stream.extend(frame(0x89, b"between"));
            stream.extend(frame(0x80, &text[100_000..]));
        }
        let (mut rest, mut lengths) = (&stream[..], Vec::new());
        while !rest.is_empty() {
            let count = step.min(rest.len()).min(reader.free().len());
            reader.free()[..count].copy_from_slice(&rest[..count]);
            reader.filled(count);
            rest = &rest[count..];
            while let Some(frame) = reader.next_frame().unwrap() {
                if let Event::Message(_, bytes) = event(&frame) {
                    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                    lengths.push(bytes.len());
                }
            }
        }
        let expected: Vec<_> = (0..6).flat_map(|round| [most - round, 70, most - round]).collect();
        assert_eq!(lengths, expected, "steps of {step}");
    }
}

#[test]
fn only_the_last_message_of_a_read_says_so() {
    let mut reader = FrameReader::new(&ConnectionOptions::default());
    let mut last = |bytes: &[u8]| {
        reader.free()[..bytes.len()].copy_from_slice(bytes);
        reader.filled(bytes.len());
        let mut flags = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            if let Frame::Message(message) = frame {
                flags.push(message.last_of_read);
            }
        }
        flags
    };
    let one = frame(0x81, b"one");
    assert_eq!(last(&[&one[..], &one, &one].concat()), [false, false, true]);
    assert_eq!(last(&[&one[..], &one[..2]].concat()), [false]);
    assert_eq!(last(&one[2..]), [true]);
}

#[test]
fn text_with_one_wrong_byte_is_refused_wherever_it_is() {
    let diff = |levels: usize| {
        let level = r#"["61234.50","0.2000"]"#;
        let levels = [level].repeat(levels).join(",");
        format!(r#"{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[{levels}],"a":[]}}"#)
    };
    // A length of one byte, a length of two, and something that no scanner knows.
    for text in [diff(2), diff(9), r#"{"result":null,"what":"\u00e9 and more of that"}"#.to_owned()]
    {
        for at in 0..text.len() {
            // Never part of UTF-8, and a character that is not finished.
            for wrong in [0xFF, 0xC3] {
                let mut text = text.clone().into_bytes();
                text[at] = wrong;
                let stream = frame(0x81, &text);
                for cuts in [&[usize::MAX][..], &[at + 1, 1_000], &[7]] {
                    let verdict = decode(&stream, cuts);
                    assert_eq!(verdict, (vec![], Some(Violation::Utf8)), "{wrong:x} at {at}");
                }
            }
        }
    }
}

#[test]
fn text_is_not_checked_where_the_caller_does_it() {
    let options = ConnectionOptions { validate_utf8: false, ..Default::default() };
    for stream in [frame(0x81, &[0xFF]), [frame(0x01, &[0xFF]), frame(0x80, &[0xFE])].concat()] {
        let mut reader = FrameReader::new(&options);
        reader.free()[..stream.len()].copy_from_slice(&stream);
        reader.filled(stream.len());
        assert!(matches!(reader.next_frame(), Ok(Some(Frame::Message(_)))));
    }
}
