//! `tags`: from which names, and with which text.

use syn::Expr;

use super::helpers::{is_used_in, key_expressions};
use super::{Subject, control_flow, key};
use crate::diagnostics::Errors;
use crate::limits::MAX_TAGS;
use crate::model::{self, Tags};
use crate::parse::tags::{Name, Tag};
use crate::parse::{template, ungroup};
use crate::signature::bindings;
use crate::{names, used_names};

/// The tags, once everything is known to be right.
pub(super) fn tags(subject: &Subject<'_>) -> Tags {
    let mut tags = Tags::default();
    for tag in subject.options.tags.iter().flat_map(|given| &given.value.all) {
        let made = model::Tag::from(&tag.name);
        if !is_of_value(tag) {
            tags.of_arguments.push(made);
            continue;
        }
        match &tag.repeat {
            None => tags.of_value.push(made),
            Some((pattern, values)) => {
                tags.of_members.push((made, pattern.clone(), values.clone()));
            }
        }
        tags.classes.extend(class(tag));
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
    let tags = &given.value.all;
    check_ret(subject, tags, errors);
    for (position, tag) in tags.iter().enumerate() {
        let checks = [
            check_once(tag, tags.get(..position).unwrap_or_default()),
            check_names(subject, tag),
            check_one_origin(subject, tag),
            check_class(tag),
            check_text(tag),
            check_is_part_of_key(subject, tag),
        ];
        if let Some(message) = checks.into_iter().flatten().next() {
            errors.at(tag.name.span(), message);
        } else {
            check_arguments(tag, errors);
            check_members(tag, errors);
        }
    }
    check_count(tags, errors);
}

fn is_of_value(tag: &Tag) -> bool {
    tag.repeat.is_some() || tag.name.mention("ret").is_some()
}

/// What it mentions: of a text, what its placeholders begin with. Arguments may mention other things too.
fn mentions(subject: &Subject<'_>, tag: &Tag) -> Vec<String> {
    match &tag.name {
        Name::Text(template) => template.roots().map(str::to_owned).collect(),
        Name::Typed(typed) => {
            let all = typed.arguments.iter().flat_map(used_names::all);
            let is_local = |name: &String| match name.as_str() {
                "ret" => true,
                "self" => subject.function.receiver().is_some(),
                name => subject.position(name).is_some(),
            };
            all.filter(|name| is_local(name) || members(tag).contains(name)).collect()
        }
    }
}

/// They are evaluated beside the body.
fn check_arguments(tag: &Tag, errors: &mut Errors) {
    let Name::Typed(typed) = &tag.name else { return };
    for argument in &typed.arguments {
        control_flow::refuse(argument, "because tags are made beside the body", errors);
    }
}

/// What a loop binds.
fn members(tag: &Tag) -> Vec<String> {
    tag.repeat.iter().flat_map(|(pattern, _)| bindings(pattern)).collect()
}

/// The members are those of the value: an entry has its tags by what was loaded.
fn check_members(tag: &Tag, errors: &mut Errors) {
    let Some((_, values)) = &tag.repeat else { return };
    if used_names::first(values, "ret").is_none() {
        errors.add(syn::Error::new_spanned(
            values,
            "a tag for each member is one of the value: write `for … in ret`, or `for … in &ret.items`",
        ));
        return;
    }
    let why = "because tags are made beside the body";
    control_flow::refuse(values, why, errors);
    let members = members(tag);
    if !members.iter().any(|member| tag.name.mention(member).is_some()) {
        errors.at(
            tag.name.span(),
            "this tag is the same for all members: use what `for` binds in it, or remove `for`",
        );
    }
}

/// `ret` is the value.
fn check_ret(subject: &Subject<'_>, tags: &[Tag], errors: &mut Errors) {
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

fn check_once(tag: &Tag, before: &[Tag]) -> Option<String> {
    let is_there = before.iter().any(|other| other.name.written() == tag.name.written());
    is_there.then(|| "this tag is given twice: keep one of them".to_owned())
}

fn check_names(subject: &Subject<'_>, tag: &Tag) -> Option<String> {
    let Name::Text(template) = &tag.name else { return None };
    let members = members(tag);
    let is_known = |name: &str| match name {
        "ret" => true,
        name if members.iter().any(|member| member == name) => true,
        "self" => subject.function.receiver().is_some(),
        name => subject.position(name).is_some(),
    };
    let name = template.roots().find(|name| !is_known(name))?;
    Some(format!("{}, and `ret` is what it returned", subject.unknown(name)))
}

/// Tags of arguments are known before a load, tags of the value after it.
fn check_one_origin(subject: &Subject<'_>, tag: &Tag) -> Option<String> {
    let members = members(tag);
    let is_of_value_too = |root: &String| root == "ret" || members.contains(root);
    let argument = mentions(subject, tag).into_iter().find(|root| !is_of_value_too(root))?;
    is_of_value(tag).then(|| {
        format!(
            "a tag is made from arguments or from the value, and this one mixes `{argument}` and \
             `ret`: write one tag for each"
        )
    })
}

/// The static text that a tag of a value begins with, up to its colon.
fn class(tag: &Tag) -> Option<String> {
    let Name::Text(template) = &tag.name else { return None };
    match template.pieces.first() {
        Some(template::Piece::Text(text)) => {
            text.split_once(':').map(|(class, _)| format!("{class}:"))
        }
        _ => None,
    }
}

/// What the value will be is not known when a load begins: by its class the tag is fenced.
fn check_class(tag: &Tag) -> Option<String> {
    let is_text = matches!(tag.name, Name::Text(_));
    (is_text && is_of_value(tag) && class(tag).is_none()).then(|| {
        "a tag from the value begins with a class of its own and a colon: write \
         `\"brand:{ret.brand}\"`"
            .to_owned()
    })
}

fn check_text(tag: &Tag) -> Option<String> {
    let Name::Text(template) = &tag.name else { return None };
    let has_text = template.pieces.iter().any(|piece| matches!(piece, template::Piece::Text(_)));
    let name = template.roots().next().filter(|_| !has_text)?;
    Some(format!(
        "a tag without text would be shared with whatever else has the same value: write \
         `\"{name}:{}\"`",
        template.text.value()
    ))
}

/// `f_entry` makes the tags too, from the arguments that it has.
fn check_is_part_of_key(subject: &Subject<'_>, tag: &Tag) -> Option<String> {
    let options = subject.options;
    if is_of_value(tag) || options.is_invalid("skip") || options.is_invalid("key") {
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
    let mentions = mentions(subject, tag);
    let Some(name) = mentions.iter().find(|name| !is_part(name)) else {
        return match &tag.name {
            Name::Text(template) => template.pieces.iter().find_map(|piece| match piece {
                template::Piece::Placeholder(path) => {
                    check_is_told_by_key(&expressions, path, None)
                }
                template::Piece::Text(_) => None,
            }),
            Name::Typed(typed) => typed
                .arguments
                .iter()
                .find_map(|argument| check_argument(&expressions, argument, &mentions)),
        };
    };
    Some(format!(
        "`{name}` is not part of the key, so that one entry would have different tags: make tags \
         from parts of the key, or from the value (`{{ret.…}}`)"
    ))
}

/// Of an argument, a name or its fields are compared with the key; of any other expression, each name in it.
fn check_argument(key: &[&Expr], argument: &Expr, mentions: &[String]) -> Option<String> {
    let written = names::compact(argument);
    if key.iter().any(|part| names::compact(part) == written) {
        return None;
    }
    if let Some(path) = chain(argument) {
        return check_is_told_by_key(key, &path, Some(&written));
    }
    let used = used_names::all(argument);
    mentions
        .iter()
        .filter(|name| used.contains(*name))
        .find_map(|name| check_is_told_by_key(key, std::slice::from_ref(name), Some(name)))
}

/// Of `key(name.to_lowercase())`, `{name}` is no part: whoever calls first would say which tag the entry has.
fn check_is_told_by_key(key: &[&Expr], path: &[String], argument: Option<&str>) -> Option<String> {
    let root = path.first()?.trim_start_matches("r#");
    let about: Vec<&&Expr> =
        key.iter().filter(|expr| used_names::all(expr).contains(root)).collect();
    // What else a key is made of may tell everything.
    let chains = about.iter().map(|expr| chain(expr)).collect::<Option<Vec<_>>>()?;
    if chains.iter().any(|chain| path.starts_with(chain)) {
        return None;
    }
    let (first, written) = (chains.first()?.join("."), path.join("."));
    let (written, instead) = match argument {
        None => (written, format!("{{{first}}}")),
        Some(argument) => (argument.to_owned(), first.clone()),
    };
    Some(format!(
        "the key is made of `{first}`, so calls with another `{written}` share this entry, and the first \
         of them would say which tag it has: write `{instead}`"
    ))
}

/// The segments of `name.field.method()`.
fn chain(expr: &Expr) -> Option<Vec<String>> {
    let longer = |base: &Expr, segment: String| {
        let mut segments = chain(base)?;
        segments.push(segment);
        Some(segments)
    };
    match ungroup(expr) {
        Expr::Path(path) => Some(vec![path.path.get_ident()?.to_string()]),
        Expr::Reference(reference) => chain(&reference.expr),
        Expr::Field(field) => longer(&field.base, names::compact(&field.member)),
        Expr::MethodCall(call) if call.args.is_empty() && call.turbofish.is_none() => {
            longer(&call.receiver, format!("{}()", call.method))
        }
        _ => None,
    }
}

fn check_count(tags: &[Tag], errors: &mut Errors) {
    if let Some(tag) = tags.get(MAX_TAGS) {
        errors.at(
            tag.name.span(),
            format!("at most {MAX_TAGS} tags: remove some, or make one group of several"),
        );
    }
}
