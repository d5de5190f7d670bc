//! The policy: constants where they are known.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use crate::model::{Lease, Policy};
use crate::names;
use crate::parse::duration::DurationExpr;
use crate::parse::local::Local;
use crate::parse::payload::{Compress, Encrypt};

/// `bypass` is about a call: helpers do without. So is what is known as `__local` there.
pub(super) fn policy(policy: &Policy, is_call: bool) -> TokenStream {
    let Policy { ttl, jitter, lease, early, sliding, version, payload, .. } = policy;
    let local = policy.local.as_ref();
    let bound = local.map(|local| match is_call {
        true => quote_spanned!(Span::mixed_site()=> __local.bound),
        false => duration(&local.bound),
    });
    let bypass = policy.bypass.as_ref().filter(|_| is_call).map(|bypass| match local {
        Some(_) => quote_spanned!(Span::mixed_site()=> __local.bypass),
        None => bypass.to_token_stream(),
    });
    let ttl = duration(ttl);
    let fields = [
        given("negative_ttl", policy.negative_ttl.as_ref().map(duration)),
        given("jitter", jitter.as_ref().map(ToTokens::to_token_stream)),
        given(
            "lease",
            lease.as_ref().map(|lease| match lease {
                Lease::Off => quote_spanned!(Span::mixed_site()=> ::core::option::Option::None),
                Lease::For(value) => some(&duration(value)),
            }),
        ),
        given("load_timeout", policy.load_timeout.as_ref().map(duration)),
        given("stale", policy.stale.as_ref().map(|value| some(&duration(value)))),
        given("stale_if_error", policy.stale_if_error.as_ref().map(|value| some(&duration(value)))),
        given("early", early.as_ref().map(some)),
        given("soft_timeout", policy.soft_timeout.as_ref().map(|value| some(&duration(value)))),
        given("sliding", sliding.then(|| quote!(true))),
        given("version", version.map(ToTokens::into_token_stream)),
        given("compress", payload.compress.as_ref().map(|compress| some(&compression(compress)))),
        given("encrypt", payload.encrypt.as_ref().map(|encrypt| some(&is_on(encrypt)))),
        given("max_value", payload.max_value.as_ref().map(some)),
        given("bypass", bypass),
        given("local", bound.as_ref().map(some)),
        given("local_max_bytes", local.and_then(|local| local.max_bytes).map(|bytes| some(&bytes))),
    ];
    let default = quote_spanned!(Span::mixed_site()=> __rt::Policy::new(#ttl));
    with_fields(&quote_spanned!(Span::mixed_site()=> __rt::Policy), fields, default)
}

/// What is asked before there is a policy: `__local`.
pub(super) fn local(local: &Local, policy: &Policy) -> TokenStream {
    let bound = duration(&local.bound);
    let fields = [
        given("max_bytes", local.max_bytes.map(|bytes| some(&bytes))),
        given("version", policy.version.map(ToTokens::into_token_stream)),
        given("bypass", policy.bypass.as_ref().map(ToTokens::to_token_stream)),
    ];
    let default = quote_spanned!(Span::mixed_site()=> __rt::Local::new(#bound));
    with_fields(&quote_spanned!(Span::mixed_site()=> __rt::Local), fields, default)
}

fn given(name: &str, value: Option<TokenStream>) -> Option<TokenStream> {
    let name = Ident::new(name, Span::mixed_site());
    value.map(|value| quote_spanned!(Span::mixed_site()=> #name: #value))
}

/// `default`, but for these fields.
fn with_fields(
    path: &TokenStream,
    fields: impl IntoIterator<Item = Option<TokenStream>>,
    default: TokenStream,
) -> TokenStream {
    let fields: Vec<TokenStream> = fields.into_iter().flatten().collect();
    if fields.is_empty() {
        default
    } else {
        quote_spanned!(Span::mixed_site()=> #path { #(#fields,)* ..#default })
    }
}

fn compression(compress: &Compress) -> TokenStream {
    match compress {
        Compress::Off => quote_spanned!(Span::mixed_site()=> __rt::Compression::None),
        Compress::Lz4(_) => quote_spanned!(Span::mixed_site()=> __rt::Compression::Lz4),
        Compress::Zstd(_) => quote_spanned!(Span::mixed_site()=> __rt::Compression::Zstd),
    }
}

fn is_on(encrypt: &Encrypt) -> TokenStream {
    match encrypt {
        Encrypt::Off => quote!(false),
        Encrypt::On(_) => quote!(true),
    }
}

fn some(value: &impl ToTokens) -> TokenStream {
    let (start, end) = names::ends(value);
    let some = quote_spanned!(start=> ::core::option::Option::Some);
    let argument = names::parenthesized(value.to_token_stream(), end);
    quote!(#some #argument)
}

pub(super) fn duration(duration: &DurationExpr) -> TokenStream {
    match duration {
        DurationExpr::Known(duration, _) => known(*duration),
        DurationExpr::Computed(expr) => {
            let (start, end) = names::ends(expr);
            let convert = quote_spanned!(start=> __rt::IntoDuration::into_duration);
            let argument = names::parenthesized(quote!(#expr), end);
            quote!(#convert #argument)
        }
    }
}

fn known(duration: Duration) -> TokenStream {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if milliseconds % 1000 == 0 {
        let seconds = proc_macro2::Literal::u64_unsuffixed(milliseconds / 1000);
        quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_secs(#seconds))
    } else {
        let milliseconds = proc_macro2::Literal::u64_unsuffixed(milliseconds);
        quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_millis(#milliseconds))
    }
}
