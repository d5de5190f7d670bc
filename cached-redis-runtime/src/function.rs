//! The identity of a cached function: what makes its keys its own.

use std::any::type_name;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::group::Group;
#[cfg(feature = "local")]
use crate::key::KeyBytes;
use crate::key::{self, Identity, KeyBuilder, KeyError, TemplateBuilder};
use crate::payload::codec::Format;
use crate::stats::Counters;

/// Version of the key encoding, as part of a namespace that was not chosen.
pub(crate) const KEY_FORMAT: u32 = 1;

/// Version of the key encoding; part of every key, so that a change of the encoding can never
/// read an entry of the old one.
const KEY_ENCODING: &[u8] = b"cached-redis key v1";

/// The static facts of one `#[redis_cached]` function. Lives in a `static` of the generated code.
#[derive(Debug)]
pub struct Function {
    prefix: &'static str,
    name: &'static str,
    ident: &'static str,
    key_shape: &'static str,
    // A function that is not generic has one scope, one stored type and nearly always one cache.
    // What follows from the first of each is computed once per process; others are computed anew.
    identity: OnceLock<(Scope, Result<Identity, KeyError>)>,
    schema: OnceLock<(StoredType, Result<u64, Error>)>,
    counters: OnceLock<(u64, Arc<Counters>)>,
    group: OnceLock<Group>,
}

/// What the values of one stored type are stored as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredType {
    pub(crate) type_name: &'static str,
    pub(crate) version: u32,
    /// Of the tags that its values name.
    pub(crate) classes: &'static [&'static str],
    pub(crate) format: Format,
}

impl StoredType {
    fn schema(self) -> Result<u64, Error> {
        let Self { type_name, version, classes, format } = self;
        format.schema(key::schema(version, type_name, classes), version)
    }

    fn is(self, other: Self) -> bool {
        same(self.type_name, other.type_name)
            && self.version == other.version
            && self.format.codec() == other.format.codec()
            && (std::ptr::eq(self.classes, other.classes) || self.classes == other.classes)
    }
}

/// Where a function lives.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The name of a type that is declared there.
    path: &'static str,
    /// The function in whose body that is; what stands before it is the scope. Empty if `path` is
    /// the scope itself.
    own: &'static str,
}

impl Function {
    /// `prefix` and `name` are the first parts of the key's text, `ident` is the function's own
    /// name, `key_shape` the source text of what the key is made of.
    #[must_use]
    pub const fn new(
        prefix: &'static str,
        name: &'static str,
        ident: &'static str,
        key_shape: &'static str,
    ) -> Self {
        Self {
            prefix,
            name,
            ident,
            key_shape,
            identity: OnceLock::new(),
            schema: OnceLock::new(),
            counters: OnceLock::new(),
            group: OnceLock::new(),
        }
    }

    /// First part of the key's text.
    #[must_use]
    pub const fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// Second part of the key's text.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All its entries.
    pub(crate) fn group(&self) -> Group {
        *self.group.get_or_init(|| Group::function(self.prefix, self.name))
    }

