//! `#[updates(..)]`: entries and signature to a model.

use proc_macro2::Span;
use syn::{Path, Type};

use super::{transaction, write};
use crate::diagnostics::Errors;
use crate::model::Updating;
use crate::parse::updates::Options;
use crate::signature::{Function, ungroup};
use crate::used_names;

pub(crate) fn validate(
    options: Options,
    function: Function,
    facade: Option<&Path>,
    mut errors: Errors,
) -> syn::Result<Updating> {
    write::check(&function, "updates", &mut errors);
    check_updates(&options, &mut errors);
    transaction::check_updates(&options, &function, &mut errors);
    for update in &options.updates {
        write::check_evaluated(update.call.expressions().chain([&update.value]), &mut errors);
    }
    check_values(&options, &function, &mut errors);
    if !write::has_ret(&function) {
        check_entries(&options, &mut errors);
    }
    errors.finish()?;
    Ok(Updating { write: write::write(function, options.krate, facade), updates: options.updates })
}

fn check_updates(options: &Options, errors: &mut Errors) {
    if options.updates.is_empty() && !options.is_invalid {
        errors.at(
            Span::call_site(),
            "`#[updates]` names no entry: write `#[updates(get_product(product.id) = product)]`",
        );
    }
}

/// What a value is made of is captured before the body runs.
fn check_values(options: &Options, function: &Function, errors: &mut Errors) {
    for parameter in write::parameters(function) {
        if !matches!(ungroup(&parameter.ty), Type::Reference(reference) if reference.mutability.is_some())
        {
            continue;
        }
        let mentioned = |name: &String| {
            options.updates.iter().find_map(|update| used_names::first(&update.value, name))
        };
        if let Some(name) = parameter.bindings.iter().find_map(mentioned) {
            errors.at(
                name.span(),
                format!(
                    "`{name}` is the body's to change while it runs, so the new value cannot be made \
                     of it: return what is to be stored, and write `ret`"
                ),
            );
        }
    }
}

/// A write is begun before the body, so that it is known whether another one came between.
fn check_entries(options: &Options, errors: &mut Errors) {
    for update in &options.updates {
        let ret = update.call.expressions().find_map(|expr| used_names::first(expr, "ret"));
        if let Some(ret) = ret {
            errors.at(
                ret.span(),
                "an update is begun before the body, when `ret` is not there yet: name the entry by \
                 arguments, or write `#[invalidates(…)]`, which can use `ret`",
            );
        }
    }
}
