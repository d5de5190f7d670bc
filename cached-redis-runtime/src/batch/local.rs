//! Copies of the entries of a batch: those that count are answers, and others are made of what is read.

use super::Members;
use super::look_up::entries;
use super::member::MemberOf;
use super::progress::{Progress, State};
use crate::call::slot::Slot;
use crate::entry::CopyKey;
use crate::error::Error;
use crate::session::Session;
use crate::store::{Found, ToRead};
use crate::watched::Begun;

impl Progress {
    /// Answers the entries of which there is a copy that counts; the others are read.
    pub(super) fn answer_with_copies<K, R, V: MemberOf<R>>(
        &mut self,
        members: &Members<K, R>,
        mut keep: impl FnMut(usize, Option<V>),
    ) {
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(Some(key)) = self.copy_keys.get(index)
                && let Some(returned) = slot.copied(key, &*members.meanings[index])
            {
                keep(index, V::of(returned));
                self.states[index] = State::Done;
            }
        }
    }
}

/// Reads these entries, each under a watch if a copy is to be made of it.
pub(super) async fn read(
    slots: &[Slot],
    copy_keys: &[Option<CopyKey>],
    which: &[usize],
    session: &mut Session<'_>,
) -> Result<Vec<(Option<Found>, Option<Begun>)>, Error> {
    // Before any of them is read.
    let watches: Vec<Option<Begun>> = which
        .iter()
        .map(|index| {
            copy_keys.get(*index)?.as_ref()?;
            let slot = &slots[*index];
            slot.says_no_copies();
            slot.core().local.as_ref()?.begin(&slot.key, slot.policy.local?)
        })
        .collect();
    if watches.iter().all(Option::is_none) {
        let found = session.read_many(&entries(slots, which)).await?;
        return Ok(found.into_iter().map(|found| (found, None)).collect());
    }
    let entries: Vec<ToRead<'_>> = which
        .iter()
        .zip(&watches)
        .map(|(index, begun)| {
            let slot = &slots[*index];
            ToRead { key: &slot.key, groups: &slot.groups, is_watched: begun.is_some() }
        })
        .collect();
    let read = session.read_many_watched(&entries).await?;
    let kept = |((found, is_watched), begun): ((_, bool), Option<Begun>)| {
        (found, begun.filter(|_| is_watched))
    };
    Ok(read.into_iter().zip(watches).map(kept).collect())
}
