//! `tags = […]`, and one tag.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, ExprPath, Lit, Pat, Token, bracketed, token};

use super::spec::Spec;
use super::target;
use super::template::{Purpose, Template};
use super::values::{Value, value};
use super::{bare, expression, ungroup};
use crate::diagnostics::Errors;
use crate::{names, used_names};

/// `tags = […]`
pub(crate) struct Tags {
    pub(crate) all: Vec<Tag>,
    /// About others in the list, which say nothing about these.
    pub(crate) wrong: Option<syn::Error>,
}

/// `"brand:{ret.brand}"`, `"author:{c.author}" for c in ret`
pub(crate) struct Tag {
    pub(crate) name: Name,
    pub(crate) repeat: Option<(Pat, Expr)>,
}

/// Which group.
pub(crate) enum Name {
    /// `"brand:{ret.brand}"`
    Text(Template),
    /// `Brand(ret.brand)`
    Typed(TypedTag),
}

/// A tag that `tag!` has declared, and its arguments.
#[derive(Clone)]
pub(crate) struct TypedTag {
    pub(crate) path: ExprPath,
    pub(crate) arguments: Vec<Expr>,
    /// Of the parentheses.
    pub(crate) parentheses: Span,
}

impl Name {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Text(template) => template.text.span(),
            Self::Typed(typed) => typed.path.span(),
        }
    }

    /// The first place where it mentions a name.
    pub(crate) fn mention(&self, name: &str) -> Option<Span> {
        match self {
            Self::Text(template) => {
                template.roots().any(|root| root == name).then(|| template.text.span())
            }
            Self::Typed(typed) => typed
                .arguments
                .iter()
                .find_map(|expr| used_names::first(expr, name))
                .map(|mention| mention.span()),
        }
    }

    /// As it was written, for comparing.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Text(template) => template.text.to_token_stream().to_string(),
            Self::Typed(TypedTag { path, arguments, .. }) => {
                names::compact(&quote!(#path(#(#arguments),*)))
            }
        }
    }
}

impl Value for Tags {
    fn read(input: ParseStream<'_>, spec: &Spec, keyword: &Ident) -> syn::Result<Self> {
        if !(input.peek(Token![=]) && input.peek2(token::Bracket)) {
            return Err(no_list(&value(input, spec, keyword)?, spec));
        }
        input.parse::<Token![=]>()?;
        let content;
        let bracket = bracketed!(content in input);
        if content.is_empty() {
            let message = format!("`tags` names no group: write `{}` or remove it", spec.example);
            return Err(syn::Error::new(bracket.span.join(), message));
        }
        let (mut all, mut errors) = (Vec::new(), Errors::new());
        while !content.is_empty() {
            let tag = tag(&expression(&content)?);
            let repeat = target::repeat(&content)?.map(|repeat| (repeat.pattern, repeat.values));
            if let Some(name) = errors.gather(tag) {
                all.push(Tag { name, repeat });
            }
            if !content.is_empty() && !content.peek(Token![,]) {
                let error = content.error("expected `,` and the next tag, or `for … in ret`");
                // What is left is no mistake of its own.
                content.parse::<TokenStream>()?;
                return Err(error);
            }
            content.parse::<Option<Token![,]>>()?;
        }
        Ok(Self { all, wrong: errors.finish().err() })
    }
}

fn no_list(expr: &Expr, spec: &Spec) -> syn::Error {
    let message = match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            format!("`tags` takes a list: write `tags = [\"{}\"]`", text.value())
        }
        _ => format!("`tags` takes a list of string literals: write `{}`", spec.example),
    };
    syn::Error::new_spanned(expr, message)
}

/// One tag.
pub(super) fn tag(expr: &Expr) -> syn::Result<Name> {
    match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            Template::parse(text.clone(), Purpose::Tag).map(Name::Text)
        }
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if is_type(path) => Ok(Name::Typed(TypedTag {
                path: path.clone(),
                arguments: call.args.iter().cloned().map(bare).collect(),
                parentheses: call.paren_token.span.join(),
            })),
            _ => Err(no_tag(expr)),
        },
        Expr::Path(path) if is_type(path) => {
            let name = names::compact(path);
            let message =
                format!("a typed tag is written with its arguments: `{name}(…)`, or `{name}()`");
            Err(syn::Error::new_spanned(expr, message))
        }
        _ => Err(no_tag(expr)),
    }
}

/// Types are written in upper case, functions are not.
fn is_type(path: &ExprPath) -> bool {
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident.unraw().to_string().starts_with(char::is_uppercase))
}

fn no_tag(expr: &Expr) -> syn::Error {
    syn::Error::new_spanned(
        expr,
        "a tag is a string literal, with names in braces for what changes, or one that \
         `cached_redis::tag!` declares: write `\"category:{category}\"` or `Category(category)`",
    )
}
