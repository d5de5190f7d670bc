//! What people write, for tests and the fuzzer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something of each kind that formats treat in their own way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) note: Option<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) prices: BTreeMap<String, f64>,
    pub(crate) state: State,
    pub(crate) total: (i128, u128),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line(pub(crate) u32, pub(crate) char, pub(crate) Option<Vec<u8>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum State {
    Open,
    Paid(u64),
    Sent { on: String, parts: [u8; 3] },
    Back(u8, bool),
}

#[cfg(test)]
impl Order {
    /// One in each state.
    pub(crate) fn some() -> Vec<Self> {
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
