//! Reads of single keys that are queued at the same moment, and leave as one command.
//!
//! A read that finds the connection quiet leaves at once, as a `GET`. Under load, reads wait until the
//! connection is written, and leave as one `MGET`, which costs both sides less than as many `GET`s.
//! Callers that want the same key share a read as long as it has not left. Never after that: its reply
//! may be older than an invalidation that the second caller has seen succeed.
//!
//! A server may collect all replies before it sends the first byte, so many large values at once would
//! keep everybody waiting. Only so many reads are therefore under way as their replies are likely to
//! fill [`MOST_BYTES`]; the others leave as replies arrive.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::caller::Caller;
use crate::store::redis::request::{bulk, head};

/// A longer command would keep the server from others for too long.
const MOST_KEYS: usize = 128;
/// How many bytes of replies are asked for at once, as far as that can be foretold.
const MOST_BYTES: usize = 4 << 20;
/// So many reads may be under way however long their replies are. Fewer would have others wait for several
/// round trips after a single long one.
const LEAST: usize = 16;
/// Shorter replies are not worth holding reads back: requests of other kinds go ahead of those that are held, and
/// the server's answers to them would count as its silence.
const LARGE: usize = 64 << 10;

/// One key, and whoever wants it.
pub(super) struct Read {
    pub(super) first: Caller,
    pub(super) others: Vec<Caller>,
    /// Length of the key as it goes over the wire.
    pub(super) length: usize,
    /// Where it begins in the stream of all keys.
    begin: u64,
    hash: u64,
}

impl Read {
    fn callers(&self) -> usize {
        1 + self.others.len()
    }

    /// Whether all callers have been cancelled.
    fn is_given_up(&self) -> bool {
        self.first.to.is_closed() && self.others.iter().all(|other| other.to.is_closed())
    }
}

/// Reads that leave in one command.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) reads: Vec<Read>,
    /// Callers that were cancelled before their read has left.
    pub(super) given_up: usize,
    pub(super) given_up_bytes: usize,
}

/// The reads that have not left, and what is known of those that have.
#[derive(Default)]
pub(super) struct Reads {
    unsent: VecDeque<Read>,
    /// The keys of `unsent`, one after the other, as they go over the wire.
    keys: Vec<u8>,
    /// Where the first of them begins in `keys`, and in the stream of all keys.
    first: usize,
    begin: u64,
    /// The number of the read that wants a key, by the key's hash; reads are numbered as they come.
    numbers: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// The number of the first that has not left.
    number: u64,
    /// Keys that are under way.
    sent: usize,
    /// How long a reply is likely to be.
    likely: usize,
    /// The server does not let this user read several keys with one command.
    is_refused: bool,
}

impl Reads {
    /// Whether there is one that may leave now.
    pub(super) fn may_leave(&self) -> bool {
        !self.unsent.is_empty() && self.room() > 0
    }

    /// How many more may be under way.
    fn room(&self) -> usize {
        if self.likely < LARGE {
            return usize::MAX;
        }
        let most = (MOST_BYTES / self.likely).max(LEAST);
        most.saturating_sub(self.sent)
    }

    /// The bytes that reading this key adds to what has not left: none if another caller wants it.
    pub(super) fn push(&mut self, key: &str, caller: Caller) -> usize {
        let before = self.keys.len();
        bulk(&mut self.keys, key.as_bytes());
        let length = self.keys.len() - before;
        let hash = hash(key.as_bytes());
        let number = self.number + self.unsent.len() as u64;
        let sharing = self.numbers.insert(hash, number).and_then(|number| {
            let index = usize::try_from(number.checked_sub(self.number)?).ok()?;
            let other = self.unsent.get(index)?;
            let begin = self.first + usize::try_from(other.begin - self.begin).ok()?;
            let known = self.keys.get(begin..begin + other.length)?;
            (*known == self.keys[before..]).then_some((number, index))
        });
        if let Some((number, index)) = sharing {
            self.keys.truncate(before);
            self.numbers.insert(hash, number);
            self.unsent[index].others.push(caller);
            return 0;
        }
        let begin = self.begin + (before - self.first) as u64;
        self.unsent.push_back(Read { first: caller, others: Vec::new(), length, begin, hash });
        length
    }

    /// Packs a command for as many as may leave together; `None` if none may.
    pub(super) fn pack(&mut self, bytes: &mut Vec<u8>) -> Option<Gathered> {
        let most = if self.is_refused { 1 } else { MOST_KEYS };
        let most = most.min(self.room());
        if most == 0 || self.unsent.is_empty() {
            return None;
        }
        let mut gathered = Gathered::default();
        gathered.reads.reserve_exact(most.min(self.unsent.len()));
        while gathered.reads.len() < most
            && let Some(read) = self.unsent.pop_front()
        {
            if self.numbers.get(&read.hash) == Some(&self.number) {
                self.numbers.remove(&read.hash);
            }
            self.number += 1;
            if read.is_given_up() {
                gathered.given_up += read.callers();
                gathered.given_up_bytes += read.length;
            } else {
                gathered.reads.push(read);
            }
        }
        let (start, count) = match gathered.reads.len() {
            0 => ("", 0),
            1 => ("$3\r\nGET\r\n", 1),
            count => ("$4\r\nMGET\r\n", count),
        };
        if count > 0 {
            head(bytes, b'*', count + 1);
            bytes.extend_from_slice(start.as_bytes());
        }
        for read in &gathered.reads {
            let begin = self.first + usize::try_from(read.begin - self.begin).unwrap_or(0);
            bytes.extend_from_slice(&self.keys[begin..begin + read.length]);
        }
        self.sent += count;
        self.drop_keys();
        Some(gathered)
    }

