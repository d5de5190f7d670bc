//! The options of `#[redis_cached(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Path, Token, token};

use super::duration::{Length, length};
use super::values::{self, Early, KeyOption, Lock, Tags};
use super::{Given, check_depth, expression, once, skip_to_next};
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
    pub(crate) stale: Option<Given<Length>>,
    pub(crate) stale_if_error: Option<Given<Length>>,
    pub(crate) early: Option<Given<Early>>,
    pub(crate) soft_timeout: Option<Given<Length>>,
    pub(crate) sliding: Option<Given<()>>,
    pub(crate) ttl_with: Option<Given<Expr>>,
    pub(crate) tags: Option<Given<Tags>>,
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

/// The options and how each is written.
pub(crate) const OPTIONS: [(&str, &str); 22] = [
    ("ttl", "ttl = 600"),
    ("prefix", "prefix = \"products\""),
    ("name", "name = \"get_product\""),
    ("skip", "skip(db)"),
    ("key", "key(id)` or `key = \"product:{id}\""),
    ("version", "version = 2"),
    ("negative_ttl", "negative_ttl = 30"),
    ("jitter", "jitter = 0.1"),
    ("ttl_with", "ttl_with = |value| value.expires_in"),
    ("stale", "stale = \"5m\""),
    ("stale_if_error", "stale_if_error = \"1h\""),
    ("early", "early = 1.0` or `early = false"),
    ("soft_timeout", "soft_timeout = \"200ms\""),
    ("sliding", "sliding"),
    ("tags", "tags = [\"category:{category}\"]"),
    ("cache_if", "cache_if = |value| !value.is_empty()"),
    ("absent", "absent = |error| error.is_not_found()"),
    ("lock", "lock = \"10s\"` or `lock = false"),
    ("load_timeout", "load_timeout = \"30s\""),
    ("bypass", "bypass = fresh"),
    ("cache", "cache = self.cache"),
    ("crate", "crate = my_crate::cached_redis"),
];

/// Options of later versions.
const PLANNED: [&str; 4] = ["local", "codec", "compress", "encrypt"];

/// What options are called elsewhere.
const ALIASES: [(&str, &[&str]); 9] = [
    ("ttl", &["expire", "expires", "expiry", "expiration", "lifetime", "time", "max_age"]),
    ("prefix", &["namespace", "key_prefix", "cache_prefix_block"]),
    ("skip", &["ignore", "exclude", "skip_args", "without"]),
    ("key", &["convert", "args", "include"]),
    ("stale", &["stale_while_revalidate", "swr", "grace", "refresh_behind"]),
    ("early", &["beta", "xfetch", "refresh_ahead", "refresh_early"]),
    ("sliding", &["touch", "idle", "tti", "time_to_idle"]),
    ("tags", &["tag", "groups", "group", "labels"]),
    ("cache_if", &["condition", "when", "unless", "filter"]),
];

/// Reads all options, gathering what is wrong with them.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    if errors.gather(check_depth(&tokens)).is_none() {
        options.broken = OPTIONS.map(|(name, _)| name.to_owned()).to_vec();
        return options;
    }
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
        "stale" => set(&mut options.stale, keyword, input, |e, _| length(e)),
        "stale_if_error" => set(&mut options.stale_if_error, keyword, input, |e, _| length(e)),
        "soft_timeout" => set(&mut options.soft_timeout, keyword, input, |e, _| length(e)),
        "load_timeout" => set(&mut options.load_timeout, keyword, input, |e, _| length(e)),
        "lock" => set(&mut options.lock, keyword, input, |e, _| values::lock(e)),
        "early" => set(&mut options.early, keyword, input, |e, _| Ok(values::early(e))),
        "prefix" => set(&mut options.prefix, keyword, input, values::string),
        "name" => set(&mut options.name, keyword, input, values::string),
        "version" => set(&mut options.version, keyword, input, |e, _| values::version(&e)),
        "jitter" => set(&mut options.jitter, keyword, input, |e, _| Ok(e)),
        "ttl_with" => set(&mut options.ttl_with, keyword, input, |e, _| Ok(e)),
        "tags" => set(&mut options.tags, keyword, input, |e, _| values::tags(&e)),
        "cache_if" => set(&mut options.cache_if, keyword, input, |e, _| Ok(e)),
        "absent" => set(&mut options.absent, keyword, input, |e, _| Ok(e)),
        "bypass" => set(&mut options.bypass, keyword, input, |e, _| Ok(e)),
        "cache" => set(&mut options.cache, keyword, input, |e, _| Ok(e)),
        "crate" => set(&mut options.krate, keyword, input, |e, _| values::path(e)),
        "sliding" => {
            values::flag(input, &keyword)?;
            once(&mut options.sliding, keyword, ())
        }
        "skip" => {
            let names = values::skip(input, &keyword)?;
            once(&mut options.skip, keyword, names)
        }
        "key" => {
            let key = values::key(input, &keyword)?;
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

/// The expression after `keyword =`.
pub(super) fn value(input: ParseStream<'_>, keyword: &Ident) -> syn::Result<Expr> {
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
    expression(input)
}

pub(super) fn example(keyword: &Ident) -> &'static str {
    let keyword = keyword.to_string();
    OPTIONS.iter().find(|(name, _)| *name == keyword).map_or("", |(_, example)| example)
}
