//! The options of `#[redis_cached(..)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Path, Token};

use super::batch::{Each, Of};
use super::duration::DurationExpr;
use super::local::Local;
use super::options::{Options as _, options};
use super::payload::{Codec, Compress, Encrypt};
use super::spec::Evaluated::{ByCalls, ByHelpersToo};
use super::spec::{CRATE, Limits, Spec};
use super::tags::Tags;
use super::values::{Early, Flag, KeyOption, Lock, Skip};
use super::{check_depth, skip_to_next, transaction};
use crate::diagnostics::{self, Errors, list, nearest};
use crate::limits::{MAX_EARLY, MAX_JITTER, MAX_VALUE};

options! {
    /// What was written between the parentheses of the attribute.
    struct Options {
        ttl: DurationExpr = Spec::new("ttl", "ttl = 600")
            .aliases(&["expire", "expires", "expiry", "expiration", "lifetime", "time", "max_age"])
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
                 `ttl = 600` (seconds) or `ttl = \"10m\"`",
            )),
        prefix: LitStr = Spec::new("prefix", "prefix = \"products\"")
            .aliases(&["namespace", "key_prefix", "cache_prefix_block"])
            .limits(Limits::KeyPart),
        name: LitStr = Spec::new("name", "name = \"get_product\"").limits(Limits::KeyPart),
        skip: Skip = Spec::new("skip", "skip(db)")
            .aliases(&["ignore", "exclude", "skip_args", "without"]),
        key: KeyOption = Spec::new("key", "key(id)` or `key = \"product:{id}\"")
            .aliases(&["convert", "args", "include"])
            .evaluated(ByHelpersToo),
        version: u32 = Spec::new("version", "version = 2"),
        negative_ttl: DurationExpr = Spec::new("negative_ttl", "negative_ttl = 30")
            .evaluated(ByHelpersToo)
            .limits(Limits::Duration { if_zero: None }),
        jitter: Expr = Spec::new("jitter", "jitter = 0.1").evaluated(ByHelpersToo).limits(JITTER),
        ttl_with: Expr = Spec::new("ttl_with", "ttl_with = |value| value.expires_in"),
        stale: DurationExpr = Spec::new("stale", "stale = \"5m\"")
            .aliases(&["stale_while_revalidate", "swr", "grace", "refresh_behind"])
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a `stale` of zero serves nothing after `ttl`: write `stale = \"5m\"` or remove it",
            )),
        stale_if_error: DurationExpr = Spec::new("stale_if_error", "stale_if_error = \"1h\"")
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a `stale_if_error` of zero keeps nothing for a failed load: write \
                 `stale_if_error = \"1h\"` or remove it",
            )),
        early: Early = Spec::new("early", "early = 1.0` or `early = false")
            .aliases(&["beta", "xfetch", "refresh_ahead", "refresh_early"])
            .evaluated(ByHelpersToo)
            .limits(EARLY),
        soft_timeout: DurationExpr = Spec::new("soft_timeout", "soft_timeout = \"200ms\"")
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a `soft_timeout` of zero waits for no load at all: write `soft_timeout = \"200ms\"`, \
                 or `stale = …` instead to be answered at once",
            )),
        sliding: Flag = Spec::new("sliding", "sliding")
            .aliases(&["touch", "idle", "tti", "time_to_idle"]),
        local: Local = Spec::new("local", "local = \"1s\"")
            .aliases(&["l1", "in_process", "near_cache", "memory"])
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a `local` of zero keeps no copies: write how long one may answer after an \
                 invalidation elsewhere, as in `local = \"1s\"`, or remove it",
            )),
        tags: Tags = Spec::new("tags", "tags = [\"category:{category}\"]")
            .aliases(&["tag", "groups", "group", "labels"]),
        cache_if: Expr = Spec::new("cache_if", "cache_if = |value| !value.is_empty()")
            .aliases(&["condition", "when", "unless", "filter"]),
        absent: Expr = Spec::new("absent", "absent = |error| error.is_not_found()"),
        lock: Lock = Spec::new("lock", "lock = \"10s\"` or `lock = false")
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a lease of zero protects nothing: write `lock = false` to go without",
            )),
        load_timeout: DurationExpr = Spec::new("load_timeout", "load_timeout = \"30s\"")
            .evaluated(ByHelpersToo)
            .limits(not_zero(
                "a `load_timeout` of zero would make every waiter load for itself: write \
                 `load_timeout = \"30s\"`",
            )),
        codec: Codec = Spec::new("codec", "codec = MessagePack")
            .aliases(&["format", "serializer", "encoding", "serde"]),
        compress: Compress = Spec::new("compress", "compress` or `compress = zstd")
            .aliases(&["compression", "compressed", "compressor"]),
        encrypt: Encrypt = Spec::new("encrypt", "encrypt").aliases(&["encryption", "encrypted"]),
        max_value: Expr = Spec::new("max_value", "max_value = 65536")
            .aliases(&["max_value_bytes", "max_size", "max_bytes", "limit"])
            .evaluated(ByHelpersToo)
            .limits(MAX_VALUE_BYTES),
        bypass: Expr = Spec::new("bypass", "bypass = fresh").evaluated(ByCalls),
        in_transaction: transaction::Read =
            Spec::new("in_transaction", "in_transaction = \"bypass\"")
                .aliases(&["transaction", "transactional", "uncommitted"]),
        each: Each = Spec::new("each", "each(ids)").aliases(&["batch", "many", "keys", "ids"]),
        of: Of = Spec::new("of", "of = product").aliases(&["entry", "entries", "single"]),
        key_of: Expr = Spec::new("key_of", "key_of = |value| value.id")
            .aliases(&["key_by", "id_of", "key_fn"]),
        max_batch: u32 = Spec::new("max_batch", "max_batch = 500")
            .aliases(&["batch_size", "chunk", "max_batch_size"]),
        cache: Expr = Spec::new("cache", "cache = self.cache").evaluated(ByHelpersToo),
        krate: Path = CRATE,
    }
    /// There is an error about these already.
    invalid: Vec<String>,
}

