//! What comes in as a pointer and what goes out through one.

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

use crate::TickbookStatus;
use crate::error::invalid;

/// The text at `text`, `None` if it is null.
///
/// # Safety
///
/// - `text` is null or points to bytes that end with a zero byte;
/// - these bytes stay as they are for `'a`.
pub(crate) unsafe fn optional_text<'a>(
    text: *const c_char,
    what: &'static str,
) -> Result<Option<&'a str>, TickbookStatus> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, so by the contract of this function a text with its end, unchanged for 'a.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| invalid(what, "is not UTF-8"))
}

/// The text at `text`.
///
/// # Safety
///
/// As [`optional_text`].
pub(crate) unsafe fn text<'a>(
    text: *const c_char,
    what: &'static str,
) -> Result<&'a str, TickbookStatus> {
    // SAFETY: the contract is the same.
    let text = unsafe { optional_text(text, what) }?;
    text.ok_or_else(|| invalid(what, "is null"))
}

/// What is at `handle`.
///
/// # Safety
///
/// - `handle` is null or came from the function that opens a `T`, and was not closed;
/// - it is not closed, and nobody writes to what it points to, for `'a`.
#[inline]
pub(crate) unsafe fn shared<'a, T>(
    handle: *const T,
    what: &'static str,
) -> Result<&'a T, TickbookStatus> {
    // SAFETY: null or valid and unchanged for 'a, by the contract of this function.
    unsafe { handle.as_ref() }.ok_or_else(|| invalid(what, "is null"))
}

/// What is at `handle`, to be changed.
///
/// # Safety
///
/// - `handle` is null or came from the function that opens a `T`, and was not closed;
/// - nobody else uses it for `'a`.
#[inline]
pub(crate) unsafe fn exclusive<'a, T>(
    handle: *mut T,
    what: &'static str,
) -> Result<&'a mut T, TickbookStatus> {
    // SAFETY: null or valid and used by nobody else for 'a, by the contract of this function.
    unsafe { handle.as_mut() }.ok_or_else(|| invalid(what, "is null"))
}

/// Memory of the caller that one `T` is written to. May be uninitialised.
///
/// # Safety
///
/// - `out` is null or aligned and valid for writing a `T`;
/// - nobody else uses that memory for `'a`.
#[inline]
pub(crate) unsafe fn out<'a, T>(
    out: *mut T,
    what: &'static str,
) -> Result<&'a mut MaybeUninit<T>, TickbookStatus> {
    // SAFETY: null or valid for 'a and ours alone, by the contract of this function; memory that
    // was never written is a valid `MaybeUninit`.
    unsafe { out.cast::<MaybeUninit<T>>().as_mut() }.ok_or_else(|| invalid(what, "is null"))
}

/// Memory of the caller that up to `capacity` values are written to. May be uninitialised, and null
/// if there is none.
///
/// # Safety
///
/// - `out` is aligned and valid for writing `capacity` of `T`, or `capacity` is 0;
/// - nobody else uses that memory for `'a`.
pub(crate) unsafe fn out_slice<'a, T>(
    out: *mut T,
    capacity: usize,
    what: &'static str,
) -> Result<&'a mut [MaybeUninit<T>], TickbookStatus> {
    if capacity == 0 {
        return Ok(&mut []);
    }
    if out.is_null() {
        return Err(invalid(what, "is null, its capacity is not 0"));
    }
    if capacity > isize::MAX.unsigned_abs() / size_of::<T>().max(1) {
        return Err(invalid(what, "has a capacity that no memory has"));
    }
    // SAFETY: not null, no larger than an allocation can be, and by the contract of this function
    // valid for 'a and ours alone; memory that was never written is a valid `MaybeUninit`.
    Ok(unsafe { core::slice::from_raw_parts_mut(out.cast::<MaybeUninit<T>>(), capacity) })
}

/// Writes `text` and a zero byte, as much as fits; returns the bytes of the whole text.
pub(crate) fn write_text(out: &mut [MaybeUninit<c_char>], text: &str) -> usize {
    if let Some(room) = out.len().checked_sub(1) {
        let fitting = &text.as_bytes()[..text.floor_char_boundary(room)];
        for (to, byte) in out.iter_mut().zip(fitting) {
            to.write(c_char::from_ne_bytes([*byte]));
        }
        out[fitting.len()].write(0);
    }
    text.len()
}

/// `text` in an array, with zeros behind it; what is too long is cut.
pub(crate) fn array<const N: usize>(text: &str) -> [c_char; N] {
    let mut array = [0; N];
    let fitting = &text.as_bytes()[..text.floor_char_boundary(N.saturating_sub(1))];
    for (to, byte) in array.iter_mut().zip(fitting) {
        *to = c_char::from_ne_bytes([*byte]);
    }
    array
}

/// The status of what `call` does.
#[inline]
pub(crate) fn status(call: impl FnOnce() -> Result<(), TickbookStatus>) -> TickbookStatus {
    match call() {
        Ok(()) => TickbookStatus::Ok,
        Err(status) => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chars(text: &[u8]) -> Vec<c_char> {
        text.iter().map(|byte| c_char::from_ne_bytes([*byte])).collect()
    }

    #[test]
    fn a_text_is_cut_between_characters_and_always_ended() {
        assert_eq!(array::<4>("ab").to_vec(), chars(b"ab\0\0"));
        assert_eq!(array::<4>("abcd").to_vec(), chars(b"abc\0"));
        assert_eq!(array::<4>("ab\u{e4}").to_vec(), chars(b"ab\0\0"));
        for room in 0..6 {
            let mut out = vec![MaybeUninit::new(1); room];
            assert_eq!(write_text(&mut out, "ab\u{e4}"), 4);
            // SAFETY: every element was written above.
            let out: Vec<c_char> = out.iter().map(|it| unsafe { it.assume_init() }).collect();
            let expected: &[u8] =
                [&b""[..], b"\0", b"a\0", b"ab\0", b"ab\0\x01", b"ab\xc3\xa4\0"][room];
            assert_eq!(out, chars(expected), "room for {room}");
        }
    }

    #[test]
    fn what_is_null_or_impossible_is_refused() {
        // SAFETY: null is allowed.
        let text = unsafe { text(core::ptr::null(), "name") };
        assert_eq!(text, Err(TickbookStatus::InvalidArgument));
        // SAFETY: null is allowed.
        assert_eq!(unsafe { optional_text(core::ptr::null(), "name") }, Ok(None));
        // SAFETY: nothing is written with no capacity.
        assert!(unsafe { out_slice(core::ptr::null_mut::<u64>(), 0, "out") }.is_ok());
        let mut word = 0_u64;
        for (out, capacity) in [(core::ptr::null_mut(), 1), (&raw mut word, usize::MAX)] {
            // SAFETY: refused before anything is done with it.
            assert!(unsafe { out_slice(out, capacity, "out") }.is_err());
        }
    }
}
