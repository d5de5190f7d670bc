//! Calls of functions with `local`: answered with a copy in this process, if there is one that counts.

use std::any::type_name;
use std::sync::Arc;
use std::time::Duration;

use super::attempt::Attempt;
use super::background::{Here, Made, Owned};
use super::decode::Decode;
use super::slot::Slot;
use super::{Call, answer};
use crate::cache::Core;
use crate::error::Error;
use crate::freshness::fresh_for;
use crate::function::{CountersOf, Function, StoredType};
use crate::group::TagText;
use crate::health::Tracking;
use crate::key::LocalKey;
use crate::local::{LocalCopy, Original, owner};
use crate::loss::Loss;
use crate::outcome::{Outcome, Storable};
use crate::panics::guarded_here;
use crate::payload;
use crate::payload::codec::Format;
use crate::policy::Policy;
use crate::record::{Kind, Record};
use crate::scope::{Handle, Mode, mode};
use crate::session::Session;
use crate::store::Found;
use crate::watched::Begun;

/// What to do where no copies are kept.
const NO_COPIES: &str = "`local` has no effect on a cluster (docs/cluster.md): each hit is one GET";

/// A value of which copies are kept in the process.
#[diagnostic::on_unimplemented(
    message = "copies of `{Self}` cannot be kept in the process",
    label = "not `Clone + Send + Sync + 'static`",
    note = "with `local` every hit returns a clone: derive `Clone` for `{Self}`, or return `Arc<{Self}>`, whose clone copies nothing"
)]
pub trait LocalValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> LocalValue for T {}

/// What a call has to know before it can be answered with a copy.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// For how long at most a copy answers after an invalidation elsewhere.
    pub bound: Duration,
    /// What the copies of this function may take; `None`: what those of the cache may take together.
    pub max_bytes: Option<u64>,
    /// Schema version by hand.
    pub version: u32,
    /// This call neither reads nor writes.
    pub bypass: bool,
}

impl Local {
    /// The defaults for a given bound.
    #[inline]
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        Self { bound, max_bytes: None, version: 0, bypass: false }
    }
}

/// The answer of a call, if there is a copy that counts. Asked by generated code, before anything else is made.
pub fn local<O, K>(
    function: &'static Function,
    key: &K,
    local: &Local,
    cache: &Handle,
    outcome: &O,
) -> Option<O::Return>
where
    O: Outcome,
    O::Value: Storable + LocalValue,
    K: LocalKey,
{
    let stored = StoredType {
        type_name: type_name::<O::Value>(),
        version: local.version,
        classes: outcome.classes(),
        format: Format::of::<O::Codec, O::Value>(),
    };
    let core = cache.core();
    let (copy, counters) =
        key.find(function, |key| find_typed(function, key, local, core, stored))?;
    let (kind, returned) = returned(outcome, &copy)?;
    counters.copied(kind);
    Some(returned)
}

/// What a copy comes to.
pub(super) fn returned<O>(outcome: &O, copy: &LocalCopy) -> Option<(Kind, O::Return)>
where
    O: Outcome<Value: LocalValue>,
{
    let value = copy.value::<Option<O::Value>>()?;
    // Its `Clone` may panic.
    let returned = guarded_here(|| outcome.returned(value.clone()))??;
    Some((if value.is_some() { Kind::Value } else { Kind::Absence }, returned))
}

/// All of it that does not know the value.
fn find_typed<'a>(
    function: &'a Function,
    key: &[u8],
    terms: &Local,
    core: &Arc<Core>,
    stored: StoredType,
) -> Option<(Arc<LocalCopy>, CountersOf<'a>)> {
    let schema = function.known_schema(stored).or_else(|| function.schema(stored).ok())?;
    let counters = function.counters(core.id, || core.stats.of(function.prefix(), function.name()));
    if counters.shapes.is_unfaithful(schema) {
        return None;
    }
    find(function, key, terms, core, schema).map(|copy| (copy, counters))
}

