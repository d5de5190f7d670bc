//! Whether values can be stored, asked once and in one place.

use std::time::Duration;

use super::{Outcome, Storable, View};
use crate::group::TagText;
use crate::payload::codec::Json;

/// Asks whether values can be stored, and compared: `(&&&Stored(&outcome)).check().pass(outcome)`.
///
/// Where they cannot, the compiler says so here, and goes on with an outcome that can be used:
/// otherwise it would say so again for everything that is done with it.
#[derive(Debug)]
pub struct Stored<'a, O>(pub &'a O);

/// Asked first.
pub trait CanBeCompared {
    /// They can be stored, and compared with what is read back.
    fn check(&self) -> Compare;
}

impl<O> CanBeCompared for &&Stored<'_, O>
where
    O: Outcome,
    O::Value: Storable + PartialEq,
{
    fn check(&self) -> Compare {
        Compare
    }
}

/// The outcome can be used, and its values compared.
#[derive(Debug)]
pub struct Compare;

impl Compare {
    /// The outcome with its values' own comparison.
    pub fn pass<O>(self, outcome: O) -> Compared<O> {
        Compared(outcome)
    }
}

/// An outcome whose values can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared<O>(O);

impl<O> Outcome for Compared<O>
where
    O: Outcome,
    O::Value: PartialEq,
{
    type Return = O::Return;
    type Value = O::Value;
    type Codec = O::Codec;

    fn view<'a>(&self, returned: &'a O::Return) -> View<'a, O::Value> {
        self.0.view(returned)
    }

    fn present(&self, value: O::Value) -> O::Return {
        self.0.present(value)
    }

    fn absent(&self) -> Option<O::Return> {
        self.0.absent()
    }

    fn life(&self, value: &O::Value) -> Option<Duration> {
        self.0.life(value)
    }

    fn same(&self, one: &O::Value, other: &O::Value) -> Option<bool> {
        // One that differs from itself, as a NaN does, says nothing.
        #[expect(clippy::eq_op, reason = "NaN")]
        let says = one == one;
        says.then(|| one == other)
    }

    fn tags(&self, value: &O::Value) -> Vec<TagText> {
        self.0.tags(value)
    }

    fn classes(&self) -> &'static [&'static str] {
        self.0.classes()
    }
}

/// Asked second.
pub trait CanBeStored {
    /// They can.
    fn check(&self) -> Pass;
}

impl<O> CanBeStored for &Stored<'_, O>
where
    O: Outcome,
    O::Value: Storable,
{
    fn check(&self) -> Pass {
        Pass
    }
}

/// Asked last.
pub trait CannotBeStored {
    /// What cannot be stored.
    type Value;
    /// Does not compile.
    fn check(&self) -> Refuse
    where
        Self::Value: Storable;
}

impl<O: Outcome> CannotBeStored for Stored<'_, O> {
    type Value = O::Value;

    fn check(&self) -> Refuse
    where
        O::Value: Storable,
    {
        Refuse
    }
}

/// The outcome can be used.
#[derive(Debug)]
pub struct Pass;

impl Pass {
    /// The outcome as it is.
    pub fn pass<O>(self, outcome: O) -> O {
        outcome
    }
}

/// The outcome cannot be used.
#[derive(Debug)]
pub struct Refuse;

impl Refuse {
    /// An outcome that stores nothing.
    pub fn pass<O: Outcome>(self, outcome: O) -> Refused<O> {
        Refused(outcome)
    }
}

/// What code goes on with that does not compile.
#[derive(Debug)]
pub struct Refused<O>(O);

impl<O: Outcome> Outcome for Refused<O> {
    type Return = O::Return;
    type Value = ();
    type Codec = Json;

    fn view<'a>(&self, _: &'a O::Return) -> View<'a, ()> {
        View::Unwanted
    }

    #[expect(clippy::unreachable, reason = "what uses it does not compile")]
    fn present(&self, (): ()) -> O::Return {
        unreachable!("what uses it does not compile")
    }

    fn absent(&self) -> Option<O::Return> {
        self.0.absent()
    }
}
