//! What an annotated function costs to compile, and to carry in the program, against the same function
//! with its cache written by hand.
//!
//! `cargo bench --bench compile_cost [-- [--quick] [--most-kib KIB]]`. It generates programs in `target/compile-cost` with
//! 10 and 60 functions, each with a return type of its own as in real programs: types shared by all would
//! hide what is generated for each. Costs are those of one function: the difference between the two
//! programs, divided by 50, so that what a program pays once falls out. `--quick` builds for release only, once.
//! `--most-kib` makes it fail if an annotated function takes more of a release build than that.
//!
//! CPU time is that of this process's children, which the system counts in hundredths of a second; it is the
//! least of several builds, for other programs only add to it. Sizes do not depend on what else the machine does.

#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

const FEW: usize = 10;
const MANY: usize = 60;
/// Builds of which the fastest counts.
const ROUNDS: usize = 3;

/// What is compared.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    /// No cache: what every function costs anyway.
    Plain,
    ByHand,
    Annotated,
}

impl Variant {
    const ALL: [Self; 3] = [Self::Plain, Self::ByHand, Self::Annotated];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ByHand => "by-hand",
            Self::Annotated => "annotated",
        }
    }

    /// A function that loads item `n`.
    fn function(self, n: usize) -> String {
        let signature =
            format!("async fn item_{n}(db: &Db, id: u64) -> Result<Option<Item{n}>, DbError>");
        let body = format!(
            "    let row = db.row(\"items_{n}\", id).await?;
    Ok(row.map(|row| Item{n} {{ id: row.id, name: row.name, cents: row.cents, tags: row.tags }}))"
        );
        match self {
            Self::Plain => format!("{signature} {{\n{body}\n}}\n"),
            Self::ByHand => format!(
                "{signature} {{
    let key = format!(\"bench:item_{n}:{{id}}\");
    let mut redis = db.redis.clone();
    if let Ok(Some(bytes)) = redis.get::<_, Option<Vec<u8>>>(&key).await
        && let Ok(item) = serde_json::from_slice(&bytes)
    {{
        return Ok(item);
    }}
    let item = async {{
{body}
    }}
    .await?;
    if let Ok(bytes) = serde_json::to_vec(&item) {{
        let _ = redis.set_ex::<_, _, ()>(&key, bytes, 600).await;
    }}
    Ok(item)
}}
"
            ),
            Self::Annotated => format!(
                "#[cached_redis::redis_cached(ttl = 600, prefix = \"bench\", skip(db))]
{signature} {{\n{body}\n}}\n"
            ),
        }
    }

    /// A program with so many functions, all of which are called. In all variants it knows the same crates.
    fn program(self, functions: usize) -> String {
        let mut code = PRELUDE.to_owned();
        for n in 0..functions {
            let _ = write!(
                code,
                "
#[derive(Serialize, Deserialize)]
struct Item{n} {{
    id: u64,
    name: String,
    cents: u64,
    tags: Vec<String>,
}}

{}",
                self.function(n)
            );
        }
        code.push_str("\nasync fn all(db: Db, id: u64) -> usize {\n    let mut found = 0;\n");
        for n in 0..functions {
            // All fields are read: what nobody reads could be left out.
            let _ = writeln!(
                code,
                "    if let Ok(Some(item)) = item_{n}(&db, id).await {{ found += item.name.len() + item.tags.len() \
                 + usize::from(item.id == item.cents); }}"
            );
        }
        code.push_str("    found\n}\n");
        code
    }
}

/// A database that the optimizer cannot see through.
const PRELUDE: &str = "\
//! Generated.
#![allow(unused_imports)]

use cached_redis::redis::{AsyncCommands, Client, aio::MultiplexedConnection};
use serde::{Deserialize, Serialize};

struct Db {
    redis: MultiplexedConnection,
}

struct Row {
    id: u64,
    name: String,
    cents: u64,
    tags: Vec<String>,
}

#[derive(Debug)]
struct DbError;

impl Db {
    #[inline(never)]
    async fn row(&self, table: &str, id: u64) -> Result<Option<Row>, DbError> {
        tokio::task::yield_now().await;
        if table.is_empty() {
            return Err(DbError);
        }
        Ok((id != 0).then(|| Row { id, name: table.to_owned(), cents: 100 * id, tags: vec![table.to_owned()] }))
    }
}

#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let redis = Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    // A task of its own, as most servers give it to a request: its future must be `Send`.
    println!(\"{}\", tokio::spawn(all(Db { redis }, 1)).await.unwrap());
}
";

/// How a program is compiled.
#[derive(Clone, Copy)]
enum Build {
    Release,
    Check,
    Dev,
}

impl Build {
    fn label(self) -> &'static str {
        match self {
            Self::Release => "release build, ms of CPU",
            Self::Check => "check, ms of CPU",
            Self::Dev => "dev build, ms of CPU",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Release => &["build", "--release"],
            Self::Check => &["check"],
            Self::Dev => &["build"],
        }
    }
}

/// A generated package.
struct Package {
    name: String,
    folder: PathBuf,
    target: PathBuf,
}

