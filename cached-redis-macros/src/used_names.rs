//! Which names an expression mentions: decided on tokens, so that macros (`format!("{id}")`) are
//! seen into.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;

/// The names in `tokens` that may stand for a local variable or a generic parameter: not those
/// after a dot (fields and methods), before `::` (modules) or before a single `:` in braces (fields
/// of a struct). Lifetimes are given with their apostrophe.
pub(crate) fn all(tokens: &impl ToTokens) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(tokens.to_token_stream(), false, &mut |name, _| {
        names.insert(name);
    });
    names
}

/// The first place where `name` is mentioned.
pub(crate) fn first(tokens: &impl ToTokens, name: &str) -> Option<Ident> {
    let mut found = None;
    walk(tokens.to_token_stream(), false, &mut |mentioned, ident| {
        if mentioned == name && found.is_none() {
            found = Some(ident);
        }
    });
    found
}

fn walk(tokens: TokenStream, in_braces: bool, found: &mut dyn FnMut(String, Ident)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let punct = |index: Option<usize>| match index.and_then(|index| tokens.get(index)) {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    };
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                walk(group.stream(), group.delimiter() == Delimiter::Brace, found);
            }
            TokenTree::Ident(ident) => {
                let before = (punct(index.checked_sub(2)), punct(index.checked_sub(1)));
                let after = (punct(Some(index + 1)), punct(Some(index + 2)));
                let is_member = before.1 == Some('.') && before.0 != Some('.');
                let is_module = after == (Some(':'), Some(':')) || before == (Some(':'), Some(':'));
                let is_field = in_braces && after.0 == Some(':') && after.1 != Some(':');
                if before.1 == Some('\'') {
                    found(format!("'{ident}"), ident.clone());
                } else if !is_member && (!is_module || starts_upper(ident)) && !is_field {
                    found(ident.unraw().to_string(), ident.clone());
                }
            }
            TokenTree::Literal(literal) => {
                // A string may be a format string, which captures `{name}`.
                let text = literal.to_string();
                if text.contains('"') {
                    for piece in text.split('{').skip(1) {
                        let end = piece.find(|c: char| !c.is_alphanumeric() && c != '_');
                        let name = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
                        if name == "self" || syn::parse_str::<Ident>(name).is_ok() {
                            found(name.to_owned(), Ident::new(name, literal.span()));
                        }
                    }
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// A generic type parameter, of which `T::Item` is a mention.
fn starts_upper(ident: &Ident) -> bool {
    ident.to_string().starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::all;

    #[test]
    fn variables_are_told_from_members_modules_and_fields() {
        for (tokens, expected) in [
            (quote!(id), &["id"][..]),
            (quote!(product.id), &["product"]),
            (quote!(self.tenant), &["self"]),
            (quote!(self::LIMIT), &["LIMIT"]),
            (quote!(0..id), &["id"]),
            (quote!(ids[..n].len()), &["ids", "n"]),
            (quote!(Key { id: x, y }), &["Key", "x", "y"]),
            (quote!(format!("{id}-{}", name)), &["format", "id", "name"]),
            (quote!(format!("{self:?}")), &["format", "self"]),
            (quote!(Vec<&'a T>), &["'a", "T", "Vec"]),
            (quote!(T::Item), &["Item", "T"]),
            (quote!(r#type), &["type"]),
        ] {
            let names: Vec<String> = all(&tokens).into_iter().collect();
            assert_eq!(names, expected, "{tokens}");
        }
    }
}
