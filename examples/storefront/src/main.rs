//! `cargo run -p storefront` serves the shop; `cargo run -p storefront -- load` measures it.
//!
//! `REDIS_URL` names the Redis to cache in; without it the cache is in this process. `PORT` is 3000 by default.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cached_redis::Cache;
use storefront::db::Db;
use storefront::load::{self, Plan};
use storefront::outbox::Outbox;
use storefront::{catalog, web};

const USAGE: &str = "\
storefront                 serve on 127.0.0.1:$PORT (3000)
storefront load [options]  the same requests without and with the cache
    --requests <count>     10000
    --tasks <count>        16
    --seconds <count>      6, the most that either of the two rounds may take
REDIS_URL=redis://…        cache in this Redis instead of in the process";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve().await,
        ["load", ref options @ ..] => match Plan::parse(options) {
            Some(plan) => measure(plan).await,
            None => Err(USAGE.into()),
        },
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let cache = install_cache().await?;
    let db = open("storefront.db").await?.0;
    let left = Outbox::deliver(&db).await?;
    if left > 0 {
        println!("outbox: {left} invalidations wait for Redis");
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/products/7", listener.local_addr()?);
    axum::serve(listener, web::router(db)).with_graceful_shutdown(asked_to_stop()).await?;
    // What is being loaded behind answers is stored, for whoever comes next.
    let _ = tokio::time::timeout(Duration::from_secs(5), cache.shutdown()).await;
    Ok(())
}

async fn asked_to_stop() {
    // Without signals there is nothing to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

async fn measure(plan: Plan) -> Result<(), Box<dyn Error>> {
    let cache = install_cache().await?;
    let (db, file) = open(&format!("storefront-load-{}.db", std::process::id())).await?;
    let measured = load::run(web::router(db.clone()), &db, &cache, plan).await;
    db.close().await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
    println!("{}", measured?);
    Ok(())
}

/// The one place that decides what is cached where.
async fn install_cache() -> Result<Cache, Box<dyn Error>> {
    let cache = match std::env::var("REDIS_URL") {
        Ok(url) => Cache::builder().url(&url).namespace("storefront").build()?,
        Err(_) => Cache::memory(),
    };
    cache.install()?;
    match (cache.memory_store(), cache.health().await.ping) {
        (Some(_), _) => println!("cache: in this process, as REDIS_URL is not set"),
        (None, Ok(time)) => println!("cache: Redis, which answers in {time:.0?}"),
        // Not fatal: the shop works without, and caches as soon as Redis is there.
        (None, Err(error)) => println!("cache: Redis, which is away ({error})"),
    }
    Ok(cache)
}

async fn open(name: &str) -> Result<(Db, PathBuf), Box<dyn Error>> {
    let file = std::env::temp_dir().join(name);
    let (db, new) = Db::open(&file).await?;
    // Redis may remember another catalogue, from before. A Redis that is away is told as soon as it is back.
    if new && let Err(error) = catalog::forget_everything().await {
        println!("cache: not emptied yet ({error})");
    }
    Ok((db, file))
}
