use super::{KeyRing, Keys};
use crate::payload::seal::Unopened;
use crate::record::{self, Codec, Header, Kind};

const ENTRY: &str = "shop:products:get:{0123}";

fn keys(ring: &KeyRing, namespace: &str) -> Keys {
    Keys::derive(ring, namespace).expect("keys")
}

fn header(kind: Kind, codec: Codec, schema: u64) -> Header {
    let mut record = record::value(kind, codec, schema);
    record[record::layout::SEAL] = 16;
    Header::read(&record).expect("ours")
}

#[test]
fn only_its_own_place_opens_a_payload() {
    let shop = keys(&KeyRing::new("a", [1; 32]), "shop");
    let own = header(Kind::Value, Codec::Json, 7);
    let sealed = shop.seal(ENTRY, &own, b"secret").expect("sealed");
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    assert_eq!(shop.open(ENTRY, &own, &sealed), Ok(b"secret".to_vec()));

    let not = Err(Unopened::NotAuthentic);
    assert_eq!(shop.open("shop:products:get:{0124}", &own, &sealed), not);
    assert_eq!(shop.open(ENTRY, &header(Kind::Absence, Codec::Json, 7), &sealed), not);
    assert_eq!(shop.open(ENTRY, &header(Kind::Value, Codec::MessagePack, 7), &sealed), not);
    assert_eq!(shop.open(ENTRY, &header(Kind::Value, Codec::Json, 8), &sealed), not);
    let mut compressed = own;
    compressed.seal.compression = record::Compression::Lz4;
    assert_eq!(shop.open(ENTRY, &compressed, &sealed), not);

    let unknown = Err(Unopened::UnknownKey);
    let elsewhere = keys(&KeyRing::new("a", [1; 32]), "staging");
    assert_eq!(elsewhere.open(ENTRY, &own, &sealed), unknown, "another namespace");
    let other = keys(&KeyRing::new("a", [2; 32]), "shop");
    assert_eq!(other.open(ENTRY, &own, &sealed), unknown, "another key by the same name");
}

#[test]
fn every_byte_counts() {
    let keys = keys(&KeyRing::new("a", [1; 32]), "shop");
    let own = header(Kind::Value, Codec::Json, 7);
    let sealed = keys.seal(ENTRY, &own, b"secret").expect("sealed");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(keys.open(ENTRY, &own, &changed).is_err(), "byte {at}");
        assert!(keys.open(ENTRY, &own, &sealed[..at]).is_err(), "the first {at} bytes");
    }
}

#[test]
fn the_first_key_encrypts_and_all_decrypt() {
    let own = header(Kind::Value, Codec::Json, 7);
    let [old, new] = [("2025", [1; 32]), ("2026", [2; 32])];
    let before = keys(&KeyRing::new(old.0, old.1), "shop");
    let during = keys(&KeyRing::new(old.0, old.1).and(new.0, new.1), "shop");
    let after = keys(&KeyRing::new(new.0, new.1).and(old.0, old.1), "shop");
    let of_before = before.seal(ENTRY, &own, b"v").expect("sealed");
    let of_after = after.seal(ENTRY, &own, b"v").expect("sealed");
    assert_eq!(of_before[1..5], *b"2025");
    assert_eq!(of_after[1..5], *b"2026");
    assert!(
        after.open(ENTRY, &own, &of_before).is_ok() && during.open(ENTRY, &own, &of_after).is_ok()
    );
    assert_eq!(before.open(ENTRY, &own, &of_after), Err(Unopened::UnknownKey));
}

#[test]
fn no_two_payloads_are_the_same() {
    let keys = keys(&KeyRing::new("a", [1; 32]), "shop");
    let own = header(Kind::Value, Codec::Json, 7);
    let seal = || keys.seal(ENTRY, &own, b"secret").expect("sealed");
    assert_ne!(seal(), seal());
}

/// Byte for byte, so that another version reads what this one has stored.
#[test]
fn a_payload_is_read_as_it_always_was() {
    const SEALED: &str = "0161c8a325b8136712040019c679d3fba2bf42cea890847570be8f500bbc5281a72dff7e\
        118391d3d901a243c17d5492cff7cd12c87095d5285b2dc93b5515ef03d512ba7ab37fabf5d89c3e6bcc0977f280";
    let keys = keys(&KeyRing::new("a", [1; 32]), "shop");
    let own = header(Kind::Value, Codec::Json, 7);
    let bytes: Vec<u8> = (0..SEALED.len() / 2)
        .map(|at| u8::from_str_radix(&SEALED[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    assert_eq!(keys.open(ENTRY, &own, &bytes), Ok(b"{\"id\":7}".to_vec()));
}

#[test]
fn a_ring_shows_no_key_and_is_checked() {
    let ring = KeyRing::new("a", [0xab; 32]).and("b", [0xcd; 32]);
    assert_eq!(format!("{ring:?}"), "KeyRing([\"a\", \"b\"])");
    assert_eq!(format!("{:?}", keys(&ring, "shop")), "[\"a\", \"b\"]");
    for (ring, why) in [
        (KeyRing::new("", [1; 32]), "from 1 to 64 bytes"),
        (KeyRing::new("x".repeat(65), [1; 32]), "from 1 to 64 bytes"),
        (KeyRing::new("a", [1; 32]).and("a", [2; 32]), "the same id"),
        (KeyRing::new("a", [0; 32]), "all zeros"),
    ] {
        let error = Keys::derive(&ring, "shop").expect_err(why);
        assert!(error.to_string().contains(why), "{error}");
    }
}
