//! A body that may run on behind the answer owns what it uses: what it borrowed would be gone.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{FnArg, Pat, ReceiverKind, Signature, Token, Type};

use super::Subject;
use crate::diagnostics::Errors;
use crate::mentions;
use crate::model::{Behind, Kept};
use crate::parse::redis_cached::Options;
use crate::parse::values::Early;
use crate::signature::{Borrow, Parameter, ungroup};

/// How an argument gets into the body.
enum Passage {
    Move,
    /// The body gets a copy of what it refers to.
    Keep,
    /// `&mut`
    Mutable,
    /// From inside a type.
    Borrows,
}

/// What the body has to own, if it may run on.
pub(super) fn behind(subject: &Subject<'_>, errors: &mut Errors) -> Option<Behind> {
    let keyword = keyword(subject.options)?;
    let body = &subject.function.body.as_ref()?.tokens;
    let mut kept = Vec::new();
    for (parameter, mutability) in subject.parameters.iter().zip(mutabilities(subject)) {
        if !is_used(parameter, body) {
            continue;
        }
        match passage(&parameter.ty) {
            Passage::Move => {}
            Passage::Keep => kept.push(Kept { ident: parameter.ident.clone(), mutability }),
            Passage::Mutable => errors.add(mutable(&parameter.ty, keyword)),
            Passage::Borrows => errors.add(borrows(&parameter.ty, keyword)),
        }
    }
    let kept_self = if mentions::first(body, "self").is_some() {
        kept_self(subject, keyword, errors)
    } else {
        None
    };
    Some(Behind { span: keyword.span(), kept, kept_self })
}

/// Of the first option that lets the body run on.
fn keyword(options: &Options) -> Option<&Ident> {
    let early = options.early.as_ref().filter(|early| !matches!(early.value, Early::Off));
    None.or(options.stale.as_ref().map(|given| &given.keyword))
        .or(early.map(|given| &given.keyword))
        .or(options.soft_timeout.as_ref().map(|given| &given.keyword))
}

/// What the body does not mention, it does not borrow.
fn is_used(parameter: &Parameter, body: &TokenStream) -> bool {
    match &parameter.pattern {
        Some(_) => !parameter.bindings.is_empty(),
        None => parameter.bindings.iter().any(|name| mentions::first(body, name).is_some()),
    }
}

fn mutabilities(subject: &Subject<'_>) -> impl Iterator<Item = Option<Token![mut]>> {
    subject.function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(match &*typed.pat {
            Pat::Ident(pat) if pat.subpat.is_none() => pat.mutability,
            _ => None,
        }),
    })
}

fn passage(ty: &Type) -> Passage {
    match ungroup(ty) {
        Type::Reference(reference) => {
            let is_static =
                reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
            if reference.mutability.is_some() {
                Passage::Mutable
            } else if Borrow::in_argument(&reference.elem) {
                Passage::Borrows
            } else if is_static {
                Passage::Move
            } else {
                Passage::Keep
            }
        }
        ty if Borrow::in_argument(ty) => Passage::Borrows,
        _ => Passage::Move,
    }
}

fn kept_self(subject: &Subject<'_>, keyword: &Ident, errors: &mut Errors) -> Option<Ident> {
    let receiver = subject.function.receiver()?;
    let passage = match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => Passage::Keep,
        ReceiverKind::Reference(_, _, Some(_)) => Passage::Mutable,
        ReceiverKind::Typed(_, ty) => passage(ty),
        _ => Passage::Move,
    };
    match passage {
        Passage::Move => None,
        Passage::Keep => {
            let self_token = receiver.self_token;
            Some(Ident::new("self", self_token.span))
        }
        Passage::Mutable | Passage::Borrows => {
            errors.add(syn::Error::new_spanned(
                receiver,
                format!(
                    "with `{keyword}` the body may run on behind the answer, when the caller has \
                     `self` for itself again: take `&self` (and `Self: Clone`) or `self: Arc<Self>`"
                ),
            ));
            None
        }
    }
}

fn mutable(ty: &impl ToTokens, keyword: &Ident) -> syn::Error {
    let message = format!(
        "with `{keyword}` the body may run on behind the answer, when the caller has this for itself \
         again: take it by value, or as an `Arc` of something with a lock"
    );
    syn::Error::new_spanned(ty, message)
}

fn borrows(ty: &impl ToTokens, keyword: &Ident) -> syn::Error {
    let message = format!(
        "with `{keyword}` the body may run on behind the answer, when what this borrows from is gone: \
         take an owned type (`Option<String>` instead of `Option<&str>`) or an `Arc`"
    );
    syn::Error::new_spanned(ty, message)
}

/// What is kept is declared again in the body: `mut` belongs there.
pub(super) fn take_mut(signature: &mut Signature, behind: &Behind) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(pat) = &mut *typed.pat
            && behind.kept.iter().any(|kept| kept.ident == pat.ident)
        {
            pat.mutability = None;
        }
    }
}
