//! `f_invalidate`: removes one entry.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt as _;

use super::{Helper, choice, preamble};
use crate::model::Cached;
use crate::names;

pub(super) fn expand(cached: &Cached) -> TokenStream {
    let function = &cached.function.sig.ident;
    let ident = names::sibling(function, "_invalidate");
    let facade = &cached.facade;
    let preamble = preamble(cached, &ident, false);
    let cache = choice(cached.cache.as_ref());
    Helper {
        cached,
        doc: format!("Removes what `{}` keeps for these arguments.", function.unraw()),
        ident,
        generics: &cached.helpers.generics,
        inputs: &cached.helpers.inputs,
        output: quote_spanned!(Span::mixed_site()=> #facade::Invalidate),
        body: quote_spanned!(Span::mixed_site()=> #preamble
            __rt::Invalidate::new(&__F, __key.finish(), #cache)),
    }
    .expand()
}
