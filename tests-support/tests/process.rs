//! A test can be two application processes that talk.

use cached_redis_test_support::process::{self, Child};

#[test]
fn a_child_hears_and_answers() {
    if let Some(arguments) = process::role("echo") {
        process::say(&arguments.join("+"));
        while let Some(line) = process::hear() {
            process::say(&line.to_uppercase());
        }
        return;
    }
    let mut child = Child::spawn_self("echo", "a_child_hears_and_answers", &["a b", "c"]);
    assert_eq!(child.line(), "a b+c");
    child.send("hello");
    assert_eq!(child.line(), "HELLO");
    assert!(child.finish());
}

#[test]
fn a_child_that_fails_is_told_apart() {
    if process::role("fail").is_some() {
        std::panic::resume_unwind(Box::new("as agreed, and without the hook's output"));
    }
    let child = Child::spawn_self("fail", "a_child_that_fails_is_told_apart", &[]);
    assert!(!child.finish());
}
