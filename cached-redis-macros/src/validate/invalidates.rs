//! `#[invalidates(..)]`: targets and signature to a model.

use proc_macro2::Span;
use syn::{Expr, Path};

use super::{limits, transaction, write};
use crate::diagnostics::{self, Errors, list, nearest};
use crate::model::Invalidating;
use crate::parse::invalidates::{Options, Target, What};
use crate::parse::tags::Name;
use crate::parse::target::Arguments;
use crate::parse::transaction::Write;
use crate::signature::{Function, bindings};
use crate::used_names;

pub(crate) fn validate(
    options: Options,
    function: Function,
    facade: Option<&Path>,
    mut errors: Errors,
) -> syn::Result<Invalidating> {
    write::check(&function, "invalidates", &mut errors);
    limits::check(&options, &mut errors);
    check_targets(&options, &mut errors);
    check_evaluated(&options, &function, &mut errors);
    check_tags(&options, &function, &mut errors);
    check_guard(&options, &function, &mut errors);
    check_cache(&options, &mut errors);
    transaction::check_invalidates(&options, &function, &mut errors);
    errors.finish()?;
    Ok(Invalidating {
        write: write::write(function, options.krate, facade),
        targets: options.targets,
        always: options.always.is_some(),
        strict: options.strict.map(|given| given.keyword.span()),
        after_commit: matches!(&options.in_transaction, Some(given) if given.value == Write::AfterCommit),
        guard: options.guard.map(|given| given.value),
        cache: options.cache.map(|given| given.value),
    })
}

fn check_targets(options: &Options, errors: &mut Errors) {
    if options.targets.is_empty() && !options.is_invalid {
        errors.at(
            Span::call_site(),
            "`#[invalidates]` names no cached function: write `#[invalidates(get_product(id))]` for \
             one entry, `#[invalidates(get_product(..))]` for all of them",
        );
    }
}

fn check_evaluated(options: &Options, function: &Function, errors: &mut Errors) {
    for target in &options.targets {
        let (arguments, example): (Vec<&Expr>, _) = match &target.what {
            What::Entries(call) => (call.expressions().collect(), "get_product(row.id)"),
            What::Tag(Name::Typed(typed)) => {
                (typed.arguments.iter().collect(), "tag = Category(row.id)")
            }
            What::Tag(Name::Text(_)) => (Vec::new(), ""),
        };
        let values = target.repeat.as_ref().map(|(_, values)| values);
        let evaluated = arguments.iter().copied().chain(values).chain(&target.condition);
        write::check_evaluated(evaluated, errors);
        let arguments = arguments.into_iter().filter(|_| target.repeat.is_none());
        write::check_fields_of_ret(function, arguments, example, errors);
    }
}

fn check_tags(options: &Options, function: &Function, errors: &mut Errors) {
    let mut known: Vec<String> =
        function.receiver().map(|_| "self".to_owned()).into_iter().collect();
    known.extend(write::parameters(function).into_iter().flat_map(|p| p.bindings));
    known.push("ret".to_owned());
    for target in &options.targets {
        let What::Tag(Name::Text(tag)) = &target.what else { continue };
        let of_loop = target.repeat.iter().flat_map(|(pattern, _)| bindings(pattern));
        let known: Vec<String> = known.iter().cloned().chain(of_loop).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if let Some(name) = tag.roots().find(|name| !known.contains(name)) {
            let meant = nearest(name, known.iter().copied());
            let rest = format!("a tag can be made of {}", list(known));
            let wrong = format!("there is no `{name}` here");
            errors.at(tag.text.span(), diagnostics::unknown(wrong, meant, &rest));
        }
    }
}

/// What is held before the body is known before the body.
fn check_guard(options: &Options, function: &Function, errors: &mut Errors) {
    if options.guard.is_none() || write::has_ret(function) {
        return;
    }
    for target in &options.targets {
        if let Some(span) = first_ret(target) {
            errors.at(
                span,
                "`guard` holds what becomes outdated before the body, when `ret` is not there yet: \
                 use arguments instead of `ret`, or remove `guard`",
            );
        }
    }
}

fn first_ret(target: &Target) -> Option<Span> {
    let in_target = match &target.what {
        What::Tag(tag) => tag.mention("ret"),
        What::Entries(call) => match &call.arguments {
            Arguments::All => None,
            Arguments::These(exprs) => {
                exprs.iter().find_map(|expr| used_names::first(expr, "ret")).map(|ret| ret.span())
            }
        },
    };
    let in_expr = |expr: &Expr| used_names::first(expr, "ret").map(|ret| ret.span());
    let in_values = || in_expr(&target.repeat.as_ref()?.1);
    let in_condition = || in_expr(target.condition.as_ref()?);
    in_target.or_else(in_values).or_else(in_condition)
}

fn check_cache(options: &Options, errors: &mut Errors) {
    let Some(cache) = &options.cache else { return };
    let has_tag = options.targets.iter().any(|target| matches!(target.what, What::Tag(_)));
    if !has_tag && !options.is_invalid {
        errors.at(
            cache.keyword.span(),
            "`cache` is where tags live, and there is no `tag` here: remove it (entries are where \
             their functions keep them)",
        );
    }
}
