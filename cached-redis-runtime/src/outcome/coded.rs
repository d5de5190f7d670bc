//! `codec = …`

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Outcome, View};
use crate::group::TagText;
use crate::payload::codec::ValueCodec;

/// An outcome whose values are written by another codec than JSON.
pub struct Coded<C, O> {
    outcome: O,
    codec: PhantomData<fn() -> C>,
}

/// Values are written by `C`. The outermost option: others do not pass it on.
pub fn coded<C: ValueCodec, O: Outcome>(outcome: O) -> Coded<C, O> {
    Coded { outcome, codec: PhantomData }
}

impl<C, O: Clone> Clone for Coded<C, O> {
    fn clone(&self) -> Self {
        Self { outcome: self.outcome.clone(), codec: PhantomData }
    }
}

impl<C, O: fmt::Debug> fmt::Debug for Coded<C, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Coded").field(&self.outcome).finish()
    }
}

impl<C: ValueCodec, O: Outcome> Outcome for Coded<C, O> {
    type Return = O::Return;
    type Value = O::Value;
    type Codec = C;

    fn view<'a>(&self, returned: &'a O::Return) -> View<'a, O::Value> {
        self.outcome.view(returned)
    }

    fn present(&self, value: O::Value) -> O::Return {
        self.outcome.present(value)
    }

    fn absent(&self) -> Option<O::Return> {
        self.outcome.absent()
    }

    fn life(&self, value: &O::Value) -> Option<Duration> {
        self.outcome.life(value)
    }

    fn same(&self, one: &O::Value, other: &O::Value) -> Option<bool> {
        self.outcome.same(one, other)
    }

    fn tags(&self, value: &O::Value) -> Vec<TagText> {
        self.outcome.tags(value)
    }

    fn classes(&self) -> &'static [&'static str] {
        self.outcome.classes()
    }
}
