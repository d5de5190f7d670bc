//! The call of a cached function, which names its entries.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprMethodCall, ExprPath, Pat, RangeLimits, Token};

use super::{bare, check_depth, expression};
use crate::diagnostics::Errors;

/// `f(args)`
pub(crate) struct Call {
    pub(crate) callee: Callee,
    pub(crate) arguments: Arguments,
    /// Of the parentheses.
    pub(crate) parentheses: Span,
}

/// The cached function.
#[derive(Clone)]
pub(crate) enum Callee {
    /// `f`, `path::f`, `Self::f`
    Path(ExprPath),
    /// `self.f`, with no arguments in it.
    Method(ExprMethodCall),
}

pub(crate) enum Arguments {
    /// `..`
    All,
    These(Vec<Expr>),
}

impl Call {
    /// What a target looks like is for the attribute to say.
    pub(super) fn parse(expr: Expr, not_a_target: &str) -> syn::Result<Self> {
        let span = expr.span();
        let (callee, arguments, parentheses) = match bare(expr) {
            Expr::Call(call) => match bare(*call.func) {
                Expr::Path(path) => (Callee::Path(path), call.args, call.paren_token),
                other => return Err(syn::Error::new(other.span(), not_a_target)),
            },
            Expr::MethodCall(mut call) => {
                let arguments = std::mem::take(&mut call.args);
                let parentheses = call.paren_token;
                (Callee::Method(call), arguments, parentheses)
            }
            Expr::Await(expr) => {
                return Err(syn::Error::new(
                    expr.await_token.span,
                    "a target is not awaited: remove `.await`",
                ));
            }
            _ => return Err(syn::Error::new(span, not_a_target)),
        };
        let arguments: Vec<Expr> = arguments.into_iter().map(bare).collect();
        let arguments = match (arguments.iter().any(is_all), arguments.len()) {
            (true, 1) => Arguments::All,
            (true, _) => return Err(syn::Error::new(span, some_of(&callee, &arguments))),
            (false, _) => Arguments::These(arguments),
        };
        Ok(Self { callee, arguments, parentheses: parentheses.span.join() })
    }

    /// What is evaluated to know which entries.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let receiver = match &self.callee {
            Callee::Method(call) => Some(&*call.receiver),
            Callee::Path(_) => None,
        };
        let arguments = match &self.arguments {
            Arguments::All => &[][..],
            Arguments::These(arguments) => arguments,
        };
        arguments.iter().chain(receiver)
    }
}

/// `feed(viewer, ..)`
fn some_of(callee: &Callee, arguments: &[Expr]) -> String {
    let function = match callee {
        Callee::Path(path) => path.path.segments.last().map(|last| &last.ident),
        Callee::Method(call) => Some(&call.method),
    };
    let argument = arguments.iter().find_map(|argument| match argument {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    });
    let tag = match (function, argument) {
        (Some(function), Some(argument)) => format!("{function}:{{{argument}}}"),
        _ => "category:{category}".to_owned(),
    };
    format!(
        "`..` stands for all entries and takes no other arguments beside it: for some of them, give them \
         a tag (`tags = [\"{tag}\"]` at the cached function), and write `tag = \"{tag}\"` here"
    )
}

fn is_all(argument: &Expr) -> bool {
    matches!(argument, Expr::Range(range)
        if range.start.is_none() && range.end.is_none()
            && matches!(range.limits, RangeLimits::HalfOpen(_)))
}

/// `for pattern in values`
pub(super) struct Repeat {
    pub(super) keyword: Token![for],
    pub(super) pattern: Pat,
    pub(super) values: Expr,
}

/// What may follow a target.
pub(super) fn repeat(input: ParseStream<'_>) -> syn::Result<Option<Repeat>> {
    if !input.peek(Token![for]) {
        return Ok(None);
    }
    let keyword: Token![for] = input.parse()?;
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    if !input.peek(Token![in]) {
        return Err(syn::Error::new(
            keyword.span,
            "`for` needs values to go through: write `get_product(id) for id in ids`",
        ));
    }
    input.parse::<Token![in]>()?;
    Ok(Some(Repeat { keyword, pattern, values: expression(input)? }))
}

/// `if condition`
pub(super) fn condition(input: ParseStream<'_>) -> syn::Result<Option<Expr>> {
    let Some(keyword) = input.parse::<Option<Token![if]>>()? else { return Ok(None) };
    if input.is_empty() || input.peek(Token![,]) {
        let message = "`if` needs a condition: write `get_product(id) if changed`";
        return Err(syn::Error::new(keyword.span, message));
    }
    if input.peek(Token![let]) {
        let message =
            "a condition is an expression: write `for value in ret` to go through an `Option`";
        return Err(input.error(message));
    }
    expression(input).map(Some)
}

/// Reads items between commas, gathering what is wrong; goes on after the next comma after a mistake.
/// Whether there was none.
pub(super) fn separated(
    tokens: TokenStream,
    expected: &str,
    errors: &mut Errors,
    mut item: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) -> bool {
    if errors.gather(check_depth(&tokens)).is_none() {
        return false;
    }
    let mut is_sound = true;
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if errors.gather(item(input)).is_none() {
                is_sound = false;
                skip_to_comma(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                is_sound = false;
                errors.add(input.error(expected));
                skip_to_comma(input);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    let parsed = parser.parse2(tokens);
    errors.gather(parsed);
    is_sound
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}
