//! Every wrong use is a compile error that says what to write instead, once, at the mistake.
//!
//! A file in a folder of `ui/` is a test; `TRYBUILD=overwrite` writes what the compiler says.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/[!p]*/*.rs");
}
