//! Single flight in this process: one state machine, named endings.
//!
//! ```text
//! Asking --granted--> Loading --sealed--> Sealed --stored--> (followers get the record)
//!    |                   |                   |----lost------> (followers start over)
//!    |                   |--not shareable--> (followers load for themselves, in parallel)
//!    |                   |--failed---------> (followers take turns: load_queue.rs)
//!    |                   `------dropped------`--> the next follower takes the lease over
//!    `--not granted--> (gone)
//! ```
//!
//! A flight is found by the lease that it holds, never by the key alone: a caller asks the store
//! who holds the lease and joins only that flight. So nobody joins a load that began before an
//! invalidation which had returned when they started: that load's lease is gone from the store.
//! Only while a flight does not know its lease yet does the nonce have to do; then its load has not
//! begun.
//!
//! A flight that has been sealed takes no more followers. It is sealed before FILL is sent, because
//! from then on an invalidation may come between the store's answer and ours.

mod line;
mod load_queue;
mod waiters;

use std::collections::hash_map::{Entry, HashMap};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::lease::{Filled, LeaseId, Nonce};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
pub(crate) use line::{Asker, Heard, Lines, Place, Waiting};
pub(crate) use load_queue::{Called, Entered, LoadQueues, Queued, Turn};
use waiters::Waiters;

/// All flights of one cache.
#[derive(Debug)]
pub(crate) struct Flights {
    process: u64,
    next: AtomicU64,
    flights: Mutex<HashMap<u64, Flight>>,
}

#[derive(Debug)]
struct Flight {
    /// A process that was cloned shares its number and its sequence with another.
    key: Box<str>,
    /// Known once it has been granted.
    lease: Option<LeaseId>,
    sealed: bool,
    followers: Waiters<Word>,
}

impl Flight {
    fn new(key: &str, lease: Option<LeaseId>) -> Self {
        Self { key: key.into(), lease, sealed: false, followers: Waiters::default() }
    }
}

/// What comes of the wish to join.
#[derive(Debug)]
pub(crate) enum Join {
    /// The word will come here.
    Follow(Follower),
    /// About to be stored, or under another lease: the entry is about to change.
    Closed,
    /// Ended, or its leader went without giving the lease up.
    Unknown,
}

/// A future of a flight's end; `None` if its leader never reported one.
/// Dropped earlier, it leaves nothing in the flight.
#[derive(Debug)]
pub(crate) struct Follower {
    flights: Arc<Flights>,
    sequence: u64,
    number: u64,
    word: oneshot::Receiver<Word>,
}

impl Future for Follower {
    type Output = Option<Word>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.word).poll(context).map(Result::ok)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(flight) = self.flights.lock().get_mut(&self.sequence) {
            flight.followers.remove(self.number);
        }
    }
}

/// What a follower hears in the end.
#[derive(Debug)]
pub(crate) enum Word {
    /// The value was stored; here is its record.
    Stored(Bytes),
    /// The value was not stored: an invalidation came between. Ask again.
    StartOver,
    /// The load ended in something that cannot be shared. Load for yourself; nobody waits in line.
    LoadAlone,
    /// The load has failed. Take turns.
    Failed,
    /// The leader was cancelled or panicked, and its lease is yours.
    Lead(Leader),
}

/// The right to load, and the duty to end the flight. Dropped without an ending, it hands both
/// over to the next follower; without one, it gives the lease up.
#[derive(Debug)]
pub(crate) struct Leader {
    lease: LeaseId,
    flight: Option<Registration>,
    /// The leader before has panicked.
    after_panic: bool,
}

/// A question to the store under way.
#[derive(Debug)]
pub(crate) struct Asking {
    flight: Option<Registration>,
}

/// A flight's place in the map, and how to give its lease up.
struct Registration {
    flights: Arc<Flights>,
    sequence: u64,
    release: Release,
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Registration")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// Gives a lease up in the background.
pub(crate) type Release = Box<dyn FnOnce(Nonce) + Send + Sync>;

impl Flights {
    pub(crate) fn new(process: u64) -> Self {
        Self { process, next: AtomicU64::new(0), flights: Mutex::default() }
    }

    /// Registers a flight before the store is asked for its lease, so that whoever hears of that
    /// lease finds it.
    pub(crate) fn ask(self: &Arc<Self>, key: &str, release: Release) -> Asking {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(sequence, Flight::new(key, None));
        Asking { flight: Some(Registration { flights: Arc::clone(self), sequence, release }) }
    }

    /// A name that nothing else in this process has, nor in any other.
    pub(crate) fn nonce(&self) -> Nonce {
        Nonce { process: self.process, sequence: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether a lease was handed out to this process.
    pub(crate) fn is_ours(&self, lease: &LeaseId) -> bool {
        lease.nonce().process == self.process
    }

    /// Joins the flight of this key that holds this lease.
    pub(crate) fn join(self: &Arc<Self>, key: &str, lease: &LeaseId) -> Join {
        let mut flights = self.lock();
        let sequence = lease.nonce().sequence;
        match flights.get_mut(&sequence) {
            Some(flight) if *flight.key == *key => {
                if flight.sealed || flight.lease.is_some_and(|held| held != *lease) {
                    return Join::Closed;
                }
                let (number, word) = flight.followers.add();
                Join::Follow(Follower { flights: Arc::clone(self), sequence, number, word })
            }
            _ => Join::Unknown,
        }
    }

    /// Takes over a lease of this process that nobody holds any more: its holder was cancelled and
    /// giving it up has failed. `None` if somebody was faster.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        key: &str,
        lease: LeaseId,
        release: Release,
    ) -> Option<Leader> {
        let sequence = lease.nonce().sequence;
        match self.lock().entry(sequence) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(Flight::new(key, Some(lease)));
                let registration = Registration { flights: Arc::clone(self), sequence, release };
                Some(Leader { lease, flight: Some(registration), after_panic: false })
            }
        }
    }

