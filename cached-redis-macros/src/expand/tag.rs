//! Tags: text with values in it, hashed by the runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;

use super::reference;
use super::target::owned;
use crate::model::{Piece, Tag, Tags};
use crate::parse::tags::TypedTag;
use crate::{names, used_names};

/// `.tagged([…])`, if there are tags that are known before the load.
pub(super) fn of_arguments(tags: &Tags) -> TokenStream {
    if tags.of_arguments.is_empty() {
        return TokenStream::new();
    }
    let tags = tags.of_arguments.iter().map(made);
    quote_spanned!(Span::mixed_site()=> .tagged([#(#tags),*]))
}

/// The outcome, with the tags that are only known after the load.
pub(super) fn of_value(tags: &Tags, outcome: TokenStream) -> TokenStream {
    let expressions = tags.of_value.iter().flat_map(Tag::expressions);
    let members = tags.of_members.iter().map(|(_, _, values)| values);
    let Some(ret) = expressions.chain(members).find_map(|expr| used_names::first(expr, "ret"))
    else {
        return outcome;
    };
    let classes = &tags.classes;
    let of_members = tags.of_members.iter().map(|(tag, _, _)| tag);
    let typed = tags.of_value.iter().chain(of_members).filter_map(class);
    let of_value = tags.of_value.iter().map(made);
    let mut all = quote_spanned!(Span::mixed_site()=> ::std::vec![#(#of_value),*]);
    if !tags.of_members.is_empty() {
        let loops = tags.of_members.iter().map(|(tag, pattern, values)| {
            let tag = made(tag);
            let members = names::parenthesized(values.to_token_stream(), names::ends(values).1);
            // As an iterator: the compiler warns of a `for` over an `Option`.
            quote_spanned!(Span::mixed_site()=>
                for #pattern in ::core::iter::IntoIterator::into_iter #members { __tags.push(#tag); }
            )
        });
        all = quote_spanned!(Span::mixed_site()=> { let mut __tags = #all; #(#loops)* __tags });
    }
    quote_spanned!(Span::mixed_site()=> __rt::tags(#outcome, &[#(#classes,)* #(#typed),*], |#ret| #all))
}

/// One tag. What cannot be in a tag is reported at its template.
pub(super) fn made(tag: &Tag) -> TokenStream {
    match tag {
        Tag::Text(pieces) => with(pieces, reference),
        Tag::Typed(tag) => typed(tag, &tag.arguments.iter().map(owned).collect::<Vec<_>>()),
    }
}

/// A typed tag, of these arguments.
pub(super) fn typed(tag: &TypedTag, arguments: &[TokenStream]) -> TokenStream {
    let path = declared(tag, "declared_with_tag");
    let arguments = names::parenthesized(quote!(#(#arguments),*), names::at(tag.parentheses));
    quote!(#path #arguments)
}

/// The class of a typed tag is known before the value.
fn class(tag: &Tag) -> Option<TokenStream> {
    match tag {
        Tag::Text(_) => None,
        Tag::Typed(tag) => Some(declared(tag, "DECLARED_WITH_TAG")),
    }
}

/// A path into the type, also for its tags: one that is not there is reported once.
fn declared(tag: &TypedTag, item: &str) -> TokenStream {
    let (path, item) = (&tag.path, Ident::new(item, names::ends(&tag.path).1));
    quote!(#path::#item)
}

/// A text, with its values by way of something else than a reference.
pub(super) fn with(pieces: &[Piece], mut value: impl FnMut(&Expr) -> TokenStream) -> TokenStream {
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quote_spanned!(Span::mixed_site()=> .text(#text)),
        Piece::Placeholder(expr) => {
            let span = names::ends(expr).0;
            let method = Ident::new("value", span);
            let value = names::parenthesized(value(expr), span);
            // Two references: method resolution then finds `OptionalPart` first.
            let part = quote_spanned!(span=> (&&__rt::Part #value).get());
            let argument = names::parenthesized(part, span);
            quote!(.#method #argument)
        }
    });
    quote_spanned!(Span::mixed_site()=> __rt::Tag::new() #(#pieces)* .finish())
}
