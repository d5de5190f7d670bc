//! The static facts of the function, and its key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;

use super::reference;
use crate::model::{Cached, Identity, Key, Part, Piece, Scope};
use crate::names;

/// `static __F: …`
pub(super) fn function(identity: &Identity, ident: &Ident) -> TokenStream {
    let Identity { prefix, name, key_shape, .. } = identity;
    let ident = ident.unraw().to_string();
    let facts = if *name == ident {
        quote_spanned!(Span::mixed_site()=> __rt::function(#prefix, #name, #key_shape))
    } else {
        quote_spanned!(Span::mixed_site()=>
            __rt::Function::new(#prefix, #name, #ident, #key_shape)
        )
    };
    quote_spanned!(Span::mixed_site()=> static __F: __rt::Function = #facts;)
}

/// `let mut __key = …`, with all its parts. `own` is the name of the function that it is in.
pub(super) fn key(cached: &Cached, own: &Ident, is_local: bool) -> TokenStream {
    let Identity { scope, types, consts, .. } = &cached.identity;
    let own = own.to_string();
    let scope = match scope {
        Scope::Marker => quote_spanned!(Span::mixed_site()=> __rt::scope(&|| (), #own)),
        Scope::SelfType => quote_spanned!(Span::mixed_site()=> ::core::any::type_name::<Self>()),
    };
    let types = quote_spanned!(Span::mixed_site()=> &[#(::core::any::type_name::<#types>()),*]);
    match &cached.key {
        Key::Hashed(parts) => {
            let consts =
                consts.iter().map(|c| quote_spanned!(Span::mixed_site()=> __key.part(&#c);));
            let mutable = (!parts.is_empty() || consts.len() > 0).then(|| quote!(mut));
            let parts = parts.iter().map(hashed);
            let begin = Ident::new(if is_local { "local_key" } else { "key" }, Span::mixed_site());
            quote_spanned!(Span::mixed_site()=>
                let #mutable __key = __F.#begin(#scope, #types);
                #(#consts)*
                #(#parts)*
            )
        }
        Key::Readable(pieces) => {
            let pieces = pieces.iter().map(readable);
            let consts = consts.iter().map(|c| {
                let value = placeholder(quote!(&#c), Span::mixed_site());
                quote_spanned!(Span::mixed_site()=> __key.literal(":"); #value)
            });
            quote_spanned!(Span::mixed_site()=>
                let mut __key = __F.template(#scope, #types);
                #(#pieces)*
                #(#consts)*
            )
        }
    }
}

/// At the place of the argument, so that what cannot be a key is reported there.
fn hashed(part: &Part) -> TokenStream {
    let (start, end) = names::ends(&part.value);
    let method = Ident::new(if part.typed { "typed_part" } else { "part" }, start);
    let argument = names::parenthesized(reference(&part.value), end);
    let allow = match &part.value {
        syn::Expr::Path(path) => path.path.get_ident().and_then(names::allow_underscore),
        _ => None,
    };
    quote_spanned!(start=> #allow __key.#method #argument;)
}

fn readable(piece: &Piece) -> TokenStream {
    match piece {
        Piece::Text(text) => quote_spanned!(Span::mixed_site()=> __key.literal(#text);),
        Piece::Placeholder(expr) => placeholder(reference(expr), names::ends(expr).0),
    }
}

/// Two references: method resolution then finds `ReadablePart` first.
fn placeholder(reference: TokenStream, span: Span) -> TokenStream {
    quote_spanned!(span=> (&&__rt::Placeholder(#reference)).write(&mut __key);)
}
