//! `tags = […]`, and one tag.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit, Pat, Token, bracketed, token};

use super::spec::Spec;
use super::target;
use super::template::{Purpose, Template};
use super::values::{Value, value};
use super::{expression, ungroup};
use crate::diagnostics::Errors;

/// `tags = […]`
pub(crate) struct Tags {
    pub(crate) all: Vec<Tag>,
    /// About others in the list, which say nothing about these.
    pub(crate) wrong: Option<syn::Error>,
}

/// `"brand:{ret.brand}"`, `"author:{c.author}" for c in ret`
pub(crate) struct Tag {
    pub(crate) template: Template,
    pub(crate) repeat: Option<(Pat, Expr)>,
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
            if let Some(template) = errors.gather(tag) {
                all.push(Tag { template, repeat });
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
pub(super) fn tag(expr: &Expr) -> syn::Result<Template> {
    match ungroup(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            Template::parse(text.clone(), Purpose::Tag)
        }
        _ => Err(syn::Error::new_spanned(
            expr,
            "a tag is a string literal, with names in braces for what changes: write \
             `\"category:{category}\"`",
        )),
    }
}
