//! What single options must hold to.

use std::collections::BTreeSet;

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{Expr, ExprLit, Lit, LitStr, parse_quote_spanned};

use super::{Subject, control_flow};
use crate::diagnostics::Errors;
use crate::mentions;
use crate::model::{Absent, Outcome};
use crate::parse::duration::Length;
use crate::parse::values::{Early, KeyOption, Lock};
use crate::parse::{Given, ungroup};

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    check_ttl_is_given(subject, errors);
    check_names(subject, errors);
    check_jitter(subject, errors);
    check_no_control_flow(subject, errors);
}

fn check_ttl_is_given(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    if options.ttl.is_none() && !options.broken.iter().any(|name| name == "ttl") {
        errors.at(
            Span::call_site(),
            "`ttl` is missing: write how long a value lives, as in `ttl = 600` (seconds), \
             `ttl = \"10m\"` or `ttl = LIFETIME`",
        );
    }
}

fn check_names(subject: &Subject<'_>, errors: &mut Errors) {
    let mut check = |given: &Option<Given<LitStr>>| {
        let Some(Given { keyword, value }) = given else { return };
        let text = value.value();
        let wrong = if text.is_empty() {
            format!("an empty `{keyword}`: write `{keyword} = \"products\"` or remove it")
        } else if text.contains(char::is_control) {
            format!("`{keyword}` cannot have control characters: remove them")
        } else if text.contains(char::is_whitespace) {
            format!("`{keyword}` cannot have white space: use `-` or `_` between words")
        } else if text.contains(['{', '}']) {
            format!(
                "`{keyword}` cannot have braces, which mark the hash tag of a key; placeholders go \
                 into `key = \"…\"`"
            )
        } else {
            return;
        };
        errors.at(value.span(), wrong);
    };
    check(&subject.options.prefix);
    check(&subject.options.name);
}

fn check_jitter(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(Given { value, .. }) = &subject.options.jitter else { return };
    let Some(number) = number(value) else { return };
    if !number.is_some_and(|number| (0.0..=1.0).contains(&number)) {
        errors.at(
            value.span(),
            "`jitter` is the share by which a life is shortened at most, from 0.0 to 1.0: write \
             `jitter = 0.1`",
        );
    }
}

/// A number as written; `Some(None)` is something else that is written, such as a text.
pub(super) fn number(value: &Expr) -> Option<Option<f64>> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Some(number.base10_parse().ok()),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Some(number.base10_parse().ok()),
        Expr::Lit(_) | Expr::Unary(_) => Some(None),
        _ => None,
    }
}

/// Helpers evaluate these expressions too, and are neither `async` nor have the function's errors.
fn check_no_control_flow(subject: &Subject<'_>, errors: &mut Errors) {
    let mut check = |expr| {
        let why =
            "because the helpers of the function evaluate this as well: make the value a parameter";
        control_flow::refuse(expr, why, errors);
    };
    let options = subject.options;
    let lock = options.lock.as_ref().and_then(|given| match &given.value {
        Lock::For(length) => Some(length),
        Lock::Off | Lock::Default => None,
    });
    let lengths = [
        &options.ttl,
        &options.negative_ttl,
        &options.load_timeout,
        &options.stale,
        &options.stale_if_error,
        &options.soft_timeout,
    ]
    .into_iter()
    .filter_map(|given| given.as_ref().map(|given| &given.value));
    for length in lengths.chain(lock) {
        if let Length::Computed(expr) = length {
            check(expr);
        }
    }
    for given in [&options.jitter, &options.bypass, &options.cache].into_iter().flatten() {
        check(&given.value);
    }
    if let Some(Given { value: Early::Beta(beta), .. }) = &options.early {
        check(beta);
    }
    if let Some(Given { value: KeyOption::Expressions(exprs), .. }) = &options.key {
        exprs.iter().for_each(check);
    }
}

