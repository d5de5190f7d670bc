//! `f_invalidate_all`: removes all entries of the function.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt as _;

use super::{Helper, choice, key, runtime};
use crate::model::Cached;
use crate::names;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let function = &cached.function.sig.ident;
    let facade = &cached.facade;
    let runtime = runtime(cached);
    let statics = key::function(&cached.identity, function);
    let cache = choice(cached.cache.as_ref());
    Helper {
        cached,
        doc: format!("Removes everything that `{}` keeps.", function.unraw()),
        ident: names::sibling(function, "_invalidate_all"),
        generics: &cached.helpers.all_generics,
        inputs: &cached.helpers.all_inputs,
        output: quote_spanned!(Span::mixed_site()=> #facade::InvalidateAll),
        body: quote_spanned!(Span::mixed_site()=>
            #runtime
            #statics
            __rt::InvalidateAll::new(&__F, #cache)
        ),
    }
    .expand()
}
