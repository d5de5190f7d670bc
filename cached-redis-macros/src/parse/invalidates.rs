//! The targets and options of `#[invalidates(..)]`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprMethodCall, ExprPath, Pat, Path, RangeLimits, Token};

use super::Given;
use crate::diagnostics::{Errors, nearest, unknown};

/// What was written between the parentheses of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) targets: Vec<Target>,
    pub(crate) always: Option<Span>,
    pub(crate) strict: Option<Span>,
    pub(crate) krate: Option<Given<Path>>,
    /// Something was wrong with a target: no error that there is none, please.
    pub(crate) broken: bool,
}

/// `f(args) for pattern in values`
pub(crate) struct Target {
    pub(crate) callee: Callee,
    pub(crate) arguments: Arguments,
    /// Of the parentheses.
    pub(crate) parentheses: Span,
    pub(crate) repeat: Option<(Pat, Expr)>,
}

/// The cached function.
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

const EXAMPLE: &str = "write `get_product(id)` for one entry, `get_product(..)` for all of them";

/// Reads everything, gathering what is wrong.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if errors.gather(item(input, &mut options)).is_none() {
                options.broken = true;
                skip_to_comma(input);
            } else if !input.is_empty() && !input.peek(Token![,]) {
                options.broken = true;
                errors.add(input.error("expected `,` and the next target, or `for … in …`"));
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
    options
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

fn item(input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let ahead = input.fork();
    if let Ok(keyword) = ahead.call(Ident::parse_any) {
        let stands_alone = ahead.is_empty() || ahead.peek(Token![,]);
        let has_value = ahead.peek(Token![=]) && !ahead.peek(Token![==]);
        if stands_alone || has_value {
            input.call(Ident::parse_any)?;
            return option(input, &keyword, has_value, options);
        }
    }
    target(input).map(|target| options.targets.push(target))
}

fn option(
    input: ParseStream<'_>,
    keyword: &Ident,
    has_value: bool,
    options: &mut Options,
) -> syn::Result<()> {
    let error = |message: String| Err(syn::Error::new(keyword.span(), message));
    let name = keyword.to_string();
    let twice = format!("`{name}` is given twice: keep one of them");
    match (name.as_str(), has_value) {
        ("always" | "strict", true) => error(format!("`{name}` takes no value: write `{name}`")),
        ("always", false) if options.always.is_some() => error(twice),
        ("strict", false) if options.strict.is_some() => error(twice),
        ("always", false) => {
            options.always = Some(keyword.span());
            Ok(())
        }
        ("strict", false) => {
            options.strict = Some(keyword.span());
            Ok(())
        }
        ("crate", true) => {
            input.parse::<Token![=]>()?;
            let value = input.call(Path::parse_mod_style)?;
            if options.krate.is_some() {
                return error(twice);
            }
            options.krate = Some(Given { keyword: keyword.clone(), value });
            Ok(())
        }
        ("crate", false) => error("`crate` needs a path: write `crate = my_crate`".to_owned()),
        ("tag" | "guard", _) => {
            error(format!("`{name}` is not available in this version of cached-redis: remove it"))
        }
        (_, true) => {
            let meant = nearest(&name, ["always", "strict", "crate"]);
            let options = format!(
                "the options are `always`, `strict` and `crate`, and targets are written as calls: \
                 {EXAMPLE}"
            );
            error(unknown(format!("unknown option `{name}`"), meant, &options))
        }
        (_, false) => {
            let meant = nearest(&name, ["always", "strict"]);
            let target = format!("write `{name}(id)` for one entry, `{name}(..)` for all of them");
            error(unknown(format!("`{name}` is not a target"), meant, &target))
        }
    }
}

fn target(input: ParseStream<'_>) -> syn::Result<Target> {
    let expr: Expr = input.parse()?;
    let span = expr.span();
    let (callee, arguments, parentheses) = match expr {
        Expr::Call(call) => match *call.func {
            Expr::Path(path) => (Callee::Path(path), call.args, call.paren_token),
            other => return Err(syn::Error::new(other.span(), not_a_target())),
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
        _ => return Err(syn::Error::new(span, not_a_target())),
    };
    let arguments: Vec<Expr> = arguments.into_iter().collect();
    let is_all = arguments.iter().any(|argument| {
        matches!(argument, Expr::Range(range)
            if range.start.is_none() && range.end.is_none()
                && matches!(range.limits, RangeLimits::HalfOpen(_)))
    });
    let arguments = match (is_all, arguments.len()) {
        (true, 1) => Arguments::All,
        (true, _) => {
            return Err(syn::Error::new(
                span,
                "`..` stands for all entries and takes no other arguments beside it",
            ));
        }
        (false, _) => Arguments::These(arguments),
    };
    let mut repeat = None;
    if input.peek(Token![for]) {
        let keyword: Token![for] = input.parse()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        if !input.peek(Token![in]) {
            return Err(syn::Error::new(
                keyword.span,
                "`for` needs values to go through: write `get_product(id) for id in ids`",
            ));
        }
        input.parse::<Token![in]>()?;
        let values = input.parse()?;
        if matches!(arguments, Arguments::All) {
            return Err(syn::Error::new(
                keyword.span,
                "`..` is all entries already: remove `for`, or name arguments instead of `..`",
            ));
        }
        repeat = Some((pattern, values));
    }
    Ok(Target { callee, arguments, parentheses: parentheses.span.join(), repeat })
}

fn not_a_target() -> String {
    format!("a target is the call of a cached function: {EXAMPLE}")
}
