//! The engine of invalidations: what removes entries and generations and retries that until it has succeeded, and the
//! fences that keep anything from being stored meanwhile. What writes make of it is in [`writes`](crate::writes).

mod fence;
mod invalidator;
mod retries;
mod target;

pub(crate) use fence::Fence;
pub(crate) use invalidator::{Before, Invalidator};
pub(crate) use target::Target;
