//! The entries and options of `#[updates(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Expr, Path, Token};

use super::options::{Options as _, options};
use super::spec::{CRATE, Spec};
use super::target::{self, Arguments, Call, separated};
use super::transaction::StoreUncommitted;
use super::{bare, expression, invalidates};
use crate::diagnostics::{Errors, unknown};

options! {
    /// What was written between the parentheses of the attribute.
    struct Options {
        in_transaction: StoreUncommitted =
            Spec::new("in_transaction", "in_transaction = \"store_uncommitted\""),
        krate: Path = CRATE,
    }
    updates: Vec<Update>,
    /// There is an error about an update already.
    is_invalid: bool,
}

/// `f(args) = value`
pub(crate) struct Update {
    pub(crate) call: Call,
    pub(crate) value: Expr,
}

const EXAMPLE: &str = "write the entry and its new value, `get_product(product.id) = product`";

/// Reads everything, gathering what is wrong.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let after = "expected `,` and the next entry";
    let is_sound = separated(tokens, after, errors, |input| item(input, &mut options));
    options.is_invalid = !is_sound;
    options
}

fn item(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let ahead = input.fork();
    if ahead.call(Ident::parse_any).is_ok() && ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
        return option(input, options);
    }
    update(input).map(|update| options.updates.push(update))
}

fn option(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let keyword = input.call(Ident::parse_any)?;
    options.read(&keyword, input).unwrap_or_else(|| {
        let name = keyword.to_string();
        let message = if invalidates::names().any(|other| other == name) {
            format!("`{name}` belongs to `#[invalidates(…)]`, which can stand beside `#[updates]`")
        } else {
            let known = format!(
                "the options are `in_transaction` and `crate`, and entries are calls: {EXAMPLE}"
            );
            unknown(format!("unknown option `{name}`"), None, &known)
        };
        Err(syn::Error::new(keyword.span(), message))
    })
}

fn update(input: ParseStream<'_>) -> syn::Result<Update> {
    let expr = expression(input)?;
    let Expr::Assign(assign) = expr else {
        let message = match &expr {
            Expr::Call(_) | Expr::MethodCall(_) => {
                format!("this entry has no new value: {EXAMPLE}")
            }
            _ => format!("this is no update: {EXAMPLE}"),
        };
        return Err(syn::Error::new_spanned(&expr, message));
    };
    let left = assign.left.clone();
    let call = Call::parse(
        *assign.left,
        &format!("what is updated is an entry, the call of a cached function: {EXAMPLE}"),
    )?;
    if matches!(call.arguments, Arguments::All) {
        return Err(syn::Error::new_spanned(
            left,
            "`..` is all entries, which cannot have one value: name the arguments of one, or write \
             `#[invalidates(…)]`",
        ));
    }
    if let Some(repeat) = target::repeat(input)? {
        return Err(syn::Error::new(
            repeat.keyword.span,
            "an update is of one entry: write one for each of them, or `#[invalidates(… for … in …)]`",
        ));
    }
    Ok(Update { call, value: bare(*assign.right) })
}
