//! Sentinels fail over as the tests that stand on them expect.

#![allow(clippy::unwrap_used, clippy::panic)]

use cached_redis_test_support::each_binary;
use cached_redis_test_support::sentinel::{Passwords, Sentinels};

#[test]
fn a_killed_primary_and_one_that_is_asked_to_yield_are_replaced() {
    each_binary(|binary| {
        let passwords = Passwords { servers: Some("of-servers"), sentinels: Some("of-sentinels") };
        let all = Sentinels::start_with(binary, passwords);
        assert_eq!(all.primary(), 0);
        all.fail_over();
        let second = all.until_failed_over(0);
        assert_eq!(all.server(second).command(&["SET", "key", "value"]), "OK");
        all.server(second).kill();
        let third = all.until_failed_over(second);
        assert_eq!(all.primary(), third);
    });
}
