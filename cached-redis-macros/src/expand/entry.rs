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
    let is_local = cached.policy.local.is_some();
    let preamble = preamble(cached, &ident, is_local);
    let call = call(cached, false);
    // A batch that has these entries answers with their copies too. Of a value without copies, the function says so.
    let entry = match is_local {
        false => quote_spanned!(Span::mixed_site()=> __call.entry(__outcome)),
        true => quote_spanned!(Span::mixed_site()=>
            (&&__rt::Copies(&__outcome)).ask().entry(__call, &__key, __outcome)
        ),
    };
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
        body: quote_spanned!(Span::mixed_site()=> #preamble #call #entry),
    }
    .expand()
}
