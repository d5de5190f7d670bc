//! The targets and options of `#[invalidates(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Expr, Pat, Path, Token};

use super::duration::DurationExpr;
use super::options::{Options as _, options};
use super::spec::{CRATE, Limits, Spec};
use super::target::{self, Arguments, Call, separated};
use super::values::{self, Flag};
use super::{expression, tags, transaction};
use crate::diagnostics::{Errors, list, nearest, unknown};

options! {
    /// What was written between the parentheses of the attribute.
    struct Options {
        guard: DurationExpr = Spec::new("guard", "guard = \"10s\"").limits(Limits::Duration {
            if_zero: Some(
                "a `guard` of zero holds nothing: write `guard = \"10s\"` or remove it",
            ),
        }),
        always: Flag = Spec::new("always", "always"),
        strict: Flag = Spec::new("strict", "strict"),
        in_transaction: transaction::Write =
            Spec::new("in_transaction", "in_transaction = \"after_commit\""),
        cache: Expr = Spec::new("cache", "cache = self.cache"),
        krate: Path = CRATE,
    }
    targets: Vec<Target>,
    /// There is an error about a target already.
    is_invalid: bool,
}

/// Written like an option, but a target.
const TAG: Spec = Spec::new("tag", "tag = \"category:{product.category}\"");

/// What is written like an option.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    [TAG.name].into_iter().chain(Options::names())
}

/// `f(args) for pattern in values if condition`, `tag = "…" for pattern in values if condition`
pub(crate) struct Target {
    pub(crate) what: What,
    pub(crate) repeat: Option<(Pat, Expr)>,
    pub(crate) condition: Option<Expr>,
}

pub(crate) enum What {
    Entries(Call),
    Tag(tags::Name),
}

const EXAMPLE: &str = "write `get_product(id)` for one entry, `get_product(..)` for all of them";

/// Reads everything, gathering what is wrong.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let after = "expected `,` and the next target, or `for … in …`";
    let is_sound = separated(tokens, after, errors, |input| item(input, &mut options));
    options.is_invalid = !is_sound;
    options
}

fn item(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let ahead = input.fork();
    if ahead.call(Ident::parse_any).is_ok() {
        let stands_alone = ahead.is_empty() || ahead.peek(Token![,]);
        let has_value = ahead.peek(Token![=]) && !ahead.peek(Token![==]);
        if stands_alone || has_value {
            return option(input, options);
        }
    }
    call(input).map(|target| options.targets.push(target))
}

fn option(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let keyword = input.call(Ident::parse_any)?;
    if keyword == TAG.name {
        return tag(input, &keyword).map(|target| options.targets.push(target));
    }
    options.read(&keyword, input).unwrap_or_else(|| {
        let name = keyword.to_string();
        let message = if input.peek(Token![=]) { unknown_option(&name) } else { no_target(&name) };
        Err(syn::Error::new(keyword.span(), message))
    })
}

fn unknown_option(name: &str) -> String {
    let known = list(names());
    let rest = format!("the options are {known}, and targets are written as calls: {EXAMPLE}");
    unknown(format!("unknown option `{name}`"), nearest(name, names()), &rest)
}

/// A word that stands alone.
fn no_target(name: &str) -> String {
    let meant = nearest(name, ["always", "strict"]);
    let target = format!("write `{name}(id)` for one entry, `{name}(..)` for all of them");
    unknown(format!("`{name}` is not a target"), meant, &target)
}

/// After `tag`.
fn tag(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<Target> {
    let tag = tags::tag(&values::value(input, &TAG, keyword)?)?;
    let repeat = target::repeat(input)?.map(|repeat| (repeat.pattern, repeat.values));
    Ok(Target { what: What::Tag(tag), repeat, condition: target::condition(input)? })
}

fn call(input: ParseStream<'_>) -> syn::Result<Target> {
    let not_a_target = format!("a target is the call of a cached function: {EXAMPLE}");
    let call = Call::parse(expression(input)?, &not_a_target)?;
    let repeat = target::repeat(input)?;
    if let Some(repeat) = &repeat
        && matches!(call.arguments, Arguments::All)
    {
        return Err(syn::Error::new(
            repeat.keyword.span,
            "`..` is all entries already: remove `for`, or name arguments instead of `..`",
        ));
    }
    let repeat = repeat.map(|repeat| (repeat.pattern, repeat.values));
    Ok(Target { what: What::Entries(call), repeat, condition: target::condition(input)? })
}
