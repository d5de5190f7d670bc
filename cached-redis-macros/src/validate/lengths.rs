//! Lengths of time, each by itself and against the others. What is computed is checked at the first
//! call.

use std::time::Duration;

use proc_macro2::Span;

use super::Subject;
use crate::diagnostics::Errors;
use crate::parse::Given;
use crate::parse::duration::Length;
use crate::parse::redis_cached::Options;
use crate::parse::values::Lock;

/// More is a mistake of unit more often than a wish.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where `load_timeout` is not written.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    check_each(options, errors);
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

fn lease(options: &Options) -> Option<&Length> {
    match &options.lock.as_ref()?.value {
        Lock::For(length) => Some(length),
        Lock::Off | Lock::Default => None,
    }
}

fn check_each(options: &Options, errors: &mut Errors) {
    for (given, if_zero) in [
        (
            &options.ttl,
            "with a `ttl` of zero nothing would be kept: write how long a value lives, as in \
             `ttl = 600` (seconds) or `ttl = \"10m\"`",
        ),
        (&options.negative_ttl, ""),
        (
            &options.load_timeout,
            "a `load_timeout` of zero would make every waiter load for itself: write \
             `load_timeout = \"30s\"`",
        ),
        (
            &options.stale,
            "a `stale` of zero serves nothing after `ttl`: write `stale = \"5m\"` or remove it",
        ),
        (
            &options.stale_if_error,
            "a `stale_if_error` of zero keeps nothing for a failed load: write \
             `stale_if_error = \"1h\"` or remove it",
        ),
        (
            &options.soft_timeout,
            "a `soft_timeout` of zero waits for no load at all: write `soft_timeout = \"200ms\"`, or \
             `stale = …` instead to be answered at once",
        ),
    ] {
        check_one(given.as_ref().map(|given| &given.value), if_zero, errors);
    }
    let zero_lease = "a lease of zero protects nothing: write `lock = false` to go without";
    check_one(lease(options), zero_lease, errors);
}

/// An empty `if_zero`: zero is fine.
pub(super) fn check_one(length: Option<&Length>, if_zero: &str, errors: &mut Errors) {
    let Some(Length::Fixed(duration, span)) = length else { return };
    if *duration > LONGEST {
        errors.at(
            *span,
            "more than 30 days: write `\"30d\"` or less (numbers are seconds, not milliseconds)",
        );
    }
    if duration.is_zero() && !if_zero.is_empty() {
        errors.at(*span, if_zero);
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
    let is_broken = options.broken.iter().any(|name| name == "stale_if_error");
    if options.stale_if_error.is_none() && !is_broken {
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
    if let (Some(Length::Fixed(lease, span)), Some(patience)) = (lease(options), patience)
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
        None if options.broken.iter().any(|name| name == "load_timeout") => (None, ""),
        None => (Some(LOAD_TIMEOUT), " (30 s where it is not written)"),
        given => (known(given).map(|(duration, _)| duration), ""),
    }
}
