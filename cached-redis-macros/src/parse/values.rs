//! What may stand behind the keyword of an option.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, LitStr, Path, Token, parenthesized, token};

use super::duration::{Length, is_number, length};
use super::redis_cached::{example, value};
use super::template::{Purpose, Template};
use super::{check_suffix, expressions, ungroup};
use crate::diagnostics::Errors;

/// `key(..)` or `key = "…"`.
pub(crate) enum KeyOption {
    Expressions(Vec<Expr>),
    Template(Template),
}

/// `lock = …`
pub(crate) enum Lock {
    Default,
    Off,
    For(Length),
}

/// `early = …`
pub(crate) enum Early {
    Default,
    Off,
    /// The beta of XFetch.
    Beta(Expr),
}

/// `tags = […]`
pub(crate) struct Tags {
    pub(crate) templates: Vec<Template>,
    /// About others in the list, which say nothing about these.
    pub(crate) wrong: Option<syn::Error>,
}

pub(super) fn string(expr: Expr, keyword: &Ident) -> syn::Result<LitStr> {
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => check_suffix(text).map(|()| text.clone()),
        _ => Err(syn::Error::new(
            expr.span(),
            format!("`{keyword}` takes a string literal: write `{}`", example(keyword)),
        )),
    }
}

pub(super) fn version(expr: &Expr) -> syn::Result<u32> {
    let number = match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) if is_number(int) => int.base10_parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        syn::Error::new(
            expr.span(),
            format!("`version` takes a whole number from 0 to {}: write `version = 2`", u32::MAX),
        )
    })
}

pub(super) fn lock(expr: Expr) -> syn::Result<Lock> {
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => {
            Ok(if on.value { Lock::Default } else { Lock::Off })
        }
        Expr::Path(path) if ["off", "none", "None"].iter().any(|word| path.path.is_ident(word)) => {
            Err(syn::Error::new(expr.span(), "to go without a lease, write `lock = false`"))
        }
        _ => length(expr).map(Lock::For),
    }
}

pub(super) fn early(expr: Expr) -> Early {
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => {
            if on.value {
                Early::Default
            } else {
                Early::Off
            }
        }
        _ => Early::Beta(expr),
    }
}

/// A word that stands alone.
pub(super) fn flag(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let message = format!("`{keyword}` takes no value: write `{keyword}`, or remove it");
    Err(syn::Error::new(keyword.span(), message))
}

pub(super) fn tags(expr: &Expr) -> syn::Result<Tags> {
    let Expr::Array(array) = ungroup(expr) else {
        let message = match ungroup(expr) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                format!("`tags` takes a list: write `tags = [\"{}\"]`", text.value())
            }
            _ => "`tags` takes a list of string literals: write `tags = [\"category:{category}\"]`"
                .to_owned(),
        };
        return Err(syn::Error::new_spanned(expr, message));
    };
    if array.elems.is_empty() {
        return Err(syn::Error::new_spanned(
            expr,
            "`tags` names no group: write `tags = [\"category:{category}\"]` or remove it",
        ));
    }
    let mut errors = Errors::new();
    let templates = array.elems.iter().filter_map(|tag| errors.gather(self::tag(tag))).collect();
    Ok(Tags { templates, wrong: errors.finish().err() })
}

/// One tag.
pub(super) fn tag(expr: &Expr) -> syn::Result<Template> {
    match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            Template::parse(text.clone(), Purpose::Tag)
        }
        _ => Err(syn::Error::new_spanned(
            expr,
            "a tag is a string literal, with names in braces for what changes: write \
             `\"category:{category}\"`",
        )),
    }
}

pub(super) fn path(expr: Expr) -> syn::Result<Path> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => of_module(path.path),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Err(syn::Error::new(
            text.span(),
            format!("`crate` takes a path, not a string: write `crate = {}`", text.value()),
        )),
        other => Err(syn::Error::new(
            other.span(),
            "`crate` takes the path of the facade: write `crate = my_crate::cached_redis`",
        )),
    }
}

/// After `crate`.
pub(super) fn facade(input: ParseStream<'_>) -> syn::Result<Path> {
    input.parse::<Token![=]>()?;
    of_module(input.call(Path::parse_mod_style)?)
}

/// What comes of it stands in a `use`.
fn of_module(path: Path) -> syn::Result<Path> {
    let is_of_type =
        path.segments.iter().any(|part| part.ident == "Self" || !part.arguments.is_none());
    if is_of_type {
        let message = "`crate` takes the path of a crate or module, and this is one of a type: write \
                       `crate = my_crate::cached_redis`";
        return Err(syn::Error::new_spanned(path, message));
    }
    Ok(path)
}

pub(super) fn skip(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<Vec<Ident>> {
    if !input.peek(token::Paren) {
        return Err(syn::Error::new(
            keyword.span(),
            "`skip` takes the names of parameters in parentheses: write `skip(db)`",
        ));
    }
    let content;
    parenthesized!(content in input);
    let exprs = expressions(&content)?;
    if exprs.is_empty() {
        return Err(syn::Error::new(
            keyword.span(),
            "`skip()` names no parameter: write `skip(db)` or remove it",
        ));
    }
    let mut names: Vec<Ident> = Vec::new();
    let mut errors = Errors::new();
    for expr in &exprs {
        match expr {
            Expr::Path(path) if path.path.get_ident().is_some() => {
                let Some(name) = path.path.get_ident() else { continue };
                if names.contains(name) {
                    errors.at(name.span(), format!("`{name}` is skipped twice: keep one of them"));
                }
                names.push(name.clone());
            }
            other => errors.at(
                other.span(),
                "`skip` takes names of parameters; what a key is made of goes into `key(…)`",
            ),
        }
    }
    errors.finish().map(|()| names)
}

pub(super) fn key(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<KeyOption> {
    if !input.peek(token::Paren) {
        let expr = value(input, keyword)?;
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = ungroup(&expr) else {
            return Err(syn::Error::new(
                expr.span(),
                "`key = …` takes a template, as in `key = \"product:{id}\"`; expressions go into \
                 `key(…)`",
            ));
        };
        return Template::parse(text.clone(), Purpose::Key).map(KeyOption::Template);
    }
    let content;
    parenthesized!(content in input);
    let exprs = expressions(&content)?;
    if exprs.is_empty() {
        return Err(syn::Error::new(
            keyword.span(),
            "`key()` is made of nothing: write `key(id)`, or leave parameters out with `skip(..)`",
        ));
    }
    if let [Expr::Lit(ExprLit { lit: Lit::Str(text), .. })] = exprs.as_slice() {
        return Err(syn::Error::new(
            text.span(),
            format!("a template goes behind `=`: write `key = \"{}\"`", text.value()),
        ));
    }
    Ok(KeyOption::Expressions(exprs))
}
