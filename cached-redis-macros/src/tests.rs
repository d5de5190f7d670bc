//! Tests of whole attributes.

mod messages;