    /// How many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Flight>> {
        // Nothing panics while it is held, and no step leaves it half done.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many callers wait for a flight's end.
    #[cfg(test)]
    pub(crate) fn followers(&self) -> usize {
        self.lock().values().map(|flight| flight.followers.len()).sum()
    }

    fn end(&self, sequence: u64) -> Vec<oneshot::Sender<Word>> {
        let flight = self.lock().remove(&sequence);
        flight.map(|mut flight| flight.followers.take_all()).unwrap_or_default()
    }
}

impl Asking {
    /// The part of the lease's id that this question chooses.
    pub(crate) fn nonce(&self) -> Nonce {
        match &self.flight {
            Some(registration) => registration.nonce(),
            None => Nonce { process: 0, sequence: 0 },
        }
    }

    /// The store granted the lease.
    pub(crate) fn granted(mut self, lease: LeaseId) -> Leader {
        let flight = self.flight.take();
        if let Some(registration) = &flight {
            registration.change(|flight| flight.lease = Some(lease));
        }
        Leader { lease, flight, after_panic: false }
    }

    /// The store answered something else.
    pub(crate) fn not_granted(mut self) {
        if let Some(registration) = self.flight.take() {
            registration.tell(|| Word::StartOver);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        // Cancelled, or the store did not answer: it may have granted the lease all the same.
        if let Some(registration) = self.flight.take() {
            registration.tell(|| Word::StartOver);
            registration.release();
        }
    }
}

impl Leader {
    pub(crate) fn lease(&self) -> LeaseId {
        self.lease
    }

    /// Takes no more followers.
    pub(crate) fn seal(&self) {
        if let Some(registration) = &self.flight {
            registration.change(|flight| flight.sealed = true);
        }
    }

    /// The ending that the answer to FILL means.
    pub(crate) fn filled(self, filled: &Result<Filled, Error>, record: Vec<u8>) {
        match filled {
            Ok(Filled::Stored) => self.stored(record),
            Ok(Filled::Lost) => self.lost(),
            Err(_) => self.unknown(),
        }
    }

    /// Ending: stored.
    pub(crate) fn stored(self, record: Vec<u8>) {
        let record = Bytes::from(record);
        self.tell(|| Word::Stored(record.clone()));
    }

    /// Ending: an invalidation came between.
    pub(crate) fn lost(self) {
        self.tell(|| Word::StartOver);
    }

    /// Ending: the store did not say whether it has stored. If not, the lease is given up.
    pub(crate) fn unknown(mut self) {
        if let Some(registration) = self.flight.take() {
            registration.tell(|| Word::StartOver);
            registration.release();
        }
    }

    /// Ending: nothing that could be shared.
    pub(crate) fn not_shareable(self) {
        self.tell(|| Word::LoadAlone);
    }

    /// Ending: an error, which is its own caller's.
    pub(crate) fn failed(self) {
        self.tell(|| Word::Failed);
    }

    fn tell(mut self, word: impl Fn() -> Word) {
        if let Some(registration) = self.flight.take() {
            registration.tell(word);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(mut registration) = self.flight.take() else { return };
        let panicking = std::thread::panicking();
        if panicking && self.after_panic {
            // Twice is no accident: the lease is not handed on for a body that always panics.
            registration.tell(|| Word::Failed);
            registration.release();
            return;
        }
        // A loop, not recursion through `send`: followers may be cancelled at the same time.
        while let Some(follower) = registration.next_follower() {
            let leader =
                Self { lease: self.lease, flight: Some(registration), after_panic: panicking };
            match follower.send(Word::Lead(leader)) {
                Err(Word::Lead(mut refused)) => match refused.flight.take() {
                    Some(again) => registration = again,
                    None => return,
                },
                _ => return,
            }
        }
        registration.tell(|| Word::StartOver);
        registration.release();
    }
}

impl Registration {
    fn nonce(&self) -> Nonce {
        Nonce { process: self.flights.process, sequence: self.sequence }
    }

    /// The next to lead: who came last, for whoever came first is the next to run out of patience,
    /// and would hand over again before its load has ended. The new leader loads anew, so there is
    /// something to join again.
    fn next_follower(&self) -> Option<oneshot::Sender<Word>> {
        let mut flights = self.flights.lock();
        let flight = flights.get_mut(&self.sequence)?;
        flight.sealed = false;
        flight.followers.pop_last()
    }

    fn change(&self, change: impl FnOnce(&mut Flight)) {
        if let Some(flight) = self.flights.lock().get_mut(&self.sequence) {
            change(flight);
        }
    }

    /// Ends the flight.
    fn tell(&self, word: impl Fn() -> Word) {
        for follower in self.flights.end(self.sequence) {
            // A follower that was cancelled does not listen.
            let _ = follower.send(word());
        }
    }

    fn release(self) {
        let nonce = self.nonce();
        (self.release)(nonce);
    }
}

#[cfg(all(test, shuttle))]
mod schedules;
#[cfg(test)]
mod tests;
