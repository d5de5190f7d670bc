//! Templates: `"product:{id}:{self.tenant}"`.

/// One piece of a template.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// `{id}` or `{product.id}`: a dotted path, whose first segment is a parameter.
    Placeholder(Vec<String>),
}

/// Takes a template apart.
pub(crate) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(brace) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(brace);
        if tail.starts_with('}') {
            return Err("this `}` closes nothing; a key cannot have braces of its own".to_owned());
        }
        if tail.starts_with("{{") {
            return Err("a key cannot have braces of its own: remove `{{`".to_owned());
        }
        let Some(end) = tail.find('}') else {
            return Err(format!("`{tail}` is never closed: write `{tail}}}`"));
        };
        push_text(&mut pieces, text)?;
        let path = path(tail.get(1..end).unwrap_or_default())?;
        check_separator(&pieces, &path)?;
        pieces.push(Piece::Placeholder(path));
        rest = tail.get(end + 1..).unwrap_or_default();
    }
    push_text(&mut pieces, rest)?;
    if pieces.is_empty() {
        return Err("an empty template is no key: write `key = \"product:{id}\"`".to_owned());
    }
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), String> {
    if text.contains(char::is_whitespace) {
        return Err("a key cannot have white space: use `:` or `-` between words".to_owned());
    }
    if text.contains(char::is_control) {
        return Err("a key cannot have control characters".to_owned());
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

fn path(inside: &str) -> Result<Vec<String>, String> {
    if inside.is_empty() {
        return Err("`{}` names no parameter: write `{id}`".to_owned());
    }
    if let Some((path, format)) = inside.split_once(':') {
        return Err(format!("`:{format}` is a format, which keys do not have: write `{{{path}}}`"));
    }
    let segments: Vec<String> = inside.split('.').map(str::to_owned).collect();
    let is_name = |text: &str| syn::parse_str::<syn::Ident>(text).is_ok() || text == "self";
    let is_index = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let fine = segments
        .iter()
        .enumerate()
        .all(|(index, segment)| is_name(segment) || index > 0 && is_index(segment));
    if fine {
        Ok(segments)
    } else {
        Err(format!(
            "`{{{inside}}}` is not a parameter or a field of one (`{{id}}`, `{{self.tenant}}`); \
             expressions go into `key(…)`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, parse};

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
            ("{a}x:y{b}", vec![placeholder(&["a"]), text("x:y"), placeholder(&["b"])]),
        ] {
            assert_eq!(parse(template), Ok(pieces), "{template}");
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
            ("{0}", "not a parameter"),
            ("{a}{b}", "run into each other"),
            ("{a}-{b}", "run into each other"),
            ("{a}x{b}", "run into each other"),
            ("a b", "white space"),
            ("a\u{7}", "control"),
        ] {
            let error = parse(template).expect_err(template);
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