/// The copy of what has this schema, if it counts.
pub(super) fn find(
    function: &Function,
    key: &[u8],
    terms: &Local,
    core: &Arc<Core>,
    schema: u64,
) -> Option<Arc<LocalCopy>> {
    let local = core.local.as_ref()?;
    // Which entries an invalidation that has failed is about is not worth finding out here. Before the copy is looked
    // for: a retry that succeeds after it was found has ended it.
    if terms.bypass || mode() != Mode::Use || core.invalidator.pending() != 0 {
        return None;
    }
    let owner = owner((function.prefix(), function.name()), terms.max_bytes);
    local.get(owner, key, schema, terms.bound)
}

/// A call that no copy has answered, and that may make one.
#[derive(Debug)]
pub struct LocalCall {
    call: Call,
    key: Option<Box<[u8]>>,
}

/// The call, made by generated code.
pub fn local_call<K: LocalKey>(
    function: &'static Function,
    key: &K,
    policy: Policy,
    cache: Handle,
) -> LocalCall {
    let bytes = key.find(function, |bytes| Some(bytes.into()));
    LocalCall { call: Call::new(function, key.entry(), policy, cache), key: bytes }
}

impl LocalCall {
    /// As [`Call::tagged`].
    #[must_use]
    pub fn tagged(mut self, tags: impl IntoIterator<Item = impl Into<TagText>>) -> Self {
        self.call = self.call.tagged(tags);
        self
    }

    /// As [`Call::run`].
    pub fn run<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = O::Return>
    where
        O: Outcome,
        O::Value: Storable + LocalValue,
        L: FnOnce() -> F,
        F: Future<Output = O::Return>,
    {
        let format = Format::of::<O::Codec, O::Value>();
        let way = self.call.way(outcome.classes(), type_name::<O::Value>(), format);
        let copying = Copying(self.key);
        answer(way, outcome, copying, Made(load, Here))
    }

    /// As [`Call::run_detachable`].
    pub fn run_detachable<O, L, F>(self, outcome: O, load: L) -> impl Future<Output = O::Return>
    where
        O: Outcome + Clone + Send + Sync + 'static,
        O::Value: Storable + LocalValue,
        L: FnOnce() -> F,
        F: Future<Output = O::Return> + Send + 'static,
    {
        let format = Format::of::<O::Codec, O::Value>();
        let way = self.call.way(outcome.classes(), type_name::<O::Value>(), format);
        let copying = Copying(self.key);
        answer(way, outcome, copying, Made(load, Owned))
    }
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
        let (header, payload) = attempt.opened()?;
        let (Some(begun), Some(key), Some(read)) = (begun, &self.0, &attempt.found) else {
            return payload::decode(outcome, header, &payload);
        };
        let copy = |value| attempt.slot.copy(begun, key, &read.record, value);
        payload::decode_and_copy(outcome, header, &payload, copy)
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
            if local.is_some() && matches!(session.condition().tracking, Tracking::Off(_)) {
                self.counters.local_off.increment();
            }
            self.says_no_copies();
            return Ok((session.read(&self.key, &self.groups).await?, None));
        };
        let (found, is_watched) = session.read_watched(&self.key, &self.groups).await?;
        Ok((found, is_watched.then_some(begun)))
    }

    /// On a cluster no copies are kept, which is not to be silent.
    pub(crate) fn says_no_copies(&self) {
        let core = self.core();
        if core.settings.buckets.is_some() {
            self.counters.local_off.increment();
            core.losses.report(Loss::NoCopies, Some(self.counters.function()), NO_COPIES);
        }
    }

    pub(super) fn copy<T: LocalValue>(
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
            let owner = owner(self.counters.function(), self.policy.local_max_bytes);
            local.keep(begun, owner, key, &Original { record, fresh, since }, value);
        }
    }
}
