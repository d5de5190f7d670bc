//! Batches: `each`, and what belongs to it.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{
    FnArg, GenericArgument, GenericParam, Pat, PathArguments, ReceiverKind, Signature, Type,
};

use super::Subject;
use super::background::{is_used, mutabilities, take_mut as take_mut_of};
use super::helpers::{is_used_in, key_expressions};
use super::key;
use crate::diagnostics::Errors;
use crate::model::{Background, Each, Ids, Of, OwnedParameter};
use crate::names;
use crate::parse::options::Options as _;
use crate::parse::target::Callee;
use crate::signature::{ImplTrait, Parameter, ungroup};

/// What is about one load of one entry.
const NOT_WITH_EACH: [&str; 2] = ["soft_timeout", "absent"];

/// What may be said beside `of`: all else is said by the function whose entries these are.
const WITH_OF: [&str; 9] =
    ["each", "of", "key_of", "max_batch", "skip", "ttl", "stale", "bypass", "crate"];

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    let keywords = [
        options.of.as_ref().map(|given| &given.keyword),
        options.key_of.as_ref().map(|given| &given.keyword),
        options.max_batch.as_ref().map(|given| &given.keyword),
    ];
    if options.each.is_none() && !options.is_invalid("each") {
        for keyword in keywords.into_iter().flatten() {
            errors.at(
                keyword.span(),
                format!(
                    "`{keyword}` is about the ids of a batch: name their parameter too, as in `each(ids)`, or \
                     remove `{keyword}`"
                ),
            );
        }
    }
    if options.each.is_some() {
        check_not_with_each(subject, errors);
        check_output(subject, errors);
        check_receiver(subject, errors);
    }
    check_of(subject, errors);
    check_max_batch(subject, errors);
}

fn check_not_with_each(subject: &Subject<'_>, errors: &mut Errors) {
    let keywords = subject.options.keywords();
    for (spec, keyword) in
        keywords.into_iter().filter(|(spec, _)| NOT_WITH_EACH.contains(&spec.name))
    {
        let name = spec.name;
        let instead = match name {
            "absent" => {
                "an error is about all ids of a load, and an absence about one. Return a result without the ids that \
                 do not exist, which are absences then; where an error says that none of them does, an empty one: \
                 `Err(NotFound) => Ok(HashMap::new())`"
            }
            _ => {
                "a slow load is one of all ids that are missing, of which some may have nothing to fall back on. \
                 Write `stale`, which answers at once and reloads in the background, or `stale_if_error`, which \
                 answers where a load fails"
            }
        };
        errors.at(keyword.span(), format!("`{name}` is not available with `each`: {instead}"));
    }
}

/// Said twice, it could be said differently.
fn check_of(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(of) = &subject.options.of else { return };
    let function = match &of.value.0 {
        Callee::Path(path) => names::compact(path),
        Callee::Method(call) => call.method.to_string(),
    };
    for (spec, keyword) in subject.options.keywords() {
        if !WITH_OF.contains(&spec.name) && !NOT_WITH_EACH.contains(&spec.name) {
            errors.at(
                keyword.span(),
                format!(
                    "the entries are those of `{function}`, whose attribute says this: remove `{keyword}` \
                     here"
                ),
            );
        }
    }
}

fn check_max_batch(subject: &Subject<'_>, errors: &mut Errors) {
    if let Some(given) = &subject.options.max_batch
        && given.value == 0
    {
        errors.at(
            given.keyword.span(),
            "a `max_batch` of zero would load nothing: write how many ids the body takes at a time, as in \
             `max_batch = 500`",
        );
    }
}

/// The body gets some of the ids, and may get others after it.
fn check_receiver(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(receiver) = subject.function.receiver() else { return };
    if !matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) {
        errors.add(syn::Error::new_spanned(
            receiver,
            "with `each` the body may run more than once, each time for some of the ids: take `&self`",
        ));
    }
}

/// What is visibly a list without keys. All else is left to the compiler, which knows aliases.
fn check_output(subject: &Subject<'_>, errors: &mut Errors) {
    let options = subject.options;
    if options.key_of.is_some() || options.is_invalid("key_of") {
        return;
    }
    let returns = subject.function.returns();
    let whole = generic(&returns, "Result").unwrap_or(&returns);
    let Some(value) = generic(whole, "Vec") else { return };
    if generic(value, "Option").is_none() && is_named(value) {
        errors.add(syn::Error::new_spanned(
            whole,
            "a list does not say which value belongs to which id: write `key_of = |value| value.id`, or \
             return a `HashMap` by id, or a `Vec<Option<_>>` with one place for each id",
        ));
    }
}

