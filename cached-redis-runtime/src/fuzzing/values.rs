//! Types of every shape that a format treats in its own way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What people write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) note: Option<String>,
    pub(super) lines: Vec<Line>,
    pub(super) prices: BTreeMap<String, f64>,
    pub(super) state: State,
    pub(super) total: (i128, u128),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line(pub(super) u32, pub(super) char, pub(super) Option<Vec<u8>>);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum State {
    Open,
    Paid(u64),
    Sent { on: String, parts: [u8; 3] },
    Back(u8, bool),
}

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

#[cfg(test)]
impl Order {
    /// One in each state.
    pub(super) fn some() -> Vec<Self> {
        let states = [
            State::Open,
            State::Paid(u64::MAX),
            State::Sent { on: "Monday".to_owned(), parts: [1, 2, 255] },
            State::Back(0, true),
        ];
        let order = |state| Self {
            id: 7,
            note: Some("two\nlines".to_owned()),
            lines: vec![Line(1, 'é', None), Line(2, '\0', Some(vec![0, 255]))],
            prices: BTreeMap::from([("a".to_owned(), 0.1), (String::new(), -1e300)]),
            state,
            total: (i128::MIN, u128::MAX),
        };
        states.into_iter().map(order).collect()
    }
}
