use std::path::{Path, PathBuf};
use std::{env, fs};

use super::{TARGETS, Target, encrypted, records};
use crate::payload::codec::samples::Order;
use crate::payload::codec::{Json, MessagePack, Postcard, ValueCodec};
use crate::record::HEADER;
use cached_redis_test_support::hunt::{Replay, damaged, seeds};
use fastrand::Rng;

fn folder(kind: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(name)
}

/// By their names, so that a seed is the same search everywhere.
fn files(kind: &str, name: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder(kind, name)).expect("files");
    let mut files: Vec<_> = files
        .map(|file| file.expect("a file"))
        .map(|file| {
            let name = file.file_name().into_string().expect("a name");
            (name, fs::read(file.path()).expect("bytes"))
        })
        .collect();
    files.sort_unstable();
    files
}

/// Payloads as today's code writes them, and URLs.
fn sound(name: &str) -> Vec<Vec<u8>> {
    fn written<C: ValueCodec>() -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        C::write(&Order::some(), &mut out).expect("written");
        vec![out]
    }
    let urls = ["redis://host", "valkey://user:p%40ss@[::1]:7000/6?protocol=resp2"]
        .into_iter()
        .chain(["unix:///run/redis.sock?db=6&user=user&pass=p%20a%2B", "redis://:pass@host/2"]);
    let packed = |seal: u8| {
        let records = records::sound().into_iter().filter(move |record| record[6] == seal);
        records.map(|record| record[usize::from(record[7]) * 8..].to_vec()).collect()
    };
    match name {
        "json" => written::<Json>(),
        "messagepack" => written::<MessagePack>(),
        "postcard" => written::<Postcard>(),
        "lz4" => packed(1),
        "zstd" => packed(2),
        "encrypted" => vec![encrypted::sealed(encrypted::SECRET)[HEADER..].to_vec()],
        "record" => records::sound(),
        _ => urls.map(|url| [b"\x09", url.as_bytes()].concat()).collect(),
    }
}

/// What earlier versions have written is an answer to this one. `UPDATE_SNAPSHOTS=1` writes what this one writes.
#[test]
fn what_is_sound_is_an_answer() {
    for Target { name, run, .. } in TARGETS {
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            for (number, bytes) in sound(name).iter().enumerate() {
                let path = folder("seeds", name).join(format!("sound-{number}"));
                fs::write(path, bytes).expect("written");
            }
        }
        let sound = files("seeds", name).into_iter().filter(|(file, _)| file.starts_with("sound"));
        let answers = sound.map(|(file, bytes)| assert!(run(&bytes), "{name}: {file}")).count();
        assert!(answers > 0, "{name}");
    }
}

/// What the fuzzer has found and starts from, on every machine: it runs on few.
#[test]
fn what_the_fuzzer_has_found_does_no_harm() {
    for Target { name, run, .. } in TARGETS {
        let all = files("seeds", name).into_iter().chain(files("corpus", name));
        for (_, bytes) in all {
            run(&bytes);
        }
    }
}

#[test]
fn what_is_near_to_it_does_no_harm() {
    for Target { name, run, .. } in TARGETS {
        let near = [files("seeds", name), files("corpus", name)].concat();
        for seed in seeds("CACHED_REDIS_CASES", 500) {
            let _replay = Replay(seed);
            let rng = &mut Rng::with_seed(seed);
            let (_, bytes) = near[rng.usize(..near.len())].clone();
            run(&damaged(bytes, rng));
        }
    }
}
