use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::fingerprint;

/// Types of one name, which only what they are made of tells apart.
macro_rules! version {
    ($module:ident { $($item:item)* }) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(#[derive(Serialize, Deserialize)] $item)*
            pub(super) fn print() -> Option<u64> {
                fingerprint::<Root>()
            }
        }
    };
}

version! { base { pub(super) struct Root { id: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, u8) } struct Part(u16, NonZeroU32); } }
version! { same { pub(super) struct Root { id: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, u8) } struct Part(u16, NonZeroU32); } }
version! { renamed { pub(super) struct Root { number: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, u8) } struct Part(u16, NonZeroU32); } }
version! { swapped { pub(super) struct Root { id: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { y: f32, x: f32 }, D(u8, u8) } struct Part(u16, NonZeroU32); } }
version! { last_variant { pub(super) struct Root { id: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, i8) } struct Part(u16, NonZeroU32); } }
version! { in_list { pub(super) struct Root { id: u64, name: Option<String>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, u8) } struct Part(i16, NonZeroU32); } }
version! { in_option { pub(super) struct Root { id: u64, name: Option<char>, kind: Kind, parts: Vec<Part> }
enum Kind { A, B(u8), C { x: f32, y: f32 }, D(u8, u8) } struct Part(u16, NonZeroU32); } }

#[test]
fn whatever_changes_in_a_type_changes_its_fingerprint() {
    let base = base::print().expect("a plain type");
    assert_eq!(same::print(), Some(base));
    let others = [
        ("a field by another name", renamed::print()),
        ("fields of a variant in another order", swapped::print()),
        ("the last variant", last_variant::print()),
        ("inside of a list", in_list::print()),
        ("inside of an option", in_option::print()),
    ];
    for (what, other) in others {
        assert!(other.is_some_and(|other| other != base), "{what}");
    }
}

#[derive(Serialize, Deserialize)]
enum Tree {
    Both(Box<Tree>, Box<Tree>),
    Named { inner: BTreeMap<String, Tree>, inside: Inside },
    Maybe(Option<Box<Tree>>),
    Leaf(u8),
}

#[derive(Serialize, Deserialize)]
enum Inside {
    Again(Box<Tree>),
    Deeper(Vec<Inside>),
    End,
}

#[derive(Serialize, Deserialize)]
struct List {
    value: u8,
    next: Option<Box<List>>,
    others: Vec<List>,
}

#[test]
fn a_type_that_contains_itself_has_one() {
    assert!(fingerprint::<List>().is_some());
    assert!(fingerprint::<Tree>().is_some());
    assert_eq!(fingerprint::<Tree>(), fingerprint::<Tree>());
}

#[test]
fn what_does_not_let_itself_be_looked_into_has_none() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A(u8),
    }
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[derive(Debug)]
    struct Picky;
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let text = String::deserialize(from)?;
            if text.len() == 8 { Ok(Self) } else { Err(serde::de::Error::custom("no date")) }
        }
    }
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("the type's own code")
        }
    }
    #[derive(Deserialize)]
    struct Endless(#[expect(dead_code, reason = "never made")] Box<Endless>);
    assert_eq!(fingerprint::<Untagged>(), None);
    assert_eq!(fingerprint::<Flat>(), None);
    assert_eq!(fingerprint::<Picky>(), None);
    assert_eq!(fingerprint::<Panics>(), None);
    assert_eq!(fingerprint::<Endless>(), None);
    assert_eq!(fingerprint::<serde_json::Value>(), None);
}
