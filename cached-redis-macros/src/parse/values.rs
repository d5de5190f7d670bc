//! What options can be.

use std::slice;

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, LitStr, Path, Token, parenthesized, token};

use super::duration::{DurationExpr, duration, is_number};
use super::spec::Spec;
use super::template::{Purpose, Template};
use super::{check_suffix, expression, expressions, ungroup};
use crate::diagnostics::Errors;

/// What an option is set to.
pub(crate) trait Value {
    /// Reads what follows the keyword.
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self>
    where
        Self: Sized;

    /// What is evaluated when the function runs.
    fn expressions(&self) -> &[Expr] {
        &[]
    }

    fn duration(&self) -> Option<&DurationExpr> {
        None
    }

    fn text(&self) -> Option<&LitStr> {
        None
    }
}

/// A word that stands alone.
pub(crate) struct Flag;

/// `skip(..)`
pub(crate) struct Skip(pub(crate) Vec<Ident>);

/// `key(..)` or `key = "…"`.
pub(crate) enum KeyOption {
    Expressions(Vec<Expr>),
    Template(Template),
}

/// `lock = …`
pub(crate) enum Lock {
    Default,
    Off,
    For(DurationExpr),
}

/// `early = …`
pub(crate) enum Early {
    Default,
    Off,
    /// The beta of XFetch.
    Beta(Expr),
}

impl Value for Expr {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        value(input, spec, keyword)
    }

    fn expressions(&self) -> &[Expr] {
        slice::from_ref(self)
    }
}

impl Value for DurationExpr {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        duration(value(input, spec, keyword)?)
    }

    fn expressions(&self) -> &[Expr] {
        match self {
            Self::Known(..) => &[],
            Self::Computed(expr) => slice::from_ref(expr),
        }
    }

    fn duration(&self) -> Option<&DurationExpr> {
        Some(self)
    }
}

impl Value for LitStr {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                check_suffix(text).map(|()| text.clone())
            }
            _ => Err(syn::Error::new_spanned(
                expr,
                format!("`{keyword}` takes a string literal: write `{}`", spec.example),
            )),
        }
    }

    fn text(&self) -> Option<&LitStr> {
        Some(self)
    }
}

impl Value for u32 {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        let number = match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) if is_number(int) => {
                int.base10_parse().ok()
            }
            _ => None,
        };
        number.ok_or_else(|| {
            let (most, example) = (u32::MAX, spec.example);
            let message =
                format!("`{keyword}` takes a whole number from 0 to {most}: write `{example}`");
            syn::Error::new_spanned(expr, message)
        })
    }
}

impl Value for Lock {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        let is_off = |path: &Path| ["off", "none", "None"].iter().any(|word| path.is_ident(word));
        match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => {
                Ok(if on.value { Self::Default } else { Self::Off })
            }
            Expr::Path(path) if is_off(&path.path) => {
                Err(syn::Error::new_spanned(expr, "to go without a lease, write `lock = false`"))
            }
            _ => duration(expr).map(Self::For),
        }
    }

    fn expressions(&self) -> &[Expr] {
        self.duration().map_or(&[], DurationExpr::expressions)
    }

    fn duration(&self) -> Option<&DurationExpr> {
        match self {
            Self::For(life) => Some(life),
            Self::Default | Self::Off => None,
        }
    }
}

impl Value for Early {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        Ok(match ungroup(&expr) {
            Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) if on.value => Self::Default,
            Expr::Lit(ExprLit { lit: Lit::Bool(_), .. }) => Self::Off,
            _ => Self::Beta(expr),
        })
    }

    fn expressions(&self) -> &[Expr] {
        match self {
            Self::Default | Self::Off => &[],
            Self::Beta(beta) => slice::from_ref(beta),
        }
    }
}

impl Value for Flag {
    fn read(input: ParseStream<'_>, _: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(Self);
        }
        let message = format!("`{keyword}` takes no value: write `{keyword}`, or remove it");
        Err(syn::Error::new(keyword.span(), message))
    }
}

impl Value for Path {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        match value(input, spec, keyword)? {
            Expr::Path(path) if path.qself.is_none() => of_module(path.path, spec),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Err(syn::Error::new(
                text.span(),
                format!("`crate` takes a path, not a string: write `crate = {}`", text.value()),
            )),
            other => Err(syn::Error::new_spanned(
                other,
                format!("`crate` takes the path of the facade: write `{}`", spec.example),
            )),
        }
    }
}

/// The path goes into a `use`.
fn of_module(path: Path, spec: &Spec) -> syn::Result<Path> {
    let is_of_type =
        path.segments.iter().any(|part| part.ident == "Self" || !part.arguments.is_none());
    if is_of_type {
        let message = format!(
            "`crate` takes the path of a crate or module, and this is one of a type: write `{}`",
            spec.example
        );
        return Err(syn::Error::new_spanned(path, message));
    }
    Ok(path)
}

impl Value for Skip {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if !input.peek(token::Paren) {
            return Err(syn::Error::new(
                keyword.span(),
                format!(
                    "`skip` takes the names of parameters in parentheses: write `{}`",
                    spec.example
                ),
            ));
        }
        let content;
        parenthesized!(content in input);
        let exprs = expressions(&content)?;
        if exprs.is_empty() {
            return Err(syn::Error::new(
                keyword.span(),
                format!("`skip()` names no parameter: write `{}` or remove it", spec.example),
            ));
        }
        let mut names: Vec<Ident> = Vec::new();
        let mut errors = Errors::new();
        for expr in &exprs {
            match expr {
                Expr::Path(path) if path.path.get_ident().is_some() => {
                    let Some(name) = path.path.get_ident() else { continue };
                    if names.contains(name) {
                        errors.at(
                            name.span(),
                            format!("`{name}` is skipped twice: keep one of them"),
                        );
                    }
                    names.push(name.clone());
                }
                other => errors.at(
                    other.span(),
                    "`skip` takes names of parameters; what a key is made of goes into `key(…)`",
                ),
            }
        }
        errors.finish().map(|()| Self(names))
    }
}

impl Value for KeyOption {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if !input.peek(token::Paren) {
            let expr = value(input, spec, keyword)?;
            let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = ungroup(&expr) else {
                return Err(syn::Error::new(
                    expr.span(),
                    "`key = …` takes a template, as in `key = \"product:{id}\"`; expressions go into \
                     `key(…)`",
                ));
            };
            return Template::parse(text.clone(), Purpose::Key).map(Self::Template);
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
                format!("a template goes after `=`: write `key = \"{}\"`", text.value()),
            ));
        }
        Ok(Self::Expressions(exprs))
    }

    fn expressions(&self) -> &[Expr] {
        match self {
            Self::Expressions(exprs) => exprs,
            Self::Template(_) => &[],
        }
    }
}

/// The expression after `keyword =`.
pub(super) fn value(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Expr> {
    if input.peek(token::Paren) {
        let message = format!("write `{}` instead of `{keyword}(…)`", spec.example);
        return Err(syn::Error::new(keyword.span(), message));
    }
    let is_set = input.parse::<Option<Token![=]>>()?.is_some();
    if !is_set || input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{keyword}` needs a value: write `{}`", spec.example);
        return Err(syn::Error::new(keyword.span(), message));
    }
    expression(input)
}
