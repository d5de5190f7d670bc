//! `#[redis_cached]` on an `impl` block.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{ImplItem, ItemImpl, Type};

use super::function::CACHED_TWICE;
use super::{Context, limits};
use crate::diagnostics::Errors;
use crate::model::TraitImpl;
use crate::parse::block::{Annotated, Defaults, Kind};
use crate::parse::options::Options as _;
use crate::signature::{generic_name, split_generics, ungroup};

/// Where the methods of the block stand.
pub(crate) fn context(
    block: &ItemImpl,
    methods: &[Annotated],
    defaults: Defaults,
    errors: &mut Errors,
) -> Context {
    check_methods(methods, errors);
    check_defaults(&defaults, methods, errors);
    check_once(methods, errors);
    let is_cached = |method: &Annotated| {
        method.attributes.iter().any(|(kind, _)| matches!(kind, Kind::RedisCached))
    };
    if block.trait_.is_some() && methods.iter().any(is_cached) {
        check_type(block, errors);
    }
    let trait_impl = block.trait_.as_ref().map(|(trait_, _)| TraitImpl {
        trait_: trait_.clone(),
        items: block
            .items
            .iter()
            .filter_map(|item| match item {
                ImplItem::Const(item) => Some(item.ident.clone()),
                ImplItem::Type(item) => Some(item.ident.clone()),
                ImplItem::Fn(item) => Some(item.sig.ident.clone()),
                _ => None,
            })
            .collect(),
        generics: split_generics(block).1,
    });
    Context { in_block: true, facade: defaults.facade(), defaults: Some(defaults), trait_impl }
}

fn check_methods(methods: &[Annotated], errors: &mut Errors) {
    if methods.is_empty() {
        errors.at(
            Span::call_site(),
            "no method of this block is cached: write `#[redis_cached(ttl = 600, skip(self))]` on \
             those that are to be",
        );
    }
}

/// What no method could share, and what none has.
fn check_defaults(defaults: &Defaults, methods: &[Annotated], errors: &mut Errors) {
    limits::check(&defaults.options, errors);
    let of_one = ["name", "key", "each", "of", "key_of"];
    for (spec, keyword) in defaults.options.keywords() {
        if of_one.contains(&spec.name) {
            errors.at(
                keyword.span(),
                format!(
                    "`{keyword}` is about one function: write it at a method (what all methods of a block \
                     may share are options such as `ttl`, `skip` and `cache`)"
                ),
            );
        }
    }
    for name in defaults.options.skip.iter().flat_map(|skip| &skip.value.0) {
        if !methods.iter().any(|method| method.function.has(name)) && !methods.is_empty() {
            errors.at(
                name.span(),
                format!("no cached method of this block has a parameter `{name}`"),
            );
        }
    }
}

fn check_once(methods: &[Annotated], errors: &mut Errors) {
    for method in methods {
        let attributes = method.attributes.iter().zip(&method.paths);
        let cached = attributes.filter(|((kind, _), _)| *kind == Kind::RedisCached);
        for (_, path) in cached.skip(1) {
            errors.at(path.span(), CACHED_TWICE);
        }
    }
}

/// The helpers of a trait's methods need an `impl` of the type alone.
fn check_type(block: &ItemImpl, errors: &mut Errors) {
    let generics = &block.generics.params;
    let message = match ungroup(&block.self_ty) {
        Type::Path(path) => {
            let name = path.path.get_ident().map(ToString::to_string);
            if !generics.iter().any(|param| Some(generic_name(param)) == name) {
                return;
            }
            "the helpers of cached methods need an `impl` of their own beside this one, which all \
             types together cannot have: implement the trait for a type of yours that wraps the \
             generic one"
        }
        _ => {
            "the helpers of cached methods need an `impl` of their own beside this one, which only a \
             named type can have: implement the trait for a type of yours that wraps this one"
        }
    };
    errors.at(block.self_ty.span(), message);
}
