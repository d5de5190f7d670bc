//! What a server's refusal of a connection means, without a word of its text: that may quote something.

use std::borrow::Cow;

/// What to know of an error that a server has greeted with, by its code and text.
pub(super) fn meaning(code: &str, text: &str) -> Cow<'static, str> {
    let of_text = |part: &str| text.contains(part);
    let meaning = match code {
        "WRONGPASS" => "the user or the password is not accepted",
        "NOAUTH" => "the server wants a password",
        "NOPERM" => "the user lacks a right that the cache needs (docs/operating.md, Rights)",
        "DENIED" => {
            "the server is in protected mode: it takes connections from its own machine only"
        }
        "LOADING" => "the server is loading its data",
        "MASTERDOWN" => "the server is a replica that has lost its primary",
        "ERR" if of_text("DB index") => "the server has no database of that number",
        "ERR" if of_text("max number of clients") => "the server takes no more clients",
        "ERR" if of_text("without any password") => {
            "a password was given, and the server has none for this user"
        }
        "ERR" if of_text("invalid password") => "the password is not accepted",
        _ => return code.to_owned().into(),
    };
    format!("{meaning}; {code}").into()
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn it_names_what_was_refused_and_quotes_nothing() {
        for (code, text, expected) in [
            ("WRONGPASS", "invalid username-password pair or user is disabled.", "not accepted"),
            ("NOAUTH", "Authentication required.", "wants a password"),
            ("ERR", "DB index is out of range", "no database"),
            ("ERR", "invalid DB index", "no database"),
            ("ERR", "max number of clients reached", "no more clients"),
            ("ERR", "AUTH <password> called without any password configured", "has none"),
            ("ERR", "something with a s3cret", "ERR"),
            ("ODD", "s3cret", "ODD"),
        ] {
            let meaning = meaning(code, text);
            assert!(meaning.contains(expected) && meaning.ends_with(code), "{meaning}");
            assert!(!meaning.contains("s3cret"));
        }
    }
}
