//! How values are stored: codecs, compression, encryption, and what other versions make of it.

use std::time::Duration;

use cached_redis::__private::{self as __rt, traits::*};
use cached_redis::{Cache, Codec, CodecError, Compression, ErrorKind, KeyRing, Loss, redis_cached};
use cached_redis_test_support::resp::Reply;
use cached_redis_test_support::{Server, each_binary, unique_namespace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::loads::{Loads, each_own_cache, runtime};
use crate::support::PATIENCE;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    price: Option<f64>,
}

const NAME: &str = "all work and no play makes a dull product. ";

impl Product {
    async fn load(loads: &Loads, id: u64) -> Option<Self> {
        loads.begin();
        (id != 404).then(|| Self { id, name: NAME.repeat(50), price: Some(f64::INFINITY) })
    }

    /// What JSON can carry.
    async fn load_cheap(loads: &Loads, id: u64) -> Option<Self> {
        Some(Self { price: Some(0.1), ..Self::load(loads, id).await? })
    }
}

/// JSON with its bytes turned round.
struct Inverted;

impl Codec for Inverted {
    const ID: u8 = 3;

    fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let json = serde_json::to_vec(value).map_err(CodecError::new)?;
        out.extend(json.iter().map(|byte| !byte));
        Ok(())
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let json: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        serde_json::from_slice(&json).map_err(CodecError::new)
    }
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), codec = MessagePack)]
async fn in_message_pack(loads: &Loads, id: u64) -> Option<Product> {
    Product::load(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), codec = Postcard, compress = zstd)]
async fn in_postcard(loads: &Loads, id: u64) -> Option<Product> {
    Product::load(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), codec = Inverted)]
async fn in_own_codec(loads: &Loads, id: u64) -> Option<Product> {
    Product::load_cheap(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), compress)]
async fn compressed(loads: &Loads, id: u64) -> Option<Product> {
    Product::load_cheap(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), encrypt)]
async fn encrypted(loads: &Loads, id: u64) -> Option<Product> {
    Product::load_cheap(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), encrypt, compress, codec = Postcard)]
async fn everything(loads: &Loads, id: u64) -> Option<Product> {
    Product::load(loads, id).await
}

/// As the cache does.
#[redis_cached(ttl = 600, prefix = "test", skip(loads))]
async fn plain(loads: &Loads, id: u64) -> Option<Product> {
    Product::load_cheap(loads, id).await
}

#[redis_cached(ttl = 600, prefix = "test", skip(loads), max_value = 1000)]
async fn bounded(loads: &Loads, id: u64) -> Option<Product> {
    Product::load_cheap(loads, id).await
}

fn stored(server: &Server, key: &str) -> Vec<u8> {
    let Reply::Bulk(record) = server.ask(&["GET", key]).expect("a server") else {
        panic!("no entry");
    };
    record
}

fn put(server: &Server, key: &str, record: &[u8]) {
    let set: [&[u8]; 5] = [b"SET", key.as_bytes(), record, b"EX", b"600"];
    assert_eq!(server.command(&set), "OK");
}

const CODEC: usize = 5;
const SEAL: usize = 6;

/// Calls a function twice for a value, and twice for an absence; what its value is stored as.
macro_rules! hits {
    ($server:expr, $function:ident, $entry:ident) => {{
        let loads = Loads::default();
        let value = $function(&loads, 1).await;
        assert!(value.is_some());
        assert_eq!($function(&loads, 1).await, value, stringify!($function));
        assert_eq!($entry(1).get().await.expect("a server"), Some(value));
        assert_eq!(loads.begun(), 1, stringify!($function));
        assert_eq!($function(&loads, 404).await, None);
        assert_eq!($function(&loads, 404).await, None);
        assert_eq!(loads.begun(), 2, stringify!($function));
        stored($server, &$entry(1).key().expect("a key"))
    }};
}

const OLD: (&str, [u8; 32]) = ("2025", [5; 32]);
const NEW: (&str, [u8; 32]) = ("2026", [6; 32]);

fn keys() -> KeyRing {
    KeyRing::new("2026", [7; 32])
}

