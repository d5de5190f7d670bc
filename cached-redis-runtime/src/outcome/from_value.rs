//! What `ttl_with` and `tags` take from a loaded value.

use std::fmt;
use std::time::Duration;

use super::{Outcome, View};
use crate::group::TagText;
use crate::policy::IntoDuration;

/// `ttl_with = |v| …`
pub struct TtlWith<O, F, D> {
    outcome: O,
    life: F,
    // Kept instead of asked for once more, so that what is no length of time is reported once.
    into_duration: fn(D) -> Duration,
}

impl<O: Clone, F: Clone, D> Clone for TtlWith<O, F, D> {
    fn clone(&self) -> Self {
        let Self { outcome, life, into_duration } = self;
        Self { outcome: outcome.clone(), life: life.clone(), into_duration: *into_duration }
    }
}

/// The fresh life of a value is what `life` says, `ttl` at most.
pub fn ttl_with<O, F, D>(outcome: O, life: F) -> TtlWith<O, F, D>
where
    O: Outcome,
    F: Fn(&O::Value) -> D,
    D: IntoDuration,
{
    TtlWith { outcome, life, into_duration: D::into_duration }
}

impl<O, F, D> Outcome for TtlWith<O, F, D>
where
    O: Outcome,
    F: Fn(&O::Value) -> D,
{
    type Return = O::Return;
    type Value = O::Value;
    type Codec = O::Codec;

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
        Some((self.into_duration)((self.life)(value)))
    }
}

/// `tags = ["brand:{ret.brand}"]`
#[derive(Clone)]
pub struct Tagged<O, F> {
    outcome: O,
    classes: &'static [&'static str],
    tags: F,
}

/// A value is in the groups that `tags` names, each of one of these classes. The outermost option:
/// others do not pass it on.
pub fn tags<O, F>(outcome: O, classes: &'static [&'static str], tags: F) -> Tagged<O, F>
where
    O: Outcome,
    F: Fn(&O::Value) -> Vec<TagText>,
{
    Tagged { outcome, classes, tags }
}

impl<O, F> Outcome for Tagged<O, F>
where
    O: Outcome,
    F: Fn(&O::Value) -> Vec<TagText>,
{
    type Return = O::Return;
    type Value = O::Value;
    type Codec = O::Codec;

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

    fn tags(&self, value: &O::Value) -> Vec<TagText> {
        (self.tags)(value)
    }

    fn classes(&self) -> &'static [&'static str] {
        self.classes
    }
}

macro_rules! debug {
    ($($option:ident<O $(, $generic:ident)*>),*) => {$(
        impl<O: fmt::Debug $(, $generic)*> fmt::Debug for $option<O $(, $generic)*> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_tuple(stringify!($option)).field(&self.outcome).finish()
            }
        }
    )*};
}

debug!(TtlWith<O, F, D>, Tagged<O, F>);
