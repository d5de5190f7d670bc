//! What kind of function can be cached.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Safety, Type};

use crate::diagnostics::Errors;
use crate::parse::block::{self, Kind};
use crate::signature::{Borrow, Function, ImplTrait, ungroup};
use crate::trait_impl;

pub(super) const CACHED_TWICE: &str =
    "this function has a `#[redis_cached]` already: keep one, with the options of both";

pub(super) fn check(function: &Function, errors: &mut Errors) {
    check_async(function, "redis_cached", errors);
    check_qualifiers(function, errors);
    check_parameters(function, errors);
    check_body(function, errors);
    check_output(function, errors);
    check_once(function, errors);
}

/// The helpers of a trait's method are no members of the trait.
pub(super) fn check_block_form(function: &Function, errors: &mut Errors) {
    if trait_impl::is_around(function) {
        errors.at(
            Span::call_site(),
            "put `#[redis_cached]` on the `impl` block too: its helpers need an `impl` of their own \
             beside the trait's",
        );
    }
}

/// Its helpers would be there twice. The outer attribute is applied first, and still sees the inner one.
fn check_once(function: &Function, errors: &mut Errors) {
    for attr in function.attrs.iter().filter(|attr| block::kind(attr) == Some(Kind::RedisCached)) {
        errors.at(attr.path().span(), CACHED_TWICE);
    }
}

/// For both attributes.
pub(crate) fn check_async(function: &Function, attribute: &str, errors: &mut Errors) {
    if function.sig.asyncness.is_some() {
        return;
    }
    let is_boxed = match &function.sig.output {
        ReturnType::Default => false,
        ReturnType::Type(_, ty) => {
            crate::names::compact(ty).contains("dynFuture")
                || quote::ToTokens::to_token_stream(ty).to_string().contains("dyn")
                    && quote::ToTokens::to_token_stream(ty).to_string().contains("Future")
        }
    };
    let is_future = matches!(&function.sig.output, ReturnType::Type(_, ty)
        if ImplTrait::find(ty).is_some()
            && quote::ToTokens::to_token_stream(ty).to_string().contains("Future"));
    let message = if is_future {
        format!(
            "`#[{attribute}]` needs an `async fn`: write `async fn {}(…) -> T` instead of `-> impl \
             Future<Output = T>`",
            function.sig.ident
        )
    } else if is_boxed {
        format!(
            "`#[{attribute}]` needs an `async fn`; where `#[async_trait]` has rewritten it, put \
             `#[redis_cached]` on the `impl` block, above `#[async_trait]`"
        )
    } else {
        format!("`#[{attribute}]` needs an `async fn`: write `async fn {}`", function.sig.ident)
    };
    errors.at(function.sig.fn_token.span, message);
}

fn check_qualifiers(function: &Function, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(token) = &sig.constness {
        errors.at(token.span, "a `const fn` cannot be cached: remove `const`");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.at(
            token.span,
            "an `unsafe fn` cannot be cached, because its helpers would be unsafe to call too: \
             cache a safe function that calls it",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi.span(), "an `extern` function cannot be cached: remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic.span(), "a variadic function cannot be cached");
    }
}

/// Attributes are applied after us.
fn check_parameters(function: &Function, errors: &mut Errors) {
    for input in &function.sig.inputs {
        let attributes = match input {
            FnArg::Receiver(receiver) => &receiver.attrs,
            FnArg::Typed(typed) => &typed.attrs,
        };
        let conditional = |path: &syn::Path| path.is_ident("cfg") || path.is_ident("cfg_attr");
        if let Some(attribute) = attributes.iter().find(|attribute| conditional(attribute.path())) {
            errors.at(
                attribute.span(),
                "a parameter of a cached function is there or not: write two functions with \
                 `#[cfg(…)]` on each",
            );
        }
    }
}

/// `T` and `E` of `Result<T, E>`.
fn result(ty: &Type) -> Option<(&Type, &Type)> {
    let Type::Path(path) = ungroup(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let types: Vec<_> = arguments.args.iter().collect();
    match types[..] {
        [GenericArgument::Type(value), GenericArgument::Type(error)] => Some((value, error)),
        _ => None,
    }
}

fn check_body(function: &Function, errors: &mut Errors) {
    if function.body.is_none() {
        errors.at(
            function.sig.ident.span(),
            "a declaration has no body to cache: put `#[redis_cached]` on the `impl` blocks of the \
             trait, and `#[redis_cached(ttl = …)]` on their methods",
        );
    }
}

fn check_output(function: &Function, errors: &mut Errors) {
    // What it returns as an `async fn` is not known.
    if function.sig.asyncness.is_none() {
        return;
    }
    let name = &function.sig.ident;
    let ty = match &function.sig.output {
        ReturnType::Type(_, ty) => ty,
        ReturnType::Default => {
            let message = format!("`{name}` returns nothing to cache: give it a return type");
            return errors.at(name.span(), message);
        }
    };
    if matches!(ungroup(ty), Type::Tuple(tuple) if tuple.elems.is_empty()) {
        errors.at(ty.span(), format!("`{name}` returns nothing to cache: give it a return type"));
    } else if let Some(span) = ImplTrait::find(ty) {
        errors.at(
            span,
            "what is cached is stored and rebuilt, so its type needs a name: return it instead of \
             `impl Trait`",
        );
    } else if let Some(span) = Borrow::find(ty) {
        let is_of_error = result(ty).is_some_and(|(value, error)| {
            Borrow::find(value).is_none() && Borrow::find(error).is_some()
        });
        let message = if is_of_error {
            "the error of a cached function is owned, because its helpers name the return type without \
             having the arguments: give its fields owned types, as `String` instead of `&str`"
        } else {
            "a cached function returns owned values, because a hit has nothing to borrow from: \
             return `String` instead of `&str`, `Vec<T>` instead of `&[T]`, `T` instead of `&T`"
        };
        errors.at(span, message);
    }
}
