//! `local = "1s"` and `local(bound = "1s", max_bytes = "8M")`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, Token, parenthesized, token};

use super::duration::{DurationExpr, duration, is_number};
use super::spec::Spec;
use super::ungroup;
use super::values::{Value, value};

/// Copies in the process.
pub(crate) struct Local {
    /// For how long one may answer after an invalidation elsewhere.
    pub(crate) bound: DurationExpr,
    /// What the copies of this function may take.
    pub(crate) max_bytes: Option<u64>,
}

const BOUND: Spec = Spec::new("bound", "local(bound = \"1s\")");
const MAX_BYTES: Spec = Spec::new("max_bytes", "local(bound = \"1s\", max_bytes = \"8M\")");

impl Value for Local {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if !input.peek(token::Paren) {
            let bound = duration(value(input, spec, keyword)?)?;
            return Ok(Self { bound, max_bytes: None });
        }
        let content;
        parenthesized!(content in input);
        let read = parts(&content, keyword);
        // What follows a mistake in there is none.
        let _: TokenStream = content.parse()?;
        read
    }

    fn expressions(&self) -> &[Expr] {
        self.bound.expressions()
    }

    fn duration(&self) -> Option<&DurationExpr> {
        Some(&self.bound)
    }
}

/// What stands in the parentheses.
fn parts(content: ParseStream<'_>, keyword: &Ident) -> syn::Result<Local> {
    let (mut bound, mut max_bytes) = (None, None);
    while !content.is_empty() {
        let name = content.call(Ident::parse_any)?;
        let is_twice = match name.to_string().as_str() {
            "bound" => bound.replace(duration(value(content, &BOUND, &name)?)?).is_some(),
            "max_bytes" => max_bytes.replace(bytes(&value(content, &MAX_BYTES, &name)?)?).is_some(),
            other => {
                let message = format!("`local` has no `{other}`: write `{}`", MAX_BYTES.example);
                return Err(syn::Error::new(name.span(), message));
            }
        };
        if is_twice {
            let message = format!("`{name}` is given twice: keep one of them");
            return Err(syn::Error::new(name.span(), message));
        }
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    let bound = bound.ok_or_else(|| {
        let message = format!("`local` needs its bound: write `{}`", BOUND.example);
        syn::Error::new(keyword.span(), message)
    })?;
    Ok(Local { bound, max_bytes })
}

/// `8388608`, `"8192k"`, `"8M"` or `"1G"`, in powers of 1,024.
fn bytes(expr: &Expr) -> syn::Result<u64> {
    let number = match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) if is_number(int) => int.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => with_unit(&text.value()),
        _ => None,
    };
    match number {
        Some(0) => Err(wrong(expr.span(), "room for nothing keeps no copies")),
        Some(bytes) => Ok(bytes),
        None => Err(wrong(expr.span(), "this is not a number of bytes")),
    }
}

fn with_unit(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit: u64 = match text.strip_prefix(digits)?.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn wrong(span: Span, what: &str) -> syn::Error {
    syn::Error::new(span, format!("{what}: write `max_bytes = \"8M\"` or `max_bytes = 8_388_608`"))
}