const fn not_zero(if_zero: &'static str) -> Limits {
    Limits::Duration { if_zero: Some(if_zero) }
}

const JITTER: Limits = {
    let wrong = "`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: write \
                 `jitter = 0.1`";
    Limits::Number { most: MAX_JITTER, if_zero: None, if_more: wrong, if_none: wrong }
};

const EARLY: Limits = Limits::Number {
    most: MAX_EARLY,
    if_zero: Some("to reload only when a value has ended, write `early = false`"),
    if_more: "`early` above 10 reloads long before the end: write `early = 1.0`, or make `ttl` shorter",
    if_none: "`early` is how eagerly a value is reloaded before its end, a number above 0 and up to \
              10: write `early = 1.0`, or `early = false`",
};

const MAX_VALUE_BYTES: Limits = {
    let wrong =
        "`max_value` is the largest value that is stored, in bytes: write `max_value = 65536`";
    let if_zero =
        Some("with a `max_value` of zero nothing would be stored: write `max_value = 65536`");
    Limits::Number { most: MAX_VALUE, if_zero, if_more: wrong, if_none: wrong }
};

impl Options {
    /// Whether the option was written, with an error that is reported already.
    pub(crate) fn is_invalid(&self, name: &str) -> bool {
        self.invalid.iter().any(|invalid| invalid == name)
    }
}

/// Reads all options, gathering what is wrong with them.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    if errors.gather(check_depth(&tokens)).is_none() {
        options.invalid = Options::names().map(str::to_owned).collect();
        return options;
    }
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let keyword = input.fork().call(Ident::parse_any);
            if errors.gather(option(input, &mut options)).is_none() {
                // Without a keyword, or with one that is near, it was probably meant to be `ttl`.
                let name = keyword.map_or_else(|_| "ttl".to_owned(), |name| name.to_string());
                let is_ttl = meant(&name).is_some_and(|hint| hint == "ttl");
                options.invalid.push(if is_ttl { "ttl".to_owned() } else { name });
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
    let result = parser.parse2(tokens);
    errors.gather(result);
    options
}

fn option(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let keyword = input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(error.span(), "expected an option, such as `ttl = 600` or `skip(db)`")
    })?;
    options.read(&keyword, input).unwrap_or_else(|| Err(unknown(&keyword)))
}

fn unknown(keyword: &Ident) -> syn::Error {
    let name = keyword.to_string();
    let options = format!("the options are {}", list(Options::names()));
    let message = diagnostics::unknown(format!("unknown option `{name}`"), meant(&name), &options);
    syn::Error::new(keyword.span(), message)
}

/// The option that an unknown one was probably meant to be.
fn meant(name: &str) -> Option<&'static str> {
    let alias = Options::SPECS.iter().find(|spec| spec.aliases.contains(&name));
    alias.map(|spec| spec.name).or_else(|| nearest(name, Options::names()))
}
