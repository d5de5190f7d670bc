//! What a process hears of changes: reports that come late, in order, and before the answer to whatever was asked after
//! them; times in which nothing is heard; connections that are lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::millis;
use crate::group::{Generation, Group, stamps};
use crate::record::Header;
use crate::store::Found;
use crate::store::memory::MemoryStore;
use crate::watched::Watched;

/// A check of copies that is left out, to show that the simulation would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// What this process changes ends no copy here before the report of it comes.
    OwnChanges,
    /// The generations of a copy are not compared.
    Stamps,
}

pub(super) struct Hearing {
    pub(super) watched: Arc<Watched>,
    deaf: Option<Deaf>,
    state: Mutex<State>,
    /// Nothing is heard.
    is_silent: AtomicBool,
}

#[derive(Default)]
struct State {
    /// What has been said and not been heard, numbered.
    under_way: VecDeque<(u64, String)>,
    said: u64,
    knows: HashMap<Group, Generation>,
    /// How often something that was known has ended.
    ended: u64,
}

impl Hearing {
    pub(super) fn of(store: &MemoryStore, deaf: Option<Deaf>) -> Arc<Self> {
        let (watched, is_silent) = (Arc::default(), AtomicBool::new(false));
        let hearing = Arc::new(Self { watched, deaf, state: Mutex::default(), is_silent });
        let weak = Arc::downgrade(&hearing);
        store.listen(move |key| {
            let Some(hearing) = weak.upgrade() else { return };
            let mut state = hearing.state();
            state.said += 1;
            let said = state.said;
            state.under_way.push_back((said, key.to_owned()));
            drop(state);
            tokio::spawn(async move {
                tokio::time::sleep(millis(0..12)).await;
                hearing.arrives(said);
            });
        });
        hearing
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// What has been said so far.
    pub(super) fn said(&self) -> u64 {
        self.state().said
    }

    /// An answer to what was asked after that was said: unless nothing is heard, it comes after it.
    pub(super) fn arrives(&self, said: u64) {
        if !self.is_silent.load(Ordering::Relaxed) {
            self.hears(said);
        }
    }

    /// All that was said until then arrives.
    pub(super) fn hears(&self, said: u64) {
        let mut state = self.state();
        let mut heard = Vec::new();
        while let Some((number, _)) = state.under_way.front()
            && *number <= said
        {
            heard.extend(state.under_way.pop_front());
        }
        drop(state);
        heard.iter().for_each(|(_, key)| self.changed(key));
    }

    fn changed(&self, key: &str) {
        match Group::from_key(key) {
            None => self.watched.changed(key),
            Some(group) => {
                let mut state = self.state();
                state.knows.remove(&group);
                state.ended += 1;
                drop(state);
                self.watched.generations_changed();
            }
        }
    }

    /// This process has changed them.
    pub(super) fn changed_here<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        if self.deaf != Some(Deaf::OwnChanges) {
            keys.into_iter().for_each(|key| self.changed(key));
        }
    }

    /// Before a read.
    pub(super) fn asks(&self) -> u64 {
        self.state().ended
    }

    /// What an answer says of generations.
    pub(super) fn learns(&self, asked: u64, found: &Found) {
        let Some(header) = Header::read(&found.record).filter(|_| found.is_current) else { return };
        let mut state = self.state();
        if state.ended == asked {
            let known = stamps(header.stamps(&found.record));
            state.knows.extend(known.map(|stamp| (stamp.group, stamp.generation)));
        }
    }

    pub(super) fn knows_current(&self, all: &[u8]) -> Option<bool> {
        if self.deaf == Some(Deaf::Stamps) {
            return Some(true);
        }
        let state = self.state();
        let mut is_known = true;
        for stamp in stamps(all) {
            match state.knows.get(&stamp.group) {
                Some(generation) if *generation != stamp.generation => return Some(false),
                known => is_known &= known.is_some(),
            }
        }
        is_known.then_some(true)
    }

    /// Waits until something can be heard.
    #[cfg(feature = "local")]
    pub(super) async fn is_heard(&self) {
        while self.is_silent.load(Ordering::Relaxed) {
            tokio::time::sleep(millis(1..3)).await;
        }
    }

    /// From now on nothing is heard, or it is again.
    pub(super) fn silence(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// The connection is lost: what was under way never arrives, and nothing that was known counts.
    pub(super) fn lose(&self) {
        let mut state = self.state();
        state.under_way.clear();
        state.knows.clear();
        state.ended += 1;
        drop(state);
        self.watched.forget();
    }
}
