//! The steps that must be atomic, as Lua. Each touches one key, or one and its fence, and may be
//! executed twice.
//!
//! Times are in milliseconds of the server's clock, which decides how fresh a value is and never whether it may
//! be stored.

mod constants;

use std::sync::LazyLock;

use crate::lease::Intent;
use constants::Constants;

/// The answers of ACQUIRE.
pub(super) const GRANT: i64 = 1;
pub(super) const GRANT_OVER_SEEN: i64 = 2;
pub(super) const WAIT: i64 = 3;
pub(super) const HIT: i64 = 4;
pub(super) const NO_STORE: i64 = 5;
pub(super) const NOTHING: i64 = 6;

/// What ACQUIRE is asked for.
pub(super) fn name_of(intent: Intent) -> &'static str {
    match intent {
        Intent::Read => "read",
        Intent::Replace(_) => "replace",
        Intent::Reload => "reload",
        Intent::Refresh => "refresh",
        Intent::Write => "write",
    }
}

/// The text of a file beside this one.
macro_rules! lua {
    ($name:literal) => {
        include_str!(concat!("scripts/", $name, ".lua"))
    };
}

const HEADER: &str = lua!("parts/header");
const CLOCK: &str = lua!("parts/clock");
const OUTLIVE: &str = lua!("parts/outlive");
const REMOVE_GENERATION: &str = lua!("parts/remove_generation");
const FENCES: &str = lua!("parts/fences");

/// A script with the digest by which a server knows it.
pub(super) struct Script {
    pub(super) code: String,
    pub(super) digest: String,
}

impl Script {
    fn new(constants: &Constants, parts: &[&str]) -> Self {
        let code: String = parts.iter().map(|part| constants.fill_in(part)).collect();
        Self { digest: redis::Script::new(&code).get_hash().to_owned(), code }
    }
}

/// All scripts, hashed once per process.
pub(super) struct Scripts {
    pub(super) acquire: Script,
    pub(super) fill: Script,
    pub(super) keep: Script,
    pub(super) renew: Script,
    pub(super) release: Script,
    pub(super) touch: Script,
    pub(super) mark_stale: Script,
    pub(super) generation: Script,
    pub(super) look_up: Script,
    pub(super) invalidate: Script,
    pub(super) hold: Script,
    pub(super) lift: Script,
}

impl Scripts {
    pub(super) fn get() -> &'static Self {
        static SCRIPTS: LazyLock<Scripts> = LazyLock::new(Scripts::new);
        &SCRIPTS
    }

    fn new() -> Self {
        let constants = Constants::new();
        let script = |parts: &[&str]| Script::new(&constants, parts);
        Self {
            acquire: script(&[HEADER, CLOCK, OUTLIVE, lua!("acquire")]),
            fill: script(&[HEADER, CLOCK, lua!("fill")]),
            keep: script(&[HEADER, CLOCK, lua!("keep")]),
            renew: script(&[HEADER, CLOCK, OUTLIVE, lua!("renew")]),
            release: script(&[HEADER, CLOCK, lua!("release")]),
            touch: script(&[HEADER, CLOCK, lua!("touch")]),
            mark_stale: script(&[HEADER, lua!("mark_stale")]),
            generation: script(&[CLOCK, lua!("generation")]),
            look_up: script(&[lua!("look_up")]),
            invalidate: script(&[REMOVE_GENERATION, lua!("invalidate")]),
            hold: script(&[CLOCK, REMOVE_GENERATION, FENCES, lua!("hold")]),
            lift: script(&[CLOCK, REMOVE_GENERATION, FENCES, lua!("lift")]),
        }
    }

    fn all(&self) -> [&Script; 12] {
        [
            &self.acquire,
            &self.fill,
            &self.keep,
            &self.renew,
            &self.release,
            &self.touch,
            &self.mark_stale,
            &self.generation,
            &self.look_up,
            &self.invalidate,
            &self.hold,
            &self.lift,
        ]
    }

    /// Commands that make the scripts known to a server, so that the first miss on a new
    /// connection takes no longer than the others.
    pub(super) fn load(&self) -> redis::Pipeline {
        let mut pipeline = redis::pipe();
        for script in self.all() {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(&script.code).ignore();
        }
        pipeline
    }
}
