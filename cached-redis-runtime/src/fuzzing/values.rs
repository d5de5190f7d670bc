//! Types of every shape that a format treats in its own way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Each way to be nested.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Deep {
    End,
    List(Vec<Deep>),
    Map(BTreeMap<u8, Deep>),
    Some(Option<Box<Deep>>),
    Pair(Box<Deep>, u8),
    Struct { inner: Box<Deep> },
}

/// Nothing that JSON writes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Layers(Option<Box<Layers>>);

/// Lists in lists: where a length is believed, each of them takes memory before its first element is read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Lists(Vec<Lists>);

/// An element that takes no bytes in a format without names, and memory all the same.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Skipped {
    #[serde(skip)]
    _cached: [u64; 16],
}
