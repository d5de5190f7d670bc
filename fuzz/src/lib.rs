//! The targets of the fuzzer, with their memory counted. What must hold is in the runtime: `src/fuzzing.rs`.

use cached_redis_runtime::fuzzing::TARGETS;

/// Runs a target, and panics if it has held more memory at a time than it may.
///
/// # Panics
///
/// If a property does not hold.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let counted = allocation_counter::measure(|| {
        (target.run)(bytes);
    });
    let most = target.most_memory(bytes.len());
    assert!(
        counted.bytes_max <= most as u64,
        "{} bytes of memory at a time for {} of input, where {most} are allowed",
        counted.bytes_max,
        bytes.len()
    );
}