/// `jitter = 0` is an integer to the compiler. What has a suffix is for it to judge.
pub(super) fn float(expr: Expr) -> Expr {
    match &expr {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) if int.suffix().is_empty() => {
            let float = syn::LitFloat::new(&format!("{}.0", int.base10_digits()), int.span());
            parse_quote_spanned!(int.span()=> #float)
        }
        _ => expr,
    }
}

/// `absent`, `cache_if` and `ttl_with`.
pub(super) fn outcome(subject: &Subject<'_>, errors: &mut Errors) -> Outcome {
    let options = subject.options;
    let mut of_value = |given: &Option<Given<Expr>>| {
        let given = given.as_ref()?;
        check_of_value(subject, given, errors);
        Some(given.value.clone())
    };
    let cache_if = of_value(&options.cache_if);
    let ttl_with = of_value(&options.ttl_with);
    let absent = options.absent.as_ref().and_then(|given| absent(subject, given, errors));
    Outcome { absent, cache_if, ttl_with }
}

fn check_of_value(subject: &Subject<'_>, given: &Given<Expr>, errors: &mut Errors) {
    match ungroup(&given.value) {
        Expr::Closure(_) => check_no_parameters(subject, given, errors),
        Expr::Path(_) => {}
        other => errors.at(
            other.span(),
            format!(
                "`{0}` takes a closure or the path of a function: write `{0} = |value| …`",
                given.keyword
            ),
        ),
    }
}

fn absent(subject: &Subject<'_>, given: &Given<Expr>, errors: &mut Errors) -> Option<Absent> {
    let value = ungroup(&given.value).clone();
    let pattern = match &value {
        Expr::Closure(_) => {
            check_no_parameters(subject, given, errors);
            return Some(Absent::Predicate(value));
        }
        // Functions are written in lower case, variants and constants are not.
        Expr::Path(path) if is_lower_case(&path.path) => return Some(Absent::Predicate(value)),
        Expr::Path(path) => path.to_token_stream(),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if !is_lower_case(&path.path) => quote!(#path(..)),
            _ => return not_an_error(&value, errors),
        },
        Expr::Struct(error) => {
            let path = &error.path;
            quote!(#path { .. })
        }
        _ => return not_an_error(&value, errors),
    };
    check_no_parameters(subject, given, errors);
    Some(Absent::Error { pattern, value })
}

fn not_an_error(value: &Expr, errors: &mut Errors) -> Option<Absent> {
    errors.at(
        value.span(),
        "`absent` takes an error, as in `absent = RepoError::NotFound`, or a closure that \
         recognises one, as in `absent = |error| error.is_not_found()`",
    );
    None
}

fn is_lower_case(path: &syn::Path) -> bool {
    path.segments
        .last()
        .is_some_and(|last| last.ident.unraw().to_string().starts_with(char::is_lowercase))
}

/// These are used again later, by helpers and for absences, when the arguments are gone.
fn check_no_parameters(subject: &Subject<'_>, given: &Given<Expr>, errors: &mut Errors) {
    let Given { keyword, value } = given;
    let own = closure_bindings(value);
    let names = subject.parameters.iter().flat_map(|parameter| parameter.bindings.clone());
    for name in names.chain(["self".to_owned()]) {
        if own.contains(&name) {
            continue;
        }
        if let Some(ident) = mentions::first(value, &name) {
            let instead = match (keyword.to_string().as_str(), value) {
                ("absent", Expr::Closure(_)) => "decide by the error alone",
                ("absent", _) => "recognise the error by a closure, `absent = |error| …`",
                _ => "decide by the value alone",
            };
            errors.at(
                ident.span(),
                format!(
                    "`{keyword}` is also applied when an entry is written or served without a call, \
                     so it cannot use the argument `{name}`; {instead}"
                ),
            );
        }
    }
}

fn closure_bindings(value: &Expr) -> BTreeSet<String> {
    struct Bindings(BTreeSet<String>);
    impl Visit<'_> for Bindings {
        fn visit_pat_ident(&mut self, pat: &syn::PatIdent) {
            self.0.insert(pat.ident.unraw().to_string());
        }
    }
    let mut bindings = Bindings(BTreeSet::new());
    bindings.visit_expr(value);
    bindings.0
}
