//! Which commands reads leave in, and what their callers get.

use std::time::Duration;

use redis::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::socket::Socket;
use super::super::{Failure, Wire, WireSettings};
use crate::budget;
use crate::store::redis::request::{Get, Reply};

/// Longer than any of these tests may take.
const LONG: Duration = Duration::from_secs(60);
const LONGEST: usize = 300 << 10;

/// The other end of a connection: sees commands, and answers when it is asked to.
struct Peer {
    stream: UnixStream,
    bytes: Vec<u8>,
}

fn pair() -> (Wire, Peer) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("sockets");
    for socket in [&ours, &theirs] {
        socket.set_nonblocking(true).expect("a socket");
    }
    let settings = WireSettings {
        patience: LONG,
        longest: LONGEST,
        gathers: true,
        generations: Default::default(),
    };
    let peer = Peer { stream: UnixStream::from_std(theirs).expect("a socket"), bytes: Vec::new() };
    (Wire::new(Socket::Unix(ours), settings), peer)
}

impl Peer {
    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.bytes.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).expect("text");
            }
            assert!(self.stream.read_buf(&mut self.bytes).await.expect("an open socket") > 0);
        }
    }

    /// The words of the next command; none of them has an end of a line in it.
    async fn command(&mut self) -> String {
        let words = async {
            let count: usize = self.line().await[1..].parse().expect("an array");
            let mut words = Vec::new();
            for _ in 0..count {
                self.line().await;
                words.push(self.line().await);
            }
            words.join(" ")
        };
        timeout(LONG, words).await.expect("a command")
    }

    async fn answer(&mut self, reply: &str) {
        self.stream.write_all(reply.as_bytes()).await.expect("an open socket");
    }

    /// Nothing more is sent, as far as that shows.
    async fn is_quiet(&mut self) -> bool {
        let read = timeout(Duration::from_millis(50), self.stream.read_buf(&mut self.bytes)).await;
        read.is_err() && self.bytes.is_empty()
    }
}

type Asked = JoinHandle<Result<Value, Failure>>;

fn ask(wire: &Wire, key: &str) -> Asked {
    let (wire, key) = (wire.clone(), key.to_owned());
    tokio::spawn(async move {
        match budget::within(LONG, wire.exchange(&Get(&key))).await? {
            Reply::One(value) => Ok(value),
            Reply::Many(_) => Err(Failure::Malformed),
        }
    })
}

async fn value(asked: Asked) -> String {
    match timeout(LONG, asked).await.expect("in time").expect("no panic") {
        Ok(Value::BulkString(bytes)) => String::from_utf8(bytes).expect("text"),
        other => format!("{other:?}"),
    }
}

/// A read that is under way while the test goes on, so that the next ones are gathered.
async fn busy(wire: &Wire, peer: &mut Peer) -> Asked {
    let first = ask(wire, "first");
    assert_eq!(peer.command().await, "GET first");
    first
}

#[tokio::test]
async fn a_read_alone_leaves_at_once_as_a_get() {
    let (wire, mut peer) = pair();
    for round in 0..3 {
        let asked = ask(&wire, "a");
        assert_eq!(peer.command().await, "GET a");
        peer.answer("$1\r\n1\r\n").await;
        assert_eq!(value(asked).await, "1", "round {round}");
    }
}

#[tokio::test]
async fn reads_of_the_same_moment_leave_as_one_command_and_share_keys() {
    let (wire, mut peer) = pair();
    let first = busy(&wire, &mut peer).await;
    // The last two differ only where keys are not compared first.
    let keys = ["a", "b", "a", "one:0123456789abcdef", "two:0123456789abcdef"];
    let asked = keys.map(|key| ask(&wire, key));
    assert_eq!(peer.command().await, "MGET a b one:0123456789abcdef two:0123456789abcdef");
    peer.answer("$1\r\n0\r\n*4\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n").await;
    assert_eq!(value(first).await, "0");
    // Each as soon as it is there.
    let [a, b, also_a, one, two] = asked;
    assert_eq!(value(a).await, "1");
    assert_eq!(value(b).await, "Ok(nil)");
    assert_eq!(value(also_a).await, "1");
    assert_eq!(value(one).await, "2");
    peer.answer("$1\r\n3\r\n").await;
    assert_eq!(value(two).await, "3");
}

#[tokio::test]
async fn a_read_that_has_left_is_not_shared() {
    let (wire, mut peer) = pair();
    let first = busy(&wire, &mut peer).await;
    let second = ask(&wire, "first");
    assert_eq!(peer.command().await, "GET first");
    peer.answer("$3\r\nold\r\n$3\r\nnew\r\n").await;
    assert_eq!((value(first).await, value(second).await), ("old".into(), "new".into()));
}

#[tokio::test]
async fn other_commands_are_answered_between_reads() {
    let (wire, mut peer) = pair();
    let first = busy(&wire, &mut peer).await;
    let read = ask(&wire, "a");
    let ping = tokio::spawn({
        let wire = wire.clone();
        async move { budget::within(LONG, wire.exchange(&redis::cmd("PING"))).await }
    });
    let also_read = ask(&wire, "b");
    assert_eq!(peer.command().await, "PING");
    assert_eq!(peer.command().await, "MGET a b");
    peer.answer("$1\r\n0\r\n+PONG\r\n*2\r\n$1\r\n1\r\n_\r\n").await;
    let pong = ping.await.expect("no panic").expect("an answer");
    assert!(matches!(&pong, Reply::One(Value::SimpleString(text)) if text == "PONG"), "{pong:?}");
    assert_eq!((value(first).await, value(read).await), ("0".into(), "1".into()));
    assert_eq!(value(also_read).await, "Ok(nil)");
}

