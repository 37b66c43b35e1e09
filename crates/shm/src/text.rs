//! Names in words: UTF-8 bytes in order, padded with zeros.

/// The words of a name; `None` if it is too long.
pub(crate) fn encode<const WORDS: usize>(text: &str) -> Option<[u64; WORDS]> {
    if text.len() > WORDS * 8 {
        return None;
    }
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(text.as_bytes().chunks(8)) {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(padded);
    }
    Some(words)
}

/// The name of some words, as far as it is one: what is not UTF-8 or not printable is replaced, so
/// that a hostile name cannot act on a terminal.
pub(crate) fn decode(words: &[u64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let replace = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(&bytes[..end]).chars().map(replace).collect()
}

/// As much of a name as fits, cut at a character.
pub(crate) fn fitting(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for text in ["", "a", "12345678", "123456789", "1234567890123456", "Bücher"] {
            assert_eq!(decode(&encode::<2>(text).unwrap()), text);
        }
        assert_eq!(encode::<2>("12345678901234567"), None);
        assert_eq!(fitting("abü", 3), "ab");
        assert_eq!(fitting("abü", 4), "abü");
    }

    #[test]
    fn hostile_names_are_made_harmless() {
        assert_eq!(decode(&encode::<1>("\u{1b}[2J").unwrap()), "\u{fffd}[2J");
        assert!(decode(&[u64::MAX]).chars().all(|c| c == '\u{fffd}'));
    }
}
