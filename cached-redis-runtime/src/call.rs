//! What happens on a call.
//!
//! The frame of a call, which is compiled for each function, is here and in [`load`]: it decodes records,
//! runs the body and encodes what it returns. Everything else is compiled once, and knows only bytes: an
//! [`attempt`] looks up ([`look_up`]); on a miss it finds out who may load ([`miss`], where one caller
//! asks for all of a process: [`ask`], and waits for other processes: [`wait`]), or, where a load has failed, takes
//! turns ([`load_queue`]). What a load
//! comes to is stored by [`conclude`]. A value that is no longer fresh may be the answer while its reload
//! runs in the background ([`background`]).

pub(crate) mod answer;
pub(crate) mod ask;
mod attempt;
mod background;
mod body;
pub(crate) mod conclude;
#[cfg(feature = "local")]
pub(crate) mod copied;
mod decode;
mod entry;
mod follow;
mod load;
pub(crate) mod load_queue;
mod loaded;
#[cfg(feature = "local")]
mod local;
pub(crate) mod look_up;
mod miss;
pub(crate) mod permit;
pub(crate) mod slot;
pub(crate) mod wait;

use std::any::type_name;

use crate::function::{CountersOf, Function, StoredType};
use crate::group::{Group, Groups, TagText};
use crate::key::Key;
use crate::outcome::{Outcome, Storable};
use crate::payload::codec::Format;
use crate::policy::Policy;
use crate::scope::Handle;
use attempt::{Attempt, Next};
use background::{Here, Made, Owned};
use body::Body;
use decode::{Decode, Plainly};
use slot::Slot;

/// One call of a cached function, made by generated code; or, before it is known in which cache, its
/// entry.
#[derive(Debug)]
pub struct Call<C = Handle> {
    /// Which function.
    pub(crate) function: &'static Function,
    /// Which entry.
    pub(crate) key: Key,
    /// How it is cached.
    pub(crate) policy: Policy,
    /// Where.
    pub(crate) cache: C,
    /// Which groups its arguments put it in.
    pub(crate) tags: Vec<Group>,
}

impl<C> Call<C> {
    pub(crate) fn new(function: &'static Function, key: Key, policy: Policy, cache: C) -> Self {
        Self { function, key, policy, cache, tags: Vec::new() }
    }

    /// Puts the entry into groups. Without one of them there is no entry.
    #[must_use]
    pub fn tagged(mut self, tags: impl IntoIterator<Item = impl Into<TagText>>) -> Self {
        for tag in tags {
            match tag.into().group() {
                Ok(group) => self.tags.extend(group),
                Err(error) => self.key = Key::failed(error),
            }
        }
        self
    }

    /// What the entry is in. Once.
    pub(crate) fn take_groups(&mut self, classes: &'static [&'static str]) -> Groups {
        Groups {
            function: Some(self.function.group()),
            tags: std::mem::take(&mut self.tags),
            classes,
        }
    }
}

impl Call {
    /// Answers the call from the cache, or with a load: `load` makes it, once at most. Not the load itself, for
    /// which every caller's future would have room, also where there is a hit.
    pub fn run<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = O::Return>
    where
        O: Outcome,
        O::Value: Storable,
        L: FnOnce() -> F,
        F: Future<Output = O::Return>,
    {
        let format = Format::of::<O::Codec, O::Value>();
        let way = self.way(outcome.classes(), type_name::<O::Value>(), format);
        answer(way, outcome, Plainly, Made(load, Here))
    }

    /// As [`run`](Self::run), with a load that can outlive the call.
    pub fn run_detachable<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = O::Return>
    where
        O: Outcome + Clone + Send + Sync + 'static,
        O::Value: Storable,
        L: FnOnce() -> F,
        F: Future<Output = O::Return> + Send + 'static,
    {
        let format = Format::of::<O::Codec, O::Value>();
        let way = self.way(outcome.classes(), type_name::<O::Value>(), format);
        answer(way, outcome, Plainly, Made(load, Owned))
    }

    /// Whether the call goes through the cache.
    fn way(
        mut self,
        classes: &'static [&'static str],
        type_name: &'static str,
        format: Format,
    ) -> Way {
        let groups = self.take_groups(classes);
        let Self { function, key, policy, cache, .. } = self;
        let core = cache.core();
        let counters =
            function.counters(core.id, || core.stats.of(function.prefix(), function.name()));
        if !core.has_store() {
            return Way::Uncached(counters);
        }
        if policy.bypass {
            counters.bypasses.increment();
            return Way::Uncached(counters);
        }
        let schema = || {
            let (version, classes) = (policy.version, groups.classes);
            function.schema(StoredType { type_name, version, classes, format })
        };
        let admitted = core.admits(&policy).and_then(|()| schema());
        let found = admitted.and_then(|schema| Ok((schema, core.key(function, &key)?)));
        let (schema, key) = match found {
            Ok(found) => found,
            Err(error) => {
                counters.error(&error);
                return Way::Uncached(counters);
            }
        };
        if counters.shapes.is_unfaithful(schema) {
            counters.unfaithful.increment();
            return Way::Uncached(counters);
        }
        let slot = Slot { cache, counters, policy, key, schema, groups, type_name };
        Way::Cached(Attempt::new(slot))
    }
}

enum Way {
    Cached(Box<Attempt>),
    /// The body just runs.
    Uncached(CountersOf<'static>),
}

impl Way {
    /// Where the call is awaited, `bypass(..)` may stand around it.
    fn enter(self) -> Result<Box<Attempt>, CountersOf<'static>> {
        match self {
            Self::Cached(mut attempt) => {
                if attempt.enters() {
                    Ok(attempt)
                } else {
                    Err(attempt.slot.counters)
                }
            }
            Self::Uncached(counters) => Err(counters),
        }
    }
}

/// The frame of a call: all that is compiled for each function, besides its load. Where it goes on is decided
/// by the [`Attempt`], which does not know what the function returns.
async fn answer<O, D, B>(way: Way, outcome: O, decode: D, body: B) -> O::Return
where
    O: Outcome,
    O::Value: Storable,
    D: Decode<O>,
    B: Body<O>,
    B::Running: Future<Output = O::Return> + Unpin,
{
    let mut attempt = match way.enter() {
        Ok(attempt) => attempt,
        Err(counters) => return load::uncached(counters, body).await,
    };
    loop {
        let reloads = match attempt.next().await {
            Next::Answer => false,
            Next::Reload => true,
            Next::Load => return load::load(attempt, &outcome, body).await,
        };
        let Some(returned) = decode.decode(&mut attempt, &outcome) else {
            attempt.cannot_decode();
            continue;
        };
        attempt.count();
        if reloads {
            body.reload(attempt, &outcome);
        }
        return returned;
    }
}

#[cfg(feature = "local")]
pub use copied::{CanBeCopied, CannotBeCopied, Copies, HasCopies, HasNoCopies, copied_entry};
#[cfg(feature = "local")]
pub use local::{Local, LocalCall, LocalValue, local, local_call};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
