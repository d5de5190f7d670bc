//! What has arrived, as replies.

use std::io;

use bytes::{Buf as _, BytesMut};
use redis::{Value, ValueCodec};
use tokio_util::codec::Decoder as _;

use super::socket::Socket;

/// What is read at a time.
const CHUNK: usize = 64 * 1024;
/// `$`, as many digits as a length can have, and the end of the line.
const LONGEST_LINE: usize = 24;

/// What arrives is no reply.
#[derive(Debug)]
pub(super) struct Malformed;

/// What has arrived.
#[derive(Debug, PartialEq)]
pub(super) enum Arrived {
    Reply(Value),
    /// The beginning of an array of so many values, which come next as replies of their own.
    Array(usize),
}

/// Bytes that have arrived, and what is known of the reply that they begin.
///
/// The client library reads them, except for the reply to most requests: a string, which is read here,
/// because one that is too long is not even kept. It is answered with an empty one, which is no entry of
/// ours, and what is left of it is thrown away as it arrives.
pub(super) struct Replies {
    chunk: Box<[u8]>,
    input: BytesMut,
    codec: ValueCodec,
    /// The client library has begun to read a reply.
    has_begun: bool,
    longest: usize,
    /// Bytes of a string that is too long.
    thrown_away: usize,
}

impl Replies {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            chunk: vec![0; CHUNK].into_boxed_slice(),
            input: BytesMut::new(),
            codec: ValueCodec::default(),
            has_begun: false,
            longest,
            thrown_away: 0,
        }
    }

    /// Reads once.
    pub(super) fn read(&mut self, socket: &Socket) -> io::Result<usize> {
        let read = socket.read(&mut self.chunk)?;
        self.take(read);
        Ok(read)
    }

    fn take(&mut self, read: usize) {
        let thrown_away = read.min(self.thrown_away);
        self.thrown_away -= thrown_away;
        self.input.extend_from_slice(&self.chunk[thrown_away..read]);
    }

    /// The next reply, if it is complete. One that is an array can be taken apart, so that the bound holds
    /// for each of its values, and each can be handed out when it is there.
    pub(super) fn next(&mut self, takes_apart: bool) -> Result<Option<Arrived>, Malformed> {
        if self.input.is_empty() {
            return Ok(None);
        }
        if !self.has_begun {
            match self.input[0] {
                b'$' => return Ok(self.string()?.map(Arrived::Reply)),
                b'*' if takes_apart => return self.array(),
                _ => {}
            }
        }
        let value = self.codec.decode(&mut self.input).map_err(|_| Malformed)?;
        self.has_begun = value.is_none();
        Ok(value.map(Arrived::Reply))
    }

    /// The number in the first line, and the length of that line.
    fn line(&self) -> Result<Option<(i64, usize)>, Malformed> {
        let line = &self.input[..self.input.len().min(LONGEST_LINE)];
        let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
            return if line.len() < LONGEST_LINE { Ok(None) } else { Err(Malformed) };
        };
        let number = std::str::from_utf8(&line[1..end]).ok().and_then(|text| text.parse().ok());
        Ok(Some((number.ok_or(Malformed)?, end + 2)))
    }

    fn array(&mut self) -> Result<Option<Arrived>, Malformed> {
        let Some((length, begin)) = self.line()? else { return Ok(None) };
        self.input.advance(begin);
        usize::try_from(length).map(|length| Some(Arrived::Array(length))).map_err(|_| Malformed)
    }

    fn string(&mut self) -> Result<Option<Value>, Malformed> {
        let Some((length, begin)) = self.line()? else { return Ok(None) };
        if length == -1 {
            self.input.advance(begin);
            return Ok(Some(Value::Nil));
        }
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let whole =
            begin.checked_add(length).and_then(|all| all.checked_add(2)).ok_or(Malformed)?;
        if length > self.longest {
            let here = self.input.len().min(whole);
            self.input.advance(here);
            self.thrown_away = whole - here;
            return Ok(Some(Value::BulkString(Vec::new())));
        }
        if self.input.len() < whole {
            self.input.reserve(whole - self.input.len());
            return Ok(None);
        }
        if self.input[whole - 2..whole] != *b"\r\n" {
            return Err(Malformed);
        }
        let string = self.input[begin..begin + length].to_vec();
        self.input.advance(whole);
        Ok(Some(Value::BulkString(string)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrived, Replies};
    use redis::Value;

    /// What `bytes` are read as, if they arrive in pieces of that length.
    fn read(bytes: &[u8], pieces: usize) -> Result<Vec<Value>, super::Malformed> {
        let mut replies = Replies::new(10);
        let mut all = Vec::new();
        for piece in bytes.chunks(pieces) {
            replies.chunk[..piece.len()].copy_from_slice(piece);
            replies.take(piece.len());
            while let Some(arrived) = replies.next(false)? {
                let Arrived::Reply(reply) = arrived else { panic!("not asked for") };
                all.push(reply);
            }
        }
        Ok(all)
    }

    fn string(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn replies_are_the_same_however_they_arrive() {
        let bytes =
            b"$3\r\none\r\n$-1\r\n_\r\n*2\r\n$3\r\ntwo\r\n:7\r\n$0\r\n\r\n+OK\r\n$5\r\n\r\nfoo\r\n";
        let expected = [
            string("one"),
            Value::Nil,
            Value::Nil,
            Value::Array(vec![string("two"), Value::Int(7)]),
            string(""),
            Value::Okay,
            string("\r\nfoo"),
        ];
        for pieces in 1..=bytes.len() {
            assert_eq!(read(bytes, pieces).expect("replies"), expected, "pieces of {pieces}");
        }
    }

    #[test]
    fn a_string_that_is_too_long_is_not_kept_and_costs_nothing_that_follows() {
        let long = "x".repeat(200);
        let bytes = format!("$3\r\none\r\n$200\r\n{long}\r\n$3\r\ntwo\r\n");
        for pieces in 1..=bytes.len() {
            let all = read(bytes.as_bytes(), pieces).expect("replies");
            assert_eq!(all, [string("one"), string(""), string("two")], "pieces of {pieces}");
        }
    }

    #[test]
    fn an_array_is_taken_apart_where_that_is_asked_for() {
        let long = "x".repeat(200);
        let bytes = format!("*3\r\n$3\r\none\r\n$200\r\n{long}\r\n$-1\r\n*1\r\n:7\r\n");
        let expected = [
            Arrived::Array(3),
            Arrived::Reply(string("one")),
            Arrived::Reply(string("")),
            Arrived::Reply(Value::Nil),
            Arrived::Reply(Value::Array(vec![Value::Int(7)])),
        ];
        for pieces in 1..=bytes.len() {
            let mut replies = Replies::new(10);
            let mut all = Vec::new();
            for piece in bytes.as_bytes().chunks(pieces) {
                replies.chunk[..piece.len()].copy_from_slice(piece);
                replies.take(piece.len());
                while let Some(arrived) = replies.next(all.is_empty()).expect("replies") {
                    all.push(arrived);
                }
            }
            assert_eq!(all, expected, "pieces of {pieces}");
        }
    }

    #[test]
    fn what_is_no_reply_is_malformed() {
        for bytes in
            ["$x\r\n", "$-2\r\n", "$3\r\nabcde", "$99999999999999999999999999\r\n", "?\r\n"]
        {
            assert!(read(bytes.as_bytes(), bytes.len()).is_err(), "{bytes:?}");
        }
    }
}
