//! The two directions of a socket: what has arrived, and what is being written.

use std::io;
use std::time::Instant;

use redis::{PushInfo, Value};

use super::Shared;
use super::caller::Answers;
use super::output::Output;
use super::replies::{Arrived, CHUNK, Malformed, Replies};

/// What one look reads at most before it lets others look.
const MOST_PER_LOOK: usize = 4 << 20;

/// Whoever has it locked may lock the [`Queue`](super::queue::Queue) for a moment; never the other way round.
pub(super) struct Stream {
    output: Output,
    replies: Replies,
    /// Replies that have been read, and belong to nobody yet.
    arrived: Vec<Arrived>,
    answers: Answers,
}

/// A look at the socket, as the loop over readiness wants to know it.
pub(super) enum Looked {
    /// There is nothing more to read.
    Empty,
    /// There may be more.
    More,
    Over,
}

impl Stream {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            output: Output::default(),
            replies: Replies::new(longest),
            arrived: Vec::new(),
            answers: Answers::default(),
        }
    }

    /// Whether the socket has taken everything.
    pub(super) fn is_written(&self) -> bool {
        self.output.is_empty()
    }

    /// How many bytes the socket has taken.
    pub(super) fn sent(&self) -> u64 {
        self.output.sent()
    }
}

impl Shared {
    /// Reads what has arrived, hands out replies, and writes what waits to be written.
    pub(super) fn look(&self, stream: &mut Stream) -> Looked {
        self.queue().clock.tick(Instant::now());
        self.note_look();
        let read = self.read(stream);
        stream.answers.hand_out();
        if matches!(read, Looked::Over) || self.flush(stream).is_err() {
            self.end();
            return Looked::Over;
        }
        read
    }

    fn read(&self, stream: &mut Stream) -> Looked {
        let mut most = MOST_PER_LOOK;
        loop {
            let read = match stream.replies.read(&self.socket) {
                Ok(0) => return Looked::Over,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Looked::Empty,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Looked::Over,
            };
            // A reply that nobody has asked for makes sense of none that follows.
            if self.replies(stream, read).is_err() {
                return Looked::Over;
            }
            most = most.saturating_sub(read);
            // That was all there was; what comes next makes the socket ready again. Of other systems that is not sure.
            if read < CHUNK && cfg!(unix) {
                return Looked::Empty;
            }
            if most == 0 {
                return Looked::More;
            }
        }
    }

    /// Finds out whom the replies belong to that have arrived with so many bytes.
    fn replies(&self, stream: &mut Stream, read: usize) -> Result<(), Malformed> {
        let mut read = Some(read as u64);
        loop {
            // Who waits for it says whether it is taken apart.
            let takes_apart = stream.replies.begins_array() && {
                self.answer(stream, read.take())?;
                self.queue().expects_array()
            };
            match stream.replies.next(takes_apart)? {
                Some(Arrived::Reply(Value::Push { kind, data })) => {
                    self.settings.generations.told(&PushInfo { kind, data });
                }
                Some(arrived) => stream.arrived.push(arrived),
                None => return self.answer(stream, read.take()),
            }
        }
    }

    fn answer(&self, stream: &mut Stream, read: Option<u64>) -> Result<(), Malformed> {
        let mut queue = self.queue();
        if let Some(read) = read {
            queue.arrived += read;
            queue.heard = queue.clock.now();
        }
        let Stream { arrived, answers, .. } = stream;
        arrived.drain(..).try_for_each(|arrived| queue.answer(arrived, answers))
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&self, stream: &mut Stream) -> io::Result<()> {
        let output = &mut stream.output;
        loop {
            let had_to_wait = output.is_behind();
            // What cannot leave yet may be joined by others.
            if !had_to_wait {
                self.queue().leave(output.bytes());
            }
            if output.is_empty() {
                return Ok(());
            }
            let sent = output.flush(&self.socket)?;
            let mut queue = self.queue();
            queue.is_behind = output.is_behind();
            if had_to_wait && sent > 0 {
                // The server takes a long request in: that is as good as an answer.
                queue.heard = queue.clock.now();
            }
            if queue.is_behind || !queue.is_to_be_written() {
                return Ok(());
            }
        }
    }

    /// Ends the connection: whoever waits is told so.
    pub(super) fn end(&self) {
        self.ends();
        let waker = {
            let mut queue = self.queue();
            queue.end();
            queue.driver.wake()
        };
        self.socket.shut_down();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