    /// Starts a hashed key. `scope` is where the function lives (see [`scope`]), `generics` the
    /// names of the types it was instantiated with.
    #[must_use]
    pub fn key(&self, scope: impl Into<Scope>, generics: &[&'static str]) -> KeyBuilder {
        KeyBuilder::new(&self.identity(scope.into(), generics))
    }

    /// Starts the key of a copy in this process.
    #[cfg(feature = "local")]
    #[must_use]
    pub fn local_key(
        &self,
        scope: impl Into<Scope>,
        generics: &[&'static str],
    ) -> KeyBuilder<KeyBytes> {
        KeyBuilder::new(&self.identity(scope.into(), generics))
    }

    /// Starts a readable key.
    #[must_use]
    pub fn template(&self, scope: impl Into<Scope>, generics: &[&'static str]) -> TemplateBuilder {
        TemplateBuilder::new(&self.identity(scope.into(), generics))
    }

    /// The schema of what is stored.
    pub(crate) fn schema(&self, stored: StoredType) -> Result<u64, Error> {
        let known = self.schema.get_or_init(|| (stored, stored.schema()));
        if known.0.is(stored) { known.1.clone() } else { stored.schema() }
    }

    /// The same, where it is known already: takes a few comparisons.
    #[cfg(feature = "local")]
    pub(crate) fn known_schema(&self, stored: StoredType) -> Option<u64> {
        match self.schema.get()? {
            (known, Ok(schema)) if known.is(stored) => Some(*schema),
            _ => None,
        }
    }

    /// The counters of this function in the first cache that it was used with.
    pub(crate) fn counters(
        &self,
        cache: u64,
        of: impl FnOnce() -> Arc<Counters>,
    ) -> CountersOf<'_> {
        match self.counters.get() {
            Some((known, counters)) if *known == cache => CountersOf::Known(counters),
            Some(_) => CountersOf::Other(of()),
            None => {
                let counters = of();
                // Another thread may have been faster, for another cache.
                let _ = self.counters.set((cache, Arc::clone(&counters)));
                CountersOf::Other(counters)
            }
        }
    }

    fn identity(
        &self,
        scope: Scope,
        generics: &[&'static str],
    ) -> Cow<'_, Result<Identity, KeyError>> {
        if !generics.is_empty() {
            return Cow::Owned(self.hash(scope, generics));
        }
        let (known, identity) = self.identity.get_or_init(|| (scope, self.hash(scope, &[])));
        if same(known.path, scope.path) && known.own == scope.own {
            Cow::Borrowed(identity)
        } else {
            // A sibling, or a method without generics of its own in a generic `impl`.
            Cow::Owned(self.hash(scope, &[]))
        }
    }

    fn hash(&self, scope: Scope, generics: &[&str]) -> Result<Identity, KeyError> {
        let scope = scope.text();
        if names_a_closure(scope, Among::Path)
            || generics.iter().any(|name| names_a_closure(name, Among::Types))
        {
            return Err(KeyError::nameless());
        }
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(KEY_ENCODING);
        for text in [self.prefix, self.name, scope, self.ident, self.key_shape] {
            field(text.as_bytes());
        }
        for generic in generics {
            field(generic.as_bytes());
        }
        Ok(hasher.finalize().into())
    }
}

/// Counters, borrowed where they are known.
pub(crate) enum CountersOf<'a> {
    Known(&'a Counters),
    Other(Arc<Counters>),
}

impl std::ops::Deref for CountersOf<'_> {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        match self {
            Self::Known(counters) => counters,
            Self::Other(counters) => counters,
        }
    }
}

/// Where the name of a closure's type matters: all closures of one function have the same.
#[derive(Clone, Copy)]
enum Among {
    Types,
    /// What lives in the body of a closure or an `async fn` has one in its path, but outside of `<…>`.
    Path,
}

/// Whether the name of a type has that of a closure in it.
fn names_a_closure(name: &str, among: Among) -> bool {
    const CLOSURE: &str = "{{closure}}";
    let is_type = |(position, _): (usize, &str)| {
        let (before, after) = (&name[..position], &name[position + CLOSURE.len()..]);
        let opened = before.matches('<').count();
        let closed = before.matches('>').count() - before.matches("->").count();
        (matches!(among, Among::Types) || opened > closed) && !after.starts_with("::")
    };
    name.match_indices(CLOSURE).any(is_type)
}

/// Equal texts; nearly always one and the same, which is seen without reading them.
fn same(one: &'static str, other: &'static str) -> bool {
    std::ptr::eq(one, other) || one == other
}

/// Where a function lives: module, enclosing functions and the type of its `impl` with its generic
/// arguments.
///
/// `marker` is a closure written in the body of the function `own`. The name of its type is
/// `path::to::own<..>::{{closure}}`; what stands before `own` is the same for a function and for
/// its generated siblings, and tells apart functions of one name in different modules, `impl`s,
/// instantiations and function bodies. `module_path!()` sees only the first of these.
#[must_use]
pub fn scope<M>(_marker: &M, own: &'static str) -> Scope {
    Scope { path: type_name::<M>(), own }
}

impl From<&'static str> for Scope {
    fn from(path: &'static str) -> Self {
        Self { path, own: "" }
    }
}

