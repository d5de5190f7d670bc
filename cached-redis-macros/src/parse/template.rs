//! Templates: `"product:{id}:{self.tenant}"`.

use syn::LitStr;

/// A template and where it stands.
pub(crate) struct Template {
    pub(crate) text: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

/// What a template makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// Different arguments make different keys.
    Key,
    /// Two groups that share a tag are invalidated together, no more.
    Tag,
}

/// One piece of a template.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// `{id}`, `{product.id}` or `{name.to_lowercase()}`: a dotted path, whose first segment is a parameter.
    Placeholder(Vec<String>),
}

impl Template {
    pub(crate) fn parse(text: LitStr, purpose: Purpose) -> syn::Result<Self> {
        super::check_suffix(&text)?;
        match parse(&text.value(), purpose) {
            Ok(pieces) => Ok(Self { text, pieces }),
            Err(reason) => Err(syn::Error::new(text.span(), reason)),
        }
    }

    /// The names that placeholders begin with.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder(path) => path.first().map(|name| name.trim_start_matches("r#")),
            Piece::Text(_) => None,
        })
    }
}

/// Takes a template apart.
fn parse(template: &str, purpose: Purpose) -> Result<Vec<Piece>, String> {
    let noun = purpose.noun();
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(brace);
        if tail.starts_with('}') {
            return Err(format!(
                "this `}}` closes nothing; a {noun} cannot have braces of its own"
            ));
        }
        if tail.starts_with("{{") {
            return Err(format!("a {noun} cannot have braces of its own: remove `{{{{`"));
        }
        let Some(end) = tail.find('}') else {
            return Err(format!("`{tail}` is never closed: write `{tail}}}`"));
        };
        push_text(&mut pieces, text, purpose)?;
        let path = path(tail.get(1..end).unwrap_or_default(), purpose)?;
        if purpose == Purpose::Key {
            check_separator(&pieces, &path)?;
        }
        pieces.push(Piece::Placeholder(path));
        rest = tail.get(end + 1..).unwrap_or_default();
    }
    push_text(&mut pieces, rest, purpose)?;
    if pieces.is_empty() {
        return Err(match purpose {
            Purpose::Key => "an empty template is no key: write `key = \"product:{id}\"`",
            Purpose::Tag => "an empty tag groups nothing: write `\"category:{category}\"`",
        }
        .to_owned());
    }
    Ok(pieces)
}

