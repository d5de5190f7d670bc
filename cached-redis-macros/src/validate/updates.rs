//! `#[updates(..)]`: entries and signature to a model.

use proc_macro2::Span;
use syn::Path;

use super::write;
use crate::diagnostics::Errors;
use crate::mentions;
use crate::model::Updating;
use crate::parse::target::{Arguments, Callee};
use crate::parse::updates::Options;
use crate::signature::Function;

pub(crate) fn validate(
    options: Options,
    function: Function,
    facade: Option<&Path>,
    mut errors: Errors,
) -> syn::Result<Updating> {
    write::check(&function, "updates", &mut errors);
    check_updates(&options, &mut errors);
    if !write::has_ret(&function) {
        check_entries(&options, &mut errors);
    }
    errors.finish()?;
    Ok(Updating { write: write::write(function, options.krate, facade), updates: options.updates })
}

fn check_updates(options: &Options, errors: &mut Errors) {
    if options.updates.is_empty() && !options.broken {
        errors.at(
            Span::call_site(),
            "`#[updates]` names no entry: write `#[updates(get_product(product.id) = product)]`",
        );
    }
}

/// A write is begun before the body, so that it is known whether another one came between.
fn check_entries(options: &Options, errors: &mut Errors) {
    for update in &options.updates {
        let Arguments::These(arguments) = &update.call.arguments else { continue };
        let receiver = match &update.call.callee {
            Callee::Method(call) => Some(&*call.receiver),
            Callee::Path(_) => None,
        };
        let ret = arguments.iter().chain(receiver).find_map(|expr| mentions::first(expr, "ret"));
        if let Some(ret) = ret {
            errors.at(
                ret.span(),
                "an update is begun before the body, when `ret` is not there yet: name the entry by \
                 arguments, or write `#[invalidates(…)]`, which can use `ret`",
            );
        }
    }
}
