//! The macros and the runtime have the same limits. Written values are checked by the macros: here
//! are those that they just accept, and `cached-redis-macros/src/tests/messages/limits.rs` has the
//! next ones, which they refuse. Computed values are checked by the runtime: it has to accept and
//! refuse the same.

// Their entries say what the runtime says to their options.
#![allow(dead_code)]

use std::time::Duration;

use cached_redis::{ErrorKind, redis_cached};

use crate::support::run;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

macro_rules! limits {
    ($($name:ident: written($($written:tt)*), computed($($computed:tt)*), beyond($($beyond:tt)*), $kind:ident;)*) => {
        $(
            #[test]
            fn $name() {
                #[redis_cached($($written)*)]
                async fn written(id: u64) -> Result<u64, String> {
                    Ok(id)
                }

                #[redis_cached($($computed)*)]
                async fn computed(id: u64) -> Result<u64, String> {
                    Ok(id)
                }

                #[redis_cached($($beyond)*)]
                async fn beyond(id: u64) -> Result<u64, String> {
                    Ok(id)
                }

                run(async {
                    assert_eq!(written_entry(7).check().map_err(|error| error.to_string()), Ok(()));
                    assert_eq!(computed_entry(7).check().map_err(|error| error.to_string()), Ok(()));
                    assert_eq!(beyond_entry(7).check().unwrap_err().kind(), ErrorKind::$kind);
                });
            }
        )*
    };
}

limits! {
    longest_ttl:
        written(ttl = "30d"),
        computed(ttl = 30 * DAY),
        beyond(ttl = 30 * DAY + MS),
        Ttl;
    longest_ttl_and_stale:
        written(ttl = "10d", stale = "20d"),
        computed(ttl = "10d", stale = 20 * DAY),
        beyond(ttl = "10d", stale = 20 * DAY + MS),
        Ttl;
    longest_ttl_and_stale_if_error:
        written(ttl = "10d", stale_if_error = "20d"),
        computed(ttl = "10d", stale_if_error = 20 * DAY),
        beyond(ttl = "10d", stale_if_error = 20 * DAY + MS),
        Ttl;
    shortest_ttl:
        written(ttl = "1ms"),
        computed(ttl = MS),
        beyond(ttl = Duration::ZERO),
        Ttl;
    shortest_stale:
        written(ttl = 60, stale = "1ms"),
        computed(ttl = 60, stale = MS),
        beyond(ttl = 60, stale = Duration::ZERO),
        Policy;
    shortest_stale_if_error:
        written(ttl = 60, stale_if_error = "1ms"),
        computed(ttl = 60, stale_if_error = MS),
        beyond(ttl = 60, stale_if_error = Duration::ZERO),
        Policy;
    stale_if_error_after_stale:
        written(ttl = 60, stale = "10s", stale_if_error = "10s1ms"),
        computed(ttl = 60, stale = "10s", stale_if_error = 10 * SECOND + MS),
        beyond(ttl = 60, stale = "10s", stale_if_error = 10 * SECOND),
        Policy;
    shortest_lease:
        written(ttl = 60, lock = "1ms"),
        computed(ttl = 60, lock = MS),
        beyond(ttl = 60, lock = Duration::ZERO),
        Policy;
    longest_lease:
        written(ttl = 60, lock = "30s"),
        computed(ttl = 60, lock = 30 * SECOND),
        beyond(ttl = 60, lock = 30 * SECOND + MS),
        Policy;
    longest_lease_for_a_load_timeout:
        written(ttl = 60, lock = "5s", load_timeout = "5s"),
        computed(ttl = 60, lock = 5 * SECOND, load_timeout = "5s"),
        beyond(ttl = 60, lock = 5 * SECOND + MS, load_timeout = "5s"),
        Policy;
    shortest_load_timeout:
        written(ttl = 60, load_timeout = "1ms"),
        computed(ttl = 60, load_timeout = MS),
        beyond(ttl = 60, load_timeout = Duration::ZERO),
        Policy;
    shortest_soft_timeout:
        written(ttl = 60, stale_if_error = 60, soft_timeout = "1ms"),
        computed(ttl = 60, stale_if_error = 60, soft_timeout = MS),
        beyond(ttl = 60, stale_if_error = 60, soft_timeout = Duration::ZERO),
        Policy;
    longest_soft_timeout:
        written(ttl = 60, stale_if_error = 60, soft_timeout = "29s999ms"),
        computed(ttl = 60, stale_if_error = 60, soft_timeout = 29_999 * MS),
        beyond(ttl = 60, stale_if_error = 60, soft_timeout = 30 * SECOND),
        Policy;
    largest_jitter:
        written(ttl = 60, jitter = 1.0),
        computed(ttl = 60, jitter = f64::from(1)),
        beyond(ttl = 60, jitter = 1.0_f64.next_up()),
        Policy;
    largest_early:
        written(ttl = 60, early = 10.0),
        computed(ttl = 60, early = f64::from(10)),
        beyond(ttl = 60, early = 10.0_f64.next_up()),
        Policy;
    shortest_ttl_with_early:
        written(ttl = "1s", early = 1.0),
        computed(ttl = SECOND, early = 1.0),
        beyond(ttl = 999 * MS, early = 1.0),
        Policy;
}

/// A value is in as many groups as one attribute may have tags.
#[test]
fn most_tags() {
    #[redis_cached(ttl = 60, tags = [
        "a:{ret}", "b:{ret}", "c:{ret}", "d:{ret}", "e:{ret}", "f:{ret}", "g:{ret}", "h:{ret}",
        "i:{ret}", "j:{ret}", "k:{ret}", "l:{ret}", "m:{ret}", "n:{ret}", "o:{ret}", "p:{ret}",
    ])]
    async fn written(id: u64) -> u64 {
        id
    }

    run(async {
        written(7).await;
        assert_eq!(written_entry(7).get().await.unwrap(), Some(7));
    });
}
