//! The entries of one batch, and how far each of them has come. Knows only bytes, and is compiled once.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::store::Stored;
use super::turns::{Queued, tell};
use super::wait::Held;
use crate::budget::Budget;
use crate::call::answer::{Counts, Read};
use crate::call::ask::ROUNDS;
#[cfg(feature = "local")]
use crate::call::copied::Copying;
use crate::call::permit::{Granted, Reason};
use crate::call::slot::Slot;
use crate::entry::{CopyKey, Meaning};
use crate::error::{Error, ErrorKind};
use crate::lease::{Intent, LeaseId};
use crate::loss::Loss;
use crate::payload::Encoding;
use crate::record::Record;
use crate::sharing::Turn;

/// Entries that are read or asked for in one round trip: more would hold up what others send on the same connection.
pub(super) const PIPELINE: usize = 1_000;

/// As many are read first where it is not known how long they are, and after each time four times as many.
const FIRST_READS: usize = 64;
const MORE_READS: usize = 4;

/// How often an entry that does not decode is asked for again, before it is loaded without being stored.
const MOST_UNREADABLE: u32 = 3;

const MISSHAPEN: &str = "a batch function returns another number of values than it got ids, or several values for \
    one id: the call is answered by the function itself, and nothing is stored";
const UNASKED: &str =
    "a batch function returns values for ids that it did not get, which are ignored";

/// What a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call, and whether its body can outlive it.
    Call { detachable: bool },
    /// A call that wants the newest.
    Refresh,
    /// Nobody waits for it.
    Reload,
}

/// What a batch does next.
pub(super) enum Next {
    /// Decode the records that were found for these entries.
    Decode(Vec<usize>),
    /// Run the body for these.
    Load(Vec<usize>),
    Done,
}

/// How far one entry has come.
pub(super) enum State {
    Unread,
    /// To be asked for.
    Ask(Tries),
    /// An answer, if it decodes.
    Found(Read),
    /// To be loaded and stored.
    Granted(Granted),
    /// Somebody else loads it.
    Held(Box<Held>),
    /// It is loaded by a few at a time, and others come first.
    Queued(Box<Queued>),
    /// It is this batch's turn: the lease is asked for once more.
    Turn(Turn),
    /// To be loaded in its turn, and not stored.
    InTurn(Turn),
    /// To be loaded, and not stored.
    Alone(Reason),
    /// Loaded, and to be stored or given up.
    Loaded(Granted, Stored),
    Done,
}

/// What asking for an entry has come to so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    pub(super) intent: Intent,
    pub(super) seen: LeaseId,
    /// Whether a value may be there that is to be replaced.
    pub(super) replaces: bool,
    pub(super) rounds: usize,
    /// A lease of this process that nobody seems to hold.
    pub(super) orphan: Option<LeaseId>,
    /// A lease whose load is older than an invalidation, or this question is.
    pub(super) outdated: Option<LeaseId>,
}

impl Tries {
    pub(super) fn new(intent: Intent, seen: LeaseId) -> Self {
        let replaces = seen != LeaseId::NONE || intent != Intent::Read;
        Self { intent, seen, replaces, rounds: 0, orphan: None, outdated: None }
    }
}

pub(super) struct Progress {
    pub(super) slots: Vec<Slot>,
    /// Where their copies are, if there are any, of a call that has just begun.
    pub(super) copy_keys: Vec<Option<CopyKey>>,
    pub(super) states: Vec<State>,
    pub(super) budget: Budget,
    pub(super) kind: Kind,
    pub(super) began: Instant,
    /// The same as a place among the calls that queue up.
    pub(super) moment: u64,
    /// Until then it waits for loads of others.
    pub(super) patience: Instant,
    max_batch: usize,
    unreadable: u32,
    /// How many are read at once if it is not known how long they are.
    careful_reads: usize,
    /// Values that were answered with and are to be reloaded, by the lease that they carry.
    pub(super) due: Vec<(usize, LeaseId)>,
    /// The last good values that stand in for a load that has failed.
    pub(super) fallbacks: Vec<(usize, Read)>,
    /// A place among the loads that are bounded while the store is away.
    pub(super) place: Option<OwnedSemaphorePermit>,
    /// The load that runs, or has run.
    pub(super) loading: Vec<usize>,
    pub(super) load_began: Instant,
    pub(super) took: Duration,
}

