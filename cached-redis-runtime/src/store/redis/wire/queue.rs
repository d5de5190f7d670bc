//! Who waits for which reply on a connection, and since when the server has been owing it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::time::{Duration, Instant};

use redis::{ServerError, Value};
use tokio::sync::oneshot;

use super::caller::{Answered, Caller, Place};
use super::clock::Clock;
use super::handle::DriverHandle;
use super::output::Output;
use super::reads::{Read, Reads};
use super::replies::{Arrived, Malformed, Replies};
use super::socket::Socket;
use crate::store::redis::commands::server_error;
use crate::store::redis::request::{Reply, Request};

/// What each request of this process that is ahead in the queue, and each byte that is under way, adds
/// to the time that a reply may take: waiting for one's own process is not the server's silence.
/// Servers answer ten times as fast, networks of a data centre carry as much.
const PER_REQUEST: Duration = Duration::from_micros(100);
const NANOS_PER_BYTE: u64 = 10;

/// What the lock of a connection guards.
pub(super) struct Io {
    pub(super) socket: Socket,
    pub(super) output: Output,
    pub(super) replies: Replies,
    /// Those that have not left.
    reads: Reads,
    waiting: VecDeque<Waiting>,
    /// Callers that wait for a reply, also those whose read has not left.
    pub(super) callers: usize,
    /// What their requests are long.
    bytes: u64,
    pub(super) clock: Clock,
    /// By the clock, when a byte arrived last, or when a long request made progress.
    pub(super) heard: Duration,
    pub(super) arrived: u64,
    /// More than one request was under way lately: sending can wait for the others.
    pub(super) is_busy: bool,
    pub(super) driver: DriverHandle,
}

/// A command, or several, to be answered next.
enum Waiting {
    Request(Sent),
    /// Reads that have left as one command, with those to come of the values in its reply.
    Reads {
        reads: std::vec::IntoIter<Read>,
        reply: ReadReply,
    },
}

/// A request that has left, or is about to.
struct Sent {
    caller: Caller,
    kept: Vec<Value>,
    /// How many replies it takes.
    replies: usize,
    bytes: u64,
}

/// How reads are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadReply {
    /// A value: there is one read.
    Value,
    /// An array of one value for each, which has not begun.
    Array,
    /// The rest of that array.
    Elements,
}

impl Io {
    pub(super) fn new(socket: Socket, longest: usize, clock: Clock) -> Self {
        Self {
            socket,
            output: Output::default(),
            replies: Replies::new(longest),
            reads: Reads::default(),
            waiting: VecDeque::new(),
            callers: 0,
            bytes: 0,
            clock,
            heard: Duration::ZERO,
            arrived: 0,
            is_busy: false,
            driver: DriverHandle::default(),
        }
    }

    /// Each read is to leave as a command of its own.
    pub(super) fn reads_one_by_one(&mut self) {
        self.reads.refused();
    }

    /// Puts a request into the queue; one that reads a key and nothing else may leave with others.
    pub(super) fn push<R: Request>(
        &mut self,
        at: Instant,
        request: &R,
        key: Option<&str>,
        to: oneshot::Sender<Answered>,
    ) -> Place {
        let ahead = u32::try_from(self.callers).unwrap_or(u32::MAX);
        let mut place = Place {
            // Not the time of the last look, which may have been long before.
            since: self.clock.reading(at),
            allowance: PER_REQUEST * ahead + of_bytes(self.bytes),
            arrived: self.arrived,
            was_behind: ahead > 0,
        };
        let bytes = if let Some(key) = key {
            place.allowance += of_bytes(key.len() as u64);
            self.reads.push(key, Caller { to, place }) as u64
        } else {
            let bytes = self.output.push(|bytes| request.pack(bytes));
            self.reads.stored(bytes);
            let bytes = bytes as u64;
            place.allowance += of_bytes(bytes);
            let (kept, replies) = (Vec::new(), request.replies());
            let sent = Sent { caller: Caller { to, place }, kept, replies, bytes };
            self.waiting.push_back(Waiting::Request(sent));
            bytes
        };
        self.callers += 1;
        self.bytes += bytes;
        place
    }

    /// Ends every wait: whoever still waits gets an error.
    pub(super) fn end(&mut self) {
        self.waiting.clear();
        self.reads.clear();
        self.socket.shut_down();
    }

    /// Whether the next reply is that of several reads.
    pub(super) fn expects_array(&self) -> bool {
        matches!(self.waiting.front(), Some(Waiting::Reads { reply: ReadReply::Array, .. }))
    }

