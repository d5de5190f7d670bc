//! With `stale`, `early` or `soft_timeout` the body may run in the background, after the call has
//! returned. What it borrowed would be gone by then, so it owns what it uses.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{FnArg, Pat, ReceiverKind, Signature, Token, Type};

use super::Subject;
use crate::diagnostics::Errors;
use crate::model::{Background, OwnedParameter};
use crate::parse::redis_cached::Options;
use crate::parse::values::Early;
use crate::signature::{Borrow, Parameter, ungroup};
use crate::used_names;

/// How an argument gets into the body.
enum Capture {
    Move,
    /// The body gets a copy of what it refers to.
    Clone,
    /// `&mut`
    Mutable,
    /// From inside a type.
    Borrows,
}

/// What the body has to own, if it may run in the background.
pub(super) fn background(subject: &Subject<'_>, errors: &mut Errors) -> Option<Background> {
    let keyword = keyword(subject.options)?;
    let body = &subject.function.body.as_ref()?.tokens;
    let mut owned = Vec::new();
    for (parameter, mutability) in subject.parameters.iter().zip(mutabilities(subject)) {
        if !is_used(parameter, body) {
            continue;
        }
        match capture_of(&parameter.ty) {
            Capture::Move => {}
            Capture::Clone => {
                owned.push(OwnedParameter { ident: parameter.ident.clone(), mutability })
            }
            Capture::Mutable => errors.add(mutable(&parameter.ty, keyword)),
            Capture::Borrows => errors.add(borrows(&parameter.ty, keyword)),
        }
    }
    let owned_self = if used_names::first(body, "self").is_some() {
        owned_self(subject, keyword, errors)
    } else {
        None
    };
    Some(Background { span: keyword.span(), owned, owned_self })
}

/// Of the first option that lets the body run in the background.
fn keyword(options: &Options) -> Option<&Ident> {
    let early = options.early.as_ref().filter(|early| !matches!(early.value, Early::Off));
    None.or(options.stale.as_ref().map(|given| &given.keyword))
        .or(early.map(|given| &given.keyword))
        .or(options.soft_timeout.as_ref().map(|given| &given.keyword))
}

/// What the body does not mention, it does not borrow.
pub(super) fn is_used(parameter: &Parameter, body: &TokenStream) -> bool {
    match &parameter.pattern {
        Some(_) => !parameter.bindings.is_empty(),
        None => parameter.bindings.iter().any(|name| used_names::first(body, name).is_some()),
    }
}

pub(super) fn mutabilities(subject: &Subject<'_>) -> impl Iterator<Item = Option<Token![mut]>> {
    subject.function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(match &*typed.pat {
            Pat::Ident(pat) if pat.subpat.is_none() => pat.mutability,
            _ => None,
        }),
    })
}

fn capture_of(ty: &Type) -> Capture {
    match ungroup(ty) {
        Type::Reference(reference) => {
            let is_static =
                reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
            if reference.mutability.is_some() {
                Capture::Mutable
            } else if Borrow::in_argument(&reference.elem) {
                Capture::Borrows
            } else if is_static {
                Capture::Move
            } else {
                Capture::Clone
            }
        }
        ty if Borrow::in_argument(ty) => Capture::Borrows,
        _ => Capture::Move,
    }
}

fn owned_self(subject: &Subject<'_>, keyword: &Ident, errors: &mut Errors) -> Option<Ident> {
    let receiver = subject.function.receiver()?;
    let capture = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Capture::Clone,
        ReceiverKind::Reference(_, _, Some(_)) => Capture::Mutable,
        ReceiverKind::Typed(_, ty) => capture_of(ty),
        _ => Capture::Move,
    };
    match capture {
        Capture::Move => None,
        Capture::Clone => {
            let self_token = receiver.self_token;
            Some(Ident::new("self", self_token.span))
        }
        Capture::Mutable | Capture::Borrows => {
            errors.add(syn::Error::new_spanned(
                receiver,
                format!(
                    "with `{keyword}` the body may run in the background after the call has returned, \
                     when the caller uses `self` again: take `&self` (and `Self: Clone`) or \
                     `self: Arc<Self>`"
                ),
            ));
            None
        }
    }
}

fn mutable(ty: &impl ToTokens, keyword: &Ident) -> syn::Error {
    let message = format!(
        "with `{keyword}` the body may run in the background after the call has returned, when the \
         caller uses this again: take it by value, or as an `Arc` of something with a lock"
    );
    syn::Error::new_spanned(ty, message)
}

fn borrows(ty: &impl ToTokens, keyword: &Ident) -> syn::Error {
    let message = format!(
        "with `{keyword}` the body may run in the background after the call has returned, when what \
         this borrows from is gone: take an owned type (`Option<String>` instead of `Option<&str>`) or an `Arc`"
    );
    syn::Error::new_spanned(ty, message)
}

/// What the body owns is declared again in the body: `mut` belongs there.
pub(super) fn take_mut(signature: &mut Signature, all: &[OwnedParameter]) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(pat) = &mut *typed.pat
            && all.iter().any(|owned| owned.ident == pat.ident)
        {
            pat.mutability = None;
        }
    }
}
