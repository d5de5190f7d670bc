//! The limits of each option by itself, as its row in the table has them. What is computed is checked
//! by the runtime, at the first call.

use syn::{Expr, ExprLit, Lit, LitStr, parse_quote_spanned};

use crate::diagnostics::Errors;
use crate::limits::MAX_DURATION;
use crate::parse::duration::DurationExpr;
use crate::parse::options::Options;
use crate::parse::spec::{Limits, Spec};

pub(super) fn check(options: &impl Options, errors: &mut Errors) {
    for (spec, value) in options.given() {
        match spec.limits {
            Limits::None => {}
            Limits::Duration { if_zero } => {
                if let Some(duration) = value.duration() {
                    check_duration(duration, if_zero, errors);
                }
            }
            Limits::Number { most, if_zero, if_more, if_none } => {
                for expr in value.expressions() {
                    let wrong = match number(expr) {
                        Number::Computed => continue,
                        Number::None => Some(if_none),
                        Number::Written(0.0) => if_zero,
                        Number::Written(number) => (number > most).then_some(if_more),
                    };
                    if let Some(wrong) = wrong {
                        errors.add(syn::Error::new_spanned(expr, wrong));
                    }
                }
            }
            Limits::KeyPart => {
                if let Some(text) = value.text() {
                    check_key_part(spec, text, errors);
                }
            }
        }
    }
}

fn check_duration(duration: &DurationExpr, if_zero: Option<&str>, errors: &mut Errors) {
    let DurationExpr::Known(duration, span) = duration else { return };
    if *duration > MAX_DURATION {
        errors.at(
            *span,
            "more than 30 days: write `\"30d\"` or less (numbers are seconds, not milliseconds)",
        );
    }
    if let Some(wrong) = if_zero
        && duration.is_zero()
    {
        errors.at(*span, wrong);
    }
}

enum Number {
    Written(f64),
    /// Known to the compiler, or when the function is called.
    Computed,
    /// A text, or negative.
    None,
}

fn number(value: &Expr) -> Number {
    let number = match value {
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(_) | Expr::Unary(_) => None,
        _ => return Number::Computed,
    };
    number.map_or(Number::None, Number::Written)
}

fn check_key_part(spec: &Spec, text: &LitStr, errors: &mut Errors) {
    let Spec { name, example, .. } = spec;
    let value = text.value();
    let wrong = if value.is_empty() {
        format!("an empty `{name}`: write `{example}` or remove it")
    } else if value.contains(char::is_control) {
        format!("`{name}` cannot have control characters: remove them")
    } else if value.contains(char::is_whitespace) {
        format!("`{name}` cannot have white space: use `-` or `_` between words")
    } else if value.contains(['{', '}']) {
        format!(
            "`{name}` cannot have braces, which mark the hash tag of a key; placeholders go into \
             `key = \"…\"`"
        )
    } else {
        return;
    };
    errors.at(text.span(), wrong);
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
