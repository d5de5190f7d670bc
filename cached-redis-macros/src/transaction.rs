//! Parameters through which a function may be in a transaction, found by the spelling of their types.
//!
//! Neither a type alias nor a field of a struct is seen. A trait cannot tell either: `&mut PgConnection` is what a
//! pool hands out and what a transaction lends.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::{
    GenericArgument, GenericParam, Generics, Path, PathArguments, Token, Type, TypeParamBound,
    WherePredicate,
};

use crate::signature::{Parameter, ungroup};

/// What a type says of its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A transaction, whatever the caller does.
    Transaction,
    /// A connection, or something behind `dyn`: nothing tells whether it is in a transaction.
    Connection,
    /// A generic type, which is another for a pool than for a transaction.
    Generic,
}

/// A parameter that is a transaction or may be in one.
pub(crate) struct Handle {
    pub(crate) ident: Ident,
    pub(crate) kind: Kind,
    /// An `Option` of it.
    pub(crate) is_optional: bool,
    /// Where its type says so.
    pub(crate) span: Span,
}

/// Names that other things have too, such as a bank's transactions: they count with generic arguments, in a path of one
/// of the [`CRATES`], behind `&mut`, or where the key leaves them out.
const COMMON: [&str; 3] = ["Transaction", "Executor", "Acquire"];

const CRATES: [&str; 12] = [
    "sqlx",
    "sqlx_core",
    "tokio_postgres",
    "deadpool_postgres",
    "bb8_postgres",
    "rusqlite",
    "tokio_rusqlite",
    "sea_orm",
    "diesel",
    "diesel_async",
    "mysql_async",
    "libsql",
];

const TRANSACTIONS: [&str; 6] = [
    "Transaction",
    "PgTransaction",
    "MySqlTransaction",
    "SqliteTransaction",
    "AnyTransaction",
    "DatabaseTransaction",
];

const CONNECTIONS: [&str; 7] = [
    "PgConnection",
    "MySqlConnection",
    "MysqlConnection",
    "SqliteConnection",
    "AnyConnection",
    "AsyncPgConnection",
    "AsyncMysqlConnection",
];

const TRAITS: [&str; 10] = [
    "Executor",
    "PgExecutor",
    "MySqlExecutor",
    "SqliteExecutor",
    "AnyExecutor",
    "Acquire",
    "ConnectionTrait",
    "TransactionTrait",
    "AsyncConnection",
    "GenericClient",
];

/// What hands on what is in it. A pool does not: what it lends is in no transaction yet.
const WRAPPERS: [&str; 7] = ["Option", "Box", "Arc", "Mutex", "RwLock", "Pin", "RefCell"];

/// The parameters that are transactions or may be in one. `is_skipped`: whether the key leaves a parameter out.
pub(crate) fn find(
    generics: &Generics,
    parameters: &[Parameter],
    is_skipped: impl Fn(usize) -> bool,
) -> Vec<Handle> {
    let find = |(position, parameter): (usize, &Parameter)| {
        let mut search = Search { generics, is_skipped: is_skipped(position), is_optional: None };
        let (kind, span) = search.in_type(&parameter.ty, false)?;
        let is_optional = search.is_optional == Some(true);
        Some(Handle { ident: parameter.ident.clone(), kind, is_optional, span })
    };
    parameters.iter().enumerate().filter_map(find).collect()
}

struct Search<'a> {
    generics: &'a Generics,
    is_skipped: bool,
    /// Whether the outermost wrapper is an `Option`.
    is_optional: Option<bool>,
}

impl Search<'_> {
    fn in_type(&mut self, ty: &Type, is_mutable: bool) -> Option<(Kind, Span)> {
        match ungroup(ty) {
            Type::Reference(reference) => {
                self.in_type(&reference.elem, is_mutable || reference.mutability.is_some())
            }
            Type::ImplTrait(ty) => Some((Kind::Generic, self.in_bounds(&ty.bounds, is_mutable)?)),
            Type::TraitObject(ty) => {
                Some((Kind::Connection, self.in_bounds(&ty.bounds, is_mutable)?))
            }
            Type::Path(ty) if ty.qself.is_none() => self.in_path(&ty.path, is_mutable),
            _ => None,
        }
    }

    fn in_path(&mut self, path: &Path, is_mutable: bool) -> Option<(Kind, Span)> {
        let last = path.segments.last()?;
        let span = last.ident.span();
        if let Some(ident) = path.get_ident()
            && self.has_bound(ident, is_mutable)
        {
            return Some((Kind::Generic, span));
        }
        let name = last.ident.unraw().to_string();
        if WRAPPERS.contains(&name.as_str()) {
            self.is_optional.get_or_insert(name == "Option");
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            return arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => self.in_type(ty, is_mutable),
                _ => None,
            });
        }
        if !self.is_meant(path, is_mutable) {
            return None;
        }
        let is_one_of = |names: &[&str]| names.contains(&name.as_str());
        match (is_one_of(&TRANSACTIONS), is_one_of(&CONNECTIONS)) {
            (true, _) => Some((Kind::Transaction, span)),
            (_, true) => Some((Kind::Connection, span)),
            _ => None,
        }
    }

    /// Whether a name is the one of a database library.
    fn is_meant(&self, path: &Path, is_mutable: bool) -> bool {
        let Some(last) = path.segments.last() else { return false };
        let is_common = COMMON.iter().any(|name| last.ident == name);
        let is_of_library =
            || path.segments.iter().any(|part| CRATES.iter().any(|name| part.ident == name));
        !is_common || is_mutable || self.is_skipped || !last.arguments.is_none() || is_of_library()
    }

    /// Whether a generic parameter is bounded by one of the traits.
    fn has_bound(&self, ident: &Ident, is_mutable: bool) -> bool {
        let in_bounds = |bounds| self.in_bounds(bounds, is_mutable).is_some();
        let of_parameter = self.generics.params.iter().any(|param| {
            matches!(param, GenericParam::Type(param) if param.ident == *ident && in_bounds(&param.bounds))
        });
        let mut predicates =
            self.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        of_parameter
            || predicates.any(|predicate| match predicate {
                WherePredicate::Type(predicate) => {
                    is_about(&predicate.bounded_ty, ident) && in_bounds(&predicate.bounds)
                }
                _ => false,
            })
    }

    fn in_bounds(
        &self,
        bounds: &Punctuated<TypeParamBound, Token![+]>,
        is_mutable: bool,
    ) -> Option<Span> {
        bounds.iter().find_map(|bound| {
            let TypeParamBound::Trait(bound) = bound else { return None };
            let last = bound.path.segments.last()?;
            let is_one = TRAITS.iter().any(|name| last.ident == name);
            (is_one && self.is_meant(&bound.path, is_mutable)).then(|| last.ident.span())
        })
    }
}

/// `E`, `&'e mut E`
fn is_about(ty: &Type, ident: &Ident) -> bool {
    match ungroup(ty) {
        Type::Reference(reference) => is_about(&reference.elem, ident),
        Type::Path(path) => path.path.is_ident(ident),
        _ => false,
    }
}
