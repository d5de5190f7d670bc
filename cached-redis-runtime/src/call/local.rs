//! Calls of functions with `local`: answered with a copy in this process, if there is one that counts.

use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::Attempt;
use super::background::{Here, Made, Owned};
use super::decode::Decode;
use super::slot::Slot;
use super::{Call, Way, answer};
use crate::cache::Core;
use crate::codec;
use crate::error::Error;
use crate::freshness::fresh_for;
use crate::function::Function;
use crate::group::TagText;
use crate::key::LocalKey;
use crate::local::{LocalCopy, Original, Owner};
use crate::outcome::{Outcome, Storable};
use crate::panics::guarded;
use crate::policy::Policy;
use crate::record::Record;
use crate::scope::{Handle, Mode, mode};
use crate::session::Session;
use crate::stats::Counters;
use crate::store::Found;
use crate::watched::Begun;

/// A value of which copies are kept in the process.
#[diagnostic::on_unimplemented(
    message = "copies of `{Self}` cannot be kept in the process",
    label = "not `Clone + Send + Sync + 'static`",
    note = "with `local` every hit returns a clone: derive `Clone` for `{Self}`, or return `Arc<{Self}>`, whose clone copies nothing"
)]
pub trait LocalValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> LocalValue for T {}

/// A call that is answered already, or goes on as any other.
#[derive(Debug)]
pub struct LocalCall<R>(Look<R>);

#[derive(Debug)]
enum Look<R> {
    Copy(R),
    /// The key of the copy that is to be made.
    Nothing(Call, Option<Box<[u8]>>),
}

/// Looks for a copy, made by generated code.
pub fn local<O>(
    function: &'static Function,
    key: LocalKey,
    policy: Policy,
    cache: Handle,
    outcome: &O,
) -> LocalCall<O::Return>
where
    O: Outcome,
    O::Value: LocalValue,
{
    let schema = function.schema(type_name::<O::Value>(), policy.version, outcome.classes());
    if let Some(copy) = find(function, &key, &policy, cache.core(), schema)
        && let Some(value) = copy.value::<Option<O::Value>>()
        // Its `Clone` may panic.
        && let Some(Some(returned)) = guarded(|| match value {
            Some(value) => Some(outcome.present(value.clone())),
            None => outcome.absent(),
        })
    {
        count(function, cache.core(), value.is_some());
        return LocalCall(Look::Copy(returned));
    }
    let bytes = key.bytes().map(Box::from);
    LocalCall(Look::Nothing(Call::new(function, key.entry(), policy, cache), bytes))
}

/// All of it that does not know the value.
fn find(
    function: &'static Function,
    key: &LocalKey,
    policy: &Policy,
    core: &Arc<Core>,
    schema: u64,
) -> Option<Arc<LocalCopy>> {
    let (local, bound, bytes) = (core.local.as_ref()?, policy.local?, key.bytes()?);
    if policy.bypass || mode() != Mode::Use {
        return None;
    }
    let copy = local.get(owner(function, policy), bytes, schema, bound)?;
    // Which entries an invalidation that has failed is about is not worth finding out here.
    let is_outstanding = core.invalidator.pending() != 0;
    let is_unfaithful = || counters(function, core, |counters| counters.shapes.is_unfaithful(schema));
    (!is_outstanding && !is_unfaithful()).then_some(copy)
}

/// Whose copies these are, if they are bounded apart.
fn owner(function: &Function, policy: &Policy) -> Option<Owner> {
    policy.local_max_bytes.map(|bytes| (function.prefix(), function.name(), bytes))
}

fn count(function: &'static Function, core: &Core, is_value: bool) {
    counters(function, core, |counters| {
        if is_value { &counters.local_values } else { &counters.local_absences }.increment();
    });
}

fn counters<T>(function: &'static Function, core: &Core, with: impl FnOnce(&Counters) -> T) -> T {
    let of = || core.stats.of(function.prefix(), function.name());
    with(&function.counters(core.id, of))
}

