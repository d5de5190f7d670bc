//! How deeply a value may be nested.
//!
//! Serializing recurses once for each layer. A value that comes from outside can have thousands, and a
//! stack that overflows ends the process: no `catch_unwind` helps. So serializers stop here, with an error.

/// What the JSON reader takes: it refuses the 128th list or map inside of another.
const CONTAINERS: u8 = 127;

/// `Some` and newtypes write nothing that a reader would count, and take stack all the same.
const LAYERS: u16 = 4 * CONTAINERS as u16;

/// How much deeper a value may go from here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    containers: u8,
    layers: u16,
}

impl Depth {
    /// At the outside of a value.
    pub(crate) const OUTSIDE: Self = Self { containers: CONTAINERS, layers: LAYERS };

    /// Inside of a list, a map, a structure or a variant with content.
    pub(crate) fn in_container(self) -> Option<Self> {
        let containers = self.containers.checked_sub(1)?;
        self.in_layer().map(|inside| Self { containers, ..inside })
    }

    /// Inside of `Some` or of a newtype.
    pub(crate) fn in_layer(self) -> Option<Self> {
        self.layers.checked_sub(1).map(|layers| Self { layers, ..self })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::fmt;

    use serde::{Deserialize, Serialize};

    use super::{CONTAINERS, Depth, LAYERS};

    /// Each way to be nested.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) enum Deep {
        End,
        List(Vec<Deep>),
        Map(BTreeMap<u8, Deep>),
        Some(Option<Box<Deep>>),
        New(New),
        Pair(Box<Deep>, u8),
        Struct { inner: Box<Deep> },
        Layers(Layers),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct New(Box<Deep>);

    /// Nothing that JSON writes.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Layers(Option<Box<Layers>>);

    impl Deep {
        /// One of each kind, so deep.
        pub(crate) fn all(depth: usize) -> Vec<Self> {
            let wraps: [fn(Self) -> Self; 6] = [
                |inner| Self::List(vec![inner]),
                |inner| Self::Map(BTreeMap::from([(1, inner)])),
                |inner| Self::Some(Some(Box::new(inner))),
                |inner| Self::New(New(Box::new(inner))),
                |inner| Self::Pair(Box::new(inner), 1),
                |inner| Self::Struct { inner: Box::new(inner) },
            ];
            let mut all: Vec<_> = wraps
                .iter()
                .map(|wrap| (0..depth / 2).fold(Self::End, |inner, _| wrap(inner)))
                .collect();
            let layers = (0..depth).fold(Layers(None), |inner, _| Layers(Some(Box::new(inner))));
            all.push(Self::Layers(layers));
            all
        }
    }

    /// Its outermost kind; all of it would be as deep.
    impl fmt::Display for Deep {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(match self {
                Self::End => "end",
                Self::List(_) => "list",
                Self::Map(_) => "map",
                Self::Some(_) => "some",
                Self::New(_) => "newtype",
                Self::Pair(..) => "pair",
                Self::Struct { .. } => "struct",
                Self::Layers(_) => "layers",
            })
        }
    }

    #[test]
    fn both_kinds_of_layers_end() {
        let count = |step: fn(Depth) -> Option<Depth>| {
            std::iter::successors(Some(Depth::OUTSIDE), |depth| step(*depth)).skip(1).count()
        };
        assert_eq!(count(Depth::in_container), usize::from(CONTAINERS));
        assert_eq!(count(Depth::in_layer), usize::from(LAYERS));
    }
}
