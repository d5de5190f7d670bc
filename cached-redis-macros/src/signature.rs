//! Facts about a function: its receiver, parameters, generics and output.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Generics, ItemImpl, Meta, Pat, PathArguments,
    Receiver, ReturnType, Signature, Token, Type, Visibility, parse_quote, token,
};

use crate::diagnostics::Errors;
use crate::{names, used_names};

/// A function whose body is left to the compiler to parse.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![…]` at the beginning of the body.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// Without its braces; `None` for a declaration in a trait.
    pub(crate) body: Option<Body>,
}

#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) tokens: TokenStream,
    /// Of the braces.
    pub(crate) span: Span,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            return Ok(Self { attrs, vis, sig, inner_attrs: Vec::new(), body: None });
        }
        let content;
        let brace = syn::braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let body = Some(Body { tokens: content.parse()?, span: brace.span.join() });
        Ok(Self { attrs, vis, sig, inner_attrs, body })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attrs);
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        match &self.body {
            Some(body) => {
                let mut content = TokenStream::new();
                content.append_all(&self.inner_attrs);
                content.extend(body.tokens.clone());
                let mut braces = Group::new(Delimiter::Brace, content);
                braces.set_span(body.span);
                tokens.append(TokenTree::Group(braces));
            }
            None => token::Semi::default().to_tokens(tokens),
        }
    }
}

impl Function {
    /// Takes `#[cache(skip)]` off the parameters: where it stood, one entry a parameter.
    pub(crate) fn take_skips(&mut self, errors: &mut Errors) -> Vec<Option<Span>> {
        let mut skips = Vec::new();
        for input in &mut self.sig.inputs {
            let attrs = match input {
                FnArg::Receiver(receiver) => &mut receiver.attrs,
                FnArg::Typed(typed) => &mut typed.attrs,
            };
            let mut skip = None;
            attrs.retain(|attr| {
                if !attr.path().is_ident("cache") {
                    return true;
                }
                match &attr.meta {
                    Meta::List(list) if list.tokens.to_string() == "skip" => {
                        skip = Some(list.tokens.span());
                    }
                    _ => errors.at(
                        attr.span(),
                        "a parameter can only have `#[cache(skip)]`, which leaves it out of the key",
                    ),
                }
                false
            });
            skips.push(skip);
        }
        skips
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// Whether a parameter goes by this name.
    pub(crate) fn has(&self, name: &Ident) -> bool {
        self.sig.inputs.iter().any(|input| match input {
            FnArg::Receiver(_) => name == "self",
            FnArg::Typed(typed) => bindings(&typed.pat).contains(&name.unraw().to_string()),
        })
    }

    /// Gives every parameter a plain name and takes down what it was.
    pub(crate) fn name_parameters(&mut self) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for input in &mut self.sig.inputs {
            let FnArg::Typed(typed) = input else { continue };
            let plain = match &*typed.pat {
                Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                    Some(pat.ident.clone())
                }
                _ => None,
            };
            let (ident, pattern) = match plain {
                Some(ident) => (ident, None),
                None => {
                    let ident = names::argument(parameters.len(), &typed.pat);
                    let pattern = std::mem::replace(&mut *typed.pat, parse_quote!(#ident));
                    (ident, Some(pattern))
                }
            };
            let bindings = match &pattern {
                Some(pattern) => bindings(pattern),
                None => vec![ident.unraw().to_string()],
            };
            parameters.push(Parameter { ident, pattern, bindings, ty: (*typed.ty).clone() });
        }
        parameters
    }

    /// The return type, `()` where none is written.
    pub(crate) fn returns(&self) -> Type {
        match &self.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        }
    }
}

/// One parameter that is not the receiver.
#[derive(Clone)]
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    /// The pattern that stood in place of `ident`.
    pub(crate) pattern: Option<Pat>,
    /// Names by which expressions can refer to it or to parts of it.
    pub(crate) bindings: Vec<String>,
    pub(crate) ty: Type,
}

impl Parameter {
    pub(crate) fn is_impl_trait(&self) -> bool {
        ImplTrait::find(&self.ty).is_some()
    }

    /// The pattern for looking at the parameter without taking it apart for good.
    pub(crate) fn borrowing_pattern(&self) -> Option<Pat> {
        struct Plain;
        impl VisitMut for Plain {
            fn visit_pat_ident_mut(&mut self, pat: &mut syn::PatIdent) {
                pat.by_ref = None;
                pat.mutability = None;
                visit_mut::visit_pat_ident_mut(self, pat);
            }
        }
        let mut pattern = match self.pattern.clone()? {
            Pat::Wild(_) => return None,
            pattern => pattern,
        };
        Plain.visit_pat_mut(&mut pattern);
        Some(pattern)
    }
}

/// The names that a pattern binds.
pub(crate) fn bindings(pattern: &Pat) -> Vec<String> {
    struct Bindings(Vec<String>);
    impl Visit<'_> for Bindings {
        fn visit_pat_ident(&mut self, pat: &syn::PatIdent) {
            self.0.push(pat.ident.unraw().to_string());
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut found = Bindings(Vec::new());
    found.visit_pat(pattern);
    found.0
}

/// Finds `impl Trait`.
pub(crate) struct ImplTrait(Option<Span>);

impl ImplTrait {
    pub(crate) fn find(ty: &Type) -> Option<Span> {
        let mut search = Self(None);
        search.visit_type(ty);
        search.0
    }
}

impl Visit<'_> for ImplTrait {
    fn visit_type_impl_trait(&mut self, ty: &syn::TypeImplTrait) {
        self.0.get_or_insert(ty.impl_token.span);
    }
}

