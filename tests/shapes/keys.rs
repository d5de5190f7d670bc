//! Different calls never share an entry, equal ones always do.

use std::collections::HashMap;
use std::fmt;

use cached_redis::{Cache, redis_cached};
use serde::Serialize;

fn run(test: impl AsyncFnOnce(&Cache)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cache = Cache::memory();
    runtime.block_on(cache.scope(test(&cache)));
}

mod orders {
    #[cached_redis::redis_cached(ttl = 600, prefix = "keys")]
    pub(super) async fn find(id: u64) -> String {
        format!("order {id}")
    }

    pub(super) async fn nested(id: u64) -> String {
        #[cached_redis::redis_cached(ttl = 600, prefix = "keys")]
        async fn find(id: u64) -> String {
            format!("nested {id}")
        }
        find(id).await
    }
}

mod invoices {
    #[cached_redis::redis_cached(ttl = 600, prefix = "keys")]
    pub(super) async fn find(id: u64) -> String {
        format!("invoice {id}")
    }

    pub(super) struct Archive;
    pub(super) struct Ledger;

    impl Archive {
        #[cached_redis::redis_cached(ttl = 600, prefix = "keys")]
        pub(super) async fn find(id: u64) -> String {
            format!("archived {id}")
        }
    }

    impl Ledger {
        #[cached_redis::redis_cached(ttl = 600, prefix = "keys")]
        pub(super) async fn find(id: u64) -> String {
            format!("booked {id}")
        }
    }
}

// cached, hitbox, oxcache and kash make the key of the function's bare name: one `find` reads what
// the other has stored.
#[test]
fn five_functions_of_one_name_have_five_entries() {
    run(async |cache| {
        for _ in 0..2 {
            assert_eq!(orders::find(1).await, "order 1");
            assert_eq!(orders::nested(1).await, "nested 1");
            assert_eq!(invoices::find(1).await, "invoice 1");
            assert_eq!(invoices::Archive::find(1).await, "archived 1");
            assert_eq!(invoices::Ledger::find(1).await, "booked 1");
        }
        let stats = cache.stats();
        assert_eq!((stats.functions[0].loads, stats.functions[0].hits), (5, 5));
    });
}

struct Tenant(&'static str);

impl Tenant {
    #[redis_cached(ttl = 600, prefix = "keys", key(self.0, id))]
    async fn secret(&self, id: u64) -> String {
        format!("{} {id}", self.0)
    }
}

// cached's `in_impl` leaves `self` out of the key without a word: tenant 2 gets tenant 1's value.
#[test]
fn a_tenant_never_gets_what_another_has_stored() {
    run(async |_| {
        let (one, two) = (Tenant("one"), Tenant("two"));
        assert_eq!(one.secret(1).await, "one 1");
        assert_eq!(two.secret(1).await, "two 1");
        assert_eq!(two.secret_entry(1).get().await.unwrap(), Some("two 1".to_owned()));
        assert_ne!(one.secret_entry(1).key().unwrap(), two.secret_entry(1).key().unwrap());
    });
}

#[redis_cached(ttl = 600, prefix = "keys")]
async fn joined(one: &str, other: &str) -> String {
    format!("{one}|{other}")
}

#[redis_cached(ttl = 600, prefix = "keys", key = "{one}:{other}")]
async fn in_a_template(one: &str, other: &str) -> String {
    format!("{one}|{other}")
}

#[redis_cached(ttl = 600, prefix = "keys")]
async fn lists(one: &[&str], other: Option<&str>) -> String {
    format!("{one:?}{other:?}")
}

// Several join the texts of the arguments: ("a:b", "c") is ("a", "b:c"). cached wants a key by hand
// as soon as there are two.
#[test]
fn arguments_do_not_run_into_each_other() {
    run(async |_| {
        let texts = ["", "a", "b", ":", "a:b", "b:c", ":c", "c", "a:b:c", "{a}", "a|b", "\0", "1"];
        for _ in 0..2 {
            for one in texts {
                for other in texts {
                    let expected = format!("{one}|{other}");
                    assert_eq!(joined(one, other).await, expected);
                    assert_eq!(in_a_template(one, other).await, expected);
                }
            }
            let empty: &[&str] = &[];
            for one in [empty, &[""], &["", ""], &["a", "b"], &["ab"], &["a,b"], &["a\", \"b"]] {
                for other in [None, Some(""), Some("None"), Some("a")] {
                    assert_eq!(lists(one, other).await, format!("{one:?}{other:?}"));
                }
            }
        }
    });
}

/// What must not be seen in a log.
#[derive(Serialize)]
struct Redacted(&'static str);

impl fmt::Debug for Redacted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[redis_cached(ttl = 600, prefix = "keys")]
async fn session(token: &Redacted) -> String {
    format!("session of {}", token.0)
}

// oxcache makes keys of `Debug` output: whatever is redacted there looks the same.
#[test]
fn a_redacted_debug_text_does_not_merge_two_sessions() {
    run(async |_| {
        assert_eq!(session(&Redacted("alice")).await, "session of alice");
        assert_eq!(session(&Redacted("bob")).await, "session of bob");
    });
}

#[redis_cached(ttl = 600, prefix = "keys")]
async fn filtered(by: &HashMap<String, Vec<u32>>) -> usize {
    by.len()
}

// The same: the order of a hash map differs from one map to the next, so nothing is ever hit, and an
// invalidation removes another entry.
#[test]
fn equal_maps_are_one_key_in_whatever_order_they_iterate() {
    run(async |_| {
        let pairs = || (0..50).map(|n| (n.to_string(), vec![n, n + 1]));
        let first: HashMap<_, _> = pairs().collect();
        let key = filtered_entry(&first).key().unwrap();
        for _ in 0..20 {
            // Each has random hash keys of its own.
            let again: HashMap<_, _> = pairs().rev().collect();
            assert_eq!(filtered_entry(&again).key().unwrap(), key);
        }
        let mut other = first.clone();
        other.insert("0".to_owned(), vec![1, 0]);
        assert_ne!(filtered_entry(&other).key().unwrap(), key);
        filtered(&first).await;
        filtered_invalidate(&pairs().rev().collect()).await.unwrap();
        assert_eq!(filtered_entry(&first).get().await.unwrap(), None);
    });
}
