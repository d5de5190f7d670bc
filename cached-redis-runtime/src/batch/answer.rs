//! The frame of a batch: what knows the types of its ids, its values and its body.

use super::member::{self, MemberOf};
use super::progress::{Next, Progress};
use super::reload::Due;
use super::returned::{Shape, Taken};
use super::{Batch, Located, Members, Uncached, run_uncached};
use crate::loading::Loading;

impl<K: Clone, R, S> Batch<K, R, S> {
    /// The answer, and what is to be reloaded after it.
    pub(super) async fn answer<Ret, L, F>(
        mut self,
        load: &L,
        detachable: bool,
    ) -> (Ret, Option<Due<K, R>>)
    where
        S: Shape<K, Return = Ret>,
        S::Value: MemberOf<R>,
        L: Fn(Vec<K>) -> F,
        F: Future<Output = Ret>,
    {
        let Located { mut progress, members, order } = match self.locate(detachable) {
            Ok(located) => located,
            Err(uncached) => return (self.uncached(&uncached, load).await, None),
        };
        let mut values: Vec<Option<S::Value>> = members.ids.iter().map(|_| None).collect();
        #[cfg(feature = "local")]
        progress.answer_with_copies(&members, |index, value| values[index] = value);
        let driven = {
            let keep = |index: usize, value| values[index] = value;
            drive(&mut progress, &members, &self.shape, load, keep).await
        };
        match driven {
            Ok(()) => {
                let Members { ids, meanings } = members;
                let due = Due::of(progress, &ids, meanings);
                (self.shape.collect(ids, values, &order), due)
            }
            Err(Ended::Answered(returned)) => (returned, None),
            // What it has returned says nothing of single ids: only the body itself can answer.
            Err(Ended::Misshapen(returned)) if order.len() == progress.loaded_at_once() => {
                (returned, None)
            }
            Err(Ended::Misshapen(_)) => (progress.once_more(load(self.ids)).await, None),
        }
    }

    /// Without the cache. More ids than the body takes at a time are taken in turn.
    async fn uncached<Ret, L, F>(self, uncached: &Uncached, load: &L) -> Ret
    where
        S: Shape<K, Return = Ret>,
        L: Fn(Vec<K>) -> F,
        F: Future<Output = Ret>,
    {
        let Self { ids, shape, max_batch, .. } = self;
        if ids.is_empty() {
            return shape.collect(ids, Vec::new(), &[]);
        }
        if ids.len() <= max_batch {
            return run_uncached(uncached, load(ids)).await;
        }
        let mut values = Vec::with_capacity(ids.len());
        for some in ids.chunks(max_batch) {
            match shape.take(run_uncached(uncached, load(some.to_vec())).await, some) {
                Taken::Values { values: more, .. } => values.extend(more),
                Taken::Failed(returned) => return returned,
                Taken::Misshapen(_) => return run_uncached(uncached, load(ids)).await,
            }
        }
        let order: Vec<usize> = (0..ids.len()).collect();
        shape.collect(ids, values, &order)
    }
}

/// Why a batch ends before all of its entries have come.
pub(super) enum Ended<Ret> {
    /// The body has failed, and this is the answer.
    Answered(Ret),
    /// It does not say which value belongs to which id.
    Misshapen(Ret),
}

/// Goes on until there is an answer for each entry, which `keep` gets.
pub(super) async fn drive<K, R, S, Ret, L, F>(
    progress: &mut Progress,
    members: &Members<K, R>,
    shape: &S,
    load: &L,
    mut keep: impl FnMut(usize, Option<S::Value>),
) -> Result<(), Ended<Ret>>
where
    K: Clone,
    S: Shape<K, Return = Ret>,
    S::Value: MemberOf<R>,
    L: Fn(Vec<K>) -> F,
    F: Future<Output = Ret>,
{
    loop {
        let which = match progress.next().await {
            Next::Done => return Ok(()),
            Next::Decode(which) => {
                for index in which {
                    match progress.decode(index, &*members.meanings[index]) {
                        Some(returned) => {
                            keep(index, S::Value::of(returned));
                            progress.answered(index);
                        }
                        None => progress.cannot_decode(index),
                    }
                }
                continue;
            }
            Next::Load(which) => which,
        };
        let ids: Vec<K> = which.iter().map(|index| members.ids[*index].clone()).collect();
        let body = Loading::new(progress.begins(), load(ids.clone()));
        let returned = progress.run(body).await;
        match shape.take(returned, &ids) {
            Taken::Values { values, unasked } => {
                progress.count_unasked(unasked);
                for (index, value) in which.into_iter().zip(values) {
                    let slot = progress.to_store(index);
                    let meaning = &*members.meanings[index];
                    let (value, encoded) = member::encode(value, meaning, slot);
                    progress.settle(index, encoded);
                    keep(index, value);
                }
                progress.conclude().await;
            }
            Taken::Failed(returned) => {
                let has_fallback = progress.find_fallback(&which).await;
                progress.fail();
                progress.conclude().await;
                if !has_fallback {
                    return Err(Ended::Answered(returned));
                }
            }
            Taken::Misshapen(returned) => {
                progress.count_misshapen();
                progress.conclude().await;
                return Err(Ended::Misshapen(returned));
            }
        }
    }
}
