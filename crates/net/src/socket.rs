//! A non-blocking TCP socket with the options a feed wants.
//!
//! # Guarantees
//!
//! - No call waits. `TCP_NODELAY` is always on.
//! - An option the system refuses does not fail the connection; [`SocketReport`] tells.

use core::net::SocketAddr;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use mio::event::Source as _;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};

use crate::sys::{self, Read};
use crate::{ConnectionOptions, SocketReport};

/// One TCP connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: mio::net::TcpStream,
    stamped: bool,
}

impl Socket {
    /// Starts to connect.
    pub(crate) fn open(
        addr: SocketAddr,
        options: &ConnectionOptions,
    ) -> io::Result<(Self, SocketReport)> {
        let family = if addr.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(family, SockType::Stream, flags, None)?;
        sys::set_option(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        // Before the connection: the window scale is chosen in the SYN.
        let report = configure(fd.as_fd(), options);
        match connect(fd.as_raw_fd(), &SockaddrStorage::from(addr)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = mio::net::TcpStream::from_std(TcpStream::from(fd));
        Ok((Self { stream, stamped: report.kernel_stamps }, report))
    }

    /// Whether the connection stands; an error if it failed.
    pub(crate) fn connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One read, one system call.
    #[inline]
    pub(crate) fn recv(&self, buffer: &mut [u8]) -> io::Result<Read> {
        if self.stamped {
            sys::recv_stamped(self.stream.as_fd(), buffer)
        } else {
            sys::recv(self.stream.as_fd(), buffer)
        }
    }

    /// Writes what the socket takes: 0 if it takes nothing now.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
            Ok(count) => Ok(count),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            },
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.stream.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.stream.deregister(registry)
    }
}

/// Asks for every option, and says what was granted.
fn configure(socket: BorrowedFd<'_>, options: &ConnectionOptions) -> SocketReport {
    let integer = |value: u32| libc::c_int::try_from(value).unwrap_or(libc::c_int::MAX);
    let set = |level, name, value| sys::set_option(socket, level, name, value).is_ok();
    if let Some(bytes) = options.so_rcvbuf {
        let _ = set(libc::SOL_SOCKET, libc::SO_RCVBUF, integer(bytes));
    }
    let stamps = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
    let kernel_stamps =
        options.kernel_stamps && set(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, integer(stamps));
    let busy_poll_us = options
        .busy_poll_us
        .filter(|&micros| set(libc::SOL_SOCKET, libc::SO_BUSY_POLL, integer(micros)));
    let user_timeout = options.user_timeout_ms != 0
        && set(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, integer(options.user_timeout_ms));
    let so_rcvbuf = sys::option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap_or(0);
    SocketReport {
        kernel_stamps,
        busy_poll_us,
        so_rcvbuf: u32::try_from(so_rcvbuf).unwrap_or(0),
        user_timeout,
    }
}
