//! The cached function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::{call, each, key, receiver, runtime};
use crate::model::{Background, Cached, OwnedParameter};
use crate::names;
use crate::signature::{Body, Function};

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let Some(body) = &cached.function.body else { return TokenStream::new() };
    if let Some(each) = &cached.each {
        return each::expand(cached, each, body);
    }
    let runtime = runtime(cached);
    let key = key(cached, &cached.function.sig.ident.unraw(), cached.policy.local.is_some());
    let call = call(cached, true);
    let returns = &cached.returns;
    let allow = names::allow_shadow();
    let patterns = cached
        .patterns
        .iter()
        .map(|(pattern, ident)| quote_spanned!(Span::mixed_site()=> #allow let #pattern = #ident;));
    let patterns = quote!(#(#patterns)*);
    let returns = quote!(#returns);
    let run = match &cached.background {
        None => {
            let block = block(&returns, body, &patterns, true);
            quote_spanned!(Span::mixed_site()=>
                __call.run(__outcome, move || #block).await
            )
        }
        Some(background) => run_in_background(background, &returns, body, &patterns),
    };
    // In a block of its own, so that the function's future has no room for the key while it waits.
    let tokens = quote_spanned!(Span::mixed_site()=>
        #runtime
        let (__call, __outcome) = { #key #call (__call, __outcome) };
        #run
    );
    let body = Some(Body { tokens, span: body.span });
    let function = Function { body, ..cached.function.clone() };
    quote!(#function)
}

/// A body that may run in the background, after the call has returned: it owns what was borrowed,
/// and only a load makes the copies.
fn run_in_background(
    background: &Background,
    returns: &TokenStream,
    body: &Body,
    patterns: &TokenStream,
) -> TokenStream {
    let mut body = body.clone();
    let (mut keep, mut lend) = (TokenStream::new(), TokenStream::new());
    for OwnedParameter { ident, mutability } in &background.owned {
        let owned = names::local(&format!("__owned_{}", ident.unraw()), ident.span());
        keep.extend(owning(&owned, ident));
        let allow = names::allow_shadow();
        lend.extend(quote_spanned!(Span::mixed_site()=>
            #allow let #mutability #ident = #owned.borrowed();
        ));
    }
    if let Some(receiver) = &background.owned_self {
        let owned = names::local("__owned_self", receiver.span());
        keep.extend(owning(&owned, receiver));
        // As the user would name it: a text that captures `self` looks it up by this name.
        let lent = Ident::new("__lent_self", receiver.span());
        lend.extend(quote_spanned!(Span::mixed_site()=> let #lent = #owned.borrowed();));
        body.tokens = receiver::replace(body.tokens, &lent);
    }
    let block = block(returns, &body, &quote!(#lend #patterns), true);
    let span = names::at(background.span);
    quote_spanned!(span=>
        __call.run_detachable(__outcome, move || { #keep __rt::boxed(#block) }).await
    )
}

/// At the place of the parameter, so that what cannot be copied is reported there.
pub(super) fn owning(owned: &Ident, ident: &Ident) -> TokenStream {
    let span = names::at(ident.span());
    let allow = names::allow_underscore(ident);
    quote_spanned!(span=> #allow let #owned = __rt::own_argument(&#ident);)
}

/// `async move { … }` with the body, whose type is known from its first statement on: otherwise
/// `?` and `return` would leave it open.
pub(super) fn block(
    returns: &TokenStream,
    body: &Body,
    patterns: &TokenStream,
    moves: bool,
) -> TokenStream {
    let tokens = &body.tokens;
    let known = quote_spanned!(Span::mixed_site()=> if false { return __rt::never::<#returns>(); });
    let braces = quote_spanned!(names::at(body.span)=> { #known #patterns #tokens });
    let moves = moves.then(<syn::Token![move]>::default);
    quote_spanned!(Span::mixed_site()=> async #moves #braces)
}
