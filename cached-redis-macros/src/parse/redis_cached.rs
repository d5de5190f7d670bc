//! The options of `#[redis_cached(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Lit, LitStr, Path, Token, parenthesized, token};

use super::duration::{Length, length};
use super::template::{self, Piece};
use super::{Given, skip_to_next, ungroup};
use crate::diagnostics::{self, Errors, list, nearest};

/// What was written between the parentheses of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) ttl: Option<Given<Length>>,
    pub(crate) prefix: Option<Given<LitStr>>,
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) skip: Option<Given<Vec<Ident>>>,
    pub(crate) key: Option<Given<KeyOption>>,
    pub(crate) version: Option<Given<u32>>,
    pub(crate) negative_ttl: Option<Given<Length>>,
    pub(crate) jitter: Option<Given<Expr>>,
    pub(crate) cache_if: Option<Given<Expr>>,
    pub(crate) absent: Option<Given<Expr>>,
    pub(crate) lock: Option<Given<Lock>>,
    pub(crate) load_timeout: Option<Given<Length>>,
    pub(crate) bypass: Option<Given<Expr>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) krate: Option<Given<Path>>,
    /// Something was wrong with these: no error that they are missing, please.
    pub(crate) broken: Vec<String>,
}

/// `key(..)` or `key = "…"`.
pub(crate) enum KeyOption {
    Expressions(Vec<Expr>),
    Template(LitStr, Vec<Piece>),
}

/// `lock = …`
pub(crate) enum Lock {
    Default,
    Off,
    For(Length),
}

/// The options and how each is written.
const OPTIONS: [(&str, &str); 15] = [
    ("ttl", "ttl = 600"),
    ("prefix", "prefix = \"products\""),
    ("name", "name = \"get_product\""),
    ("skip", "skip(db)"),
    ("key", "key(id)` or `key = \"product:{id}\""),
    ("version", "version = 2"),
    ("negative_ttl", "negative_ttl = 30"),
    ("jitter", "jitter = 0.1"),
    ("cache_if", "cache_if = |value| !value.is_empty()"),
    ("absent", "absent = |error| error.is_not_found()"),
    ("lock", "lock = \"10s\"` or `lock = false"),
    ("load_timeout", "load_timeout = \"30s\""),
    ("bypass", "bypass = fresh"),
    ("cache", "cache = self.cache"),
    ("crate", "crate = my_crate::cached_redis"),
];

/// Options of later versions.
const PLANNED: [&str; 11] = [
    "stale",
    "stale_if_error",
    "early",
    "sliding",
    "ttl_with",
    "soft_timeout",
    "tags",
    "local",
    "codec",
    "compress",
    "encrypt",
];

/// What options are called elsewhere.
const ALIASES: [(&str, &[&str]); 5] = [
    ("ttl", &["expire", "expires", "expiry", "expiration", "lifetime", "time", "max_age"]),
    ("prefix", &["namespace", "key_prefix", "cache_prefix_block"]),
    ("skip", &["ignore", "exclude", "skip_args", "without"]),
    ("key", &["convert", "args", "include"]),
    ("cache_if", &["condition", "when", "unless", "filter"]),
];

/// Reads all options, gathering what is wrong with them.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let keyword = input.fork().call(Ident::parse_any);
            if errors.gather(option(input, &mut options)).is_none() {
                // Without a keyword, or with one that is near, it was probably meant to be `ttl`.
                let name = keyword.map_or_else(|_| "ttl".to_owned(), |name| name.to_string());
                let is_ttl = meant(&name).is_some_and(|hint| hint == "ttl");
                options.broken.push(if is_ttl { "ttl".to_owned() } else { name });
                skip_to_next(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                errors.add(input.error("expected `,` and the next option"));
                skip_to_next(input);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    let parsed = parser.parse2(tokens);
    errors.gather(parsed);
    options
}

fn option(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let keyword = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(error.span(), "expected an option, such as `ttl = 600` or `skip(db)`")
    })?;
    match keyword.to_string().as_str() {
        "ttl" => set(&mut options.ttl, keyword, input, |e, _| length(e)),
        "negative_ttl" => set(&mut options.negative_ttl, keyword, input, |e, _| length(e)),
        "load_timeout" => set(&mut options.load_timeout, keyword, input, |e, _| length(e)),
        "lock" => set(&mut options.lock, keyword, input, |e, _| lock(e)),
        "prefix" => set(&mut options.prefix, keyword, input, string),
        "name" => set(&mut options.name, keyword, input, string),
        "version" => set(&mut options.version, keyword, input, |e, _| version(&e)),
        "jitter" => set(&mut options.jitter, keyword, input, |e, _| Ok(e)),
        "cache_if" => set(&mut options.cache_if, keyword, input, |e, _| Ok(e)),
        "absent" => set(&mut options.absent, keyword, input, |e, _| Ok(e)),
        "bypass" => set(&mut options.bypass, keyword, input, |e, _| Ok(e)),
        "cache" => set(&mut options.cache, keyword, input, |e, _| Ok(e)),
        "crate" => set(&mut options.krate, keyword, input, |e, _| path(e)),
        "skip" => {
            let names = skip(input, &keyword)?;
            once(&mut options.skip, keyword, names)
        }
        "key" => {
            let key = key(input, &keyword)?;
            once(&mut options.key, keyword, key)
        }
        other => Err(unknown(&keyword, other)),
    }
}

