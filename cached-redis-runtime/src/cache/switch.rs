//! Whether caches are switched off for this process.

use std::ffi::OsStr;

use crate::error::Error;

/// `off` makes a cache of every builder one that does nothing.
pub(super) const VARIABLE: &str = "CACHED_REDIS";

/// What `health()` says of a cache that is switched off.
pub(super) const BY_PROGRAM: &str = "the cache is switched off, by `Cache::disabled()`";
pub(super) const BY_ENVIRONMENT: &str =
    "the cache is switched off, by `CACHED_REDIS=off` in the environment";

/// Whether the variable says so. A typo is an error: whoever wrote it believes the cache to be off.
pub(super) fn is_off(variable: Option<&OsStr>) -> Result<bool, Error> {
    let value = variable.map(|value| value.to_string_lossy().to_lowercase());
    match value.as_deref() {
        None | Some("" | "on") => Ok(false),
        Some("off") => Ok(true),
        Some(_) => Err(Error::config("`CACHED_REDIS` is neither `on` nor `off`")),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::is_off;

    #[test]
    fn only_off_is_off_and_what_is_neither_is_an_error() {
        for (value, expected) in [
            (None, Some(false)),
            (Some(""), Some(false)),
            (Some("on"), Some(false)),
            (Some("off"), Some(true)),
            (Some("OFF"), Some(true)),
            (Some("of"), None),
            (Some("false"), None),
        ] {
            assert_eq!(is_off(value.map(OsStr::new)).ok(), expected, "{value:?}");
        }
    }
}
