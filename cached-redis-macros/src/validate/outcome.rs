//! What a result means: `absent`, `cache_if` and `ttl_with`.

use std::collections::BTreeSet;

use quote::{ToTokens, quote};
use syn::Expr;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::Visit;

use super::Subject;
use crate::diagnostics::Errors;
use crate::model::{Absent, Outcome};
use crate::parse::options::Given;
use crate::parse::ungroup;
use crate::used_names;

pub(super) fn outcome(subject: &Subject<'_>, errors: &mut Errors) -> Outcome {
    let options = subject.options;
    let mut of_value = |given: &Option<Given<Expr>>| {
        let given = given.as_ref()?;
        check_of_value(subject, given, errors);
        Some(given.value.clone())
    };
    let cache_if = of_value(&options.cache_if);
    let ttl_with = of_value(&options.ttl_with);
    of_value(&options.key_of);
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
        if let Some(ident) = used_names::first(value, &name) {
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