#[tokio::test]
async fn a_cancelled_caller_costs_the_others_nothing() {
    let (wire, mut peer) = pair();
    let first = busy(&wire, &mut peer).await;
    let [a, b, also_b, c] = ["a", "b", "b", "c"].map(|key| ask(&wire, key));
    assert_eq!(peer.command().await, "MGET a b c");
    for cancelled in [&first, &a, &b] {
        cancelled.abort();
    }
    peer.answer("$1\r\n0\r\n*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n").await;
    assert_eq!((value(also_b).await, value(c).await), ("2".into(), "3".into()));
    let asked = ask(&wire, "d");
    assert_eq!(peer.command().await, "GET d");
    peer.answer("$1\r\n4\r\n").await;
    assert_eq!(value(asked).await, "4");
}

#[tokio::test]
async fn a_server_that_refuses_several_at_once_is_asked_one_by_one() {
    for (refusal, is_lasting) in [("-NOPERM no right\r\n", true), ("-LOADING wait\r\n", false)] {
        let (wire, mut peer) = pair();
        let first = busy(&wire, &mut peer).await;
        let asked = ["a", "b"].map(|key| ask(&wire, key));
        assert_eq!(peer.command().await, "MGET a b");
        peer.answer("$1\r\n0\r\n").await;
        peer.answer(refusal).await;
        assert_eq!(value(first).await, "0");
        assert_eq!(peer.command().await, "GET a");
        assert_eq!(peer.command().await, "GET b");
        let more = ["c", "d"].map(|key| ask(&wire, key));
        if is_lasting {
            assert_eq!(peer.command().await, "GET c");
            assert_eq!(peer.command().await, "GET d");
            peer.answer("$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n").await;
        } else {
            assert_eq!(peer.command().await, "MGET c d");
            peer.answer("$1\r\n1\r\n$1\r\n2\r\n*2\r\n$1\r\n3\r\n$1\r\n4\r\n").await;
        }
        let (mut all, expected) = (Vec::new(), ["1", "2", "3", "4"]);
        for asked in asked.into_iter().chain(more) {
            all.push(value(asked).await);
        }
        assert_eq!(all, expected, "{refusal}");
    }
}

#[tokio::test]
async fn a_value_that_is_too_long_costs_its_neighbours_nothing() {
    let (wire, mut peer) = pair();
    let first = busy(&wire, &mut peer).await;
    let asked = ["a", "b", "c"].map(|key| ask(&wire, key));
    assert_eq!(peer.command().await, "MGET a b c");
    let long = "x".repeat(LONGEST + 1);
    peer.answer(&format!("$1\r\n0\r\n*3\r\n$1\r\n1\r\n${}\r\n{long}\r\n$1\r\n3\r\n", long.len()))
        .await;
    let [a, b, c] = asked;
    assert_eq!((value(first).await, value(a).await), ("0".into(), "1".into()));
    assert_eq!((value(b).await, value(c).await), (String::new(), "3".into()));
}

#[tokio::test]
async fn an_array_of_another_length_makes_no_sense() {
    for reply in ["*3\r\n", "*-1\r\n", "$1\r\n1\r\n", ":2\r\n"] {
        let (wire, mut peer) = pair();
        let first = busy(&wire, &mut peer).await;
        let asked = ["a", "b"].map(|key| ask(&wire, key));
        assert_eq!(peer.command().await, "MGET a b");
        peer.answer("$1\r\n0\r\n").await;
        assert_eq!(value(first).await, "0");
        peer.answer(reply).await;
        for asked in asked {
            assert_eq!(value(asked).await, "Err(Over)", "{reply:?}");
        }
    }
}

#[tokio::test]
async fn only_so_much_is_asked_for_at_once() {
    let count = |command: &str| command.split(' ').count() - 1;
    let (wire, mut peer) = pair();
    // Short ones, and those of which nothing is known, are asked for as they come.
    let first = busy(&wire, &mut peer).await;
    let asked: Vec<_> = (0..200).map(|key| ask(&wire, &key.to_string())).collect();
    assert_eq!([count(&peer.command().await), count(&peer.command().await)], [128, 72]);
    let short = |count: usize| format!("*{count}\r\n{}", "$1\r\n1\r\n".repeat(count));
    peer.answer(&format!("$1\r\n0\r\n{}{}", short(128), short(72))).await;
    for asked in asked {
        assert_eq!(value(asked).await, "1");
    }
    assert_eq!(value(first).await, "0");
    // Of long ones, sixteen may be under way.
    let long = "x".repeat(LONGEST);
    let long = format!("${LONGEST}\r\n{long}\r\n");
    let first = busy(&wire, &mut peer).await;
    let asked: Vec<_> = (0..20).map(|key| ask(&wire, &key.to_string())).collect();
    assert_eq!(count(&peer.command().await), 20);
    peer.answer(&long).await;
    assert_eq!(value(first).await.len(), LONGEST);
    let held = ["a", "b", "c"].map(|key| ask(&wire, key));
    assert!(peer.is_quiet().await);
    peer.answer(&format!("*20\r\n{}", long.repeat(20))).await;
    // As room is made for them, one by one or together.
    let mut keys: Vec<String> = Vec::new();
    while keys.len() < held.len() {
        let command = peer.command().await;
        let count = count(&command);
        let array = if count > 1 { format!("*{count}\r\n") } else { String::new() };
        peer.answer(&(array + &long.repeat(count))).await;
        keys.extend(command.split(' ').skip(1).map(str::to_owned));
    }
    assert_eq!(keys, ["a", "b", "c"]);
    for asked in asked.into_iter().chain(held) {
        assert_eq!(value(asked).await.len(), LONGEST);
    }
}