/// An alias of an `Option` would not be seen.
fn is_named(ty: &Type) -> bool {
    !matches!(ungroup(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| {
        last.ident.to_string().starts_with("Opt") || last.ident.to_string().starts_with("Maybe")
    }))
}

/// The first argument of a generic type of this name.
fn generic<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ungroup(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The ids, and what each run of the body gets a clone of.
pub(super) fn each(
    subject: &Subject<'_>,
    background: Option<&mut Background>,
    errors: &mut Errors,
) -> Option<Each> {
    let options = subject.options;
    let name = &options.each.as_ref()?.value.0;
    let Some(position) = subject.position(&name.unraw().to_string()) else {
        errors.at(name.span(), subject.unknown(&name.unraw().to_string()));
        return None;
    };
    let parameter = &subject.parameters[position];
    if parameter.pattern.is_some() {
        errors.at(
            name.span(),
            "`each` names a whole parameter, and this is a part of one: take the ids as a parameter of \
             their own",
        );
        return None;
    }
    if subject.skipped.get(position).copied().unwrap_or_default() {
        errors.at(name.span(), format!("`{name}` tells the entries apart: remove it from `skip`"));
    }
    check_key(subject, parameter, name, errors);
    if let Some(background) = background {
        background.owned.retain(|owned| owned.ident != parameter.ident);
    }
    let mutability = mutabilities(subject).nth(position).flatten();
    Some(Each {
        ident: parameter.ident.clone(),
        mutability,
        ids: ids(subject, parameter),
        of: None,
        key_of: options.key_of.as_ref().map(|given| given.value.clone()),
        max_batch: options.max_batch.as_ref().map(|given| given.value),
        cloned: cloned(subject, position, errors),
    })
}

/// In `key`, the parameter stands for one id.
fn check_key(subject: &Subject<'_>, parameter: &Parameter, name: &Ident, errors: &mut Errors) {
    let options = subject.options;
    if options.key.is_none() || options.is_invalid("key") {
        return;
    }
    let key = key::key(subject);
    if !is_used_in(parameter, &key_expressions(&key)) {
        errors.at(
            name.span(),
            format!(
                "`key` does not mention `{name}`, so that all ids would share one entry: name it there, where \
                 it stands for one id"
            ),
        );
    }
}

fn ids(subject: &Subject<'_>, parameter: &Parameter) -> Ids {
    let ty = ungroup(&parameter.ty);
    let is_generic = |ident: &Ident| {
        let params = subject.function.sig.generics.params.iter();
        params
            .into_iter()
            .any(|param| matches!(param, GenericParam::Type(ty) if ty.ident == *ident))
    };
    match ty {
        Type::Reference(reference) => Ids::Reference((*reference.elem).clone()),
        Type::Path(path) if path.path.get_ident().is_some_and(is_generic) => Ids::Iterator,
        ty if ImplTrait::find(ty).is_some() => Ids::Iterator,
        ty => Ids::Value(ty.clone()),
    }
}

/// Each run of the body consumes what is not a reference.
fn cloned(subject: &Subject<'_>, ids: usize, errors: &mut Errors) -> Vec<OwnedParameter> {
    let Some(body) = &subject.function.body else { return Vec::new() };
    let mut cloned = Vec::new();
    let parameters = subject.parameters.iter().zip(mutabilities(subject)).enumerate();
    for (position, (parameter, mutability)) in parameters {
        if let Type::Reference(reference) = ungroup(&parameter.ty) {
            if reference.mutability.is_some() {
                errors.add(syn::Error::new_spanned(
                    &parameter.ty,
                    "with `each` the body may run more than once, each time for some of the ids: take this by \
                     a shared reference, or as an `Arc` of something with a lock",
                ));
            }
        } else if position != ids && is_used(parameter, &body.tokens) {
            cloned.push(OwnedParameter { ident: parameter.ident.clone(), mutability });
        }
    }
    cloned
}

/// The rest, once everything is known to be right.
pub(super) fn finish(each: Each, subject: &Subject<'_>) -> Each {
    let options = subject.options;
    let of = options.of.as_ref().map(|given| Of {
        callee: given.value.0.clone(),
        arguments: subject.arguments().map(|parameter| parameter.ident.clone()).collect(),
        ttl: options.ttl.as_ref().map(|given| given.value.clone()),
        stale: options.stale.as_ref().map(|given| given.value.clone()),
    });
    Each { of, ..each }
}

/// What is declared again in the body has its `mut` there.
pub(super) fn take_mut(signature: &mut Signature, each: &Each) {
    take_mut_of(signature, &each.cloned);
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(pat) = &mut *typed.pat
            && pat.ident == each.ident
        {
            pat.mutability = None;
        }
    }
}
