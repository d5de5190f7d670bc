//! The targets and options of `#[invalidates(..)]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Expr, Pat, Path, Token};

use super::duration::{Length, length};
use super::target::{self, Arguments, Call, separated};
use super::template::Template;
use super::{Given, expression, once, twice, values};
use crate::diagnostics::{Errors, list, nearest, unknown};

/// What was written between the parentheses of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) targets: Vec<Target>,
    pub(crate) always: Option<Span>,
    pub(crate) strict: Option<Span>,
    pub(crate) guard: Option<Given<Length>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) krate: Option<Given<Path>>,
    /// Something was wrong with a target: no error that there is none, please.
    pub(crate) broken: bool,
}

/// `f(args) for pattern in values`, `tag = "…" for pattern in values`
pub(crate) struct Target {
    pub(crate) what: What,
    pub(crate) repeat: Option<(Pat, Expr)>,
}

pub(crate) enum What {
    Entries(Call),
    Tag(Template),
}

const EXAMPLE: &str = "write `get_product(id)` for one entry, `get_product(..)` for all of them";

/// Reads everything, gathering what is wrong.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let after = "expected `,` and the next target, or `for … in …`";
    let is_sound = separated(tokens, after, errors, |input| item(input, &mut options));
    options.broken = !is_sound;
    options
}

fn item(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let ahead = input.fork();
    if let Ok(keyword) = ahead.call(Ident::parse_any) {
        let stands_alone = ahead.is_empty() || ahead.peek(Token![,]);
        let has_value = ahead.peek(Token![=]) && !ahead.peek(Token![==]);
        if stands_alone || has_value {
            input.call(Ident::parse_any)?;
            return if has_value {
                with_value(input, keyword, options)
            } else {
                alone(&keyword, options)
            };
        }
    }
    call(input).map(|target| options.targets.push(target))
}

/// A word that stands alone.
fn alone(keyword: &Ident, options: &mut Options) -> syn::Result<()> {
    let name = keyword.to_string();
    let flag = match name.as_str() {
        "always" => &mut options.always,
        "strict" => &mut options.strict,
        _ => return Err(syn::Error::new(keyword.span(), not_alone(&name))),
    };
    if flag.is_some() {
        return Err(twice(keyword));
    }
    *flag = Some(keyword.span());
    Ok(())
}

fn not_alone(name: &str) -> String {
    match name {
        "crate" => "`crate` needs a path: write `crate = my_crate`".to_owned(),
        "guard" => "`guard` needs a length of time: write `guard = \"10s\"`".to_owned(),
        "tag" => "`tag` needs a tag: write `tag = \"category:{product.category}\"`".to_owned(),
        "cache" => "`cache` needs a value: write `cache = self.cache`".to_owned(),
        _ => {
            let meant = nearest(name, ["always", "strict"]);
            let target = format!("write `{name}(id)` for one entry, `{name}(..)` for all of them");
            unknown(format!("`{name}` is not a target"), meant, &target)
        }
    }
}

/// After `keyword`, at its `=`.
fn with_value(input: ParseStream<'_>, keyword: Ident, options: &mut Options) -> syn::Result<()> {
    let name = keyword.to_string();
    match name.as_str() {
        "tag" => tag(input).map(|target| options.targets.push(target)),
        "guard" => {
            input.parse::<Token![=]>()?;
            let value = length(expression(input)?)?;
            once(&mut options.guard, keyword, value)
        }
        "cache" => {
            input.parse::<Token![=]>()?;
            let value = expression(input)?;
            once(&mut options.cache, keyword, value)
        }
        "crate" => {
            let value = values::facade(input)?;
            once(&mut options.krate, keyword, value)
        }
        "always" | "strict" => {
            let message = format!("`{name}` takes no value: write `{name}`");
            Err(syn::Error::new(keyword.span(), message))
        }
        _ => {
            let known = ["tag", "guard", "always", "strict", "cache", "crate"];
            let options = format!(
                "the options are {}, and targets are written as calls: {EXAMPLE}",
                list(known)
            );
            let message =
                unknown(format!("unknown option `{name}`"), nearest(&name, known), &options);
            Err(syn::Error::new(keyword.span(), message))
        }
    }
}

/// After `tag`.
fn tag(input: ParseStream<'_>) -> syn::Result<Target> {
    input.parse::<Token![=]>()?;
    let tag = values::tag(&expression(input)?)?;
    let repeat = target::repeat(input)?.map(|repeat| (repeat.pattern, repeat.values));
    Ok(Target { what: What::Tag(tag), repeat })
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
    Ok(Target { what: What::Entries(call), repeat })
}
