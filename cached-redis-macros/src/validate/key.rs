//! What the key is made of: `skip`, `key` and the choice about `self`.

use proc_macro2::{Ident, Span};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Expr, TypePath, parse_quote_spanned};

use super::Subject;
use crate::diagnostics::{self, Errors, list, nearest};
use crate::model::{Key, Part, Piece};
use crate::parse::options::Given;
use crate::parse::values::KeyOption;
use crate::parse::{template, ungroup};
use crate::signature::Parameter;
use crate::{names, used_names};

impl Subject<'_> {
    /// The parameter that `name` belongs to.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|p| p.bindings.iter().any(|binding| binding == name))
    }

    pub(super) fn unknown(&self, name: &str) -> String {
        let mut known: Vec<&str> = Vec::new();
        known.extend(self.function.receiver().map(|_| "self"));
        known.extend(self.parameters.iter().flat_map(|p| &p.bindings).map(String::as_str));
        let function = &self.function.sig.ident;
        if known.is_empty() {
            return format!("`{function}` has no parameter `{name}`: it has none at all");
        }
        let meant = nearest(name, known.iter().copied());
        let (noun, verb) =
            if known.len() == 1 { ("parameter", "is") } else { ("parameters", "are") };
        let rest = format!("its {noun} {verb} {}", list(known));
        diagnostics::unknown(format!("`{function}` has no parameter `{name}`"), meant, &rest)
    }

    /// `bypass = fresh` leaves the parameter `fresh` out of the key.
    fn bypass_parameter(&self) -> Option<usize> {
        match &self.options.bypass.as_ref()?.value {
            Expr::Path(path) => self.position(&path.path.get_ident()?.unraw().to_string()),
            _ => None,
        }
    }

    /// The parameters that are the key where `key` does not say otherwise.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &Parameter> {
        let bypass = self.bypass_parameter();
        self.parameters
            .iter()
            .enumerate()
            .filter(move |(index, _)| {
                !self.skipped.get(*index).copied().unwrap_or_default() && Some(*index) != bypass
            })
            .map(|(_, parameter)| parameter)
    }

    /// The parameters that are parts of the key as they are.
    fn whole_parts(&self) -> Vec<&Parameter> {
        let named = |name: &str| {
            self.parameters
                .iter()
                .find(|p| p.pattern.is_none() && p.bindings.iter().any(|b| b == name))
        };
        match self.options.key.as_ref().map(|given| &given.value) {
            None => self.arguments().collect(),
            Some(KeyOption::Expressions(exprs)) => {
                exprs.iter().filter_map(|expr| named(&bare(expr)?)).collect()
            }
            Some(KeyOption::Template(template)) => template
                .pieces
                .iter()
                .filter_map(|piece| match piece {
                    template::Piece::Placeholder(path) => match path.as_slice() {
                        [name] => named(name.trim_start_matches("r#")),
                        _ => None,
                    },
                    template::Piece::Text(_) => None,
                })
                .collect(),
        }
    }
}

/// `skip` names parameters, and makes sense beside `key`.
pub(super) fn check_skip(subject: &mut Subject<'_>, errors: &mut Errors) {
    let attribute_on_parameter = subject.skipped.iter().any(|skipped| *skipped);
    let has_key = subject.options.key.is_some();
    let conflict = |name: &str| {
        format!(
            "`key` already says what the key is made of, and `{name}` is not part of it unless it \
             is named there: remove `{name}` from `skip`"
        )
    };
    if attribute_on_parameter && has_key {
        for (parameter, skipped) in subject.parameters.iter().zip(&subject.skipped) {
            if *skipped {
                let message = "`key` already says what the key is made of: remove `#[cache(skip)]`";
                errors.at(parameter.ident.span(), message);
            }
        }
    }
    let Some(Given { value: skip, .. }) = &subject.options.skip else { return };
    for ident in &skip.0 {
        let name = ident.unraw().to_string();
        if name == "self" && subject.function.receiver().is_some() {
            subject.skips_self = Some(ident.span());
            continue;
        }
        let Some(position) = subject.position(&name) else {
            errors.at(ident.span(), subject.unknown(&name));
            continue;
        };
        if has_key {
            errors.at(ident.span(), conflict(&name));
        } else if let Some(skipped) = subject.skipped.get_mut(position)
            && std::mem::replace(skipped, true)
        {
            let message = format!("`{name}` has `#[cache(skip)]` already: keep one of them");
            errors.at(ident.span(), message);
        }
    }
}

/// `key` names parameters, and at least one.
pub(super) fn check_key(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(Given { keyword, value }) = &subject.options.key else { return };
    let mut names = Vec::new();
    match value {
        KeyOption::Expressions(exprs) => {
            names.extend(exprs.iter().filter_map(root));
            let mentioned = exprs.iter().any(|expr| {
                let mentioned = used_names::all(expr);
                mentioned.contains("self")
                    || mentioned.iter().any(|n| subject.position(n).is_some())
            });
            if !mentioned && names.is_empty() {
                check_one_entry_for_all(subject, keyword, errors);
            }
        }
        KeyOption::Template(template) => {
            let span = template.text.span();
            names.extend(template.roots().map(|name| (name.to_owned(), span)));
            if names.is_empty() {
                check_one_entry_for_all(subject, keyword, errors);
            }
        }
    }
    for (name, span) in names {
        let known = name == "self" && subject.function.receiver().is_some();
        if !known && subject.position(&name).is_none() {
            errors.at(span, subject.unknown(&name));
        }
    }
}

fn check_one_entry_for_all(subject: &Subject<'_>, keyword: &Ident, errors: &mut Errors) {
    if let Some(parameter) = subject.arguments().next() {
        let name = parameter.bindings.first().map_or("id", String::as_str);
        errors.at(
            keyword.span(),
            format!(
                "this key names no parameter, so that all calls would share one entry: name those \
                 that matter (`key({name})`, `key = \"…:{{{name}}}\"`), or write `skip(..)` with all of them \
                 instead of `key`"
            ),
        );
    }
}

