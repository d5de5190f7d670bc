//! Options and signature to a model. Each check has a name and gathers its errors.

mod behind;
pub(crate) mod block;
mod control_flow;
mod freshness;
pub(crate) mod invalidates;
mod key;
mod lengths;
mod options;
mod shape;
mod tags;
pub(crate) mod updates;
mod write;

use proc_macro2::Span;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Expr, FnArg, GenericParam, Generics, Path, Type, Visibility, parse_quote_spanned,
};

use crate::diagnostics::Errors;
use crate::mentions;
use crate::model::{
    Absent, Beside, Cached, Helpers, Identity, Key, Outcome, Piece, Policy, Scope, Tags,
};
use crate::names;
use crate::parse::duration::Length;
use crate::parse::redis_cached::Options;
use crate::parse::values::Lock;
use crate::signature::{Function, Parameter, restrict};

/// Where a function stands.
#[derive(Default)]
pub(crate) struct Context {
    /// In an `impl` block that has the attribute itself: where the facade is from there.
    pub(crate) in_block: bool,
    pub(crate) facade: Option<Path>,
    /// In a trait's `impl`.
    pub(crate) beside: Option<Beside>,
}

/// What the checks look at.
struct Subject<'a> {
    options: &'a Options,
    function: &'a Function,
    parameters: Vec<Parameter>,
    /// `#[cache(skip)]` or `skip(..)`, one a parameter.
    skipped: Vec<bool>,
    skips_self: Option<Span>,
}

/// The model of a function, or all that is wrong with it.
pub(crate) fn validate(
    options: Options,
    mut function: Function,
    skips: Vec<Option<Span>>,
    context: &Context,
    mut errors: Errors,
) -> syn::Result<Cached> {
    shape::check(&function, &mut errors);
    if !context.in_block {
        shape::check_block_form(&function, &mut errors);
    }
    let mut named = function.clone();
    let parameters = named.name_parameters();
    let mut skips = skips.into_iter();
    let skips_self = function.receiver().and_then(|_| skips.next().flatten());
    let mut subject = Subject {
        options: &options,
        function: &function,
        skipped: skips.map(|skip| skip.is_some()).collect(),
        parameters,
        skips_self,
    };
    lengths::check(&subject, &mut errors);
    options::check(&subject, &mut errors);
    freshness::check(&subject, &mut errors);
    key::check_skip(&mut subject, &mut errors);
    key::check_key(&subject, &mut errors);
    key::check_order(&subject, &mut errors);
    key::check_self_choice(&subject, &mut errors);
    tags::check(&subject, &mut errors);
    let outcome = options::outcome(&subject, &mut errors);
    let behind = behind::behind(&subject, &mut errors);
    let tags = tags::tags(&subject);
    let key = key::key(&subject);
    let key_shape = key::shape(&subject);
    let parameters = subject.parameters;
    errors.finish()?;
    let Some(ttl) = options.ttl else {
        return Err(syn::Error::new(Span::call_site(), "`ttl` is missing: write `ttl = 600`"));
    };

    function.sig = named.sig;
    if let Some(behind) = &behind {
        behind::take_mut(&mut function.sig, behind);
    }
    let name =
        options.name.map_or_else(|| function.sig.ident.unraw().to_string(), |n| n.value.value());
    let returns = function.returns();
    let policy = Policy {
        ttl: ttl.value,
        negative_ttl: options.negative_ttl.map(|given| given.value),
        jitter: options.jitter.map(|given| options::float(given.value)),
        lease: options.lock.and_then(|given| match given.value {
            Lock::Default => None,
            Lock::Off => Some(crate::model::Lease::Off),
            Lock::For(length) => Some(crate::model::Lease::For(length)),
        }),
        load_timeout: options.load_timeout.map(|given| given.value),
        stale: options.stale.map(|given| given.value),
        stale_if_error: options.stale_if_error.map(|given| given.value),
        early: options.early.map(|given| freshness::beta(given.value)),
        soft_timeout: options.soft_timeout.map(|given| given.value),
        sliding: options.sliding.is_some(),
        version: options.version.map(|given| given.value),
        bypass: options.bypass.map(|given| given.value),
    };
    let cache = options.cache.map(|given| given.value);
    let helpers = helpers(&function, &parameters, &key, &policy, &outcome, cache.as_ref(), context);
    Ok(Cached {
        identity: Identity {
            prefix: options.prefix.map_or_else(names::package, |given| given.value.value()),
            name,
            key_shape,
            scope: if context.in_block || function.receiver().is_some() {
                Scope::SelfType
            } else {
                Scope::Marker
            },
            types: idents(&helpers.generics, |param| matches!(param, GenericParam::Type(_))),
            consts: idents(&helpers.generics, |param| matches!(param, GenericParam::Const(_))),
        },
        facade: options
            .krate
            .map(|given| given.value)
            .or_else(|| context.facade.clone())
            .unwrap_or_else(names::facade),
        peeks: peeks(&parameters, &key, &policy, &tags, cache.as_ref()),
        patterns: parameters
            .into_iter()
            .filter_map(|parameter| Some((parameter.pattern?, parameter.ident)))
            .collect(),
        function,
        returns,
        key,
        policy,
        outcome,
        tags,
        behind,
        cache,
        helpers,
    })
}

fn idents(generics: &Generics, wanted: impl Fn(&GenericParam) -> bool) -> Vec<proc_macro2::Ident> {
    generics
        .params
        .iter()
        .filter(|param| wanted(param))
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.clone()),
            GenericParam::Const(param) => Some(param.ident.clone()),
            GenericParam::Lifetime(_) => None,
        })
        .collect()
}

