//! Compile errors: gathered, so that all mistakes of one attribute are reported in one compile.

use std::fmt::Display;

use proc_macro2::Span;

/// The errors found so far.
#[must_use]
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Reports `message` at one place.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    /// The value, or its error gathered.
    pub(crate) fn gather<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// ``` `a`, `b` and `c` ```
pub(crate) fn list<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    list_of(names, "and")
}

/// ``` `a`, `b` or `c` ```
pub(crate) fn list_of<T: Display>(names: impl IntoIterator<Item = T>, word: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `wrong: did you mean …? Rest` if there is something that may have been meant, else `wrong; rest`.
pub(crate) fn unknown(wrong: impl Display, meant: Option<&str>, rest: &str) -> String {
    let Some(meant) = meant else { return format!("{wrong}; {rest}") };
    let mut letters = rest.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{wrong}: did you mean `{meant}`? {first}{}", letters.as_str())
}

/// The one of `known` that is nearest to what was written, if it is near at all.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edit distance (Wagner and Fischer, 1974), one row at a time, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (start, a) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = start;
        let mut before = start + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = replaced.min(before + 1).min(diagonal + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = start + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, list, nearest, unknown};

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["ttl", "prefix", "negative_ttl"];
        assert_eq!(nearest("tll", known), Some("ttl"));
        assert_eq!(nearest("prefx", known), Some("prefix"));
        assert_eq!(nearest("negativ_tll", known), Some("negative_ttl"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn what_is_unknown_reads_as_sentences() {
        let rest = "the options are `ttl` and `key`";
        assert_eq!(
            unknown("unknown option `tll`", Some("ttl"), rest),
            "unknown option `tll`: did you mean `ttl`? The options are `ttl` and `key`"
        );
        assert_eq!(
            unknown("unknown option `colour`", None, rest),
            "unknown option `colour`; the options are `ttl` and `key`"
        );
    }

    #[test]
    fn distance_counts_edits() {
        for (left, right, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("TTL", "ttl", 0)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
