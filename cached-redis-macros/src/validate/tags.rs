//! `tags`: from which names, and with which text.

use super::helpers::{is_used_in, key_expressions};
use super::{Subject, key};
use crate::diagnostics::Errors;
use crate::limits::MAX_TAGS;
use crate::model::{Piece, Tags};
use crate::parse::template::{self, Template};

/// The tags, once everything is known to be right.
pub(super) fn tags(subject: &Subject<'_>) -> Tags {
    let mut tags = Tags::default();
    for tag in subject.options.tags.iter().flat_map(|given| &given.value.templates) {
        let pieces = Piece::all(tag);
        if is_of_value(tag) {
            tags.of_value.push(pieces);
            tags.classes.extend(class(tag));
        } else {
            tags.of_arguments.push(pieces);
        }
    }
    tags.classes.sort();
    tags.classes.dedup();
    tags
}

pub(super) fn check(subject: &Subject<'_>, errors: &mut Errors) {
    let Some(given) = &subject.options.tags else { return };
    if let Some(wrong) = &given.value.wrong {
        errors.add(wrong.clone());
    }
    let tags = &given.value.templates;
    check_ret(subject, tags, errors);
    for (position, tag) in tags.iter().enumerate() {
        let checks = [
            check_once(tag, tags.get(..position).unwrap_or_default()),
            check_names(subject, tag),
            check_one_origin(tag),
            check_class(tag),
            check_text(tag),
            check_is_part_of_key(subject, tag),
        ];
        if let Some(message) = checks.into_iter().flatten().next() {
            errors.at(tag.text.span(), message);
        }
    }
    check_count(tags, errors);
}

fn is_of_value(tag: &Template) -> bool {
    tag.roots().any(|root| root == "ret")
}

/// `ret` is the value.
fn check_ret(subject: &Subject<'_>, tags: &[Template], errors: &mut Errors) {
    if !tags.iter().any(is_of_value) {
        return;
    }
    if let Some(position) = subject.position("ret")
        && let Some(parameter) = subject.function.sig.inputs.iter().filter(is_typed).nth(position)
    {
        errors.add(syn::Error::new_spanned(
            parameter,
            "in a tag, `ret` is what the function returned: give this parameter another name",
        ));
    }
}

fn is_typed(input: &&syn::FnArg) -> bool {
    matches!(input, syn::FnArg::Typed(_))
}

fn check_once(tag: &Template, before: &[Template]) -> Option<String> {
    let is_there = before.iter().any(|other| other.text.value() == tag.text.value());
    is_there.then(|| "this tag is given twice: keep one of them".to_owned())
}

fn check_names(subject: &Subject<'_>, tag: &Template) -> Option<String> {
    let is_known = |name: &str| match name {
        "ret" => true,
        "self" => subject.function.receiver().is_some(),
        name => subject.position(name).is_some(),
    };
    let name = tag.roots().find(|name| !is_known(name))?;
    Some(format!("{}, and `ret` is what it returned", subject.unknown(name)))
}

/// Tags of arguments are known before a load, tags of the value after it.
fn check_one_origin(tag: &Template) -> Option<String> {
    let argument = tag.roots().find(|root| *root != "ret")?;
    is_of_value(tag).then(|| {
        format!(
            "a tag is made from arguments or from the value, and this one mixes `{argument}` and \
             `ret`: write one tag for each"
        )
    })
}

/// The static text that a tag of a value begins with, up to its colon.
fn class(tag: &Template) -> Option<String> {
    match tag.pieces.first() {
        Some(template::Piece::Text(text)) => {
            text.split_once(':').map(|(class, _)| format!("{class}:"))
        }
        _ => None,
    }
}

/// What the value will be is not known when a load begins: by its class the tag is fenced.
fn check_class(tag: &Template) -> Option<String> {
    (is_of_value(tag) && class(tag).is_none()).then(|| {
        "a tag from the value begins with a class of its own and a colon: write \
         `\"brand:{ret.brand}\"`"
            .to_owned()
    })
}

fn check_text(tag: &Template) -> Option<String> {
    let has_text = tag.pieces.iter().any(|piece| matches!(piece, template::Piece::Text(_)));
    let name = tag.roots().next().filter(|_| !has_text)?;
    Some(format!(
        "a tag without text would be shared with whatever else has the same value: write \
         `\"{name}:{}\"`",
        tag.text.value()
    ))
}

/// `f_entry` makes the tags too, from the arguments that it has.
fn check_is_part_of_key(subject: &Subject<'_>, tag: &Template) -> Option<String> {
    let options = subject.options;
    if options.is_invalid("skip") || options.is_invalid("key") {
        return None;
    }
    let key = key::key(subject);
    let expressions = key_expressions(&key);
    let is_part = |name: &str| match name {
        // Without a choice about `self`, that is the mistake.
        "self" => subject.skips_self.is_none(),
        name => subject
            .position(name)
            .and_then(|position| subject.parameters.get(position))
            .is_some_and(|parameter| is_used_in(parameter, &expressions)),
    };
    let name = tag.roots().find(|name| *name != "ret" && !is_part(name))?;
    Some(format!(
        "`{name}` is not part of the key, so that one entry would have different tags: make tags \
         from parts of the key, or from the value (`{{ret.…}}`)"
    ))
}

fn check_count(tags: &[Template], errors: &mut Errors) {
    if let Some(tag) = tags.get(MAX_TAGS) {
        errors.at(
            tag.text.span(),
            format!("at most {MAX_TAGS} tags: remove some, or make one group of several"),
        );
    }
}
