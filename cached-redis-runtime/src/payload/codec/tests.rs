use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use cached_redis_test_support::hunt::{Replay, damaged, seeds};
use fastrand::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::samples::{Order, State};
use super::{Json, MessagePack, Postcard, Refused, ValueCodec};
use crate::depth::tests::Deep;

fn written<C: ValueCodec, T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert_eq!(C::write(value, &mut bytes), Ok(()));
    bytes
}

fn reads_back<C: ValueCodec, T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    assert_eq!(C::read::<T>(&written::<C, T>(value)).as_ref(), Ok(value));
}

fn carries_what_people_write<C: ValueCodec>() {
    Order::some().iter().for_each(reads_back::<C, Order>);
    reads_back::<C, _>(&Order::some());
    reads_back::<C, _>(&HashMap::from([(1_u8, "x".to_owned()), (2, String::new())]));
    reads_back::<C, _>(&(None::<u8>, Some(1_u8), (), "é𝄞".to_owned()));
    reads_back::<C, _>(&vec![None, Some(1.5_f32)]);
    for deep in Deep::all(100).into_iter().take(6) {
        reads_back::<C, _>(&deep);
    }
}

#[test]
fn each_codec_carries_what_people_write() {
    carries_what_people_write::<Json>();
    carries_what_people_write::<MessagePack>();
    carries_what_people_write::<Postcard>();
}

#[test]
fn a_some_that_would_be_read_as_none_is_refused_or_carried() {
    let mut out = Vec::new();
    assert_eq!(Json::write(&Some(None::<u8>), &mut out), Err(Refused::SomeNull));
    assert_eq!(MessagePack::write(&Some(None::<u8>), &mut out), Err(Refused::SomeNull));
    assert_eq!(MessagePack::write(&vec![Some(())], &mut out), Err(Refused::SomeNull));
    reads_back::<Postcard, _>(&vec![None, Some(None), Some(Some(1_u8))]);
    reads_back::<Postcard, _>(&vec![None, Some(())]);
}

#[test]
fn message_pack_is_read_by_names() {
    #[derive(Serialize)]
    struct Before {
        gone: u8,
        id: u64,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct After {
        id: u64,
        #[serde(default)]
        new: Option<u8>,
    }
    let bytes = written::<MessagePack, _>(&Before { gone: 1, id: 7 });
    assert_eq!(MessagePack::read::<After>(&bytes), Ok(After { id: 7, new: None }));
}

fn what_follows_a_value_makes_it_unreadable<C: ValueCodec>() {
    let mut bytes = written::<C, _>(&Order::some());
    bytes.push(b'1');
    assert!(C::read::<Vec<Order>>(&bytes).is_err());
}

#[test]
fn a_payload_is_one_value_and_nothing_else() {
    what_follows_a_value_makes_it_unreadable::<Json>();
    what_follows_a_value_makes_it_unreadable::<MessagePack>();
    what_follows_a_value_makes_it_unreadable::<Postcard>();
}

fn too_deep_is_an_error_on_both_ways<C: ValueCodec>() {
    for deep in Deep::all(5_000) {
        assert_eq!(C::write(&deep, &mut Vec::new()), Err(Refused::TooDeep), "{deep}");
    }
}

/// Lists in lists, as the formats write them.
#[test]
fn what_is_too_deep_overflows_no_stack() {
    too_deep_is_an_error_on_both_ways::<Json>();
    too_deep_is_an_error_on_both_ways::<MessagePack>();
    too_deep_is_an_error_on_both_ways::<Postcard>();

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Lists(Vec<Lists>);
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "never made")]
    struct Options(Option<Box<Options>>);
    for length in [1_000, 1_000_000] {
        let all_ones = vec![1; length];
        assert!(Json::read::<Lists>(&vec![b'['; length]).is_err());
        assert!(MessagePack::read::<Lists>(&vec![0x91; length]).is_err());
        assert!(Postcard::read::<Lists>(&all_ones).is_err());
        assert!(Postcard::read::<Options>(&all_ones).is_err());
        assert!(Postcard::read::<Deep>(&all_ones).is_err());
        assert!(MessagePack::read::<serde_json::Value>(&vec![0x91; length]).is_err());
        // Extensions in extensions, which no type asks for.
        assert!(MessagePack::read::<serde_json::Value>(&vec![0xc7; length]).is_err());
    }
}

#[test]
fn a_length_that_is_a_lie_takes_neither_memory_nor_time() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(Postcard::read::<Vec<u64>>(&huge).is_err());
    assert!(Postcard::read::<String>(&huge).is_err());
    assert!(Postcard::read::<Vec<()>>(&huge).is_err(), "elements without bytes");
    assert!(Postcard::read::<BTreeMap<u8, ()>>(&huge).is_err());
    for marker in [0xdd, 0xdf, 0xdb, 0xc6] {
        let lie = [marker, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert!(MessagePack::read::<Vec<u64>>(&lie).is_err());
        assert!(MessagePack::read::<String>(&lie).is_err());
        assert!(MessagePack::read::<Vec<()>>(&lie).is_err());
        assert!(MessagePack::read::<BTreeMap<u8, u8>>(&lie).is_err());
        assert!(MessagePack::read::<serde_json::Value>(&lie).is_err());
    }
}

fn survives<C: ValueCodec>(rng: &mut Rng) {
    let sound = written::<C, _>(&Order::some());
    let bytes = damaged(sound.clone(), rng);
    if let Ok(orders) = C::read::<Vec<Order>>(&bytes) {
        // It may mean something else; what it means can be written again.
        let _ = C::write(&orders, &mut Vec::new());
    }
    let length = rng.usize(..200);
    let rubbish: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
    let _ = C::read::<Vec<Order>>(&rubbish);
    let _ = C::read::<Deep>(&rubbish);
    let _ = C::read::<BTreeMap<String, Vec<Option<State>>>>(&rubbish);
}

#[test]
fn rubbish_is_an_error_and_never_a_panic() {
    for seed in seeds("CACHED_REDIS_CASES", 2_000) {
        let _replay = Replay(seed);
        let rng = &mut Rng::with_seed(seed);
        survives::<Json>(rng);
        survives::<MessagePack>(rng);
        survives::<Postcard>(rng);
    }
}
