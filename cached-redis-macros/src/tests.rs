//! Tests of whole attributes. None of this is in the package.

mod fuzz;
mod messages;
mod options;
