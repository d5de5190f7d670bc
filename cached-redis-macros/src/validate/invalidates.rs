//! `#[invalidates(..)]`: targets and signature to a model.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Path, ReturnType};

use super::shape::check_async;
use crate::diagnostics::Errors;
use crate::model::Invalidating;
use crate::names;
use crate::parse::invalidates::Options;
use crate::signature::{Function, ImplTrait, Parameter};

pub(crate) fn validate(
    options: Options,
    function: Function,
    facade: Option<&Path>,
    mut errors: Errors,
) -> syn::Result<Invalidating> {
    let parameters = function.clone().name_parameters();
    check_async(&function, "invalidates", &mut errors);
    check_targets(&options, &mut errors);
    check_body(&function, &mut errors);
    check_output(&function, &mut errors);
    check_ret(&function, &parameters, &mut errors);
    errors.finish()?;
    let given = options.krate.map(|given| given.value);
    Ok(Invalidating {
        returns: function.returns(),
        facade: given.or_else(|| facade.cloned()).unwrap_or_else(names::facade),
        targets: options.targets,
        parameters: parameters.into_iter().flat_map(|parameter| parameter.bindings).collect(),
        always: options.always.is_some(),
        strict: options.strict,
        function,
    })
}

fn check_targets(options: &Options, errors: &mut Errors) {
    if options.targets.is_empty() && !options.broken {
        errors.at(
            Span::call_site(),
            "`#[invalidates]` names no cached function: write `#[invalidates(get_product(id))]` for \
             one entry, `#[invalidates(get_product(..))]` for all of them",
        );
    }
}

fn check_body(function: &Function, errors: &mut Errors) {
    if function.body.is_none() {
        errors.at(
            function.sig.ident.span(),
            "a declaration has no body: put `#[invalidates(…)]` on the method in the `impl` block",
        );
    }
}

fn check_output(function: &Function, errors: &mut Errors) {
    if let ReturnType::Type(_, ty) = &function.sig.output
        && let Some(span) = ImplTrait::find(ty)
    {
        errors.at(
            span,
            "`#[invalidates]` looks at what is returned, so its type needs a name: return it instead \
             of `impl Trait`",
        );
    }
}

fn check_ret(function: &Function, parameters: &[Parameter], errors: &mut Errors) {
    for (parameter, input) in parameters
        .iter()
        .zip(function.sig.inputs.iter().filter(|i| matches!(i, syn::FnArg::Typed(_))))
    {
        if parameter.bindings.iter().any(|binding| binding == "ret") {
            errors.at(
                input.span(),
                "`ret` is what the function returned: give this parameter another name",
            );
        }
    }
}