impl Package {
    fn generate(root: &Path, variant: Variant, functions: usize) -> Self {
        let name = format!("{}-{functions}", variant.name());
        let all = root.join("target/compile-cost");
        let folder = all.join(&name);
        fs::create_dir_all(folder.join("src")).expect("target/ can be written");
        let manifest = format!(
            "[workspace]

[package]
name = {name:?}
version = \"0.0.0\"
edition = \"2024\"

[dependencies]
cached-redis = {{ path = {root:?} }}
serde = {{ version = \"1\", features = [\"derive\"] }}
serde_json = \"1\"
tokio = {{ version = \"1\", features = [\"full\"] }}

[profile.release]
strip = true
"
        );
        write(&folder.join("Cargo.toml"), &manifest);
        write(&folder.join("src/main.rs"), &variant.program(functions));
        // The versions that everything else here is built with.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
        Self { name, folder, target: all.join("target") }
    }

    fn build(&self, build: Build) {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(build.arguments())
            .arg("--offline")
            .current_dir(&self.folder)
            // One for all, so that dependencies are built once.
            .env("CARGO_TARGET_DIR", &self.target)
            // Of an unchanged program it would build nothing.
            .env("CARGO_INCREMENTAL", "0")
            .output()
            .expect("cargo");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} cannot be built:\n{errors}", self.name);
    }

    /// CPU time of compiling this package alone, in milliseconds. Its dependencies must have been built.
    fn cost(&self, build: Build) -> f64 {
        let main = self.folder.join("src/main.rs");
        let code = fs::read_to_string(&main).expect("just written");
        fs::write(&main, code).expect("target/ can be written");
        let before = children_cpu_time();
        self.build(build);
        1000.0 * (children_cpu_time() - before)
    }

    fn size(&self) -> f64 {
        let program = self.target.join("release").join(&self.name);
        fs::metadata(program).expect("just built").len() as f64
    }
}

/// Leaves files alone that are as they should be: cargo goes by their time.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).expect("target/ can be written");
    }
}

/// Seconds that ended children of this process, and theirs, have spent on a CPU; not a number where there
/// is no `/proc`.
fn children_cpu_time() -> f64 {
    let seconds = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field, the name, may contain anything, also blanks.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        // USER_HZ is 100 on every Linux that Rust runs on.
        Some((ticks()? + ticks()?) / 100.0)
    };
    seconds().unwrap_or(f64::NAN)
}

/// What one function costs in each variant.
#[derive(Clone, Copy)]
struct Costs([f64; 3]);

impl Costs {
    /// `measure` is given a variant and whether its program is the one with many functions.
    fn of(measure: impl Fn(usize, usize) -> f64) -> Self {
        Self(
            [0, 1, 2]
                .map(|variant| (measure(variant, 1) - measure(variant, 0)) / (MANY - FEW) as f64),
        )
    }

    /// Without what the function costs anyway.
    fn net(self) -> (f64, f64) {
        let [plain, by_hand, annotated] = self.0;
        (by_hand - plain, annotated - plain)
    }

    fn print(self, label: &str) {
        let [plain, by_hand, annotated] = self.0;
        let (hand, ours) = self.net();
        println!(
            "{label:<26} | {plain:>7.1} {by_hand:>7.1} {annotated:>9.1} | {hand:>7.1} {ours:>9.1} | {:>5.2}",
            ours / hand
        );
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let most = arguments.iter().position(|argument| argument == "--most-kib").map(|at| {
        let bound = arguments.get(at + 1).and_then(|bound| bound.parse::<f64>().ok());
        bound.expect("--most-kib takes a number")
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages =
        Variant::ALL.map(|variant| [FEW, MANY].map(|n| Package::generate(root, variant, n)));
    // `cargo test --benches` does not say `--bench`; it only wants to see that this runs.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("generated; `cargo bench` builds them");
        return ExitCode::SUCCESS;
    }
    let (builds, rounds): (&[Build], _) = if quick {
        (&[Build::Release], 1)
    } else {
        (&[Build::Release, Build::Check, Build::Dev], ROUNDS)
    };
    println!(
        "{:<26} | {:>7} {:>7} {:>9} | {:>17} | {:>5}",
        "a function costs", "plain", "by hand", "annotated", "both without plain", "ratio"
    );
    for &build in builds {
        // Not measured: this builds the dependencies.
        packages[0][0].build(build);
        let mut least = [[f64::INFINITY; 2]; 3];
        for _ in 0..rounds {
            for (packages, least) in packages.iter().zip(&mut least) {
                for (package, least) in packages.iter().zip(least) {
                    *least = package.cost(build).min(*least);
                }
            }
        }
        Costs::of(|variant, n| least[variant][n]).print(build.label());
    }
    let sizes = Costs::of(|variant, n| packages[variant][n].size() / 1024.0);
    sizes.print("release program, KiB");
    let (_, annotated) = sizes.net();
    if let Some(most) = most
        && annotated > most
    {
        eprintln!(
            "an annotated function takes {annotated:.1} KiB of a release build, more than {most}"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
