//! Watches under thousands of schedules of those who read, write, report and lose the connection.
//!
//! What is a thread here is one there: the driver of the connection, which takes reports and replies as the server has sent
//! them; callers; and whoever finds out that the connection is lost.

use std::sync::Arc;

use shuttle::sync::{Mutex, mpsc};
use shuttle::{future, thread};

use super::Watched;
use crate::group::Generation;

pub(crate) const KEY: &str = "entry";

/// How many schedules each test runs.
const SCHEDULES: usize = 3_000;

/// Runs a test under many schedules. One that fails is printed, and can be replayed.
pub(crate) fn under_all(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, SCHEDULES);
}

/// A server with one entry, and the connection of this process to it.
pub(crate) struct Server {
    pub(crate) watched: Arc<Watched>,
    state: Mutex<State>,
}

struct State {
    version: u64,
    /// Whether the next change is to be reported.
    is_tracked: bool,
    /// Which connection it is.
    connection: u64,
    sent: mpsc::Sender<(u64, Sent)>,
}

/// What arrives on a connection, in this order.
enum Sent {
    Report,
    Reply(u64, mpsc::Sender<u64>),
}

impl Server {
    /// A server, whose connection is driven until all who use it are gone.
    pub(crate) fn connected() -> Arc<Self> {
        let (sent, arrives) = mpsc::channel();
        let state = State { version: 1, is_tracked: false, connection: 0, sent };
        let server =
            Arc::new(Self { watched: Arc::new(Watched::default()), state: Mutex::new(state) });
        server.is_heard();
        let (watched, weak) = (Arc::clone(&server.watched), Arc::downgrade(&server));
        thread::spawn(move || {
            while let Ok((connection, sent)) = arrives.recv() {
                // What had not arrived when a connection was lost never does.
                let is_this = |server: Arc<Self>| server.lock().connection == connection;
                if !weak.upgrade().is_some_and(is_this) {
                    continue;
                }
                match sent {
                    Sent::Report => watched.changed(KEY),
                    // Who has asked may be gone.
                    Sent::Reply(version, to) => drop(to.send(version)),
                }
            }
        });
        server
    }

    fn is_heard(&self) {
        assert!(self.watched.proves(self.watched.asks(), Generation::new([1; 8], 1)));
    }

    /// Reads the entry such that its next change is reported. `None`: the connection is lost meanwhile.
    pub(crate) fn read(&self) -> Option<u64> {
        let (to, reply) = mpsc::channel();
        let mut state = self.lock();
        state.is_tracked = true;
        state.send(Sent::Reply(state.version, to));
        drop(state);
        reply.recv().ok()
    }

    /// Changes the entry; returns which version that is.
    pub(crate) fn write(&self) -> u64 {
        let mut state = self.lock();
        state.version += 1;
        if std::mem::take(&mut state.is_tracked) {
            state.send(Sent::Report);
        }
        state.version
    }

    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// Loses the connection. The next one is used when nothing is known any more of this one.
    pub(crate) fn cut(&self) {
        let mut state = self.lock();
        state.connection += 1;
        state.is_tracked = false;
        self.watched.forget();
        self.is_heard();
    }

    fn lock(&self) -> shuttle::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics")
    }
}

impl State {
    fn send(&self, sent: Sent) {
        self.sent.send((self.connection, sent)).expect("driven");
    }
}

/// Sleeps until the entry is at this version.
fn wait_until(server: &Server, version: u64) {
    loop {
        let waiter = server.watched.wait_for(KEY);
        match server.read() {
            Some(found) if found >= version => return,
            // Asleep for good, this is a deadlock, which is found.
            Some(_) => future::block_on(waiter.changed(|| true)),
            None => {}
        }
    }
}

#[test]
fn nobody_who_waits_sleeps_for_good() {
    under_all(|| {
        let server = Server::connected();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let server = Arc::clone(&server);
                thread::spawn(move || wait_until(&server, 3))
            })
            .collect();
        server.write();
        server.write();
        waiters.into_iter().for_each(|waiter| waiter.join().expect("no panic"));
        assert_eq!(server.watched.len(), 0, "of those who have gone nothing is left");
    });
}

#[test]
fn nobody_who_waits_sleeps_for_good_when_the_connection_is_lost() {
    under_all(|| {
        let server = Server::connected();
        let (waits, cuts) = (Arc::clone(&server), Arc::clone(&server));
        let waiter = thread::spawn(move || wait_until(&waits, 2));
        let cut = thread::spawn(move || cuts.cut());
        server.write();
        waiter.join().expect("no panic");
        cut.join().expect("no panic");
    });
}

#[test]
fn nobody_who_waits_misses_that_a_generation_has_changed() {
    under_all(|| {
        let server = Server::connected();
        let is_current = Arc::new(shuttle::sync::atomic::AtomicBool::new(true));
        let (waits, seen) = (Arc::clone(&server), Arc::clone(&is_current));
        let waiter = thread::spawn(move || {
            let waiter = waits.watched.wait_for(KEY);
            let is_current = || seen.load(shuttle::sync::atomic::Ordering::SeqCst);
            future::block_on(waiter.changed(is_current));
        });
        is_current.store(false, shuttle::sync::atomic::Ordering::SeqCst);
        server.watched.generations_changed();
        waiter.join().expect("no panic");
    });
}
