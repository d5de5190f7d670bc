//! What `#[invalidates(..)]` and `#[updates(..)]` ask of a function.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, FnArg, GenericArgument, Path, PathArguments, ReturnType, Type};

use super::control_flow;
use super::function::check_async;
use crate::diagnostics::Errors;
use crate::model::Write;
use crate::names;
use crate::parse::options::Given;
use crate::signature::{Function, ImplTrait, Parameter, ungroup};

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

/// `ret.id` where `ret` is spelled as an `Option`, which has no fields.
pub(super) fn check_fields_of_ret<'a>(
    function: &Function,
    expressions: impl IntoIterator<Item = &'a Expr>,
    example: &str,
    errors: &mut Errors,
) {
    struct Fields(Option<proc_macro2::Span>);

    impl Visit<'_> for Fields {
        fn visit_expr_field(&mut self, field: &syn::ExprField) {
            match &*field.base {
                Expr::Path(path) if path.path.is_ident("ret") => {
                    self.0.get_or_insert(path.span());
                }
                _ => visit::visit_expr_field(self, field),
            }
        }
    }

    if has_ret(function) || !returns_option(&function.returns()) {
        return;
    }
    for expr in expressions {
        let mut fields = Fields(None);
        fields.visit_expr(expr);
        if let Some(span) = fields.0 {
            let message = format!(
                "`ret` is an `Option` here: go through it, as in `{example} for row in ret`"
            );
            errors.at(span, message);
        }
    }
}

/// `Option<T>`, `Result<Option<T>, E>`
fn returns_option(ty: &Type) -> bool {
    let Type::Path(path) = ungroup(ty) else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    match (last.ident.to_string().as_str(), arguments.args.first()) {
        ("Option", Some(_)) => true,
        ("Result", Some(GenericArgument::Type(value))) => returns_option(value),
        _ => false,
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
    // Of a function that is not `async`, that is the mistake.
    if function.sig.asyncness.is_some()
        && let ReturnType::Type(_, ty) = &function.sig.output
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
