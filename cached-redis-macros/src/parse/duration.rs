//! Durations: `600`, `"10m"` or any expression.

use std::time::Duration;

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, UnOp};

use super::{check_suffix, ungroup};

/// A duration as written.
#[derive(Clone)]
pub(crate) enum DurationExpr {
    /// Known to the macro.
    Known(Duration, Span),
    /// Known to the compiler, or when the function is called.
    Computed(Expr),
}

const SYNTAX: &str = "write whole seconds (`600`), a text (`\"500ms\"`, `\"10m\"`, `\"1h30m\"`) or an expression of \
     type `Duration`";

/// Reads what stands after `ttl =`.
pub(super) fn duration(expr: Expr) -> syn::Result<DurationExpr> {
    let span = expr.span();
    match ungroup(&expr) {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => {
            if !int.suffix().is_empty() && int.suffix().parse::<Unit>().is_ok() {
                let text = format!("{}{}", int.base10_digits(), int.suffix());
                return Err(syn::Error::new(span, format!("a unit needs quotes: `\"{text}\"`")));
            }
            if !is_number(int) {
                return Err(syn::Error::new(
                    span,
                    format!("`{int}` is not a length of time; {SYNTAX}"),
                ));
            }
            let seconds: u64 = int.base10_parse().map_err(|_| too_long(span))?;
            Ok(DurationExpr::Known(Duration::from_secs(seconds), span))
        }
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            check_suffix(text)?;
            match parse(&text.value()) {
                Ok(duration) => Ok(DurationExpr::Known(duration, span)),
                Err(reason) => Err(syn::Error::new(span, format!("{reason}; {SYNTAX}"))),
            }
        }
        Expr::Lit(ExprLit { lit: Lit::Float(_), .. }) => Err(syn::Error::new(
            span,
            "fractions of a second are written in milliseconds: `\"1500ms\"` instead of `1.5`",
        )),
        Expr::Lit(_) => {
            Err(syn::Error::new(span, format!("this is not a length of time; {SYNTAX}")))
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. }) => {
            Err(syn::Error::new(span, format!("a length of time cannot be negative; {SYNTAX}")))
        }
        _ => Ok(DurationExpr::Computed(expr)),
    }
}

/// The compiler does not see a number that the attribute takes, and so does not refuse `10min`.
pub(super) fn is_number(int: &LitInt) -> bool {
    let types = [
        "", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    ];
    types.contains(&int.suffix())
}

fn too_long(span: Span) -> syn::Error {
    syn::Error::new(span, "at most 30 days: write `\"30d\"` or less")
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
}

impl std::str::FromStr for Unit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "ms" => Self::Millisecond,
            "s" => Self::Second,
            "m" => Self::Minute,
            "h" => Self::Hour,
            "d" => Self::Day,
            _ => return Err(()),
        })
    }
}

impl Unit {
    const fn milliseconds(self) -> u64 {
        match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// `500ms`, `10s`, `10m`, `2h`, `1d`, `1h30m`: whole numbers with units, larger ones first.
fn parse(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("an empty text is not a length of time".to_owned());
    }
    if text.starts_with('-') {
        return Err("a length of time cannot be negative".to_owned());
    }
    if text.contains('.') {
        return Err(format!("`{text}` has a fraction; use a smaller unit, as in `\"1500ms\"`"));
    }
    if text.contains(char::is_whitespace) {
        return Err(format!("`{text}` has a space in it"));
    }
    let mut rest = text;
    let mut total = 0_u64;
    let mut last = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(format!("`{text}` has no number before `{unit}`"));
        }
        if unit.is_empty() {
            return Err(format!("`{number}` has no unit (`ms`, `s`, `m`, `h` or `d`)"));
        }
        let Ok(unit) = unit.parse::<Unit>() else {
            return Err(format!("`{unit}` is not a unit (`ms`, `s`, `m`, `h` or `d`)"));
        };
        if last.is_some_and(|last| last <= unit) {
            return Err(format!("`{text}` has its units out of order, larger ones come first"));
        }
        last = Some(unit);
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit.milliseconds()))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is more than the 30 days that are allowed"))?;
        rest = tail;
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn texts_and_their_lengths() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("0s", 0),
            ("10s", 10_000),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("90m", 5_400_000),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_lengths() {
        for (text, reason) in [
            ("", "empty"),
            ("10", "no unit"),
            ("m", "no number"),
            ("ten m", "space"),
            ("10 m", "space"),
            ("10x", "`x` is not a unit"),
            ("10min", "`min` is not a unit"),
            ("10M", "`M` is not a unit"),
            ("-10s", "negative"),
            ("1.5h", "fraction"),
            ("30m1h", "out of order"),
            ("1m1m", "out of order"),
            ("99999999999999999999s", "30 days"),
            ("9999999999999999999d", "30 days"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