fn unknown(keyword: &Ident, name: &str) -> syn::Error {
    let message = if PLANNED.contains(&name) {
        format!("`{name}` is not available in this version of cached-redis: remove it")
    } else {
        let known = OPTIONS.map(|(name, _)| name);
        let options = format!("the options are {}", list(known));
        diagnostics::unknown(format!("unknown option `{name}`"), meant(name), &options)
    };
    syn::Error::new(keyword.span(), message)
}

/// The option that an unknown one was probably meant to be.
fn meant(name: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(_, names)| names.contains(&name));
    alias.map(|(option, _)| *option).or_else(|| nearest(name, OPTIONS.map(|(name, _)| name)))
}

/// `keyword = expression`
fn set<T>(
    slot: &mut Option<Given<T>>,
    keyword: Ident,
    input: ParseStream<'_>,
    convert: impl FnOnce(Expr, &Ident) -> syn::Result<T>,
) -> syn::Result<()> {
    let expr = value(input, &keyword)?;
    let value = convert(expr, &keyword)?;
    once(slot, keyword, value)
}

fn once<T>(slot: &mut Option<Given<T>>, keyword: Ident, value: T) -> syn::Result<()> {
    if slot.is_some() {
        let message = format!("`{keyword}` is given twice: keep one of them");
        return Err(syn::Error::new(keyword.span(), message));
    }
    *slot = Some(Given { keyword, value });
    Ok(())
}

/// The expression after `keyword =`.
fn value(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<Expr> {
    let needs_value = || {
        let message = format!("`{keyword}` needs a value: write `{}`", example(keyword));
        Err(syn::Error::new(keyword.span(), message))
    };
    if input.peek(token::Paren) {
        let message = format!("write `{}` instead of `{keyword}(…)`", example(keyword));
        return Err(syn::Error::new(keyword.span(), message));
    }
    if !input.peek(Token![=]) {
        return needs_value();
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return needs_value();
    }
    input.parse()
}

fn example(keyword: &Ident) -> &'static str {
    let keyword = keyword.to_string();
    OPTIONS.iter().find(|(name, _)| *name == keyword).map_or("", |(_, example)| example)
}

fn string(expr: Expr, keyword: &Ident) -> syn::Result<LitStr> {
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        _ => Err(syn::Error::new(
            expr.span(),
            format!("`{keyword}` takes a string literal: write `{}`", example(keyword)),
        )),
    }
}

fn version(expr: &Expr) -> syn::Result<u32> {
    let number = match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => int.base10_parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        syn::Error::new(
            expr.span(),
            format!("`version` takes a whole number from 0 to {}: write `version = 2`", u32::MAX),
        )
    })
}

fn lock(expr: Expr) -> syn::Result<Lock> {
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => {
            Ok(if on.value { Lock::Default } else { Lock::Off })
        }
        Expr::Path(path) if ["off", "none", "None"].iter().any(|word| path.path.is_ident(word)) => {
            Err(syn::Error::new(expr.span(), "to go without a lease, write `lock = false`"))
        }
        _ => length(expr).map(Lock::For),
    }
}

fn path(expr: Expr) -> syn::Result<Path> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Err(syn::Error::new(
            text.span(),
            format!("`crate` takes a path, not a string: write `crate = {}`", text.value()),
        )),
        other => Err(syn::Error::new(
            other.span(),
            "`crate` takes the path of the facade: write `crate = my_crate::cached_redis`",
        )),
    }
}

fn skip(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<Vec<Ident>> {
    if !input.peek(token::Paren) {
        return Err(syn::Error::new(
            keyword.span(),
            "`skip` takes the names of parameters in parentheses: write `skip(db)`",
        ));
    }
    let content;
    parenthesized!(content in input);
    let exprs = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    if exprs.is_empty() {
        return Err(syn::Error::new(
            keyword.span(),
            "`skip()` names no parameter: write `skip(db)` or remove it",
        ));
    }
    let mut names: Vec<Ident> = Vec::new();
    let mut errors = Errors::new();
    for expr in &exprs {
        match expr {
            Expr::Path(path) if path.path.get_ident().is_some() => {
                let Some(name) = path.path.get_ident() else { continue };
                if names.contains(name) {
                    errors.at(name.span(), format!("`{name}` is skipped twice: keep one of them"));
                }
                names.push(name.clone());
            }
            other => errors.at(
                other.span(),
                "`skip` takes names of parameters; what a key is made of goes into `key(…)`",
            ),
        }
    }
    errors.finish().map(|()| names)
}

fn key(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<KeyOption> {
    if !input.peek(token::Paren) {
        let expr = value(input, keyword)?;
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = ungroup(&expr) else {
            return Err(syn::Error::new(
                expr.span(),
                "`key = …` takes a template, as in `key = \"product:{id}\"`; expressions go into \
                 `key(…)`",
            ));
        };
        return match template::parse(&text.value()) {
            Ok(pieces) => Ok(KeyOption::Template(text.clone(), pieces)),
            Err(reason) => Err(syn::Error::new(text.span(), reason)),
        };
    }
    let content;
    parenthesized!(content in input);
    let exprs: Vec<Expr> =
        Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect();
    if exprs.is_empty() {
        return Err(syn::Error::new(
            keyword.span(),
            "`key()` is made of nothing: write `key(id)`, or leave parameters out with `skip(..)`",
        ));
    }
    if let [Expr::Lit(ExprLit { lit: Lit::Str(text), .. })] = exprs.as_slice() {
        return Err(syn::Error::new(
            text.span(),
            format!("a template goes behind `=`: write `key = \"{}\"`", text.value()),
        ));
    }
    Ok(KeyOption::Expressions(exprs))
}
