//! What a valid cached function is. `expand` needs no more than this, and cannot fail on it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::{Attribute, Expr, FnArg, Generics, Pat, Path, Type};

use crate::parse;
use crate::parse::duration::DurationExpr;
use crate::parse::invalidates::Target;
use crate::parse::local::Local;
use crate::parse::payload::{Codec, Compress, Encrypt};
use crate::parse::tags::TypedTag;
use crate::parse::target::Callee;
use crate::parse::template::{self, Template};
use crate::parse::updates::Update;
use crate::signature::Function;

/// One cached function and what it brings along.
pub(crate) struct Cached {
    /// As written, but with plain names for parameters.
    pub(crate) function: Function,
    pub(crate) returns: Type,
    pub(crate) facade: Path,
    pub(crate) identity: Identity,
    /// Bindings of patterns that the expressions below use, before anything else.
    pub(crate) borrowed_patterns: Vec<(Pat, Expr)>,
    /// Patterns that the body begins with.
    pub(crate) patterns: Vec<(Pat, Ident)>,
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) outcome: Outcome,
    pub(crate) tags: Tags,
    /// Where the body may run in the background.
    pub(crate) background: Option<Background>,
    /// Where one call is about many entries.
    pub(crate) each: Option<Each>,
    /// `cache = …`
    pub(crate) cache: Option<Expr>,
    pub(crate) helpers: Helpers,
}

/// What tells the function from all others.
pub(crate) struct Identity {
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) key_shape: String,
    pub(crate) scope: Scope,
    /// Type parameters.
    pub(crate) types: Vec<Ident>,
    /// Const parameters.
    pub(crate) consts: Vec<Ident>,
}

/// How to find out where the function lives.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// From the name of a closure in it.
    Marker,
    /// From the name of `Self`.
    SelfType,
}

pub(crate) enum Key {
    Hashed(Vec<Part>),
    Readable(Vec<Piece>),
}

/// A part of a hashed key.
pub(crate) struct Part {
    pub(crate) value: Expr,
    /// `impl Trait`: its type is part of the key.
    pub(crate) typed: bool,
}

/// A piece of a readable key, or of a tag.
pub(crate) enum Piece {
    Text(String),
    Placeholder(Expr),
}

impl Piece {
    /// What a template consists of. Errors about a placeholder are reported at the template.
    pub(crate) fn all(template: &Template) -> Vec<Self> {
        let span = template.text.span();
        let piece = |piece: &template::Piece| match piece {
            template::Piece::Text(text) => Self::Text(text.clone()),
            template::Piece::Placeholder(path) => {
                let tokens: TokenStream = path.join(".").parse().unwrap_or_default();
                let located = |mut token: TokenTree| {
                    token.set_span(span);
                    token
                };
                let tokens: TokenStream = tokens.into_iter().map(located).collect();
                let expr = syn::parse2(tokens.clone());
                Self::Placeholder(expr.unwrap_or_else(|_| Expr::Verbatim(tokens)))
            }
        };
        template.pieces.iter().map(piece).collect()
    }

    pub(crate) fn placeholder(&self) -> Option<&Expr> {
        match self {
            Self::Placeholder(expr) => Some(expr),
            Self::Text(_) => None,
        }
    }
}

/// `None`: the runtime's default.
pub(crate) struct Policy {
    pub(crate) ttl: DurationExpr,
    pub(crate) negative_ttl: Option<DurationExpr>,
    pub(crate) jitter: Option<Expr>,
    pub(crate) lease: Option<Lease>,
    pub(crate) load_timeout: Option<DurationExpr>,
    pub(crate) stale: Option<DurationExpr>,
    pub(crate) stale_if_error: Option<DurationExpr>,
    /// The beta of XFetch; zero is off.
    pub(crate) early: Option<Expr>,
    pub(crate) soft_timeout: Option<DurationExpr>,
    pub(crate) sliding: bool,
    pub(crate) local: Option<Local>,
    pub(crate) version: Option<u32>,
    pub(crate) bypass: Option<Expr>,
    pub(crate) payload: Payload,
}

/// How values are stored.
pub(crate) struct Payload {
    pub(crate) codec: Option<Codec>,
    pub(crate) compress: Option<Compress>,
    pub(crate) encrypt: Option<Encrypt>,
    pub(crate) max_value: Option<Expr>,
}

pub(crate) enum Lease {
    Off,
    For(DurationExpr),
}

/// What the return type is made to mean, beyond what it means by itself.
pub(crate) struct Outcome {
    pub(crate) absent: Option<Absent>,
    pub(crate) cache_if: Option<Expr>,
    pub(crate) ttl_with: Option<Expr>,
}

