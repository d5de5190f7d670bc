//! `self` by another name.

use proc_macro2::{Group, Ident, Literal, TokenStream, TokenTree};

/// Macros whose text may capture `self`.
const FORMATS: [&str; 27] = [
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "bail",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "ensure",
    "eprint",
    "eprintln",
    "error",
    "event",
    "format",
    "format_args",
    "info",
    "panic",
    "print",
    "println",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "warn",
    "write",
    "writeln",
];

/// `self` to `name`: not in the path `self::…`, nor in an `impl` or a `trait` that has a `self` of its
/// own. Tokens will do: the compiler has not parsed the body yet, and what stands in macros counts too.
pub(super) fn replace(tokens: TokenStream, name: &Ident) -> TokenStream {
    walk(tokens, name, false)
}

fn walk(tokens: TokenStream, name: &Ident, in_format: bool) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut in_item = false;
    let mut new = TokenStream::new();
    for (index, token) in tokens.iter().enumerate() {
        let token = match token {
            TokenTree::Ident(ident) if *ident == "self" && !is_path(&tokens, index) => {
                TokenTree::Ident(name.clone())
            }
            TokenTree::Ident(ident) => {
                in_item |= *ident == "impl" || *ident == "trait";
                token.clone()
            }
            TokenTree::Group(group) if in_item && is_braced(group) => {
                in_item = false;
                token.clone()
            }
            TokenTree::Group(group) => {
                let stream = walk(group.stream(), name, is_format(&tokens, index));
                let mut new = Group::new(group.delimiter(), stream);
                new.set_span(group.span());
                TokenTree::Group(new)
            }
            TokenTree::Literal(literal) if in_format => TokenTree::Literal(captured(literal, name)),
            TokenTree::Literal(_) | TokenTree::Punct(_) => token.clone(),
        };
        new.extend([token]);
    }
    new
}

fn is_braced(group: &Group) -> bool {
    group.delimiter() == proc_macro2::Delimiter::Brace
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// `self::…`
fn is_path(tokens: &[TokenTree], index: usize) -> bool {
    is_punct(tokens.get(index + 1), ':') && is_punct(tokens.get(index + 2), ':')
}

/// `format!(…)`
fn is_format(tokens: &[TokenTree], index: usize) -> bool {
    let before = |distance: usize| index.checked_sub(distance).and_then(|index| tokens.get(index));
    is_punct(before(1), '!')
        && matches!(before(2), Some(TokenTree::Ident(name)) if FORMATS.iter().any(|f| name == f))
}

/// `"{self}"`
fn captured(literal: &Literal, name: &Ident) -> Literal {
    let written = literal.to_string();
    let text =
        written.replace("{self}", &format!("{{{name}}}")).replace("{self:", &format!("{{{name}:"));
    match text.parse::<Literal>() {
        Ok(mut new) if text != written => {
            new.set_span(literal.span());
            new
        }
        _ => literal.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};
    use quote::quote;

    use super::replace;

    #[test]
    fn only_the_receiver_is_replaced() {
        let name = Ident::new("me", Span::call_site());
        for (tokens, expected) in [
            (quote!(self.get(&self)), quote!(me.get(&me))),
            (quote!(Self::get(self::LIMIT)), quote!(Self::get(self::LIMIT))),
            (quote!(vec![self.id]), quote!(vec![me.id])),
            (quote!(format!("{self:?} {id}")), quote!(format!("{me:?} {id}"))),
            (quote!(json!({ "{self}": 1 })), quote!(json!({ "{self}": 1 }))),
            (
                quote!(impl A for B { fn c(&self) { self.d } } self.e),
                quote!(impl A for B { fn c(&self) { self.d } } me.e),
            ),
            (quote!(Key { id: self.id }), quote!(Key { id: me.id })),
        ] {
            assert_eq!(replace(tokens, &name).to_string(), expected.to_string());
        }
    }
}
