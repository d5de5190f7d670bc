//! The namespace of a cache that was given none.

use std::env;
use std::path::Path;
use std::sync::Once;

use crate::function::KEY_FORMAT;
use crate::telemetry::event;

/// From the name of the executable, never a constant: what has nothing in common must not share
/// entries. Says so, once.
pub(super) fn of_executable() -> String {
    let executable = env::current_exe().ok();
    let name = executable.as_deref().and_then(Path::file_stem).and_then(|name| name.to_str());
    let namespace = from_name(name.unwrap_or_default());
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        event!(
            warn,
            "this cache has no namespace, so its keys begin with the name of the executable; set one \
             with `CacheBuilder::namespace`: two deployments of one executable on one server would \
             share entries"
        );
    });
    namespace
}

fn from_name(name: &str) -> String {
    let fits = |character: &char| character.is_ascii_alphanumeric() || "-_.".contains(*character);
    let name: String = name.chars().filter(fits).collect();
    let name = if name.is_empty() { "unnamed" } else { &name };
    format!("{name}-{KEY_FORMAT}")
}

#[cfg(test)]
mod tests {
    use super::from_name;

    #[test]
    fn what_cannot_be_part_of_a_key_is_left_out() {
        assert_eq!(from_name("shop"), "shop-1");
        assert_eq!(from_name("my {shop}: 2"), "myshop2-1");
        assert_eq!(from_name(""), "unnamed-1");
    }
}
