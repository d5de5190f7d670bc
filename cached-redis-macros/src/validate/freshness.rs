//! When a value is renewed: `early` and `sliding`.

use proc_macro2::Span;
use syn::{Expr, parse_quote_spanned};

use super::Subject;
use super::limits::float;
use crate::diagnostics::{Errors, list};
use crate::features::Feature;
use crate::limits::MIN_TTL_WITH_EARLY;
use crate::parse::duration::DurationExpr;
use crate::parse::options::Given;
use crate::parse::values::Early;

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    check_room(subject, errors);
    check_sliding(subject, errors);
    check_local(subject, errors);
}

fn check_local(subject: &Subject<'_>, errors: &mut Errors) {
    if let Some(local) = &subject.options.local {
        Feature::Local.require("local", local.keyword.span(), errors);
    }
}

fn check_room(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(Given { keyword, value: Early::Beta(_) | Early::Default }) = &subject.options.early
    else {
        return;
    };
    if let Some(Given { value: DurationExpr::Known(ttl, _), .. }) = &subject.options.ttl
        && !ttl.is_zero()
        && *ttl < MIN_TTL_WITH_EARLY
    {
        errors.at(
            keyword.span(),
            "`early` needs room to reload in before the end: make `ttl` at least `\"1s\"`, or write \
             `early = false`",
        );
    }
}

/// Every hit moves the end, so that there is nothing to reload at.
fn check_sliding(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    let Some(sliding) = &options.sliding else { return };
    let is_early = options.early.as_ref().is_some_and(|early| !matches!(early.value, Early::Off));
    let others: Vec<&str> = [
        ("stale", options.stale.is_some()),
        ("early", is_early),
        ("stale_if_error", options.stale_if_error.is_some()),
        ("ttl_with", options.ttl_with.is_some()),
        ("local", options.local.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, is_given)| is_given.then_some(name))
    .collect();
    if !others.is_empty() {
        let others = list(others);
        errors.at(
            sliding.keyword.span(),
            format!(
                "with `sliding` every hit moves the end of a value, on which {others} would depend: \
                 remove `sliding` or {others}"
            ),
        );
    }
}

/// As the runtime takes it.
pub(super) fn beta(early: Early) -> Expr {
    match early {
        Early::Default => parse_quote_spanned!(Span::mixed_site()=> 1.0),
        Early::Off => parse_quote_spanned!(Span::mixed_site()=> 0.0),
        Early::Beta(beta) => float(beta),
    }
}
