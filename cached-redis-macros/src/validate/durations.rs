//! Durations that depend on each other.

use std::time::Duration;

use proc_macro2::Span;

use crate::diagnostics::Errors;
use crate::limits::{DEFAULT_LOAD_TIMEOUT, MAX_DURATION};
use crate::parse::duration::DurationExpr;
use crate::parse::options::Given;
use crate::parse::redis_cached::Options;
use crate::parse::values::Value as _;

pub(super) fn check(options: &Options, errors: &mut Errors) {
    check_ttl(options, errors);
    check_whole_life(options, errors);
    check_stale_if_error(options, errors);
    check_soft_timeout(options, errors);
    check_lease(options, errors);
    check_local(options, errors);
}

fn check_ttl(options: &Options, errors: &mut Errors) {
    // With `of`, values live as long as those of the other function.
    let is_said = options.of.is_some() || options.is_invalid("of");
    if options.ttl.is_none() && !is_said && !options.is_invalid("ttl") {
        errors.add(no_ttl());
    }
}

pub(super) fn no_ttl() -> syn::Error {
    let message = "`ttl` is missing: write how long a value lives, as in `ttl = 600` (seconds), \
                   `ttl = \"10m\"` or `ttl = LIFETIME`";
    syn::Error::new(Span::call_site(), message)
}

/// A duration that the macro knows, unless it is wrong by itself.
fn known(given: &Option<Given<DurationExpr>>) -> Option<(Duration, Span)> {
    match given.as_ref()?.value {
        DurationExpr::Known(duration, span) if !duration.is_zero() && duration <= MAX_DURATION => {
            Some((duration, span))
        }
        _ => None,
    }
}

/// Redis keeps a value for `ttl` and the longer grace.
fn check_whole_life(options: &Options, errors: &mut Errors) {
    let graces = [known(&options.stale), known(&options.stale_if_error)];
    let longest = graces.into_iter().flatten().max_by_key(|(grace, _)| *grace);
    if let (Some((ttl, _)), Some((grace, span))) = (known(&options.ttl), longest)
        && ttl + grace > MAX_DURATION
    {
        errors.at(
            span,
            "`ttl` and this together are more than 30 days, for which nothing is kept: make one of \
             them shorter",
        );
    }
}

fn check_stale_if_error(options: &Options, errors: &mut Errors) {
    if let (Some((stale, _)), Some((if_error, span))) =
        (known(&options.stale), known(&options.stale_if_error))
        && if_error <= stale
    {
        errors.at(
            span,
            "`stale` serves the last value for as long anyway, so that this has no effect: make it \
             longer than `stale`, or remove it",
        );
    }
}

/// A slow load is answered with the value that `stale_if_error` keeps, and before waiting ends.
fn check_soft_timeout(options: &Options, errors: &mut Errors) {
    let Some(soft_timeout) = &options.soft_timeout else { return };
    if options.stale_if_error.is_none() && !options.is_invalid("stale_if_error") {
        errors.at(
            soft_timeout.keyword.span(),
            "`soft_timeout` answers with the last good value, which `stale_if_error` keeps: write \
             `stale_if_error = \"1h\"` too",
        );
        return;
    }
    let (patience, written) = patience(options);
    if let (Some((soft, span)), Some(patience)) = (known(&options.soft_timeout), patience)
        && soft >= patience
    {
        errors.at(
            span,
            format!(
                "`soft_timeout` has to end before `load_timeout`{written}, after which nobody waits \
                 for the load: make it shorter"
            ),
        );
    }
}

/// A lease that is longer than anyone waits keeps others from loading for nothing.
fn check_lease(options: &Options, errors: &mut Errors) {
    let (patience, written) = patience(options);
    let lease = options.lock.as_ref().and_then(|given| given.value.duration());
    if let (Some(DurationExpr::Known(lease, span)), Some(patience)) = (lease, patience)
        && *lease > patience
        && *lease <= MAX_DURATION
    {
        errors.at(
            *span,
            format!(
                "this lease would outlive `load_timeout`{written}, after which nobody waits for it: \
                 make it shorter, or `load_timeout` longer"
            ),
        );
    }
}

/// A copy that is as old as `ttl` is over anyway.
fn check_local(options: &Options, errors: &mut Errors) {
    let bound = options.local.as_ref().map(|given| &given.value.bound);
    if let (Some((ttl, _)), Some(DurationExpr::Known(bound, span))) = (known(&options.ttl), bound)
        && *bound > ttl
        && *bound <= MAX_DURATION
    {
        errors.at(
            *span,
            "a copy ends with `ttl`, so that a longer `local` has no effect: make it at most `ttl`",
        );
    }
}

/// How long a load is waited for, and how to say that it is the default.
fn patience(options: &Options) -> (Option<Duration>, &'static str) {
    match &options.load_timeout {
        None if options.is_invalid("load_timeout") => (None, ""),
        None => (Some(DEFAULT_LOAD_TIMEOUT), " (30 s where it is not written)"),
        given => (known(given).map(|(duration, _)| duration), ""),
    }
}
