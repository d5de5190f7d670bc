//! What a write does to the cache: it removes entries ([`invalidates`], behind a guard or not), stores what it has made of
//! them ([`updates`]), or writes down what it has made outdated ([`outbox`]); or it leaves that
//! to the [`transaction`] around it. How entries are removed is the matter of
//! [`invalidation`](crate::invalidation).

mod invalidate;
mod invalidates;
mod outbox;
mod returned;
mod transaction;
mod updates;

pub use invalidate::{Invalidate, InvalidateAll};
pub use invalidates::Writes;
pub use outbox::Invalidations;
pub use returned::{
    BorrowedMembers, ClonedMembers, Iterated, Returned, ReturnedPlain, ReturnedResult,
};
pub use transaction::transaction;
pub use updates::{Update, Updates};