fn each_cache_with(
    build: impl Fn(cached_redis::CacheBuilder) -> cached_redis::CacheBuilder,
    test: impl AsyncFn(&Server, Cache),
) {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        runtime().block_on(async {
            let cache = cache_at(&server, &unique_namespace("test"), &build);
            cache.scope(test(&server, cache.clone())).await;
        });
    });
}

fn cache_at(
    server: &Server,
    namespace: &str,
    build: impl Fn(cached_redis::CacheBuilder) -> cached_redis::CacheBuilder,
) -> Cache {
    let builder = Cache::builder().url(server.url()).namespace(namespace).budget(PATIENCE);
    build(builder).build().expect("a cache")
}

#[test]
fn each_way_to_store_a_value_hits() {
    each_cache_with(
        |builder| builder.encryption(keys()),
        async |server, cache| {
            for (record, codec, seal) in [
                (hits!(server, in_message_pack, in_message_pack_entry), 2, 0),
                (hits!(server, in_postcard, in_postcard_entry), 3, 2),
                (hits!(server, in_own_codec, in_own_codec_entry), 128 + 3, 0),
                (hits!(server, compressed, compressed_entry), 1, 1),
                (hits!(server, encrypted, encrypted_entry), 1, 16),
                (hits!(server, everything, everything_entry), 3, 16 + 1),
                (hits!(server, plain, plain_entry), 1, 0),
            ] {
                assert_eq!((record[CODEC], record[SEAL]), (codec, seal));
                let is_readable = record.windows(8).any(|bytes| bytes == b"all work");
                assert_eq!(is_readable, codec < 128 && seal == 0 || seal == 1 || seal == 2);
                if seal == 1 || seal == 2 {
                    assert!(record.len() < 500, "{} bytes", record.len());
                }
            }
            for function in cache.stats().functions {
                assert_eq!(function.errors.len(), 0, "{function:?}");
                assert_eq!((function.unfaithful, function.not_decrypted), (0, 0), "{function:?}");
            }
        },
    );
}

/// One version of a function; they have the same keys.
async fn version<C: __rt::ValueCodec>(loads: &Loads, policy: __rt::Policy) -> u64 {
    static FUNCTION: __rt::Function = __rt::function("test", "versions", "");
    let key = FUNCTION.key("here", &[]).finish();
    let outcome = __rt::ReturnType::<u64>::new().outcome();
    let outcome = (&&&__rt::Stored(&outcome)).check().pass(outcome);
    let outcome = __rt::coded::<C, _>(outcome);
    let call = __rt::call(&FUNCTION, key, policy, __rt::current());
    call.run(outcome, || loads.gives(7)).await
}

fn policy() -> __rt::Policy {
    __rt::Policy::new(Duration::from_secs(600))
}

// As a rolling deploy: both versions at work, in turns.
#[test]
fn versions_with_other_codecs_miss_each_other_without_an_error() {
    each_own_cache(async |_, cache| {
        let loads = Loads::default();
        let mut expected = 0;
        for _ in 0..2 {
            assert_eq!(version::<__rt::Json>(&loads, policy()).await, 7);
            assert_eq!(version::<__rt::Json>(&loads, policy()).await, 7);
            assert_eq!(version::<__rt::MessagePack>(&loads, policy()).await, 7);
            assert_eq!(version::<__rt::MessagePack>(&loads, policy()).await, 7);
            assert_eq!(version::<__rt::Postcard>(&loads, policy()).await, 7);
            assert_eq!(version::<Inverted>(&loads, policy()).await, 7);
            expected += 4;
            assert_eq!(loads.begun(), expected, "each reads what it has stored itself");
        }
        let stats = cache.stats();
        assert_eq!(stats.functions[0].errors.len(), 0, "{stats:?}");
        assert_eq!(cache.health().await.losses.len(), 0);
    });
}

#[test]
fn versions_read_each_other_however_values_are_compressed() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let namespace = unique_namespace("test");
        let compressions = [Compression::None, Compression::Lz4, Compression::Zstd];
        let caches = compressions
            .map(|compression| cache_at(&server, &namespace, |b| b.compress(compression)));
        runtime().block_on(async {
            for (id, writer) in (0..).zip(&caches) {
                let loads = Loads::default();
                let value = writer.scope(plain(&loads, id)).await;
                for reader in &caches {
                    assert_eq!(reader.scope(plain(&loads, id)).await, value);
                }
                assert_eq!(loads.begun(), 1);
            }
        });
    });
}

