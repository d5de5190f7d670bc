//! What an invalidation removes.

use crate::function::Function;

/// What is to be removed: an entry, or the generation of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) key: String,
    /// The generation of a tag's class, which must not go later than the tag's own.
    pub(crate) class: Option<String>,
    /// Whose entries these are, where that is known: for what is said when the server refuses.
    pub(crate) function: Option<(&'static str, &'static str)>,
}

impl Target {
    pub(crate) fn new(key: String) -> Self {
        Self { key, class: None, function: None }
    }

    /// Entries of this function.
    pub(crate) fn of(function: &Function, key: String) -> Self {
        Self { function: Some((function.prefix(), function.name())), ..Self::new(key) }
    }

    /// Its keys, in the order in which they are to go.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.class.iter().chain([&self.key])
    }
}
