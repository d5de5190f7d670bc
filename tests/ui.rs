//! Wrong uses that only the compiler can find, and a few of the macros' own errors as it shows
//! them. The other errors of the macros are in the tables of `cached-redis-macros/src/tests/messages`.
//!
//! Each file in a folder of `ui/` is a test. `TRYBUILD=overwrite` writes what the compiler says.

use std::io::Write as _;
use std::process::Command;

/// Compilers word and underline the same error differently: the `.stderr` files are of this one.
const WORDING: &str = "1.95.";

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    match version() {
        Some(version) if version.starts_with(WORDING) => {
            cases.compile_fail("tests/ui/[!p]*/*.rs");
        }
        other => not_checked(other.as_deref().unwrap_or("of unknown version")),
    }
}

/// `1.95.0` of `rustc 1.95.0 (…)`
fn version() -> Option<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// Loudly: not by `eprintln!`, which is only shown for tests that fail.
fn not_checked(version: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "\n\
         *** THE WORDING OF COMPILE ERRORS IS NOT CHECKED.\n\
         *** This compiler is {version}, and tests/ui/*/*.stderr are of {WORDING}x. To check them:\n\
         *** rustup run 1.95 cargo test --test ui\n"
    );
}
