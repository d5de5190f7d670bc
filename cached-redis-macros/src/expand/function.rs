//! The cached function.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::{call, preamble};
use crate::model::Cached;
use crate::names;
use crate::signature::{Body, Function};

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let Some(body) = &cached.function.body else { return TokenStream::new() };
    let preamble = preamble(cached, &cached.function.sig.ident.unraw());
    let call = call(cached, true);
    let returns = &cached.returns;
    let patterns = cached
        .patterns
        .iter()
        .map(|(pattern, ident)| quote_spanned!(Span::mixed_site()=> let #pattern = #ident;));
    let block = block(&quote!(#returns), body, &quote!(#(#patterns)*), true);
    let tokens = quote_spanned!(Span::mixed_site()=>
        #preamble
        #call
        let __body = #block;
        __call.run(__outcome, __body).await
    );
    let body = Some(Body { tokens, span: body.span });
    let function = Function { body, ..cached.function.clone() };
    quote!(#function)
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
