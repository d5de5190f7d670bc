//! `f_entry`: a handle of one entry.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt as _;
use syn::parse_quote_spanned;

use super::{Helper, call, preamble};
use crate::model::Cached;
use crate::names;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let function = &cached.function.sig.ident;
    let ident = names::sibling(function, "_entry");
    let (facade, returns) = (&cached.facade, &cached.returns);
    let preamble = preamble(cached, &ident);
    let call = call(cached, false);
    // A handle outlives the call, and `T` of an `impl<T>` may be in the type without being seen.
    let mut generics = cached.helpers.generics.clone();
    generics
        .make_where_clause()
        .predicates
        .push(parse_quote_spanned!(Span::mixed_site()=> #returns: 'static));
    Helper {
        cached,
        doc: format!("The entry of `{}` for these arguments.", function.unraw()),
        ident,
        generics: &generics,
        inputs: &cached.helpers.inputs,
        output: quote_spanned!(Span::mixed_site()=> #facade::Entry<#returns>),
        body: quote_spanned!(Span::mixed_site()=> #preamble #call __call.entry(__outcome)),
    }
    .expand()
}