#[test]
fn keys_are_rotated_without_a_miss_and_what_is_unknown_is_one() {
    let rings: [fn() -> KeyRing; 4] = [
        || KeyRing::new(OLD.0, OLD.1),
        || KeyRing::new(OLD.0, OLD.1).and(NEW.0, NEW.1),
        || KeyRing::new(NEW.0, NEW.1).and(OLD.0, OLD.1),
        || KeyRing::new(NEW.0, NEW.1),
    ];
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let namespace = unique_namespace("test");
        let caches = rings.map(|ring| cache_at(&server, &namespace, |b| b.encryption(ring())));
        let [only_old, both, both_new_first, only_new] = &caches;
        runtime().block_on(async {
            for (id, (one, other)) in (1..).zip([
                (only_old, both),
                (both, both_new_first),
                (both_new_first, both),
                (both_new_first, only_new),
            ]) {
                let loads = Loads::default();
                let value = one.scope(encrypted(&loads, id)).await;
                assert_eq!(other.scope(encrypted(&loads, id)).await, value);
                assert_eq!(loads.begun(), 1, "step {id}");
            }
            let loads = Loads::default();
            let value = only_old.scope(encrypted(&loads, 10)).await;
            assert_eq!(only_new.scope(encrypted(&loads, 10)).await, value);
            assert_eq!(only_new.scope(encrypted(&loads, 10)).await, value, "and replaced");
            assert_eq!(loads.begun(), 2);
            let stats = only_new.stats();
            assert_eq!(stats.functions[0].not_decrypted, 1);
        });
    });
}

#[test]
fn what_was_encrypted_for_another_place_is_a_miss() {
    each_cache_with(
        |builder| builder.encryption(keys()),
        async |server, cache| {
            let loads = Loads::default();
            let [one, other, absent] =
                [1, 2, 404].map(|id| encrypted_entry(id).key().expect("a key"));
            for id in [1, 2, 404] {
                encrypted(&loads, id).await;
            }
            let of_one = stored(server, &one);
            let elsewhere = cache_at(server, &unique_namespace("test"), |b| b.encryption(keys()));
            elsewhere.scope(encrypted(&loads, 1)).await;
            let far = elsewhere.scope(async { encrypted_entry(1).key().expect("a key") }).await;
            let payload = |record: &[u8]| record[8 * usize::from(record[7])..].to_vec();
            let head = |record: &[u8]| record[..8 * usize::from(record[7])].to_vec();
            let with = |change: &dyn Fn(&mut Vec<u8>)| {
                let mut record = of_one.clone();
                change(&mut record);
                record
            };
            let moved = |payload_of: &[u8]| [head(&of_one), payload(payload_of)].concat();
            let misplaced = [
                ("of another entry", moved(&stored(server, &other))),
                ("of an absence", moved(&stored(server, &absent))),
                ("of another namespace", moved(&stored(server, &far))),
                ("another kind", with(&|record| record[4] ^= 1)),
                ("another codec", with(&|record| record[CODEC] = 2)),
                ("compressed", with(&|record| record[SEAL] = 17)),
                ("a flipped bit", with(&|record| *record.last_mut().expect("a byte") ^= 1)),
                ("cut off", with(&|record| record.truncate(record.len() - 1))),
            ];
            let before = loads.begun();
            for (number, (what, record)) in (1..).zip(&misplaced) {
                put(server, &one, record);
                assert_eq!(encrypted(&loads, 1).await.map(|product| product.id), Some(1), "{what}");
                assert_eq!(loads.begun(), before + number, "{what}");
            }
            let failures = cache.stats().functions[0].not_decrypted;
            assert_eq!(failures, misplaced.len() as u64);
        },
    );
}

