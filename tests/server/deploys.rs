//! Two versions of a program at the same server.

use cached_redis::redis_cached;
use cached_redis_test_support::Server;
use cached_redis_test_support::resp::Reply;
use serde::{Deserialize, Serialize};

use crate::loads::{Loads, each_own_cache};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    /// A float in the version before.
    cents: u64,
    /// Not there in the version before.
    tags: Vec<String>,
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads))]
async fn product(loads: &Loads, id: u64) -> Product {
    Product { id: loads.gives(id).await, cents: 1999, tags: vec!["new".to_owned()] }
}

/// What says which schema a payload has.
const SCHEMA: std::ops::Range<usize> = 8..16;

/// Replaces the entry as another version would have written it.
fn rewrite(server: &Server, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let Reply::Bulk(mut record) = server.ask(&["GET", key]).expect("a server") else {
        panic!("no entry");
    };
    change(&mut record);
    let set: [&[u8]; 4] = [b"SET", key.as_bytes(), &record, b"KEEPTTL"];
    assert_eq!(server.command(&set), "OK");
}

// kash and skp-cache: an entry that cannot be decoded is an error, for every call until its TTL has run
// out.
#[test]
fn a_changed_struct_is_loaded_again_and_replaced() {
    each_own_cache(async |server, cache| {
        let loads = Loads::default();
        let new = product(&loads, 1).await;
        let key = product_entry(1).key().expect("a key");
        let payloads: [&[u8]; 5] = [
            br#"{"id":1,"price":19.99}"#,
            br#"{"id":1,"cents":19.99,"tags":[]}"#,
            br#"{"id":1,"cents":1999,"tags":["#,
            b"",
            b"\xff\xfe",
        ];
        for (number, payload) in payloads.iter().enumerate() {
            rewrite(server, &key, |record| {
                record.truncate(8 * usize::from(record[7]));
                record.extend_from_slice(payload);
            });
            assert_eq!(product(&loads, 1).await, new);
            assert_eq!(loads.begun(), 2 + number as u64, "loaded once");
            assert_eq!(product(&loads, 1).await, new);
            assert_eq!(loads.begun(), 2 + number as u64, "and replaced");
        }
        assert_eq!(cache.stats().functions[0].errors.get("decode"), Some(&5));
    });
}

// A payload of another version may well decode, into something that it does not mean.
#[test]
fn an_entry_of_another_schema_is_not_read_even_if_it_could_be() {
    each_own_cache(async |server, _| {
        let loads = Loads::default();
        product(&loads, 1).await;
        let key = product_entry(1).key().expect("a key");
        rewrite(server, &key, |record| {
            record[SCHEMA][0] ^= 1;
            let cents = record.windows(4).position(|four| four == b"1999").expect("cents");
            record[cents] = b'9';
        });
        assert_eq!(product(&loads, 1).await.cents, 1999);
        assert_eq!(loads.begun(), 2);
        // The other version's invalidation still reaches it: its schema is not part of the key.
        product_invalidate(1).await.expect("a server");
        assert_eq!(product_entry(1).get().await.expect("a server"), None);
    });
}
