//! `in_transaction = "…"`, of each attribute.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit};

use super::spec::Spec;
use super::ungroup;
use super::values::{Value, value};
use crate::diagnostics::list_of;

/// Of a cached function.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Read {
    /// A call that may be in a transaction is not cached.
    Bypass,
    /// It is cached like any other.
    CacheUncommitted,
}

/// Of `#[invalidates]`.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Write {
    /// The `transaction(…)` around the write removes the entries.
    AfterCommit,
    /// The write does, whether it has been committed or not.
    BeforeCommit,
}

/// Of `#[updates]`: the value is stored before it is committed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct StoreUncommitted;

impl Value for Read {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let choices = [("bypass", Self::Bypass), ("cache_uncommitted", Self::CacheUncommitted)];
        choice(input, spec, keyword, &choices)
    }
}

impl Value for Write {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let choices = [("after_commit", Self::AfterCommit), ("before_commit", Self::BeforeCommit)];
        choice(input, spec, keyword, &choices)
    }
}

impl Value for StoreUncommitted {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        choice(input, spec, keyword, &[("store_uncommitted", Self)])
    }
}

/// One of a few texts.
fn choice<T: Copy>(
    input: ParseStream<'_>,
    spec: &Spec,
    keyword: &Ident,
    choices: &[(&str, T)],
) -> syn::Result<T> {
    let expr = value(input, spec, keyword)?;
    let chosen = match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.suffix().is_empty() => {
            let written = text.value();
            choices.iter().find(|(word, _)| *word == written).map(|(_, choice)| *choice)
        }
        _ => None,
    };
    chosen.ok_or_else(|| {
        let words = choices.iter().map(|(word, _)| format!("\"{word}\""));
        let message = format!("`{keyword}` takes {}", list_of(words, "or"));
        syn::Error::new_spanned(expr, message)
    })
}