    /// The next reply belongs to whoever has waited longest.
    pub(super) fn hand_out(&mut self, arrived: Arrived) -> Result<(), Malformed> {
        match (self.waiting.front_mut(), arrived) {
            (Some(Waiting::Request(sent)), Arrived::Reply(value)) => {
                let reply = if sent.replies == 1 {
                    Reply::One(value)
                } else {
                    sent.kept.push(value);
                    if sent.kept.len() < sent.replies {
                        return Ok(());
                    }
                    Reply::Many(mem::take(&mut sent.kept))
                };
                if let Some(Waiting::Request(sent)) = self.waiting.pop_front() {
                    self.done(1, sent.bytes);
                    self.answer(sent.caller, Some(reply));
                }
            }
            (Some(Waiting::Reads { reads, reply }), Arrived::Array(length)) => {
                if length != reads.len() {
                    return Err(Malformed);
                }
                *reply = ReadReply::Elements;
            }
            (Some(Waiting::Reads { reply: ReadReply::Array, .. }), Arrived::Reply(reply)) => {
                let Value::ServerError(error) = reply else { return Err(Malformed) };
                self.refused(&error);
            }
            (Some(Waiting::Reads { reads, .. }), Arrived::Reply(value)) => {
                let read = reads.next();
                if reads.len() == 0 {
                    self.waiting.pop_front();
                }
                if let Some(read) = read {
                    self.hand_out_read(read, value);
                }
            }
            (None, _) | (Some(Waiting::Request(_)), Arrived::Array(_)) => return Err(Malformed),
        }
        Ok(())
    }

    fn hand_out_read(&mut self, read: Read, value: Value) {
        self.reads.answered(match &value {
            Value::BulkString(string) => string.len(),
            _ => 0,
        });
        self.done(1 + read.others.len(), read.length as u64);
        for other in read.others {
            self.answer(other, Some(Reply::One(value.clone())));
        }
        self.answer(read.first, Some(Reply::One(value)));
    }

    /// The server does not answer several reads in one command: each caller asks once more, by itself.
    fn refused(&mut self, error: &ServerError) {
        if server_error(error.code()).is_lasting() {
            self.reads.refused();
        }
        let Some(Waiting::Reads { reads, .. }) = self.waiting.pop_front() else { return };
        for read in reads {
            self.reads.answered(0);
            self.done(1 + read.others.len(), read.length as u64);
            for caller in std::iter::once(read.first).chain(read.others) {
                self.answer(caller, None);
            }
        }
    }

    fn done(&mut self, callers: usize, bytes: u64) {
        self.callers -= callers;
        self.bytes -= bytes;
    }

    fn answer(&mut self, caller: Caller, reply: Option<Reply>) {
        let Caller { to, place } = caller;
        if self.callers == 0 {
            self.is_busy = place.was_behind;
        }
        // Whoever has been cancelled does not listen.
        let _ = to.send(Answered { reply, took: self.took(place) });
    }

    /// For how long the server has been owing a reply, beyond what was ahead of it.
    pub(super) fn took(&self, place: Place) -> Duration {
        let since = self.clock.now().saturating_sub(place.since);
        since.saturating_sub(place.allowance + of_bytes(self.arrived - place.arrived))
    }

    /// For how long nothing has arrived, although something is owed.
    pub(super) fn silence(&self) -> Duration {
        let since = match self.waiting.front() {
            None => return Duration::ZERO,
            Some(Waiting::Request(sent)) => sent.caller.place.since,
            Some(Waiting::Reads { reads, .. }) => {
                reads.as_slice().first().map_or(self.heard, |read| read.first.place.since)
            }
        };
        self.clock.now().saturating_sub(self.heard.max(since))
    }

    /// Whether there is something that the socket has not taken, and may.
    pub(super) fn is_to_be_written(&self) -> bool {
        !self.output.is_empty() || self.reads.may_leave()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        loop {
            let had_to_wait = self.output.is_behind();
            // What cannot leave yet may be joined by others.
            if !had_to_wait {
                self.pack_reads();
            }
            let sent = self.output.flush(&self.socket)?;
            if had_to_wait && sent > 0 {
                // The server takes a long request in: that is as good as an answer.
                self.heard = self.clock.now();
            }
            if self.output.is_behind() || !self.reads.may_leave() {
                return Ok(());
            }
        }
    }

    /// Has reads leave, as many as may.
    fn pack_reads(&mut self) {
        while let Some(gathered) = self.output.append(|bytes| self.reads.pack(bytes)) {
            self.done(gathered.given_up, gathered.given_up_bytes as u64);
            let reply = match gathered.reads.len() {
                0 => continue,
                1 => ReadReply::Value,
                _ => ReadReply::Array,
            };
            let reads = gathered.reads.into_iter();
            self.waiting.push_back(Waiting::Reads { reads, reply });
        }
    }
}

fn of_bytes(bytes: u64) -> Duration {
    Duration::from_nanos(bytes.saturating_mul(NANOS_PER_BYTE))
}
