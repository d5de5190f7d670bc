//! Whether values can be stored, asked once and in one place.

use super::{Outcome, Storable, View};

/// Asks whether values can be stored: `(&&Stored(&outcome)).check().pass(outcome)`.
///
/// Where they cannot, the compiler says so here, and goes on with an outcome that can be used:
/// otherwise it would say so again for everything that is done with it.
#[derive(Debug)]
pub struct Stored<'a, O>(pub &'a O);

/// Asked first.
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
