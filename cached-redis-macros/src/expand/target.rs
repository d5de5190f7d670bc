//! The call of a helper, in place of the cached function that a target names.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;

use crate::names;
use crate::parse::target::{Call, Callee};

/// The call of a helper, at the place of the target.
pub(super) fn call(call: &Call, suffix: &str, arguments: &[TokenStream]) -> TokenStream {
    helper(&call.callee, suffix, arguments, call.parentheses)
}

/// The same, with parentheses at this place.
pub(super) fn helper(
    callee: &Callee,
    suffix: &str,
    arguments: &[TokenStream],
    parentheses: Span,
) -> TokenStream {
    let arguments = names::parenthesized(quote!(#(#arguments),*), names::at(parentheses));
    match callee {
        Callee::Path(path) => {
            let mut path = path.clone();
            if let Some(last) = path.path.segments.last_mut() {
                last.ident = names::sibling(&last.ident, suffix);
            }
            quote!(#path #arguments)
        }
        Callee::Method(call) => {
            let (receiver, dot, turbofish) = (&call.receiver, &call.dot_token, &call.turbofish);
            let method = names::sibling(&call.method, suffix);
            quote!(#receiver #dot #method #turbofish #arguments)
        }
    }
}

/// A place (`product.id`) is cloned, so that the body can still consume it. By way of a variable:
/// of a wrong type, the error then is about it and not about what `clone` takes.
pub(super) fn owned(expr: &Expr) -> TokenStream {
    let span = names::at(names::ends(expr).0);
    match expr {
        Expr::Path(path) if path.path.is_ident("ret") => {
            quote_spanned!(span=> { let __owned = __rt::owned(#expr); __owned })
        }
        _ if is_place(expr) => {
            quote_spanned!(span=> { let __owned = __rt::owned(&(#expr)); __owned })
        }
        _ => expr.to_token_stream(),
    }
}

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Index(index) => is_place(&index.expr),
        Expr::Paren(paren) => is_place(&paren.expr),
        Expr::Group(group) => is_place(&group.expr),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        _ => false,
    }
}
