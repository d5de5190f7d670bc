//! Encrypted payloads: none opens but at its own place, as it was sealed.
//!
//! No search finds a forgery from nothing. So the bytes are also a plan: what is sealed, and what is then done to it.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::LONGEST;
use super::sealed::{ENTRY, SCHEMA, record_of};
use crate::payload::seal::{Sealer, Unopened};
use crate::payload::{KeyRing, Keys};
use crate::record::{self, Codec, Compression, Kind, Record, Seal, layout};

/// All that the seeds of this target have sealed.
pub(super) const SECRET: &[u8] = b"{\"id\":7}";

const ENCRYPTED: Seal = Seal { compression: Compression::None, is_encrypted: true };

/// Of two keys in one namespace, the same in another, and another by the same name.
struct Caches {
    shop: Keys,
    staging: Keys,
    other: Keys,
}

fn caches() -> &'static Caches {
    static CACHES: OnceLock<Caches> = OnceLock::new();
    let keys = |key, namespace| {
        let ring = KeyRing::new("a", [key; 32]).and("b", [3; 32]);
        Keys::derive(&ring, namespace).expect("keys")
    };
    CACHES.get_or_init(|| Caches {
        shop: keys(1, "shop"),
        staging: keys(1, "staging"),
        other: keys(2, "shop"),
    })
}

pub(super) fn shop() -> &'static Keys {
    &caches().shop
}

pub(super) fn sealer<'a>(entry: &'a str, keys: &'a Keys) -> Sealer<'a> {
    Sealer {
        entry,
        compression: Compression::None,
        encrypts: true,
        keys: Some(keys),
        longest: LONGEST,
    }
}

pub(super) fn encrypted(bytes: &[u8]) -> bool {
    // What the seeds have that was sealed with these keys, and nothing else.
    let record = record_of(ENCRYPTED, bytes);
    let opened = sealer(ENTRY, shop()).open(&record);
    if let Ok(payload) = &opened {
        assert_eq!(**payload, *SECRET, "a forgery");
    }
    if let Some(([what, at, with], payload)) = bytes.split_first_chunk::<3>() {
        is_bound(payload, *what, usize::from(*at), *with);
    }
    opened.is_ok()
}

/// What is sealed opens at its own place, and if it is changed or moved it does not.
fn is_bound(payload: &[u8], what: u8, at: usize, with: u8) {
    let sealed = sealed(payload);
    let (changed, entry, keys) = changed(&sealed, what, at, with);
    let is_same = changed == sealed && entry == ENTRY && std::ptr::eq(keys, shop());
    match Record::read(changed).map(|record| opened(&record, &entry, keys)) {
        Some(Ok(opened)) => assert!(is_same && opened == payload, "it was moved or changed"),
        Some(Err(_)) | None => assert!(!is_same, "it does not open at its own place"),
    }
}

pub(super) fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut record = record::value(Kind::Value, Codec::Json, SCHEMA);
    record.extend_from_slice(payload);
    sealer(ENTRY, shop()).seal(&mut record).expect("sealed");
    record
}

fn opened(record: &Record, entry: &str, keys: &Keys) -> Result<Vec<u8>, Unopened> {
    sealer(entry, keys).open(record).map(Cow::into_owned)
}

/// A sealed record, and where it is read: one of these is another one, unless nothing is changed.
fn changed(
    sealed: &[u8],
    what: u8,
    at: usize,
    with: u8,
) -> (Vec<u8>, Cow<'static, str>, &'static Keys) {
    let mut record = sealed.to_vec();
    let mut entry = Cow::Borrowed(ENTRY);
    let mut keys = shop();
    let of_payload = layout::HEADER + at % (record.len() - layout::HEADER);
    match what % 8 {
        0 => keys = &caches().staging,
        1 => keys = &caches().other,
        2 => entry = moved(at, with),
        // What a header says of the payload: its kind, codec, seal and schema.
        3 => {
            let fields = [layout::KIND, layout::CODEC, layout::SEAL];
            let of_schema = layout::SCHEMA;
            let at = fields.into_iter().chain(of_schema).nth(at % 11).unwrap_or(layout::KIND);
            record[at] ^= with;
        }
        4 => record.truncate(of_payload),
        5 => record.insert(of_payload, with),
        6 => drop(record.remove(of_payload)),
        _ => record[of_payload] ^= with,
    }
    (record, entry, keys)
}

/// Another entry, or this one.
fn moved(at: usize, with: u8) -> Cow<'static, str> {
    let mut entry: Vec<char> = ENTRY.chars().collect();
    let at = at % entry.len();
    entry[at] = char::from(with);
    Cow::Owned(entry.into_iter().collect())
}
