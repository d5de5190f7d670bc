//! Lengths of time that depend on each other.

use std::time::Duration;

use proc_macro2::Span;

use super::Subject;
use crate::diagnostics::Errors;
use crate::limits::{LOAD_TIMEOUT, LONGEST};
use crate::parse::duration::Length;
use crate::parse::options::Given;
use crate::parse::redis_cached::Options;
use crate::parse::values::Value as _;

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    check_whole_life(options, errors);
    check_stale_if_error(options, errors);
    check_soft_timeout(options, errors);
    check_lease(options, errors);
}

/// A length that the macro knows, unless it is wrong by itself.
fn known(given: &Option<Given<Length>>) -> Option<(Duration, Span)> {
    match given.as_ref()?.value {
        Length::Fixed(duration, span) if !duration.is_zero() && duration <= LONGEST => {
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
        && ttl + grace > LONGEST
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
    let lease = options.lock.as_ref().and_then(|given| given.value.length());
    if let (Some(Length::Fixed(lease, span)), Some(patience)) = (lease, patience)
        && *lease > patience
        && *lease <= LONGEST
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

/// How long a load is waited for, and how to say that it is the default.
fn patience(options: &Options) -> (Option<Duration>, &'static str) {
    match &options.load_timeout {
        None if options.is_invalid("load_timeout") => (None, ""),
        None => (Some(LOAD_TIMEOUT), " (30 s where it is not written)"),
        given => (known(given).map(|(duration, _)| duration), ""),
    }
}
