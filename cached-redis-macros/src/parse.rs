//! Tokens to options that carry their spans. Nothing here knows the function.

pub(crate) mod block;
pub(crate) mod duration;
pub(crate) mod invalidates;
pub(crate) mod redis_cached;
pub(crate) mod target;
pub(crate) mod template;
pub(crate) mod updates;
pub(crate) mod values;

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, discouraged::Speculative as _};
use syn::{Expr, Token, token};

/// An option as written: its keyword, where errors about it go, and its value.
pub(crate) struct Given<T> {
    pub(crate) keyword: Ident,
    pub(crate) value: T,
}

/// Puts an option where it belongs, unless there is one already.
fn once<T>(slot: &mut Option<Given<T>>, keyword: Ident, value: T) -> syn::Result<()> {
    if slot.is_some() {
        return Err(twice(&keyword));
    }
    *slot = Some(Given { keyword, value });
    Ok(())
}

fn twice(keyword: &Ident) -> syn::Error {
    syn::Error::new(keyword.span(), format!("`{keyword}` is given twice: keep one of them"))
}

/// After an error: on to the comma before the next thing that looks like an option.
fn skip_to_next(input: ParseStream<'_>) {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let ahead = input.fork();
            let _ = ahead.parse::<Token![,]>();
            let keyword = ahead.call(Ident::parse_any).is_ok();
            let ends = ahead.is_empty() || ahead.peek(Token![,]);
            if ends || keyword && (ahead.peek(Token![=]) || ahead.peek(token::Paren)) {
                return;
            }
            input.advance_to(&input.fork());
        }
        let _ = input.parse::<TokenTree>();
    }
}

/// Removes the invisible group that a `macro_rules!` fragment comes in, and parentheses.
pub(crate) fn ungroup(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungroup(&group.expr),
        Expr::Paren(paren) => ungroup(&paren.expr),
        other => other,
    }
}
