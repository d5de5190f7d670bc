//! `codec`, `compress`, `encrypt`, `max_value`.

use super::check;
use crate::features::tests::without_features;

const KNOWN: &[&str] = &[];

#[test]
fn codecs() {
    check(&[
        ("#[redis_cached(ttl = 60, codec = Json)] async fn get(id: u64) -> u64 { id }", KNOWN),
        (
            "#[redis_cached(ttl = 60, codec = MessagePack)] async fn get(id: u64) -> u64 { id }",
            KNOWN,
        ),
        ("#[redis_cached(ttl = 60, codec = Postcard)] async fn get(id: u64) -> u64 { id }", KNOWN),
        ("#[redis_cached(ttl = 60, codec = my::Codec)] async fn get(id: u64) -> u64 { id }", KNOWN),
        (
            "#[redis_cached(ttl = 60, codec = «msgpack»)] async fn get(id: u64) -> u64 { id }",
            &["there is no codec `msgpack`: write `codec = MessagePack`"],
        ),
        (
            "#[redis_cached(ttl = 60, codec = «bincode»)] async fn get(id: u64) -> u64 { id }",
            &[
                "there is no codec `bincode`: the codecs are `Json`, `MessagePack`, `Postcard` and the path of a type \
               that implements `cached_redis::Codec`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 60, codec = «"json"»)] async fn get(id: u64) -> u64 { id }"#,
            &["`codec` takes a type: write `codec = Json`"],
        ),
        (
            "#[redis_cached(ttl = 60, codec = «7»)] async fn get(id: u64) -> u64 { id }",
            &[
                "`codec` takes a type: the codecs are `Json`, `MessagePack`, `Postcard` and the path of a type that \
               implements `cached_redis::Codec`",
            ],
        ),
        (
            "#[redis_cached(ttl = 60, «codec»)] async fn get(id: u64) -> u64 { id }",
            &["`codec` needs a value: write `codec = MessagePack`"],
        ),
        (
            "#[redis_cached(ttl = 60, codec = Json, «codec» = Json)] async fn get(id: u64) -> u64 { id }",
            &["`codec` is given twice: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 60, «serializer» = Json)] async fn get(id: u64) -> u64 { id }",
            &["unknown option `serializer`: did you mean `codec`? The options are {OPTIONS}"],
        ),
    ]);
}

#[test]
fn compression_and_encryption() {
    check(&[
        ("#[redis_cached(ttl = 60, compress)] async fn get(id: u64) -> u64 { id }", KNOWN),
        ("#[redis_cached(ttl = 60, compress = lz4)] async fn get(id: u64) -> u64 { id }", KNOWN),
        (
            r#"#[redis_cached(ttl = 60, compress = "zstd")] async fn get(id: u64) -> u64 { id }"#,
            KNOWN,
        ),
        (
            "#[redis_cached(ttl = 60, compress = false, encrypt)] async fn get(id: u64) -> u64 { id }",
            KNOWN,
        ),
        (
            "#[redis_cached(ttl = 60, compress = «gzip»)] async fn get(id: u64) -> u64 { id }",
            &[
                "`compress` knows `lz4` and `zstd`: write `compress` (which is LZ4), `compress = zstd`, or \
               `compress = false` where the cache compresses",
            ],
        ),
        (
            "#[redis_cached(ttl = 60, encrypt = «KEY»)] async fn get(id: u64) -> u64 { id }",
            &[
                "`encrypt` takes no key, which is given to the cache (`.encryption(..)` on its builder): write \
               `encrypt`, or `encrypt = false` where the cache encrypts",
            ],
        ),
    ]);
}

#[test]
fn the_largest_value() {
    check(&[
        ("#[redis_cached(ttl = 60, max_value = MOST)] async fn get(id: u64) -> u64 { id }", KNOWN),
        (
            "#[redis_cached(ttl = 60, max_value = «0»)] async fn get(id: u64) -> u64 { id }",
            &["with a `max_value` of zero nothing would be stored: write `max_value = 65536`"],
        ),
        (
            r#"#[redis_cached(ttl = 60, max_value = «"64kB"»)] async fn get(id: u64) -> u64 { id }"#,
            &[
                "`max_value` is the largest value that is stored, in bytes: write `max_value = 65536`",
            ],
        ),
        (
            "#[redis_cached(ttl = 60, max_value = «536870913»)] async fn get(id: u64) -> u64 { id }",
            &[
                "`max_value` is the largest value that is stored, in bytes: write `max_value = 65536`",
            ],
        ),
    ]);
}

#[test]
fn what_takes_a_feature_names_it() {
    without_features(|| {
        check(&[
            (
                "#[redis_cached(ttl = 60, codec = Json, compress = false)] async fn get(id: u64) -> u64 { id }",
                KNOWN,
            ),
            (
                "#[redis_cached(ttl = 60, codec = «MessagePack», «compress», «encrypt»)]
                async fn get(id: u64) -> u64 { id }",
                &[
                    "`codec = MessagePack` needs the feature `messagepack`: run `cargo add cached-redis --features \
                     messagepack`",
                    "`compress` needs the feature `compression`: run `cargo add cached-redis --features compression`",
                    "`encrypt` needs the feature `encryption`: run `cargo add cached-redis --features encryption`",
                ],
            ),
            (
                "#[redis_cached(ttl = 60, codec = «Postcard», compress = «zstd»)]
                async fn get(id: u64) -> u64 { id }",
                &[
                    "`codec = Postcard` needs the feature `postcard`: run `cargo add cached-redis --features postcard`",
                    "`compress = zstd` needs the feature `zstd`: run `cargo add cached-redis --features zstd`",
                ],
            ),
        ]);
    });
}
