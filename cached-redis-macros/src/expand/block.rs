//! `#[redis_cached]` on an `impl` block: the methods in place, their helpers in the same block, or
//! beside it where it is a trait's.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{ImplItem, ItemImpl};

use crate::model::TraitImpl;
use crate::signature::split_generics;
use crate::validate;

/// The block with what became of its functions, and the helpers.
pub(crate) fn expand(
    mut block: ItemImpl,
    functions: Vec<(usize, TokenStream)>,
    helpers: TokenStream,
    trait_impl: Option<&TraitImpl>,
) -> TokenStream {
    for (position, tokens) in functions {
        if let Some(item) = block.items.get_mut(position) {
            *item = ImplItem::Verbatim(tokens);
        }
    }
    match trait_impl {
        None => {
            block.items.push(ImplItem::Verbatim(helpers));
            block.into_token_stream()
        }
        Some(_) if helpers.is_empty() => block.into_token_stream(),
        Some(_) => {
            let helpers = inherent(&block, &helpers);
            quote!(#block #helpers)
        }
    }
}

/// The attributes that were taken off the methods are used, also in the eyes of `unused_imports`.
pub(crate) fn uses(paths: &[syn::Path]) -> TokenStream {
    let mut seen: Vec<&syn::Path> = Vec::new();
    for path in paths {
        if !seen.contains(&path) {
            seen.push(path);
        }
    }
    quote_spanned!(Span::mixed_site()=>
        const _: () = { #(#[allow(unused_imports)] use #seen as _;)* };
    )
}

/// `impl Type { helpers }`
fn inherent(block: &ItemImpl, helpers: &TokenStream) -> TokenStream {
    let attrs = block.attrs.iter().filter(|attr| validate::is_for_helpers(attr));
    let (ty, generics) = (&block.self_ty, split_generics(block).0);
    let (generics, _, where_clause) = generics.split_for_impl();
    quote_spanned!(Span::mixed_site()=>
        #(#attrs)*
        impl #generics #ty #where_clause { #helpers }
    )
}
