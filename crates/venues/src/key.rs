//! A venue's key, as an operator keeps it in a file: what it says is shown to nobody.

use core::fmt;

/// The lines `name = value` of a key file.
#[derive(Clone, Eq, PartialEq)]
pub struct Key {
    fields: Vec<(String, String)>,
}

/// Why a text is no key. Says where, never what.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no line in it.
    Empty,
    /// A line (from 1) that is not `name = value`, or whose name stands twice.
    Line(usize),
    /// A value with a byte that no key has: blank, quote, backslash, or not ASCII.
    Value(usize),
}

impl Key {
    /// Reads a key file: lines `name = value`; empty ones, and those that begin with `#`, say
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError`], the operator's fault.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or(KeyError::Line(number))?;
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() || value.is_empty() || fields.iter().any(|it| it.0 == name) {
                return Err(KeyError::Line(number));
            }
            let fine = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            if !value.bytes().all(fine) {
                return Err(KeyError::Value(number));
            }
            fields.push((name.to_owned(), value.to_owned()));
        }
        if fields.is_empty() { Err(KeyError::Empty) } else { Ok(Self { fields }) }
    }

    /// A value of it.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("holds no line `name = value`"),
            Self::Line(line) => write!(f, "line {line}: not `name = value`, or a name twice"),
            Self::Value(line) => write!(f, "line {line}: a value with a byte that no key has"),
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_never_shown() {
        let key = Key::parse("# mine\n\n token = abc+/=\r\nname=x").unwrap();
        assert_eq!((key.field("token"), key.field("name")), (Some("abc+/="), Some("x")));
        assert_eq!(key.field("secret"), None);
        assert_eq!(format!("{key:?}"), "Key");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for (text, error) in [
            ("", KeyError::Empty),
            ("# nothing", KeyError::Empty),
            ("hidden", KeyError::Line(1)),
            ("a = hidden\na = hidden", KeyError::Line(2)),
            ("a =", KeyError::Line(1)),
            ("\na = hid den", KeyError::Value(2)),
            ("a = hid\"den", KeyError::Value(1)),
        ] {
            assert_eq!(Key::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("hid"), "{error}");
        }
    }
}