/// The expressions that a helper evaluates besides the key.
fn policy_expressions(policy: &Policy) -> Vec<&Expr> {
    let computed = policy.lengths().filter_map(|length| match length {
        Length::Computed(expr) => Some(expr),
        Length::Fixed(..) => None,
    });
    computed.chain(&policy.jitter).chain(&policy.early).collect()
}

/// The expressions over the value or the error, which use no parameter.
fn outcome_expressions(outcome: &Outcome) -> Vec<&Expr> {
    let absent = outcome.absent.as_ref().map(|absent| match absent {
        Absent::Predicate(value) | Absent::Error { value, .. } => value,
    });
    absent.into_iter().chain(&outcome.cache_if).chain(&outcome.ttl_with).collect()
}

fn key_expressions(key: &Key) -> Vec<&Expr> {
    match key {
        Key::Hashed(parts) => parts.iter().map(|part| &part.value).collect(),
        Key::Readable(pieces) => pieces.iter().filter_map(Piece::placeholder).collect(),
    }
}

fn is_mentioned(parameter: &Parameter, expressions: &[&Expr]) -> bool {
    expressions.iter().any(|expr| {
        let names = mentions::mentions(expr);
        names.contains(&parameter.ident.unraw().to_string())
            || parameter.bindings.iter().any(|binding| names.contains(binding))
    })
}

/// Patterns whose bindings are used before the body takes the arguments apart.
fn peeks(
    parameters: &[Parameter],
    key: &Key,
    policy: &Policy,
    tags: &Tags,
    cache: Option<&Expr>,
) -> Vec<(syn::Pat, Expr)> {
    let mut expressions = key_expressions(key);
    expressions.extend(policy_expressions(policy));
    expressions.extend(&policy.bypass);
    expressions.extend(tags.of_arguments.iter().flatten().filter_map(Piece::placeholder));
    expressions.extend(cache);
    let names: Vec<_> = expressions.iter().map(mentions::mentions).collect();
    parameters
        .iter()
        .filter(|p| p.bindings.iter().any(|name| names.iter().any(|names| names.contains(name))))
        .filter_map(|parameter| {
            let ident = &parameter.ident;
            let pattern = parameter.borrowing_pattern()?;
            let value = match pattern {
                syn::Pat::Reference(_) => parse_quote_spanned!(Span::mixed_site()=> #ident),
                _ => parse_quote_spanned!(Span::mixed_site()=> &#ident),
            };
            Some((pattern, value))
        })
        .collect()
}

/// Which parameters and generics the helpers have.
fn helpers(
    function: &Function,
    parameters: &[Parameter],
    key: &Key,
    policy: &Policy,
    outcome: &Outcome,
    cache: Option<&Expr>,
    context: &Context,
) -> Helpers {
    let mut of_all: Vec<&Expr> = Vec::new();
    of_all.extend(cache);
    let mut of_one = key_expressions(key);
    of_one.extend(policy_expressions(policy));
    of_one.extend(cache);
    let receiver = function.receiver().map(|receiver| -> FnArg {
        let self_token = receiver.self_token;
        parse_quote_spanned!(self_token.span=> &#self_token)
    });
    let inputs = |expressions: &[&Expr]| -> Vec<FnArg> {
        let typed = parameters.iter().filter(|p| is_mentioned(p, expressions)).map(|p| {
            let (ident, ty) = (&p.ident, &p.ty);
            parse_quote_spanned!(Span::mixed_site()=> #ident: #ty)
        });
        receiver.clone().into_iter().chain(typed).collect()
    };
    let dropped = |expressions: &[&Expr]| -> Vec<&Type> {
        parameters.iter().filter(|p| !is_mentioned(p, expressions)).map(|p| &p.ty).collect()
    };
    let generics = all_generics(&function.sig.generics, context.beside.as_ref());
    let (one, all) = (inputs(&of_one), inputs(&of_all));
    let types = dropped(&of_one);
    let returns = function.returns();
    // A generic that an option names is needed, also where only a parameter that is not says what it is.
    let of_value = outcome_expressions(outcome);
    let used = quote!(#(#one,)* #returns, #(#of_one,)* #(#of_value),*);
    Helpers {
        attrs: function.attrs.iter().filter(|attr| is_for_helpers(attr)).cloned().collect(),
        generics: restrict(&generics, &used, &quote!(#(#types),*), true),
        inputs: one,
        all_generics: restrict(&generics, &quote!(#(#all,)* #(#of_all),*), &quote!(), false),
        all_inputs: all,
        beside: context.beside.clone(),
    }
}

/// The function's generics and, in front of them, those of the `impl` that nothing else provides.
fn all_generics(own: &Generics, beside: Option<&Beside>) -> Generics {
    let Some(beside) = beside else { return own.clone() };
    let mut all = beside.generics.clone();
    all.params.extend(own.params.clone());
    let (lifetimes, others): (Vec<_>, Vec<_>) =
        all.params.into_iter().partition(|param| matches!(param, GenericParam::Lifetime(_)));
    all.params = lifetimes.into_iter().chain(others).collect();
    if let Some(clause) = &own.where_clause {
        all.make_where_clause().predicates.extend(clause.predicates.clone());
    }
    all
}

/// Whether an attribute of the function holds for its helpers too.
pub(crate) fn is_for_helpers(attr: &Attribute) -> bool {
    ["cfg", "allow", "deprecated"].iter().any(|name| attr.path().is_ident(name))
}

/// The visibility of helpers: the function's, or that of a trait, which has none of its own.
pub(crate) fn visibility(cached: &Cached) -> Visibility {
    if cached.helpers.beside.is_some() {
        parse_quote_spanned!(Span::mixed_site()=> pub)
    } else {
        cached.function.vis.clone()
    }
}
