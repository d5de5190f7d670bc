//! `each(ids)` and `of = product`.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Expr, Member, parenthesized, parse_quote, token};

use super::expressions;
use super::spec::Spec;
use super::target::Callee;
use super::values::{Value, value};

/// `each(..)`
pub(crate) struct Each(pub(crate) Ident);

/// `of = …`: the cached function whose entries those of a batch are.
pub(crate) struct Of(pub(crate) Callee);

impl Value for Each {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let message = format!(
            "`{keyword}` takes the name of the parameter that has the ids: write `{}`",
            spec.example
        );
        if !input.peek(token::Paren) {
            return Err(syn::Error::new(keyword.span(), message));
        }
        let content;
        let parentheses = parenthesized!(content in input);
        match &expressions(&content)?[..] {
            [Expr::Path(path)] if path.path.get_ident().is_some() => {
                path.path.get_ident().cloned().map(Self)
            }
            _ => None,
        }
        .ok_or_else(|| syn::Error::new(parentheses.span.join(), message))
    }
}

impl Value for Of {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        let expr = value(input, spec, keyword)?;
        match expr {
            Expr::Path(path) => Ok(Self(Callee::Path(path))),
            Expr::Field(field) => match (&*field.base, &field.member) {
                (Expr::Path(base), Member::Named(method)) if base.path.is_ident("self") => {
                    let base = &field.base;
                    Ok(Self(Callee::Method(parse_quote!(#base.#method()))))
                }
                _ => Err(not_a_function(&field, spec)),
            },
            other => Err(not_a_function(&other, spec)),
        }
    }
}

fn not_a_function(expr: &impl ToTokens, spec: &Spec) -> syn::Error {
    let message = format!(
        "`of` takes the name of the cached function whose entries these are, without arguments: write `{}`",
        spec.example
    );
    syn::Error::new_spanned(expr, message)
}
