//! Names in generated code. Locals are `__`-prefixed and carry the macro's own hygiene, so that a
//! user's argument may be called anything.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Path, parse_quote_spanned};

/// The macro's hygiene at a place that the user wrote: errors are reported there.
pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// Where the tokens of a type or expression begin and end (`Span::join` is not stable).
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let Some(first) = tokens.next() else {
        return (Span::mixed_site(), Span::mixed_site());
    };
    let last = tokens.last().map_or_else(|| first.span(), |last| last.span());
    (at(first.span()), at(last))
}

/// A local of generated code, at a place that the user wrote.
pub(crate) fn local(name: &str, span: Span) -> Ident {
    Ident::new(name, at(span))
}

/// `_id` says that the body does not use it; that generated code does is no contradiction.
pub(crate) fn allow_underscore(ident: &Ident) -> Option<TokenStream> {
    let is_underscored = ident.to_string().starts_with('_');
    is_underscored
        .then(|| quote_spanned!(Span::mixed_site()=> #[allow(clippy::used_underscore_binding)]))
}

/// A parameter that is bound again by its own name shadows nothing that the user could avoid.
pub(crate) fn allow_shadow() -> TokenStream {
    quote_spanned!(Span::mixed_site()=>
        #[allow(
            clippy::shadow_unrelated,
            clippy::shadow_reuse,
            clippy::shadow_same,
            clippy::pattern_type_mismatch
        )]
    )
}

/// `get_product` and `_entry` to `get_product_entry`, at the place of the former.
pub(crate) fn sibling(ident: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{}{suffix}", ident.unraw()), ident.span())
}

/// `(tokens)`, at a given place.
pub(crate) fn parenthesized(tokens: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(Delimiter::Parenthesis, tokens);
    group.set_span(span);
    TokenTree::Group(group).into()
}

/// The name that takes the place of a pattern among the parameters, at its place.
pub(crate) fn argument(index: usize, pattern: &impl ToTokens) -> Ident {
    Ident::new(&format!("__arg{index}"), ends(pattern).0)
}

/// Where the facade lives unless `crate = …` says otherwise.
pub(crate) fn facade() -> Path {
    parse_quote_spanned!(Span::mixed_site()=> ::cached_redis)
}

/// The name of the user's package, which a prefix is by default. Cargo and those that stand in for
/// it set it for the compiler.
pub(crate) fn package() -> String {
    std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "app".to_owned())
}

/// Tokens without the white space between them: stable text for what a key is made of.
pub(crate) fn compact(tokens: &impl ToTokens) -> String {
    fn write(text: &mut String, tokens: TokenStream) {
        for token in tokens {
            let piece = match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    text.push_str(open);
                    write(text, group.stream());
                    close.to_owned()
                }
                other => other.to_string(),
            };
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if is_word(text.chars().last()) && is_word(piece.chars().next()) {
                text.push(' ');
            }
            text.push_str(&piece);
        }
    }
    let mut text = String::new();
    write(&mut text, tokens.to_token_stream());
    text
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn compact_text_depends_on_tokens_only() {
        assert_eq!(super::compact(&quote!(a.b(x, &y as u8))), "a.b(x,&y as u8)");
    }
}