#[test]
fn what_is_in_the_clear_is_not_read_where_encryption_is_asked_for() {
    each_binary(|binary| {
        let server = Server::start(binary, &[]);
        let namespace = unique_namespace("test");
        let clear = cache_at(&server, &namespace, |builder| builder);
        let secret = cache_at(&server, &namespace, |b| b.encryption(keys()).encrypt(true));
        runtime().block_on(async {
            let loads = Loads::default();
            for id in [1, 404] {
                let before = loads.begun();
                let value = clear.scope(plain(&loads, id)).await;
                assert_eq!(secret.scope(plain(&loads, id)).await, value);
                assert_eq!(loads.begun(), before + 2, "not read");
                assert_eq!(secret.scope(plain(&loads, id)).await, value);
                assert_eq!(loads.begun(), before + 2, "replaced");
                // Without keys, it is a miss as well.
                assert_eq!(clear.scope(plain(&loads, id)).await, value);
                assert_eq!(loads.begun(), before + 3);
            }
        });
    });
}

#[test]
fn without_keys_nothing_is_stored_in_the_clear() {
    each_own_cache(async |server, cache| {
        let loads = Loads::default();
        for _ in 0..3 {
            assert!(encrypted(&loads, 1).await.is_some());
        }
        assert_eq!(loads.begun(), 3, "it just runs");
        let entry = encrypted_entry(1);
        assert_eq!(entry.check().expect_err("no keys").kind(), ErrorKind::Policy);
        assert_eq!(entry.put(None).await.expect_err("no keys").kind(), ErrorKind::Policy);
        let found = server.ask(&["EXISTS", &entry.key().expect("a key")]).expect("a server");
        assert_eq!(found, Reply::Int(0));
        assert_eq!(cache.stats().functions[0].errors.get("policy"), Some(&3));
        let losses = cache.health().await.losses;
        assert_eq!(losses.len(), 1, "{losses:?}");
        assert_eq!(losses[0].kind, Loss::Options);
        assert!(losses[0].advice.contains(".encryption(KeyRing::new(..))"), "{}", losses[0]);
    });
    let error = Cache::builder().memory().encrypt(true).build().expect_err("no keys");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(".encryption("), "{error}");
}

#[test]
fn a_value_above_its_own_bound_is_not_stored() {
    each_own_cache(async |_, cache| {
        let loads = Loads::default();
        assert!(bounded(&loads, 1).await.is_some());
        assert!(bounded(&loads, 1).await.is_some());
        assert_eq!(loads.begun(), 2);
        assert_eq!(cache.stats().functions[0].too_large, 2);
        assert_eq!(bounded(&loads, 404).await, None);
        assert_eq!(bounded(&loads, 404).await, None);
        assert_eq!(loads.begun(), 3, "an absence is stored");
    });
}

#[test]
fn a_bomb_is_a_miss() {
    each_own_cache(async |server, cache| {
        let loads = Loads::default();
        let value = compressed(&loads, 1).await;
        let key = compressed_entry(1).key().expect("a key");
        let mut bomb = stored(server, &key);
        let payload = 8 * usize::from(bomb[7]);
        bomb[payload..payload + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        put(server, &key, &bomb);
        assert_eq!(compressed(&loads, 1).await, value);
        assert_eq!(compressed(&loads, 1).await, value);
        assert_eq!(loads.begun(), 2, "loaded once, and replaced");
        assert_eq!(cache.stats().functions[0].errors.get("decode"), Some(&1));
    });
}

/// What does not let itself be looked into needs a version for postcard.
#[test]
fn a_type_without_a_fingerprint_needs_a_version() {
    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Day(String);
    impl<'de> Deserialize<'de> for Day {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let day = String::deserialize(from)?;
            if day.len() == 10 { Ok(Self(day)) } else { Err(serde::de::Error::custom("no day")) }
        }
    }
    #[redis_cached(ttl = 600, prefix = "test", skip(loads), codec = Postcard)]
    async fn without(loads: &Loads) -> Day {
        loads.begin();
        Day("2026-11-28".to_owned())
    }
    #[redis_cached(ttl = 600, prefix = "test", skip(loads), codec = Postcard, version = 1)]
    async fn with(loads: &Loads) -> Day {
        without(loads).await
    }
    each_own_cache(async |_, cache| {
        let loads = Loads::default();
        without(&loads).await;
        without(&loads).await;
        assert_eq!(loads.begun(), 2, "not cached");
        let error = without_entry().check().expect_err("no fingerprint");
        assert!(error.to_string().contains("write `version = 1`"), "{error}");
        assert_eq!(cache.health().await.losses.len(), 1);
        with(&loads).await;
        with(&loads).await;
        assert_eq!(loads.begun(), 3);
    });
}
