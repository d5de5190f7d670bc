//! Expressions of an attribute are evaluated where control flow would not do what it looks like.

use proc_macro2::Span;
use syn::Expr;
use syn::visit::Visit;

use crate::diagnostics::Errors;
use crate::parse::options::Options;
use crate::parse::spec::Evaluated;

/// Nothing of this is evaluated in the body, whose control flow it looks like.
pub(super) fn check(options: &impl Options, errors: &mut Errors) {
    for (spec, value) in options.given() {
        let why = match spec.evaluated {
            Evaluated::Later => continue,
            Evaluated::ByCalls => {
                "because this is evaluated before the body, to know what to do with the cache: make \
                 the value a parameter"
            }
            Evaluated::ByHelpersToo => {
                "because the helpers of the function evaluate this as well: make the value a \
                 parameter"
            }
        };
        for expr in value.expressions() {
            refuse(expr, why, errors);
        }
    }
}

/// Refuses `.await`, `?`, `return` and `yield` in `expr`; `why` goes on from "cannot be used here, ".
pub(super) fn refuse(expr: &Expr, why: &str, errors: &mut Errors) {
    ControlFlow { why, errors }.visit_expr(expr);
}

struct ControlFlow<'a> {
    why: &'a str,
    errors: &'a mut Errors,
}

impl ControlFlow<'_> {
    fn refuse(&mut self, span: Span, what: &str) {
        self.errors.at(span, format!("`{what}` cannot be used here, {}", self.why));
    }
}

impl Visit<'_> for ControlFlow<'_> {
    fn visit_expr_await(&mut self, expr: &syn::ExprAwait) {
        self.refuse(expr.await_token.span, ".await");
    }

    fn visit_expr_try(&mut self, expr: &syn::ExprTry) {
        self.refuse(expr.question_token.span, "?");
    }

    fn visit_expr_return(&mut self, expr: &syn::ExprReturn) {
        self.refuse(expr.return_token.span, "return");
    }

    fn visit_expr_yield(&mut self, expr: &syn::ExprYield) {
        self.refuse(expr.yield_token.span, "yield");
    }

    // These have a control flow of their own.
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &syn::ExprAsync) {}
}
