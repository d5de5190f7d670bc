//! Requests on their way into a socket.

use std::io;

use super::socket::Socket;

/// A buffer that was larger than this is given back once it is empty.
const KEPT: usize = 1 << 20;

/// Bytes that the socket has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// How many of them it has taken.
    taken: usize,
    /// How many it has taken in all.
    sent: u64,
    /// The socket was full: it says when it can take more.
    is_behind: bool,
}

impl Output {
    /// Appends a request, and tells its length.
    pub(super) fn push(&mut self, pack: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.bytes.len();
        self.append(pack);
        self.bytes.len() - before
    }

    /// Appends what there is.
    pub(super) fn append<T>(&mut self, pack: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        pack(&mut self.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// Whether the socket did not take everything when it was last tried.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes as much as the socket takes, and tells how much that is.
    pub(super) fn flush(&mut self, socket: &Socket) -> io::Result<usize> {
        let before = self.taken;
        while !self.is_empty() {
            match socket.write(&self.bytes[self.taken..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => self.taken += taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let sent = self.taken - before;
        self.sent += sent as u64;
        self.is_behind = !self.is_empty();
        if !self.is_behind {
            self.taken = 0;
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            } else {
                self.bytes.clear();
            }
        } else if self.taken > KEPT {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        Ok(sent)
    }
}
