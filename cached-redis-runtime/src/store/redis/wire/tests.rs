//! A connection to a peer that this test plays, over sockets that not every system has.

#![cfg(unix)]

mod gathering;

use std::future::{Future as _, poll_fn};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::caller::Place;
use super::clock::Clock;
use super::queue::Io;
use super::socket::Socket;
use super::{Failure, Wire, WireSettings};
use crate::budget;

const PATIENCE: Duration = Duration::from_millis(100);
/// `PING` as it goes over the wire, and its answer.
const PING: usize = 14;
const PONG: &[u8] = b"+PONG\r\n";

/// A connection, and the other end of it.
fn pair() -> (Wire, UnixStream) {
    pair_with(PATIENCE)
}

fn pair_with(patience: Duration) -> (Wire, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("sockets");
    ours.set_nonblocking(true).expect("a socket");
    let settings =
        WireSettings { patience, longest: 1_000, gathers: true, generations: Arc::default() };
    (Wire::new(Socket::Unix(ours), settings), theirs)
}

/// Answers so many requests at a time, with a pause after each time.
fn answers(mut peer: UnixStream, batch: usize, pause: Duration) -> JoinHandle<()> {
    thread::spawn(move || {
        let (mut bytes, mut unanswered) = ([0; 64 * 1024], 0);
        loop {
            if unanswered < PING {
                let Ok(read @ 1..) = peer.read(&mut bytes) else { return };
                unanswered += read;
            }
            let answered = (unanswered / PING).min(batch);
            unanswered -= answered * PING;
            if peer.write_all(&PONG.repeat(answered)).is_err() {
                return;
            }
            thread::sleep(pause);
        }
    })
}

/// Without a socket that anybody reads, and with a clock that the test moves.
fn queue() -> Io {
    let (ours, _theirs) = UnixStream::pair().expect("sockets");
    Io::new(Socket::Unix(ours), 1_000, Clock::new(PATIENCE))
}

fn ask(io: &mut Io, at: Instant) -> Place {
    io.push(at, &redis::cmd("PING"), None, oneshot::channel().0)
}

#[test]
fn what_is_ahead_of_a_request_in_its_own_process_is_not_the_servers_silence() {
    let (mut io, began) = (queue(), Instant::now());
    io.clock.tick(began);
    let places: Vec<_> = (0..16_000).map(|_| ask(&mut io, began)).collect();
    // In all, longer than a budget.
    for answered in 1..=160_u32 {
        io.clock.tick(began + Duration::from_millis(2) * answered);
        let answered = answered as usize * 100;
        for place in &places[answered - 100..answered] {
            assert!(io.took(*place) < PATIENCE / 10, "{:?}", io.took(*place));
        }
    }
}

#[test]
fn a_request_is_not_charged_for_the_time_before_it() {
    let (mut io, began) = (queue(), Instant::now());
    io.clock.tick(began);
    let first = ask(&mut io, began);
    // Nobody has looked since.
    let second = ask(&mut io, began + PATIENCE / 2);
    io.clock.tick(began + PATIENCE);
    assert_eq!(io.took(first), PATIENCE - first.allowance);
    assert_eq!(io.took(second), PATIENCE / 2 - second.allowance);
}

#[tokio::test]
async fn a_reply_that_came_while_the_thread_was_blocked_is_in_time() {
    let (wire, mut peer) = pair();
    for _ in 0..3 {
        let ping = redis::cmd("PING");
        let mut waiting = pin!(wire.exchange(&ping));
        assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
        peer.read_exact(&mut [0; PING]).expect("an open socket");
        peer.write_all(PONG).expect("an open socket");
        thread::sleep(2 * PATIENCE);
        waiting.await.expect("an answer");
    }
}

#[tokio::test]
async fn silence_takes_a_whole_budget_and_a_shorter_one_is_only_late() {
    let (wire, _peer) = pair();
    let ping = redis::cmd("PING");
    let late = budget::within(PATIENCE / 2, wire.exchange(&ping)).await;
    assert!(matches!(late, Err(Failure::Late)), "{late:?}");
    let silent = wire.exchange(&ping).await;
    assert!(matches!(silent, Err(Failure::Silent)), "{silent:?}");
}

#[tokio::test]
async fn a_server_that_answers_others_too_late_for_one_is_not_silent() {
    // A pause of the peer is far shorter, whatever else the machine does.
    let patience = 10 * PATIENCE;
    let (wire, peer) = pair_with(patience);
    let is_over = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn({
        let (wire, is_over) = (wire.clone(), Arc::clone(&is_over));
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let reply = budget::within(10 * patience, wire.exchange(&redis::cmd("PING"))).await;
                reply.expect("others are answered");
            }
        }
    });
    let _peer = answers(peer, 1, patience / 6);
    // Queued behind ten, which take longer than a budget together.
    let mut queue = JoinSet::new();
    for _ in 0..10 {
        let wire = wire.clone();
        queue.spawn(async move {
            budget::within(10 * patience, wire.exchange(&redis::cmd("PING"))).await
        });
    }
    tokio::task::yield_now().await;
    let late = wire.exchange(&redis::cmd("PING")).await;
    assert!(matches!(late, Err(Failure::Late)), "{late:?}");
    while let Some(reply) = queue.join_next().await {
        reply.expect("no panic").expect("nobody else's request fails with it");
    }
    is_over.store(true, Ordering::Relaxed);
    others.await.expect("no panic");
}

#[tokio::test]
async fn a_peer_that_hangs_up_or_answers_rubbish_ends_it_for_all_who_wait() {
    for rubbish in [&b""[..], b"$x\r\n"] {
        let (wire, mut peer) = pair();
        let waiting = tokio::spawn({
            let wire = wire.clone();
            async move { wire.exchange(&redis::cmd("PING")).await }
        });
        tokio::task::yield_now().await;
        peer.write_all(rubbish).expect("an open socket");
        drop(peer);
        let over = waiting.await.expect("no panic");
        assert!(matches!(over, Err(Failure::Over)) && wire.is_over(), "{over:?}");
    }
}