    /// Drops the keys of those that have left, unless moving the rest would cost more than they do.
    fn drop_keys(&mut self) {
        let Some(next) = self.unsent.front() else {
            self.begin += (self.keys.len() - self.first) as u64;
            self.first = 0;
            self.keys.clear();
            return;
        };
        self.first += usize::try_from(next.begin - self.begin).unwrap_or(0);
        self.begin = next.begin;
        if self.first > self.keys.len() / 2 {
            self.keys.drain(..self.first);
            self.first = 0;
        }
    }

    /// A read has been answered with so many bytes. Long replies count at once, short ones by and by: too few
    /// under way cost a little time, too many may cost all of them theirs.
    pub(super) fn answered(&mut self, length: usize) {
        self.sent -= 1;
        self.likely = length.max(self.likely - self.likely / 4);
    }

    /// So many bytes are sent, which may be a value that is read next.
    pub(super) fn stored(&mut self, length: usize) {
        self.likely = self.likely.max(length);
    }

    /// From now on, each read is a command of its own.
    pub(super) fn refused(&mut self) {
        self.is_refused = true;
    }

    /// The connection has ended.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Keys end with a hash, so their ends tell them apart. Two keys with the same hash share nothing.
fn hash(key: &[u8]) -> u64 {
    let half = |end: usize| {
        let begin = end.saturating_sub(8);
        key[begin..end].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    let (last, middle) = (half(key.len()), half(key.len().saturating_sub(8)));
    let mixed = (last.rotate_left(29) ^ middle).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

/// Passes a hash on.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::super::caller::{Answered, Caller, Place};
    use super::{Gathered, Reads};

    /// Has somebody want a key, who has been cancelled once what this returns is dropped.
    fn want(reads: &mut Reads, key: &str) -> oneshot::Receiver<Answered> {
        let (to, answer) = oneshot::channel();
        let (since, allowance) = (Duration::ZERO, Duration::ZERO);
        let place = Place { since, allowance, arrived: 0, was_behind: true };
        reads.push(key, Caller { to, place });
        answer
    }

    /// The next command, in words.
    fn pack(reads: &mut Reads) -> Option<(String, Gathered)> {
        let mut bytes = Vec::new();
        let gathered = reads.pack(&mut bytes)?;
        let text = String::from_utf8(bytes).expect("text");
        let words: Vec<_> = text.lines().filter(|line| !line.starts_with(['*', '$'])).collect();
        Some((words.join(" "), gathered))
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_asked_for() {
        let mut reads = Reads::default();
        let [a, b, also_b, c] = ["a", "b", "b", "c"].map(|key| want(&mut reads, key));
        drop([a, b]);
        let (command, gathered) = pack(&mut reads).expect("a command");
        assert_eq!((command.as_str(), gathered.given_up), ("MGET b c", 1));
        drop((also_b, c));
        drop(want(&mut reads, "d"));
        let (command, gathered) = pack(&mut reads).expect("what was given up");
        assert_eq!((command.as_str(), gathered.given_up), ("", 1));
        assert!(pack(&mut reads).is_none() && !reads.may_leave());
    }

    #[test]
    fn those_that_are_held_back_are_still_shared_and_keep_their_order() {
        let mut reads = Reads::default();
        reads.stored(super::MOST_BYTES);
        let keys = |from: usize, to: usize| (from..to).map(|key| key.to_string());
        let _callers: Vec<_> = keys(0, 40).map(|key| want(&mut reads, &key)).collect();
        for first in [0, 16] {
            let (command, gathered) = pack(&mut reads).expect("a command");
            let expected: Vec<_> = keys(first, first + 16).collect();
            assert_eq!(command, format!("MGET {}", expected.join(" ")));
            assert!(!reads.may_leave() && pack(&mut reads).is_none());
            gathered.reads.iter().for_each(|_| reads.answered(super::MOST_BYTES));
        }
        let _more = ["39", "0", "39"].map(|key| want(&mut reads, key));
        let (command, gathered) = pack(&mut reads).expect("the rest");
        assert_eq!(command, "MGET 32 33 34 35 36 37 38 39 0");
        let others: Vec<_> = gathered.reads.iter().map(|read| read.others.len()).collect();
        assert_eq!(others, [0, 0, 0, 0, 0, 0, 0, 2, 0]);
    }
}