/// Finds a borrow from anything but `'static`.
pub(crate) struct Borrow(Option<Span>);

impl Borrow {
    pub(crate) fn find(ty: &Type) -> Option<Span> {
        let mut search = Self(None);
        search.visit_type(ty);
        search.0.or_else(|| stored_reference(ty))
    }

    /// Whether an argument borrows: from `'static` it may, because it is not stored.
    pub(crate) fn in_argument(ty: &Type) -> bool {
        let mut search = Self(None);
        search.visit_type(ty);
        search.0.is_some()
    }
}

/// Without invisible groups, in which a `macro_rules!` fragment comes, and parentheses.
pub(crate) fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungroup(&group.elem),
        Type::Paren(paren) => ungroup(&paren.elem),
        other => other,
    }
}

/// `&'static T` where it is visibly what would be stored. Elsewhere it is left to the compiler,
/// whose message is of no help.
fn stored_reference(ty: &Type) -> Option<Span> {
    match ungroup(ty) {
        Type::Reference(reference) => Some(reference.and_token.span),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(stored_reference),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let mut types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            match last.ident.to_string().as_str() {
                "Option" | "Result" | "Vec" | "Box" => stored_reference(types.next()?),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Visit<'_> for Borrow {
    fn visit_type_reference(&mut self, ty: &syn::TypeReference) {
        if ty.lifetime.is_none() {
            self.0.get_or_insert(ty.and_token.span);
        }
        visit::visit_type_reference(self, ty);
    }

    fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
        if lifetime.ident != "static" {
            self.0.get_or_insert(lifetime.span());
        }
    }

    // Their lifetimes are their own.
    fn visit_type_fn_ptr(&mut self, _: &syn::TypeFnPtr) {}
    fn visit_type_trait_object(&mut self, _: &syn::TypeTraitObject) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &syn::ParenthesizedGenericArguments) {}
}

/// The name of a generic parameter as [`mentions`] gives it.
pub(crate) fn generic_name(param: &GenericParam) -> String {
    match param {
        GenericParam::Lifetime(param) => param.lifetime.to_string(),
        GenericParam::Type(param) => param.ident.unraw().to_string(),
        GenericParam::Const(param) => param.ident.unraw().to_string(),
    }
}

/// The part of `generics` that a function with other parameters still needs.
///
/// `used` is what its parameters and return type mention, `dropped` what is mentioned only by
/// parameters that it does not have. What no parameter mentions is given by the caller
/// (`f::<T>()`), and stays if `keep_unused`.
pub(crate) fn restrict(
    generics: &Generics,
    used: &impl ToTokens,
    dropped: &impl ToTokens,
    keep_unused: bool,
) -> Generics {
    let dropped = used_names::all(dropped);
    let mut used = used_names::all(used);
    if keep_unused {
        let types = generics.params.iter().filter(|p| !matches!(p, GenericParam::Lifetime(_)));
        used.extend(types.map(generic_name).filter(|name| !dropped.contains(name)));
    }
    let predicates = || generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    // Bounds of what is used use more; each round finds at least one or is the last.
    loop {
        let before = used.len();
        for param in &generics.params {
            if used.contains(&generic_name(param)) {
                used.extend(used_names::all(param));
            }
        }
        if used.len() == before {
            break;
        }
    }
    let is_ours = |name: &String| generics.params.iter().any(|param| generic_name(param) == *name);
    let mut kept = generics.clone();
    kept.params =
        generics.params.iter().filter(|p| used.contains(&generic_name(p))).cloned().collect();
    if let Some(clause) = &mut kept.where_clause {
        clause.predicates = predicates()
            .filter(|predicate| {
                used_names::all(predicate).iter().all(|name| !is_ours(name) || used.contains(name))
            })
            .cloned()
            .collect();
    }
    kept
}

/// The generics of a trait's `impl` that an `impl` of the type alone can have, and the others:
/// in `impl<T, K> Find<K> for Repo<T>`, `T` and `K`.
pub(crate) fn split_generics(block: &ItemImpl) -> (Generics, Generics) {
    let of_type = used_names::all(&block.self_ty);
    let is_of_type = |param: &&GenericParam| of_type.contains(&generic_name(param));
    let others: Vec<String> =
        block.generics.params.iter().filter(|p| !is_of_type(p)).map(generic_name).collect();
    let (mut inner, mut outer) = (block.generics.clone(), block.generics.clone());
    inner.params = block.generics.params.iter().filter(is_of_type).cloned().collect();
    outer.params = block.generics.params.iter().filter(|p| !is_of_type(p)).cloned().collect();
    let is_outer = |predicate: &syn::WherePredicate| {
        let names = used_names::all(predicate);
        others.iter().any(|other| names.contains(other))
    };
    for (generics, wants_outer) in [(&mut inner, false), (&mut outer, true)] {
        if let Some(clause) = &mut generics.where_clause {
            clause.predicates = std::mem::take(&mut clause.predicates)
                .into_iter()
                .filter(|predicate| is_outer(predicate) == wants_outer)
                .collect();
        }
    }
    (inner, outer)
}
