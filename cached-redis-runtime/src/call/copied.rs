//! Entries of functions with `local`, from outside: a batch that has them answers with copies too, and makes them.

use super::Call;
use super::local::{Local, LocalValue, find, returned};
use super::slot::Slot;
use crate::entry::{CopyKey, Entry, Meaning, Parts};
use crate::error::Error;
use crate::key::LocalKey;
use crate::local::LocalCopy;
use crate::outcome::{Outcome, Storable};
use crate::payload::codec::Format;
use crate::payload::{self, Assessed, Encoding, Gate};
use crate::record::{Header, Kind, Record};
use crate::scope::Choice;
use crate::watched::Begun;

/// The entry that a call of a function with `local` is about, whose copies have this key.
pub fn copied_entry<C, K, O>(mut call: Call<C>, key: &K, outcome: O) -> Entry<O::Return>
where
    C: Into<Choice>,
    K: LocalKey,
    O: Outcome + Send + Sync + 'static,
    O::Value: Storable + LocalValue,
{
    let groups = call.take_groups(outcome.classes());
    let Call { function, key: entry, policy, cache, .. } = call;
    let bytes = key.find(function, |bytes| Some(Box::from(bytes)));
    let copy_key = bytes.map(|bytes| CopyKey { function, bytes });
    let parts = Parts { choice: cache.into(), function, key: entry, policy, groups };
    let format = Format::of::<O::Codec, O::Value>();
    Entry::of(parts, format, copy_key, Copied(outcome))
}

/// Asks whether there can be copies of what an outcome keeps. Where there can be none, the function itself does not
/// compile, and its entry says nothing of that.
#[derive(Debug)]
pub struct Copies<'a, O>(pub &'a O);

/// There can be.
#[derive(Clone, Copy, Debug)]
pub struct HasCopies;

/// There can be none.
#[derive(Clone, Copy, Debug)]
pub struct HasNoCopies;

/// Found first.
pub trait CanBeCopied {
    /// See [`Copies`].
    fn ask(&self) -> HasCopies {
        HasCopies
    }
}

/// Found otherwise.
pub trait CannotBeCopied {
    /// See [`Copies`].
    fn ask(&self) -> HasNoCopies {
        HasNoCopies
    }
}

impl<O: Outcome<Value: LocalValue>> CanBeCopied for &Copies<'_, O> {}

impl<O> CannotBeCopied for Copies<'_, O> {}

impl HasCopies {
    /// The entry of a call.
    pub fn entry<C, K, O>(self, call: Call<C>, key: &K, outcome: O) -> Entry<O::Return>
    where
        C: Into<Choice>,
        K: LocalKey,
        O: Outcome + Send + Sync + 'static,
        O::Value: Storable + LocalValue,
    {
        copied_entry(call, key, outcome)
    }
}

impl HasNoCopies {
    /// The entry of a call.
    pub fn entry<C, K, O>(self, call: Call<C>, _: &K, outcome: O) -> Entry<O::Return>
    where
        C: Into<Choice>,
        O: Outcome + Send + Sync + 'static,
        O::Value: Storable,
    {
        call.entry(outcome)
    }
}

/// What an entry means of which there are copies.
struct Copied<O>(O);

impl<O> Meaning<O::Return> for Copied<O>
where
    O: Outcome + Send + Sync,
    O::Value: Storable + LocalValue,
{
    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    fn encode(&self, returned: &O::Return, schema: u64) -> Result<Option<Encoding>, Error> {
        self.0.encode(returned, schema)
    }

    fn decode(&self, header: &Header, payload: &[u8]) -> Option<O::Return> {
        self.0.decode(header, payload)
    }

    fn absent(&self) -> Option<O::Return> {
        Meaning::absent(&self.0)
    }

    fn assess(&self, returned: &O::Return, schema: u64, gate: &dyn Gate) -> Assessed {
        self.0.assess(returned, schema, gate)
    }

    fn copied(&self, copy: &LocalCopy) -> Option<(Kind, O::Return)> {
        returned(&self.0, copy)
    }

    fn decode_and_copy(
        &self,
        header: &Header,
        payload: &[u8],
        copying: Copying<'_>,
    ) -> Option<O::Return> {
        payload::decode_and_copy(&self.0, header, payload, |value| copying.keep(value))
    }
}

/// A copy that is about to be made of what was read under a watch.
pub(crate) struct Copying<'a> {
    pub(crate) slot: &'a Slot,
    pub(crate) record: &'a Record,
    pub(crate) begun: Begun,
    pub(crate) key: &'a CopyKey,
}

impl Copying<'_> {
    fn keep<T: LocalValue>(self, value: Option<T>) {
        let Self { slot, record, begun, key } = self;
        slot.copy(begun, &key.bytes, record, value);
    }
}

impl Slot {
    /// The answer of a copy of this entry, if there is one that counts, and counts it.
    pub(crate) fn copied<R>(&self, key: &CopyKey, meaning: &dyn Meaning<R>) -> Option<R> {
        let bound = self.policy.local?;
        let terms = Local { max_bytes: self.policy.local_max_bytes, ..Local::new(bound) };
        let copy = find(key.function, &key.bytes, &terms, self.core(), self.schema)?;
        let (kind, returned) = meaning.copied(&copy)?;
        self.counters.copied(kind);
        Some(returned)
    }
}
