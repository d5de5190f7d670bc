//! Reloading stale values in the background, with one run of the body for all of them.

use std::panic::resume_unwind;

use tokio::time::timeout_at;

use super::Members;
use super::answer::drive;
use super::member::MemberOf;
use super::progress::{Kind, Progress, State, Tries};
use super::returned::Shape;
use crate::background::{NoPlace, Place};
use crate::entry::Meaning;
use crate::lease::Intent;
use crate::panics::catch_panic;
use crate::scope;

/// Entries that a call was answered with and that are to be reloaded after it.
pub(super) struct Due<K, R> {
    place: Place,
    progress: Box<Progress>,
    members: Members<K, R>,
}

impl<K: Clone, R> Due<K, R> {
    /// `None` if there are none, or if others reload them already.
    pub(super) fn of(
        progress: Box<Progress>,
        ids: &[K],
        meanings: Vec<Box<dyn Meaning<R>>>,
    ) -> Option<Self> {
        let max_batch = progress.max_batch();
        let Progress { slots, due, .. } = *progress;
        let (first, _) = due.first()?;
        let background = &slots[*first].core().background;
        let keys = due.iter().map(|(index, _)| &*slots[*index].key);
        let (place, free) = match background.reload_many(keys) {
            Ok(place) => place,
            Err(NoPlace::Full) => {
                slots[*first].counters.skipped_reloads.increment();
                return None;
            }
            Err(NoPlace::Reloading | NoPlace::Closed) => return None,
        };
        let mut all: Vec<_> = slots.into_iter().zip(meanings).map(Some).collect();
        let (mut slots, mut states) = (Vec::new(), Vec::new());
        let mut members = Members { ids: Vec::new(), meanings: Vec::new() };
        for (index, seen) in free.into_iter().filter_map(|free| due.get(free)) {
            let Some((slot, meaning)) = all[*index].take() else { continue };
            slots.push(slot);
            states.push(State::Ask(Tries::new(Intent::Reload, *seen)));
            members.ids.push(ids[*index].clone());
            members.meanings.push(meaning);
        }
        let progress = Progress::of(slots, states, Kind::Reload, max_batch);
        Some(Self { place, progress, members })
    }

    /// Loads and stores, with nobody waiting: a body that hangs is dropped after `load_timeout`, and one that panics has
    /// failed like one that returns an error.
    pub(super) fn reload<Ret, S, L, F>(self, shape: S, load: L)
    where
        K: Send + Sync + 'static,
        R: 'static,
        Ret: Send,
        S: Shape<K, Return = Ret> + Send + Sync + 'static,
        S::Value: MemberOf<R> + Send,
        L: Fn(Vec<K>) -> F + Send + Sync + 'static,
        F: Future<Output = Ret> + Send + 'static,
    {
        let Self { place, mut progress, members } = self;
        place.run(scope::inherited(async move {
            let patience = progress.patience;
            let reloading = drive(&mut progress, &members, &shape, &load, |_, _| {});
            let panic = match catch_panic(Box::pin(timeout_at(patience, reloading))).await {
                Ok(Ok(_)) => return,
                Ok(Err(_)) => None,
                Err(panic) => Some(panic),
            };
            progress.fail();
            progress.conclude().await;
            if let Some(panic) = panic {
                resume_unwind(panic);
            }
        }));
    }
}
