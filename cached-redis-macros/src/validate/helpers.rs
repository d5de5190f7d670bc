//! Which parameters and generics the helpers have: those of the expressions that they evaluate.

use proc_macro2::Span;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Expr, FnArg, GenericParam, Generics, Type, parse_quote_spanned};

use super::{Context, is_for_helpers};
use crate::model::{Absent, Helpers, Key, Outcome, Piece, Tag, Tags, TraitImpl};
use crate::parse::options::Options as _;
use crate::parse::redis_cached::Options;
use crate::parse::spec::Evaluated;
use crate::signature::{Function, Parameter, restrict};
use crate::used_names;

/// The expressions that are evaluated before the body.
pub(super) struct Evaluations<'a> {
    by_calls: Vec<&'a Expr>,
    by_helpers: Vec<&'a Expr>,
    cache: Option<&'a Expr>,
}

impl<'a> Evaluations<'a> {
    pub(super) fn of(options: &'a Options, key: &'a Key) -> Self {
        let mut by_helpers = key_expressions(key);
        let mut by_calls = by_helpers.clone();
        for (spec, value) in options.given() {
            match spec.evaluated {
                Evaluated::Later => {}
                Evaluated::ByCalls => by_calls.extend(value.expressions()),
                Evaluated::ByHelpersToo => {
                    by_calls.extend(value.expressions());
                    by_helpers.extend(value.expressions());
                }
            }
        }
        Self { by_calls, by_helpers, cache: options.cache.as_ref().map(|given| &given.value) }
    }
}

/// The expressions over the value or the error, which use no parameter.
fn outcome_expressions(outcome: &Outcome) -> Vec<&Expr> {
    let absent = outcome.absent.as_ref().map(|absent| match absent {
        Absent::Predicate(value) | Absent::Error { value, .. } => value,
    });
    absent.into_iter().chain(&outcome.cache_if).chain(&outcome.ttl_with).collect()
}

pub(super) fn key_expressions(key: &Key) -> Vec<&Expr> {
    match key {
        Key::Hashed(parts) => parts.iter().map(|part| &part.value).collect(),
        Key::Readable(pieces) => pieces.iter().filter_map(Piece::placeholder).collect(),
    }
}

pub(super) fn is_used_in(parameter: &Parameter, expressions: &[&Expr]) -> bool {
    expressions.iter().any(|expr| {
        let names = used_names::all(expr);
        names.contains(&parameter.ident.unraw().to_string())
            || parameter.bindings.iter().any(|binding| names.contains(binding))
    })
}

/// Patterns whose bindings are used before the body takes the arguments apart.
pub(super) fn borrowed_patterns(
    parameters: &[Parameter],
    evaluated: &Evaluations<'_>,
    tags: &Tags,
) -> Vec<(syn::Pat, Expr)> {
    let of_tags = tags.of_arguments.iter().flat_map(Tag::expressions);
    let expressions: Vec<_> = evaluated.by_calls.iter().copied().chain(of_tags).collect();
    let names: Vec<_> = expressions.iter().map(used_names::all).collect();
    parameters
        .iter()
        .filter(|p| p.bindings.iter().any(|name| names.iter().any(|names| names.contains(name))))
        .filter_map(|parameter| {
            let ident = &parameter.ident;
            let pattern = parameter.borrowing_pattern()?;
            let value = match pattern {
                syn::Pat::Reference(_) => parse_quote_spanned!(Span::mixed_site()=> #ident),
                _ => parse_quote_spanned!(Span::mixed_site()=> &#ident),
            };
            Some((pattern, value))
        })
        .collect()
}

/// Which parameters and generics the helpers have.
pub(super) fn helpers(
    function: &Function,
    parameters: &[Parameter],
    evaluated: &Evaluations<'_>,
    outcome: &Outcome,
    context: &Context,
) -> Helpers {
    let of_one = &evaluated.by_helpers;
    let of_all: Vec<&Expr> = evaluated.cache.into_iter().collect();
    let receiver = function.receiver().map(|receiver| -> FnArg {
        let self_token = receiver.self_token;
        parse_quote_spanned!(self_token.span=> &#self_token)
    });
    let inputs = |expressions: &[&Expr]| -> Vec<FnArg> {
        let typed = parameters.iter().filter(|p| is_used_in(p, expressions)).map(|p| {
            let (ident, ty) = (&p.ident, &p.ty);
            parse_quote_spanned!(Span::mixed_site()=> #ident: #ty)
        });
        receiver.clone().into_iter().chain(typed).collect()
    };
    let dropped = |expressions: &[&Expr]| -> Vec<&Type> {
        parameters.iter().filter(|p| !is_used_in(p, expressions)).map(|p| &p.ty).collect()
    };
    let generics = all_generics(&function.sig.generics, context.trait_impl.as_ref());
    let (one, all) = (inputs(of_one), inputs(&of_all));
    let types = dropped(of_one);
    let returns = function.returns();
    // A generic that an option names is needed, also where only a parameter that is not says what it is.
    let of_value = outcome_expressions(outcome);
    let used = quote!(#(#one,)* #returns, #(#of_one,)* #(#of_value),*);
    Helpers {
        attrs: function.attrs.iter().filter(|attr| is_for_helpers(attr)).cloned().collect(),
        generics: restrict(&generics, &used, &quote!(#(#types),*), true),
        inputs: one,
        all_generics: restrict(&generics, &quote!(#(#all,)* #(#of_all),*), &quote!(), false),
        all_inputs: all,
        trait_impl: context.trait_impl.clone(),
    }
}

/// The function's generics and, in front of them, those of the `impl` that nothing else provides.
fn all_generics(own: &Generics, trait_impl: Option<&TraitImpl>) -> Generics {
    let Some(trait_impl) = trait_impl else { return own.clone() };
    let mut all = trait_impl.generics.clone();
    all.params.extend(own.params.clone());
    let (lifetimes, others): (Vec<_>, Vec<_>) =
        all.params.into_iter().partition(|param| matches!(param, GenericParam::Lifetime(_)));
    all.params = lifetimes.into_iter().chain(others).collect();
    if let Some(clause) = &own.where_clause {
        all.make_where_clause().predicates.extend(clause.predicates.clone());
    }
    all
}
