//! The policy: constants where they are known.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::model::{Lease, Policy};
use crate::names;
use crate::parse::duration::Length;

/// `bypass` is about a call: helpers do without.
pub(super) fn policy(policy: &Policy, with_bypass: bool) -> TokenStream {
    let Policy { ttl, negative_ttl, jitter, lease, load_timeout, version, bypass } = policy;
    let ttl = length(ttl);
    let fields = [
        negative_ttl.as_ref().map(|value| {
            let value = length(value);
            quote_spanned!(Span::mixed_site()=> negative_ttl: #value)
        }),
        jitter.as_ref().map(|value| quote_spanned!(Span::mixed_site()=> jitter: #value)),
        lease.as_ref().map(|lease| match lease {
            Lease::Off => {
                quote_spanned!(Span::mixed_site()=> lease: ::core::option::Option::None)
            }
            Lease::For(value) => {
                let value = length(value);
                quote_spanned!(Span::mixed_site()=> lease: ::core::option::Option::Some(#value))
            }
        }),
        load_timeout.as_ref().map(|value| {
            let value = length(value);
            quote_spanned!(Span::mixed_site()=> load_timeout: #value)
        }),
        version.map(|value| quote_spanned!(Span::mixed_site()=> version: #value)),
        bypass
            .as_ref()
            .filter(|_| with_bypass)
            .map(|value| quote_spanned!(Span::mixed_site()=> bypass: #value)),
    ];
    let fields: Vec<TokenStream> = fields.into_iter().flatten().collect();
    let default = quote_spanned!(Span::mixed_site()=> __rt::Policy::new(#ttl));
    if fields.is_empty() {
        default
    } else {
        quote_spanned!(Span::mixed_site()=> __rt::Policy { #(#fields,)* ..#default })
    }
}

fn length(length: &Length) -> TokenStream {
    match length {
        Length::Fixed(duration, _) => fixed(*duration),
        Length::Computed(expr) => {
            let (start, end) = names::ends(expr);
            let convert = quote_spanned!(start=> __rt::IntoDuration::into_duration);
            let argument = names::parenthesized(quote!(#expr), end);
            quote!(#convert #argument)
        }
    }
}

fn fixed(duration: Duration) -> TokenStream {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if milliseconds % 1000 == 0 {
        let seconds = proc_macro2::Literal::u64_unsuffixed(milliseconds / 1000);
        quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_secs(#seconds))
    } else {
        let milliseconds = proc_macro2::Literal::u64_unsuffixed(milliseconds);
        quote_spanned!(Span::mixed_site()=> ::core::time::Duration::from_millis(#milliseconds))
    }
}