/// The name that is the whole expression, but for borrows.
fn bare(expr: &Expr) -> Option<String> {
    match ungroup(expr) {
        Expr::Path(path) => path.path.get_ident().map(|ident| ident.unraw().to_string()),
        Expr::Reference(reference) => bare(&reference.expr),
        _ => None,
    }
}

/// Equal parts of a key serialize to the same, which no hash set does. Found by spelling, which sees
/// neither aliases nor fields: a trait would have to be implemented by every type that is a key.
pub(super) fn check_order(subject: &Subject<'_>, errors: &mut Errors) {
    struct HashSets<'a>(&'a mut Errors);

    impl Visit<'_> for HashSets<'_> {
        fn visit_type_path(&mut self, ty: &TypePath) {
            let Some(last) = ty.path.segments.last() else { return };
            match last.ident.to_string().as_str() {
                "HashSet" | "FxHashSet" | "AHashSet" => self.0.at(
                    last.ident.span(),
                    "a `HashSet` has no order, so equal sets would have different keys and an \
                     invalidation could miss the entry: take a `BTreeSet`, or choose what identifies \
                     it with `key(..)`",
                ),
                // Other types may well serialize what is in them in an order.
                "Option" | "Result" | "Vec" | "VecDeque" | "Box" | "Rc" | "Arc" | "Cow" | "HashMap"
                | "BTreeMap" => visit::visit_type_path(self, ty),
                _ => {}
            }
        }
    }

    // Without these, nobody knows what is part of the key.
    if subject.options.is_invalid("skip") || subject.options.is_invalid("key") {
        return;
    }
    let each = subject.options.each.as_ref().map(|given| given.value.0.unraw().to_string());
    // Of a batch, one id is a part of a key.
    let is_ids =
        |parameter: &&&Parameter| each.as_deref().is_some_and(|ids| parameter.ident.unraw() == ids);
    for parameter in subject.whole_parts().iter().filter(|parameter| !is_ids(parameter)) {
        HashSets(errors).visit_type(&parameter.ty);
    }
}

/// The lower-case name that a chain of fields and method calls begins with.
fn root(expr: &Expr) -> Option<(String, Span)> {
    match expr {
        Expr::Path(path) => {
            let ident = path.path.get_ident()?;
            let name = ident.unraw().to_string();
            name.starts_with(|c: char| c.is_lowercase() || c == '_').then(|| (name, ident.span()))
        }
        Expr::Field(field) => root(&field.base),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Group(group) => root(&group.expr),
        Expr::Index(index) => root(&index.expr),
        Expr::Cast(cast) => root(&cast.expr),
        _ => None,
    }
}

/// Whether instances share entries is for the user to say.
pub(super) fn check_self_choice(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(receiver) = subject.function.receiver() else { return };
    let mentioned = subject.options.key.as_ref().and_then(|given| match &given.value {
        KeyOption::Expressions(exprs) => {
            exprs.iter().find_map(|expr| used_names::first(expr, "self")).map(|i| i.span())
        }
        KeyOption::Template(template) => {
            template.roots().any(|root| root == "self").then(|| template.text.span())
        }
    });
    let is_invalid = |name| subject.options.is_invalid(name);
    match (subject.skips_self, mentioned) {
        (None, None) if !is_invalid("skip") && !is_invalid("key") => {
            let mut parts = vec!["self.tenant".to_owned()];
            parts.extend(subject.arguments().flat_map(|p| p.bindings.first().cloned()));
            errors.at(
                receiver.self_token.span,
                format!(
                    "is `self` part of the key? Write `skip(self)` if all instances share their \
                     entries, or name what tells them apart, as in `key({})`",
                    parts.join(", ")
                ),
            );
        }
        (Some(skipped), Some(_)) => errors.at(
            skipped,
            "`self` is skipped and part of `key` at the same time: remove it from one of them",
        ),
        _ => {}
    }
}

/// The key, once everything is known to be right.
pub(super) fn key(subject: &Subject<'_>) -> Key {
    match subject.options.key.as_ref().map(|given| &given.value) {
        None => {
            Key::Hashed(subject.arguments().map(|parameter| argument(subject, parameter)).collect())
        }
        Some(KeyOption::Expressions(exprs)) => Key::Hashed(
            exprs.iter().map(|expr| Part { value: expr.clone(), typed: false }).collect(),
        ),
        Some(KeyOption::Template(template)) => Key::Readable(Piece::all(template)),
    }
}

fn argument(subject: &Subject<'_>, parameter: &Parameter) -> Part {
    let each = subject.options.each.as_ref();
    let is_each = each.is_some_and(|given| given.value.0.unraw() == parameter.ident.unraw());
    let ident = &parameter.ident;
    let value = parse_quote_spanned!(ident.span()=> #ident);
    Part { value, typed: parameter.is_impl_trait() && !is_each }
}

/// The text of what the key is made of.
pub(super) fn shape(subject: &Subject<'_>) -> String {
    match subject.options.key.as_ref().map(|given| &given.value) {
        None => subject
            .arguments()
            .map(|parameter| match &parameter.pattern {
                Some(pattern) => names::compact(pattern),
                None => parameter.ident.unraw().to_string(),
            })
            .collect::<Vec<_>>()
            .join(","),
        Some(KeyOption::Expressions(exprs)) => exprs
            .iter()
            .map(|expr| names::compact(&expr.to_token_stream()))
            .collect::<Vec<_>>()
            .join(","),
        Some(KeyOption::Template(template)) => template.text.value(),
    }
}
