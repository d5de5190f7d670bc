//! Tokens to options that carry their spans. Nothing here knows the function.

pub(crate) mod batch;
pub(crate) mod block;
pub(crate) mod duration;
pub(crate) mod invalidates;
pub(crate) mod local;
pub(crate) mod options;
pub(crate) mod payload;
pub(crate) mod redis_cached;
pub(crate) mod spec;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod template;
pub(crate) mod transaction;
pub(crate) mod updates;
pub(crate) mod values;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, discouraged::Speculative as _};
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Token, token};

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

/// So many tokens in a row, into and out of brackets, without a `,` or `;` between them. The parser goes one
/// step deeper for each of them at worst, and of 400 it may need more stack than the compiler gives a macro.
const MAX_UNBROKEN: usize = 200;

/// To be asked before anything is parsed.
fn check_depth(tokens: &TokenStream) -> syn::Result<()> {
    fn walk(tokens: TokenStream, before: usize) -> Result<(), Span> {
        let mut count = before;
        for token in tokens {
            count += 1;
            match token {
                token if count > MAX_UNBROKEN => return Err(token.span()),
                TokenTree::Group(group) => walk(group.stream(), count)?,
                TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => count = before,
                _ => {}
            }
        }
        Ok(())
    }
    let message = "this is too much for an attribute: give it a function or a constant of its own";
    walk(tokens.clone(), 0).map_err(|span| syn::Error::new(span, message))
}

/// An expression, without the invisible group that a `macro_rules!` fragment comes in: a value means the
/// same wherever it was written.
fn expression(input: ParseStream<'_>) -> syn::Result<Expr> {
    input.parse().map(bare)
}

fn expressions(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let exprs = Punctuated::<Expr, Token![,]>::parse_terminated(input)?;
    Ok(exprs.into_iter().map(bare).collect())
}

fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => bare(*group.expr),
        other => other,
    }
}

/// The compiler does not see a text that the attribute takes, and so does not refuse `"a"b`.
fn check_suffix(text: &LitStr) -> syn::Result<()> {
    match text.suffix() {
        "" => Ok(()),
        suffix => {
            let message = format!("a text ends with its quotes: remove `{suffix}`");
            Err(syn::Error::new(text.span(), message))
        }
    }
}

/// Removes invisible groups, and parentheses.
pub(crate) fn ungroup(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungroup(&group.expr),
        Expr::Paren(paren) => ungroup(&paren.expr),
        other => other,
    }
}
