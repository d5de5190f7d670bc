//! What `#[invalidates(..)]` and `#[updates(..)]` ask of a function.

use syn::spanned::Spanned as _;
use syn::{Expr, FnArg, Path, ReturnType};

use super::control_flow;
use super::function::check_async;
use crate::diagnostics::Errors;
use crate::model::Write;
use crate::names;
use crate::parse::options::Given;
use crate::signature::{Function, ImplTrait, Parameter};

pub(super) fn check(function: &Function, attribute: &str, errors: &mut Errors) {
    check_async(function, attribute, errors);
    check_body(function, attribute, errors);
    check_output(function, attribute, errors);
    check_ret(function, errors);
}

/// The model, once everything is known to be right.
pub(super) fn write(
    function: Function,
    given: Option<Given<Path>>,
    of_block: Option<&Path>,
) -> Write {
    let given = given.map(|given| given.value);
    Write {
        returns: function.returns(),
        facade: given.or_else(|| of_block.cloned()).unwrap_or_else(names::facade),
        parameters: parameters(&function).into_iter().flat_map(|p| p.bindings).collect(),
        function,
    }
}

/// Whether a parameter is called `ret`: that is the mistake then, and not its use.
pub(super) fn has_ret(function: &Function) -> bool {
    parameters(function).iter().any(is_ret)
}

fn is_ret(parameter: &Parameter) -> bool {
    parameter.bindings.iter().any(|binding| binding == "ret")
}

pub(super) fn parameters(function: &Function) -> Vec<Parameter> {
    function.clone().name_parameters()
}

/// What is evaluated beside the body of a write must not end it, nor wait: cancelled meanwhile, it would not
/// invalidate what the body has changed.
pub(super) fn check_evaluated<'a>(
    evaluated: impl IntoIterator<Item = &'a Expr>,
    errors: &mut Errors,
) {
    let why = "because the write is over by then, or has not begun: do that in the body, and call \
               the helper there, as in `get_product_invalidate(id).await`";
    for expr in evaluated {
        control_flow::refuse(expr, why, errors);
    }
}

fn check_body(function: &Function, attribute: &str, errors: &mut Errors) {
    if function.body.is_none() {
        errors.at(
            function.sig.ident.span(),
            format!(
                "a declaration has no body: put `#[{attribute}(…)]` on the method in the `impl` block"
            ),
        );
    }
}

fn check_output(function: &Function, attribute: &str, errors: &mut Errors) {
    if let ReturnType::Type(_, ty) = &function.sig.output
        && let Some(span) = ImplTrait::find(ty)
    {
        errors.at(
            span,
            format!(
                "`#[{attribute}]` looks at what is returned, so its type needs a name: return it \
                 instead of `impl Trait`"
            ),
        );
    }
}

fn check_ret(function: &Function, errors: &mut Errors) {
    let inputs = function.sig.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
    for (parameter, input) in parameters(function).iter().zip(inputs) {
        if is_ret(parameter) {
            errors.at(
                input.span(),
                "`ret` is what the function returned: give this parameter another name",
            );
        }
    }
}
