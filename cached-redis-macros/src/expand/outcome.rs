//! What the return type means: asked of the compiler, adjusted by `absent`, `cache_if`, `ttl_with` and
//! `tags`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;

use super::tag;
use crate::model::{Absent, Cached, Each};
use crate::names;
use crate::parse::payload::Codec;

/// `let __outcome = …`
pub(super) fn outcome(cached: &Cached) -> TokenStream {
    let returns = &cached.returns;
    let (start, end) = names::ends(returns);
    let plain = match &cached.each {
        None => {
            let return_type =
                quote_spanned!(start=> (&&&__rt::ReturnType::<#returns>::new()).outcome);
            let arguments = names::parenthesized(TokenStream::new(), end);
            quote!(#return_type #arguments)
        }
        // What one entry means; a return type that is none of a batch is reported at the return type.
        Some(Each { ident, .. }) => {
            quote_spanned!(start=> __rt::member_outcome(__shape, #ident))
        }
    };
    let fallible = {
        let arguments = names::parenthesized(plain.clone(), end);
        quote_spanned!(start=> __rt::fallible #arguments)
    };
    let with_absent = match &cached.outcome.absent {
        None => plain,
        Some(Absent::Predicate(predicate)) => {
            let span = names::ends(predicate).0;
            quote_spanned!(span=> __rt::absent(#fallible, #predicate))
        }
        Some(Absent::Error { pattern, value }) => {
            let span = names::ends(value).0;
            let error = quote_spanned!(Span::mixed_site()=> __error);
            quote_spanned!(span=>
                __rt::absent_as(#fallible, |#error| ::core::matches!(#error, #pattern), || #value)
            )
        }
    };
    let with_cache_if = of_value("cache_if", with_absent, cached.outcome.cache_if.as_ref());
    let with_ttl = of_value("ttl_with", with_cache_if, cached.outcome.ttl_with.as_ref());
    let adjusted = tag::of_value(&cached.tags, with_ttl);
    // A return type that cannot be stored is reported at the return type.
    let ask = quote_spanned!(start=> (&&&__rt::Stored(&__outcome)).check);
    let arguments = names::parenthesized(TokenStream::new(), end);
    let coded = coded(cached.policy.payload.codec.as_ref());
    quote_spanned!(Span::mixed_site()=>
        let __outcome = #adjusted;
        let __outcome = #ask #arguments.pass(__outcome);
        #coded
    )
}

/// Another codec than JSON. What is no codec is reported where it is named.
fn coded(codec: Option<&Codec>) -> Option<TokenStream> {
    let (path, codec) = match codec? {
        Codec::Json => return None,
        Codec::Ours(name, _) => {
            let name = Ident::new(&name.to_string(), names::at(name.span()));
            (quote!(#name), quote_spanned!(name.span()=> __rt::#name))
        }
        Codec::Own(path) => (quote!(#path), quote!(#path)),
    };
    let span = names::ends(&path).0;
    let coded = quote_spanned!(span=> __rt::coded::<#codec, _>);
    Some(quote_spanned!(Span::mixed_site()=> let __outcome = #coded(__outcome);))
}

/// What a function of the value makes of an outcome.
fn of_value(name: &str, outcome: TokenStream, function: Option<&Expr>) -> TokenStream {
    let Some(function) = function else { return outcome };
    let span = names::ends(function).0;
    let name = Ident::new(name, span);
    quote_spanned!(span=> __rt::#name(#outcome, #function))
}