/// The groups of an entry.
#[derive(Default)]
pub(crate) struct Tags {
    pub(crate) of_arguments: Vec<Tag>,
    pub(crate) of_value: Vec<Tag>,
    /// One for each member of the value: `for pattern in values`.
    pub(crate) of_members: Vec<(Tag, Pat, Expr)>,
    /// What the texts of `of_value` begin with, up to their first colon.
    pub(crate) classes: Vec<String>,
}

/// One tag.
pub(crate) enum Tag {
    Text(Vec<Piece>),
    Typed(TypedTag),
}

impl Tag {
    /// What it is made of.
    pub(crate) fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Text(pieces) => pieces.iter().filter_map(Piece::placeholder).collect(),
            Self::Typed(typed) => typed.arguments.iter().collect(),
        }
    }
}

impl From<&parse::tags::Name> for Tag {
    fn from(name: &parse::tags::Name) -> Self {
        match name {
            parse::tags::Name::Text(template) => Self::Text(Piece::all(template)),
            parse::tags::Name::Typed(typed) => Self::Typed(typed.clone()),
        }
    }
}

/// A function of many ids. In its key and its tags, the name of the parameter stands for one of them.
pub(crate) struct Each {
    /// The parameter with the ids.
    pub(crate) ident: Ident,
    pub(crate) mutability: Option<syn::Token![mut]>,
    pub(crate) ids: Ids,
    pub(crate) of: Option<Of>,
    /// `key_of = …`
    pub(crate) key_of: Option<Expr>,
    pub(crate) max_batch: Option<u32>,
    /// Parameters of which each run of the body gets a clone.
    pub(crate) cloned: Vec<OwnedParameter>,
}

/// What the ids are taken as.
pub(crate) enum Ids {
    /// `&T`, with this `T`.
    Reference(Type),
    Value(Type),
    /// `impl IntoIterator<Item = K>`
    Iterator,
}

/// The cached function whose entries those of a batch are.
pub(crate) struct Of {
    pub(crate) callee: Callee,
    /// Those of its entry, by the names of the batch's parameters.
    pub(crate) arguments: Vec<Ident>,
    /// Lives that differ from those of that function.
    pub(crate) ttl: Option<DurationExpr>,
    pub(crate) stale: Option<DurationExpr>,
}

/// A body that may still run after its call has returned, and so owns what it uses.
pub(crate) struct Background {
    /// Of the option that asks for it.
    pub(crate) span: Span,
    /// The parameters that are references.
    pub(crate) owned: Vec<OwnedParameter>,
    /// `self`, where it is a reference.
    pub(crate) owned_self: Option<Ident>,
}

/// A parameter that is a reference, and owned as what it refers to.
pub(crate) struct OwnedParameter {
    pub(crate) ident: Ident,
    /// `mut name: &str`
    pub(crate) mutability: Option<syn::Token![mut]>,
}

pub(crate) enum Absent {
    /// `absent = |error| …`
    Predicate(Expr),
    /// `absent = Error::NotFound`
    Error { pattern: TokenStream, value: Expr },
}

/// The generated siblings.
pub(crate) struct Helpers {
    pub(crate) attrs: Vec<Attribute>,
    /// Of `_invalidate` and `_entry`.
    pub(crate) inputs: Vec<FnArg>,
    pub(crate) generics: Generics,
    /// Of `_invalidate_all`.
    pub(crate) all_inputs: Vec<FnArg>,
    pub(crate) all_generics: Generics,
    /// In a trait's `impl`, where the helpers stand beside it.
    pub(crate) trait_impl: Option<TraitImpl>,
}

/// The `impl` of a trait beside which helpers stand.
#[derive(Clone)]
pub(crate) struct TraitImpl {
    pub(crate) trait_: Path,
    /// Its types, constants and functions: `Self::Id` there is `<Self as Trait>::Id` beside it.
    pub(crate) items: Vec<Ident>,
    /// Parameters of the `impl` that its type does not mention; helpers take them.
    pub(crate) generics: Generics,
}

/// A function that writes, with `#[invalidates(..)]` or `#[updates(..)]`.
pub(crate) struct Write {
    pub(crate) function: Function,
    pub(crate) returns: Type,
    pub(crate) facade: Path,
    /// Names that the arguments go by.
    pub(crate) parameters: Vec<String>,
}

/// A function with `#[invalidates(..)]`.
pub(crate) struct Invalidating {
    pub(crate) write: Write,
    pub(crate) targets: Vec<Target>,
    pub(crate) always: bool,
    /// Where it was asked for.
    pub(crate) strict: Option<Span>,
    pub(crate) guard: Option<DurationExpr>,
    /// What is removed is removed by the transaction around it.
    pub(crate) after_commit: bool,
    /// Where tags live.
    pub(crate) cache: Option<Expr>,
}

/// A function with `#[updates(..)]`.
pub(crate) struct Updating {
    pub(crate) write: Write,
    pub(crate) updates: Vec<Update>,
}