/// A phase that is compiled once, and boxed so that no caller's future has room for it.
pub(super) type Phase<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Progress {
    pub(super) fn new(
        slots: Vec<Slot>,
        copy_keys: Vec<Option<CopyKey>>,
        kind: Kind,
        max_batch: usize,
    ) -> Box<Self> {
        let states = slots.iter().map(|_| State::Unread).collect();
        let mut progress = Self::of(slots, states, kind, max_batch);
        progress.copy_keys = copy_keys;
        progress
    }

    /// Of entries that have come so far already. There is at least one.
    pub(super) fn of(
        slots: Vec<Slot>,
        states: Vec<State>,
        kind: Kind,
        max_batch: usize,
    ) -> Box<Self> {
        let now = Instant::now();
        let core = slots[0].core();
        let (budget, moment) = (core.sessions.budget(), core.load_queues.moment());
        let patience = slots.iter().map(|slot| slot.patience_from(now)).max().unwrap_or(now);
        Box::new(Self {
            slots,
            copy_keys: Vec::new(),
            states,
            budget,
            kind,
            began: now,
            moment,
            patience,
            max_batch,
            unreadable: 0,
            careful_reads: FIRST_READS,
            due: Vec::new(),
            fallbacks: Vec::new(),
            place: None,
            loading: Vec::new(),
            load_began: now,
            took: Duration::ZERO,
        })
    }

    pub(super) fn max_batch(&self) -> usize {
        self.max_batch
    }

    /// Goes on until something is to be decoded or loaded, or all is done. Leases are held by what is granted only, and
    /// that is loaded before anything else is asked or waited for.
    pub(super) fn next(&mut self) -> Phase<'_, Next> {
        Box::pin(async move {
            loop {
                let found = self.which(|state| matches!(state, State::Found(_)), usize::MAX);
                if !found.is_empty() {
                    return Next::Decode(found);
                }
                if !self.which(is_to_be_loaded, 1).is_empty() {
                    return Next::Load(self.next_load());
                }
                if !self.which(|state| matches!(state, State::Turn(_)), 1).is_empty() {
                    self.ask_in_turn().await;
                    continue;
                }
                let most = self.reads_at_once();
                let unread = self.which(|state| matches!(state, State::Unread), most);
                if !unread.is_empty() {
                    self.look_up(&unread).await;
                    self.careful_reads = self.careful_reads.saturating_mul(MORE_READS);
                    continue;
                }
                let exhausted = self.which(|state| self.is_exhausted(state), usize::MAX);
                if !exhausted.is_empty() {
                    self.queue_up(&exhausted).await;
                    continue;
                }
                let most = self.max_batch.min(PIPELINE);
                let missing = self.which(|state| matches!(state, State::Ask(_)), most);
                if !missing.is_empty() {
                    self.ask(&missing).await;
                    continue;
                }
                if !self.which(|state| matches!(state, State::Alone(_)), 1).is_empty() {
                    self.take_place().await;
                    return Next::Load(self.next_load());
                }
                let is_waited_for =
                    |state: &State| matches!(state, State::Held(_) | State::Queued(_));
                if self.which(is_waited_for, 1).is_empty() {
                    return Next::Done;
                }
                self.wait().await;
            }
        })
    }

    /// Whether an entry has been asked for often enough.
    fn is_exhausted(&self, state: &State) -> bool {
        let State::Ask(Tries { rounds, .. }) = state else { return false };
        *rounds >= ROUNDS || *rounds > 0 && Instant::now() >= self.patience
    }

    /// As many entries as are likely to be no more than others can wait for.
    pub(super) fn reads_at_once(&self) -> usize {
        let slot = &self.slots[0];
        let known = slot.core().sessions.store().reads_at_once(&slot.key);
        known.unwrap_or(self.careful_reads).min(PIPELINE)
    }

    pub(super) fn which(&self, is_such: impl Fn(&State) -> bool, most: usize) -> Vec<usize> {
        let states = self.states.iter().enumerate();
        states.filter(|(_, state)| is_such(state)).map(|(index, _)| index).take(most).collect()
    }

    /// What others wait for, and then what is loaded for this batch alone.
    fn next_load(&mut self) -> Vec<usize> {
        let mut which = self.which(is_to_be_loaded, self.max_batch);
        let room = self.max_batch - which.len();
        which.extend(self.which(|state| matches!(state, State::Alone(_)), room));
        which.sort_unstable();
        self.loading.clone_from(&which);
        which
    }

    /// Entries that could be used without the store are loaded under the bound that the user has set for that.
    async fn take_place(&mut self) {
        let is_away = |state: &State| matches!(state, State::Alone(Reason::StoreFailed));
        if self.place.is_none() && !self.which(is_away, 1).is_empty() {
            self.place = self.slots[0].place().await;
        }
    }

    /// What was found for an entry.
    fn found(&self, index: usize) -> Option<&Record> {
        match &self.states[index] {
            State::Found(read) => Some(&read.record),
            _ => None,
        }
    }

    /// What was found for an entry, if it can be opened and decodes. Makes a copy of what was read under a watch.
    pub(super) fn decode<R>(&mut self, index: usize, meaning: &dyn Meaning<R>) -> Option<R> {
        let State::Found(read) = &mut self.states[index] else { return None };
        #[cfg(feature = "local")]
        let begun = read.begun.take();
        let (slot, record) = (&self.slots[index], &read.record);
        let payload = slot.entry().sealer().open(record).ok()?;
        #[cfg(feature = "local")]
        if let (Some(begun), Some(Some(key))) = (begun, self.copy_keys.get(index)) {
            let copying = Copying { slot, record, begun, key };
            return meaning.decode_and_copy(record.header(), &payload, copying);
        }
        meaning.decode(record.header(), &payload)
    }

    /// What was found is the answer.
    pub(super) fn answered(&mut self, index: usize) {
        if let State::Found(read) = std::mem::replace(&mut self.states[index], State::Done) {
            self.slots[index].count(&read);
        }
    }

    /// What was found does not decode: it is to be replaced.
    pub(super) fn cannot_decode(&mut self, index: usize) {
        let slot = &self.slots[index];
        if let Some(record) = self.found(index) {
            slot.cannot_decode(record);
        }
        self.due.retain(|(due, _)| *due != index);
        self.unreadable += 1;
        let State::Found(read) = &self.states[index] else { return };
        if matches!(read.counts, Counts::Hit(_)) {
            slot.counters.misses.increment();
        }
        let most = MOST_UNREADABLE.saturating_mul(u32::try_from(self.slots.len()).unwrap_or(1));
        self.states[index] = if self.unreadable > most {
            State::Alone(Reason::NotShareable)
        } else {
            let lease = read.record.header().lease;
            State::Ask(Tries::new(Intent::Replace(lease), LeaseId::NONE))
        };
    }

    /// The entry, if what was loaded of it may be stored, or shared.
    pub(super) fn to_store(&self, index: usize) -> Option<&Slot> {
        is_to_be_loaded(&self.states[index]).then(|| &self.slots[index])
    }

    /// What is to be stored of an entry that was loaded.
    pub(super) fn settle(&mut self, index: usize, encoded: Result<Option<Encoding>, Error>) {
        let slot = &self.slots[index];
        let stored = match encoded {
            Ok(Some(encoding)) => Stored::New(encoding),
            Ok(None) => Stored::Nothing,
            Err(error) => {
                if error.kind() == ErrorKind::TooLarge {
                    slot.counters.too_large.increment();
                }
                slot.counters.error(&error);
                Stored::Nothing
            }
        };
        self.end(index, stored);
    }

    pub(super) fn end(&mut self, index: usize, stored: Stored) {
        self.states[index] = match std::mem::replace(&mut self.states[index], State::Done) {
            State::Granted(granted) => State::Loaded(granted, stored),
            State::InTurn(turn) => {
                tell(&turn, &stored);
                State::Done
            }
            _ => State::Done,
        };
    }

    /// The body has returned an error for all that was loaded.
    pub(super) fn fail(&mut self) {
        if self.kind == Kind::Reload {
            self.slots[0].counters.reload_failed();
        }
        for index in std::mem::take(&mut self.loading) {
            self.end(index, Stored::Failed);
        }
    }

    /// Values came back for ids that the body did not get.
    pub(super) fn count_unasked(&self, unasked: usize) {
        if unasked > 0 {
            let counters = &self.slots[0].counters;
            counters.unasked_values.add(unasked as u64);
            self.report(UNASKED);
        }
    }

    /// What the body has returned cannot be taken apart.
    pub(super) fn count_misshapen(&mut self) {
        self.slots[0].counters.misshapen_batches.increment();
        self.report(MISSHAPEN);
        for index in self.loading.clone() {
            self.end(index, Stored::Unknown);
        }
    }

    fn report(&self, advice: &str) {
        let slot = &self.slots[0];
        slot.core().losses.report(Loss::Batch, Some(slot.counters.function()), advice);
    }

    /// How many ids the last load was for.
    pub(super) fn loaded_at_once(&self) -> usize {
        self.loading.len()
    }
}

/// Under a lease, or in a turn: others wait for it.
fn is_to_be_loaded(state: &State) -> bool {
    matches!(state, State::Granted(_) | State::InTurn(_))
}