impl<R> LocalCall<R> {
    /// Puts the entry into groups, unless the call is answered already.
    #[must_use]
    pub fn tagged<T, I>(self, tags: T) -> Self
    where
        T: FnOnce() -> I,
        I: IntoIterator<Item: Into<TagText>>,
    {
        match self.0 {
            Look::Nothing(call, key) => Self(Look::Nothing(call.tagged(tags()), key)),
            Look::Copy(_) => self,
        }
    }

    /// As [`Call::run`].
    pub fn run<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = R>
    where
        O: Outcome<Return = R>,
        O::Value: Storable + LocalValue,
        L: FnOnce() -> F,
        F: Future<Output = R>,
    {
        let way = self.way(&outcome);
        async move {
            match way {
                LocalWay::Copy(returned) => returned,
                LocalWay::Other(way, copying) => {
                    answer(way, &outcome, &copying, Made(load, Here)).await
                }
            }
        }
    }

    /// As [`Call::run_detachable`].
    pub fn run_detachable<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = R>
    where
        O: Outcome<Return = R> + Clone + Send + Sync + 'static,
        O::Value: Storable + LocalValue,
        L: FnOnce() -> F,
        F: Future<Output = R> + Send + 'static,
    {
        let way = self.way(&outcome);
        async move {
            match way {
                LocalWay::Copy(returned) => returned,
                LocalWay::Other(way, copying) => {
                    answer(way, &outcome, &copying, Made(load, Owned)).await
                }
            }
        }
    }

    fn way<O: Outcome<Return = R>>(self, outcome: &O) -> LocalWay<R> {
        match self.0 {
            Look::Copy(returned) => LocalWay::Copy(returned),
            Look::Nothing(call, key) => {
                let way = call.way(outcome.classes(), type_name::<O::Value>());
                LocalWay::Other(way, Copying(key))
            }
        }
    }
}

enum LocalWay<R> {
    Copy(R),
    Other(Way, Copying),
}

/// Keeps a copy of what was read under a watch, under this key.
struct Copying(Option<Box<[u8]>>);

impl<O> Decode<O> for Copying
where
    O: Outcome,
    O::Value: Storable + LocalValue,
{
    fn decode(&self, attempt: &mut Attempt, outcome: &O) -> Option<O::Return> {
        let read = attempt.found.as_mut()?;
        let begun = read.begun.take();
        guarded(|| {
            let value = codec::decode_value::<O::Value>(&read.record)?;
            if let (Some(begun), Some(key)) = (begun, &self.0) {
                attempt.slot.copy(begun, key, &read.record, value.clone());
            }
            match value {
                Some(value) => Some(outcome.present(value)),
                None => outcome.absent(),
            }
        })
        .flatten()
    }
}

impl Slot {
    /// Reads the entry, under a watch if a copy is to be made of it.
    pub(super) async fn read_watched(
        &self,
        bound: Duration,
        session: &mut Session<'_>,
    ) -> Result<(Option<Found>, Option<Begun>), Error> {
        let local = self.core().local.as_ref();
        let Some(begun) = local.and_then(|local| local.begin(&self.key, bound)) else {
            return Ok((session.read(&self.key, &self.groups).await?, None));
        };
        let (found, is_watched) = session.read_watched(&self.key, &self.groups).await?;
        Ok((found, is_watched.then_some(begun)))
    }

    fn copy<T: LocalValue>(
        &self,
        begun: Begun,
        key: &[u8],
        record: &Record,
        value: Option<T>,
    ) {
        let Some(local) = &self.core().local else { return };
        // In this order, so that no time is counted twice.
        let since = local.now();
        let Some(now) = self.core().now(&self.key) else { return };
        if let Some(fresh) = fresh_for(record.header(), now, &self.policy)
            && !fresh.is_zero()
        {
            let (prefix, name) = self.counters.function();
            let owner = self.policy.local_max_bytes.map(|bytes| (prefix, name, bytes));
            local.keep(begun, owner, key, &Original { record, fresh, since }, value);
        }
    }
}