impl Scope {
    /// What stands before `own`, outside of generic arguments.
    fn text(self) -> &'static str {
        if self.own.is_empty() {
            return self.path;
        }
        let mut depth = 0_usize;
        for (position, character) in self.path.char_indices().rev() {
            match character {
                '>' => depth += 1,
                '<' => depth = depth.saturating_sub(1),
                ':' if depth == 0 => {
                    let segment = self.path.get(position + 1..).unwrap_or_default();
                    if let Some(rest) = segment.strip_prefix(self.own)
                        && (rest.is_empty() || rest.starts_with("::") || rest.starts_with('<'))
                    {
                        return self.path.get(..position.saturating_sub(1)).unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        self.path
    }
}

#[cfg(test)]
mod tests {
    use super::{Function, KEY_ENCODING, KEY_FORMAT, scope};

    #[test]
    fn a_namespace_that_was_not_chosen_names_the_version_of_the_encoding() {
        assert!(KEY_ENCODING.ends_with(format!(" v{KEY_FORMAT}").as_bytes()));
    }

    struct Shelf<T>(std::marker::PhantomData<T>);

    impl<T> Shelf<T> {
        fn get() -> &'static str {
            scope(&|| (), "get").text()
        }

        #[expect(clippy::extra_unused_type_parameters, reason = "a generic sibling")]
        fn get_invalidate<U>() -> &'static str {
            scope(&|| (), "get_invalidate").text()
        }
    }

    fn get() -> &'static str {
        scope(&|| (), "get").text()
    }

    fn outer() -> &'static str {
        fn get() -> &'static str {
            scope(&|| (), "get").text()
        }
        get()
    }

    #[test]
    fn siblings_share_a_scope_whatever_their_own_generics() {
        assert_eq!(Shelf::<u8>::get(), Shelf::<u8>::get_invalidate::<Vec<i64>>());
        assert!(Shelf::<u8>::get().ends_with("Shelf<u8>"));
    }

    #[test]
    fn scopes_differ_by_impl_arguments_and_enclosing_functions() {
        let all = [get(), outer(), Shelf::<u8>::get(), Shelf::<Vec<u8>>::get()];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{one} stands twice in {all:?}");
        }
    }

    #[test]
    fn each_fact_of_a_function_is_part_of_its_identity() {
        let base = Function::new("p", "n", "f", "id");
        let identity = base.identity("here".into(), &[]);
        assert_eq!(identity, Function::new("p", "n", "f", "id").identity("here".into(), &[]));
        for (other, at, generics) in [
            (Function::new("q", "n", "f", "id"), "here", &[][..]),
            (Function::new("p", "m", "f", "id"), "here", &[]),
            (Function::new("p", "n", "g", "id"), "here", &[]),
            (Function::new("p", "n", "f", "sku"), "here", &[]),
            (Function::new("p", "n", "f", "id"), "there", &[]),
            (Function::new("p", "n", "f", "id"), "here", &["u8"]),
            (Function::new("pn", "", "f", "id"), "here", &[]),
        ] {
            assert_ne!(
                identity,
                other.identity(at.into(), generics),
                "{other:?} at {at} {generics:?}"
            );
        }
    }

    #[test]
    fn closures_have_no_identity() {
        let function = Function::new("p", "n", "f", "id");
        for (path, generics) in [
            ("here", &["crate::main::{{closure}}"][..]),
            ("here", &["u8", "crate::Lazy<u8, crate::main::{{closure}}>"]),
            ("crate::Loader<crate::main::{{closure}}>", &[]),
            ("crate::Loader<fn(u8) -> u8, crate::main::{{closure}}>", &[]),
        ] {
            assert!(function.identity(path.into(), generics).is_err(), "{path}, {generics:?}");
        }
        // What is in the body of one has a name.
        for (path, generics) in [
            ("crate::main::{{closure}}", &["crate::main::{{closure}}::Local"][..]),
            ("<crate::main::{{closure}}::Local as crate::Get<u8>>", &[]),
        ] {
            assert!(function.identity(path.into(), generics).is_ok(), "{path}, {generics:?}");
        }
    }

    #[test]
    fn one_static_serves_many_scopes() {
        let function = Function::new("p", "n", "f", "id");
        assert_ne!(
            function.identity("Shelf<u8>".into(), &[]),
            function.identity("Shelf<u16>".into(), &[])
        );
    }
}
