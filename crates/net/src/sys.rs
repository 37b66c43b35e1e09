//! The system calls that no safe wrapper covers, and the choice of vector instructions. All
//! `unsafe` of this crate is here.
//!
//! # Guarantees
//!
//! - [`recv`] and [`recv_stamped`] are one system call each, and allocate nothing.
//! - An empty socket is [`Read::Empty`], not an error; an interrupted call counts as one.

#![allow(unsafe_code, reason = "the one module of this crate that may")]

mod ascii;

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use tickbook_types::WallNanos;

pub(crate) use ascii::Ascii;

/// What one read of a socket gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Read {
    /// Nothing there.
    Empty,
    /// The peer sent its last byte.
    Eof,
    /// This many bytes (at least one), and the kernel's stamp of the last segment among them.
    Bytes(usize, Option<WallNanos>),
}

/// A bare `recv`. `buffer` must not be empty, or an empty read could not be told from the end.
#[inline]
pub(crate) fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Read> {
    debug_assert!(!buffer.is_empty());
    // SAFETY: `buffer` is ours to write for its whole length during the call, and the borrow keeps
    // the descriptor open.
    let got = unsafe {
        libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), RECV_FLAGS)
    };
    outcome(got, None)
}

/// A `recvmsg` that also takes the kernel's receive stamp (`SO_TIMESTAMPING`).
#[inline]
pub(crate) fn recv_stamped(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Read> {
    debug_assert!(!buffer.is_empty());
    let mut control = [0_u64; CONTROL_WORDS];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all fields of `msghdr` are integers or pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { core::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: `message` points to one part and one control buffer, both alive and ours to write
    // for the lengths given; it names no address. The borrow keeps the descriptor open.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, RECV_FLAGS) };
    let words = (message.msg_controllen / size_of::<u64>()).min(CONTROL_WORDS);
    outcome(got, if got > 0 { stamp_in(&control[..words]) } else { None })
}

/// Sets an integer option.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length name `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), INTEGER_BYTES)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an integer option.
pub(crate) fn option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = INTEGER_BYTES;
    // SAFETY: the pointers name `value` and its length, which outlive the call.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut length)
    };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// Size of an integer option.
const INTEGER_BYTES: libc::socklen_t = 4;
const _: () = assert!(size_of::<libc::c_int>() == INTEGER_BYTES as usize);

/// Never wait, whatever the descriptor's own mode.
const RECV_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Room for a time stamp message (64 bytes) and another one of its size.
const CONTROL_WORDS: usize = 16;

/// Words of a `cmsghdr`: its length, then level and type.
const HEADER_WORDS: usize = 2;

// The walk below reads control messages as 64-bit words.
const _: () = assert!(size_of::<libc::cmsghdr>() == HEADER_WORDS * size_of::<u64>());
const _: () = assert!(size_of::<libc::timespec>() == 2 * size_of::<u64>());

#[inline]
fn outcome(got: isize, stamp: Option<WallNanos>) -> io::Result<Read> {
    match usize::try_from(got) {
        Ok(0) => Ok(Read::Eof),
        Ok(count) => Ok(Read::Bytes(count, stamp)),
        Err(_) => {
            let error = io::Error::last_os_error();
            // The number itself: this is the way of every empty poll.
            match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EINTR) => Ok(Read::Empty),
                _ => Err(error),
            }
        }
    }
}

/// The software stamp in a control buffer: `scm_timestamping.ts[0]`.
#[inline]
fn stamp_in(mut words: &[u64]) -> Option<WallNanos> {
    while let [length, kind, data @ ..] = words {
        let [l0, l1, l2, l3, t0, t1, t2, t3] = kind.to_ne_bytes();
        let level = i32::from_ne_bytes([l0, l1, l2, l3]);
        let kind = i32::from_ne_bytes([t0, t1, t2, t3]);
        if let (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, [seconds, nanos, ..]) =
            (level, kind, data)
        {
            let wall = seconds.cast_signed().checked_mul(1_000_000_000)?;
            let wall = wall.checked_add(nanos.cast_signed())?;
            return (wall != 0).then_some(WallNanos(wall));
        }
        let whole = usize::try_from(*length).ok()?.div_ceil(size_of::<u64>());
        words = words.get(whole.max(HEADER_WORDS)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u64, level: i32, kind: i32) -> [u64; 2] {
        let mut word = [0; 8];
        word[..4].copy_from_slice(&level.to_ne_bytes());
        word[4..].copy_from_slice(&kind.to_ne_bytes());
        [length, u64::from_ne_bytes(word)]
    }

    #[test]
    fn a_stamp_is_found_behind_other_messages() {
        let mut words = header(20, libc::SOL_SOCKET, 99).to_vec();
        words.push(7);
        words.extend(header(64, libc::SOL_SOCKET, libc::SCM_TIMESTAMPING));
        words.extend([3, 5, 0, 0, 0, 0]);
        assert_eq!(stamp_in(&words), Some(WallNanos(3_000_000_005)));
    }

    #[test]
    fn what_is_no_stamp_gives_none() {
        assert_eq!(stamp_in(&[]), None);
        assert_eq!(stamp_in(&header(16, libc::SOL_SOCKET, libc::SCM_TIMESTAMPING)), None);
        assert_eq!(stamp_in(&header(0, 0, 0)), None);
        assert_eq!(stamp_in(&header(u64::MAX, 0, 0)), None);
        let mut zero = header(64, libc::SOL_SOCKET, libc::SCM_TIMESTAMPING).to_vec();
        zero.extend([0; 6]);
        assert_eq!(stamp_in(&zero), None, "the kernel leaves zeros where it has no stamp");
    }
}
