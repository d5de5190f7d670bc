//! What has not left on a connection, who waits for which reply, and since when the server has been owing it.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use redis::{ServerError, Value};
use tokio::sync::oneshot;

use super::caller::{Answered, Answers, Caller, Place};
use super::clock::Clock;
use super::handle::DriverHandle;
use super::reads::{Read, Reads};
use super::replies::{Arrived, Malformed};
use crate::store::redis::commands::server_error;
use crate::store::redis::request::{Reply, Request};

/// What each request of this process that is ahead in the queue, and each byte that is under way, adds
/// to the time that a reply may take: waiting for one's own process is not the server's silence.
/// Servers answer ten times as fast, networks of a data centre carry as much.
const PER_REQUEST: Duration = Duration::from_micros(100);
const NANOS_PER_BYTE: u64 = 10;

/// What callers change. It is locked for moments only, never while the socket is read or written: whoever sends
/// would have to wait for that.
pub(super) struct Queue {
    /// Requests that have not left, as they go over the wire.
    packed: Vec<u8>,
    /// Reads that have not left.
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
    /// The socket was full: it says when it can take more.
    pub(super) is_behind: bool,
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

impl Queue {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            packed: Vec::new(),
            reads: Reads::default(),
            waiting: VecDeque::new(),
            callers: 0,
            bytes: 0,
            clock,
            heard: Duration::ZERO,
            arrived: 0,
            is_busy: false,
            is_behind: false,
            driver: DriverHandle::default(),
        }
    }

    /// Puts a request into the queue; one that reads a key and nothing else may leave with others.
    pub(super) fn push<R: Request>(
        &mut self,
        request: &R,
        key: Option<&str>,
        to: oneshot::Sender<Answered>,
    ) -> Place {
        let ahead = u32::try_from(self.callers).unwrap_or(u32::MAX);
        let mut place = Place {
            since: self.clock.now(),
            allowance: PER_REQUEST * ahead + of_bytes(self.bytes),
            arrived: self.arrived,
            was_behind: ahead > 0,
        };
        let bytes = if let Some(key) = key {
            place.allowance += of_bytes(key.len() as u64);
            self.reads.push(key, Caller { to, place }) as u64
        } else {
            let before = self.packed.len();
            request.pack(&mut self.packed);
            let bytes = self.packed.len() - before;
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
    }

    /// Whether the next reply is that of several reads.
    pub(super) fn expects_array(&self) -> bool {
        matches!(self.waiting.front(), Some(Waiting::Reads { reply: ReadReply::Array, .. }))
    }

    /// The next reply belongs to whoever has waited longest.
    pub(super) fn answer(
        &mut self,
        arrived: Arrived,
        answers: &mut Answers,
    ) -> Result<(), Malformed> {
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
                    self.answer_one(sent.caller, Some(reply), answers);
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
                self.refused(&error, answers);
            }
            (Some(Waiting::Reads { reads, .. }), Arrived::Reply(value)) => {
                let read = reads.next();
                if reads.len() == 0 {
                    self.waiting.pop_front();
                }
                if let Some(read) = read {
                    self.answer_read(read, value, answers);
                }
            }
            (None, _) | (Some(Waiting::Request(_)), Arrived::Array(_)) => return Err(Malformed),
        }
        Ok(())
    }

    fn answer_read(&mut self, read: Read, value: Value, answers: &mut Answers) {
        self.reads.answered(match &value {
            Value::BulkString(string) => string.len(),
            _ => 0,
        });
        self.done(1 + read.others.len(), read.length as u64);
        for other in read.others {
            self.answer_one(other, Some(Reply::One(value.clone())), answers);
        }
        self.answer_one(read.first, Some(Reply::One(value)), answers);
    }

    /// The server does not answer several reads in one command: each caller asks once more, by itself.
    fn refused(&mut self, error: &ServerError, answers: &mut Answers) {
        if server_error(error.code()).is_lasting() {
            self.reads.refused();
        }
        let Some(Waiting::Reads { reads, .. }) = self.waiting.pop_front() else { return };
        for read in reads {
            self.reads.answered(0);
            self.done(1 + read.others.len(), read.length as u64);
            for caller in std::iter::once(read.first).chain(read.others) {
                self.answer_one(caller, None, answers);
            }
        }
    }

    fn done(&mut self, callers: usize, bytes: u64) {
        self.callers -= callers;
        self.bytes -= bytes;
    }

    fn answer_one(&mut self, caller: Caller, reply: Option<Reply>, answers: &mut Answers) {
        let Caller { to, place } = caller;
        if self.callers == 0 {
            self.is_busy = place.was_behind;
        }
        answers.push(to, Answered { reply, took: self.took(place) });
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
        self.is_behind || !self.packed.is_empty() || self.reads.may_leave()
    }

    /// Whether what is to be written is worth waiting for what the other tasks send that are ready.
    pub(super) fn gathers(&self) -> bool {
        self.is_busy && !self.is_behind && self.is_to_be_written()
    }

    /// Has everything leave that may, into `bytes`.
    pub(super) fn leave(&mut self, bytes: &mut Vec<u8>) {
        self.pack_reads();
        if bytes.is_empty() {
            mem::swap(&mut self.packed, bytes);
        } else {
            bytes.append(&mut self.packed);
        }
    }

    /// Has reads leave, as many as may.
    fn pack_reads(&mut self) {
        while let Some(gathered) = self.reads.pack(&mut self.packed) {
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