impl Purpose {
    fn noun(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tag => "tag",
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str, purpose: Purpose) -> Result<(), String> {
    // Tags are hashed, keys are read and typed.
    if purpose == Purpose::Key && text.contains(char::is_whitespace) {
        return Err("a key cannot have white space: use `:` or `-` between words".to_owned());
    }
    if text.contains(char::is_control) {
        return Err(format!("a {} cannot have control characters: remove them", purpose.noun()));
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

/// What a placeholder writes has only ASCII letters, digits and `-`. Without something else in
/// between, (1, 23) and (12, 3) would give one key.
fn check_separator(pieces: &[Piece], next: &[String]) -> Result<(), String> {
    let mut before = pieces.iter().rev();
    let (previous, between) = match (before.next(), before.next()) {
        (Some(Piece::Placeholder(previous)), _) => (previous, ""),
        (Some(Piece::Text(text)), Some(Piece::Placeholder(previous))) => (previous, text.as_str()),
        _ => return Ok(()),
    };
    if between.chars().any(|c| !c.is_ascii_alphanumeric() && c != '-') {
        return Ok(());
    }
    let (previous, next) = (previous.join("."), next.join("."));
    Err(format!(
        "`{{{previous}}}` and `{{{next}}}` run into each other, so that different arguments could \
         share a key; put a separator such as `:` between them: `{{{previous}}}:{{{next}}}`"
    ))
}

fn path(inside: &str, purpose: Purpose) -> Result<Vec<String>, String> {
    if inside.is_empty() {
        return Err("`{}` names no parameter: write `{id}`".to_owned());
    }
    if let Some((path, format)) = inside.split_once(':') {
        let noun = purpose.noun();
        return Err(format!(
            "`:{format}` is a format, which {noun}s do not have: write `{{{path}}}`"
        ));
    }
    let segments: Vec<String> = inside.split('.').map(str::to_owned).collect();
    let is_name = |text: &str| syn::parse_str::<syn::Ident>(text).is_ok() || text == "self";
    // More is no index of the language.
    let is_index =
        |text: &str| text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u32>().is_ok();
    let is_call = |text: &str| text.strip_suffix("()").is_some_and(is_name);
    let fine = segments.iter().enumerate().all(|(index, segment)| {
        is_name(segment) || index > 0 && (is_index(segment) || is_call(segment))
    });
    if fine {
        Ok(segments)
    } else {
        Err(match purpose {
            Purpose::Key => format!(
                "`{{{inside}}}` is not a parameter, a field of one or a method without arguments (`{{id}}`, \
                 `{{self.tenant}}`, `{{name.to_lowercase()}}`); expressions go into `key(…)`"
            ),
            Purpose::Tag => format!(
                "`{{{inside}}}` is not a parameter, `ret`, or a field or a method without arguments of one \
                 of them (`{{category}}`, `{{ret.brand}}`, `{{name.to_lowercase()}}`), which is all that a \
                 tag is made of"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, Purpose, parse};

    fn placeholder(path: &[&str]) -> Piece {
        Piece::Placeholder(path.iter().map(|&segment| segment.to_owned()).collect())
    }

    #[test]
    fn templates_and_their_pieces() {
        let text = |text: &str| Piece::Text(text.to_owned());
        for (template, pieces) in [
            ("all", vec![text("all")]),
            ("{id}", vec![placeholder(&["id"])]),
            ("product:{id}", vec![text("product:"), placeholder(&["id"])]),
            (
                "{self.tenant}/{pair.0}!",
                vec![
                    placeholder(&["self", "tenant"]),
                    text("/"),
                    placeholder(&["pair", "0"]),
                    text("!"),
                ],
            ),
            ("{name.trim().len()}", vec![placeholder(&["name", "trim()", "len()"])]),
            ("{a}x:y{b}", vec![placeholder(&["a"]), text("x:y"), placeholder(&["b"])]),
        ] {
            assert_eq!(parse(template, Purpose::Key), Ok(pieces), "{template}");
        }
    }

    #[test]
    fn templates_that_are_none() {
        for (template, reason) in [
            ("", "empty"),
            ("{}", "names no parameter"),
            ("{id", "never closed"),
            ("id}", "closes nothing"),
            ("{{id}}", "braces of its own"),
            ("{id:?}", "format"),
            ("{id + 1}", "not a parameter"),
            ("{id.}", "not a parameter"),
            ("{id()}", "not a parameter"),
            ("{id.at(1)}", "not a parameter"),
            ("{id.()}", "not a parameter"),
            ("{0}", "not a parameter"),
            ("{id.4294967296}", "not a parameter"),
            ("{a}{b}", "run into each other"),
            ("{a}-{b}", "run into each other"),
            ("{a}x{b}", "run into each other"),
            ("a b", "white space"),
            ("a\u{7}", "control"),
        ] {
            let error = parse(template, Purpose::Key).expect_err(template);
            assert!(error.contains(reason), "{template}: {error}");
        }
    }

    #[test]
    fn tags_may_have_what_keys_may_not() {
        for template in ["a b", "{a}{b}", "{a}-{b}"] {
            assert!(parse(template, Purpose::Tag).is_ok(), "{template}");
        }
        for (template, reason) in [
            ("", "empty tag"),
            ("{{id}}", "a tag cannot"),
            ("{id:?}", "tags do not"),
            ("{id + 1}", "`ret`"),
            ("a\n", "control"),
        ] {
            let error = parse(template, Purpose::Tag).expect_err(template);
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
