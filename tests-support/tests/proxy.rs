//! Each mode of the proxy does to a connection what it says.

#![allow(clippy::unwrap_used)]

use cached_redis_test_support::{Mode, Proxy};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long nothing must come for a silence; how long something may take to come, on a busy machine.
const MOMENT: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that sends back what it gets, and how many bytes it got.
fn echo() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut bytes) {
                    count.fetch_add(n, Ordering::SeqCst);
                    let _ = stream.write_all(&bytes[..n]);
                }
            });
        }
    });
    (port, seen)
}

fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port())).unwrap()
}

/// Sends four bytes; what came back in time.
fn ask(stream: &mut TcpStream, patience: Duration) -> Result<Vec<u8>, ErrorKind> {
    stream.set_read_timeout(Some(patience)).unwrap();
    stream.write_all(b"ping").map_err(|e| e.kind())?;
    let mut bytes = [0; 256];
    loop {
        return match stream.read(&mut bytes) {
            Ok(n) => Ok(bytes[..n].to_vec()),
            // This process was paused meanwhile.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error.kind()),
        };
    }
}

fn timed_out(answer: &Result<Vec<u8>, ErrorKind>) -> bool {
    matches!(answer, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn answered(stream: &mut TcpStream) -> bool {
    ask(stream, PATIENCE).as_deref() == Ok(b"ping")
}

fn silent(stream: &mut TcpStream) -> bool {
    timed_out(&ask(stream, MOMENT))
}

fn closed(stream: &mut TcpStream) -> bool {
    // An end, or the error of a connection that was reset.
    let answer = ask(stream, PATIENCE);
    !timed_out(&answer) && answer.unwrap_or_default().is_empty()
}

#[test]
fn bytes_pass() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    assert!(answered(&mut stream) && answered(&mut stream));
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn a_black_hole_swallows_requests_and_what_lost_bytes_stays_dead() {
    let (port, seen) = echo();
    let proxy = Proxy::start(port);
    let (mut victim, mut idle) = (connect(&proxy), connect(&proxy));
    assert!(answered(&mut victim) && answered(&mut idle));
    let before = seen.load(Ordering::SeqCst);
    proxy.set(Mode::BlackHole);
    assert!(silent(&mut victim));
    assert!(silent(&mut connect(&proxy)), "new connections are accepted");
    assert_eq!(seen.load(Ordering::SeqCst), before);
    proxy.set(Mode::Pass);
    assert!(silent(&mut victim));
    assert!(answered(&mut idle));
    assert!(answered(&mut connect(&proxy)));
}

#[test]
fn refusing_closes_what_is_open_and_refuses_what_comes_until_it_passes_again() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    assert!(answered(&mut stream));
    proxy.set(Mode::Refuse);
    assert!(closed(&mut stream));
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Mode::Pass);
    assert!(answered(&mut connect(&proxy)));
}

#[test]
fn a_cut_closes_what_is_open_only() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    assert!(answered(&mut stream));
    proxy.cut();
    assert!(closed(&mut stream));
    assert!(answered(&mut connect(&proxy)));
}

#[test]
fn replies_are_delayed() {
    let proxy = Proxy::start(echo().0);
    let mut stream = connect(&proxy);
    proxy.set(Mode::Delay(MOMENT / 2));
    let start = Instant::now();
    assert!(answered(&mut stream));
    assert!(start.elapsed() >= MOMENT / 2);
}

#[test]
fn dropped_replies_leave_the_request_done() {
    let (port, seen) = echo();
    let proxy = Proxy::start(port);
    let mut stream = connect(&proxy);
    proxy.set(Mode::DropReplies);
    assert!(silent(&mut stream));
    assert_eq!(seen.load(Ordering::SeqCst), 4);
    proxy.set(Mode::Pass);
    assert!(silent(&mut stream), "a reply is missing from this stream");
    assert!(answered(&mut connect(&proxy)));
}

#[test]
fn garbage_is_answered_instead_of_a_reply() {
    let (port, seen) = echo();
    let proxy = Proxy::start(port);
    let mut stream = connect(&proxy);
    proxy.set(Mode::Garbage);
    let answer = ask(&mut stream, PATIENCE).unwrap();
    assert!(!answer.is_empty() && answer != b"ping");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[test]
fn a_target_that_is_away_looks_away() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(closed(&mut connect(&Proxy::start(gone))));
}
