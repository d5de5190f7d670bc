use super::{Bounded, Refused, read, write};
use crate::depth::tests::Deep;

fn refused(value: &Deep) -> Option<Refused> {
    write(value, false, |value| serde_json::to_vec(value).is_ok()).err()
}

#[test]
fn what_is_too_deep_is_refused_on_both_ways() {
    for depth in 100..300 {
        for deep in Deep::all(depth) {
            let json = serde_json::to_vec(&deep).expect("JSON");
            let mut unbounded = serde_json::Deserializer::from_slice(&json);
            let is_read = read::<Deep, _>(&mut unbounded, json.len()).is_ok();
            let is_written = refused(&deep).is_none();
            assert!(is_read || !is_written, "{deep}, {depth} deep: written, and not read");
            assert!(is_written || depth > 120, "{deep}, {depth} deep");
        }
    }
    for deep in Deep::all(5_000) {
        assert_eq!(refused(&deep), Some(Refused::TooDeep), "{deep}");
    }
    let json = "[".repeat(100_000);
    let mut unbounded = serde_json::Deserializer::from_str(&json);
    assert!(read::<serde_json::Value, _>(&mut unbounded, json.len()).is_err());
}

#[test]
fn a_list_without_end_is_refused() {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, SeqDeserializer};
    let endless = std::iter::repeat_n((), 1 << 40);
    let endless = SeqDeserializer::<_, Error>::new(endless.map(|()| ().into_deserializer()));
    assert!(read::<Vec<()>, _>(endless, 10).is_err());
    let long = std::iter::repeat_n((), 1_000_000);
    let long = SeqDeserializer::<_, Error>::new(long.map(|()| ().into_deserializer()));
    assert!(read::<Vec<()>, _>(long, 10).is_ok());
}

#[test]
fn what_is_bounded_is_written_and_read_as_it_is() {
    // Of its last kind, JSON loses all but the innermost.
    for deep in Deep::all(20).into_iter().take(6) {
        let mut written = Vec::new();
        let write = write(&deep, false, |value| serde_json::to_writer(&mut written, value).is_ok());
        assert_eq!(write, Ok(()));
        assert_eq!(written, serde_json::to_vec(&deep).expect("JSON"));
        let Bounded(again) = serde_json::from_slice::<Bounded<Deep>>(&written).expect("JSON");
        assert_eq!(again, deep);
    }
}

#[test]
fn what_would_come_back_as_none_is_refused() {
    use std::collections::BTreeMap;
    #[derive(serde::Serialize)]
    struct New(Option<u8>);
    fn refused<T: serde::Serialize>(value: &T) -> bool {
        write(value, true, |value| serde_json::to_vec(value).is_ok()) == Err(Refused::SomeNull)
    }
    assert!(refused(&Some(None::<u8>)) && refused(&Some(())) && refused(&vec![Some(New(None))]));
    assert!(!refused(&Some(vec![None::<u8>])) && !refused(&Some(1)) && !refused(&Some("null")));
    assert!(!refused(&Some((1, None::<u8>))) && !refused(&None::<Option<u8>>));
    assert!(!refused(&Some(BTreeMap::from([(1, None::<u8>)]))) && !refused(&Some(f64::NAN)));
}
