//! The same requests twice, without and with the cache, and what that did to the database.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use cached_redis::Cache;
use tower::ServiceExt;

use crate::catalog;
use crate::db::{Db, PRODUCTS};

/// How much to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Requests in each of the two rounds.
    pub requests: usize,
    /// How many are under way at a time.
    pub tasks: usize,
    /// When a round ends even if requests are left.
    pub limit: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self { requests: 10_000, tasks: 16, limit: Duration::from_secs(6) }
    }
}

impl Plan {
    /// From the command line; `None` if it makes no sense.
    pub fn parse(options: &[&str]) -> Option<Self> {
        let mut plan = Self::default();
        for option in options.chunks(2) {
            let [name, value] = option else { return None };
            let count: usize = value.parse().ok().filter(|count| *count > 0)?;
            match *name {
                "--requests" => plan.requests = count,
                "--tasks" => plan.tasks = count,
                "--seconds" => plan.limit = Duration::from_secs(count as u64),
                _ => return None,
            }
        }
        Some(plan)
    }
}

/// What visitors do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    /// Some of the products do not exist.
    Product(i64),
    Page {
        category: usize,
        page: u32,
    },
    Categories,
    Dashboard,
    Update(i64),
}

/// A row of the report: what the visits are called, and the cached function behind them.
const ROWS: [(&str, Option<&str>); 5] = [
    ("product", Some("shop:product")),
    ("product page", Some("shop:product_page")),
    ("categories", Some("shop:categories")),
    ("dashboard", Some("shop:dashboard")),
    ("update", None),
];

impl Visit {
    /// Few products are popular and most are not, as in any shop.
    fn random(random: &mut fastrand::Rng) -> Self {
        let popular =
            |random: &mut fastrand::Rng, below: f64| (random.f64().powi(6) * below) as i64;
        match random.u32(0..1000) {
            0..700 => Self::Product(1 + popular(random, PRODUCTS as f64)),
            700..750 => Self::Product(PRODUCTS + 1 + popular(random, 1000.0)),
            750..900 => Self::Page {
                category: popular(random, 40.0) as usize,
                page: 1 + popular(random, 10.0) as u32,
            },
            900..950 => Self::Categories,
            950..997 => Self::Dashboard,
            _ => Self::Update(1 + popular(random, PRODUCTS as f64)),
        }
    }

    fn row(self) -> usize {
        match self {
            Self::Product(_) => 0,
            Self::Page { .. } => 1,
            Self::Categories => 2,
            Self::Dashboard => 3,
            Self::Update(_) => 4,
        }
    }

    fn request(self, categories: &[String], cached: bool) -> Request<Body> {
        let (method, path) = match self {
            Self::Product(id) => (Method::GET, format!("/products/{id}")),
            Self::Page { category, page } => {
                let slug = &categories[category % categories.len()];
                (Method::GET, format!("/categories/{slug}/products?page={page}"))
            }
            Self::Categories => (Method::GET, "/categories".to_owned()),
            Self::Dashboard => (Method::GET, "/dashboard".to_owned()),
            Self::Update(id) => (Method::PUT, format!("/products/{id}")),
        };
        let body = match self {
            Self::Update(id) => format!(r#"{{"price_cents":{},"stock":{}}}"#, 100 + id, id % 50),
            _ => String::new(),
        };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        // Digits and slugs only: always a valid path.
        *request.uri_mut() = path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if !cached {
            headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
        }
        request
    }
}

/// One round: latencies of each row, and queries.
struct Round {
    latencies: [Vec<Duration>; ROWS.len()],
    failures: usize,
    queries: u64,
    time: Duration,
}

impl Round {
    fn requests(&self) -> usize {
        self.latencies.iter().map(Vec::len).sum()
    }
}

/// Both rounds, to be printed.
pub struct Report {
    plan: Plan,
    without: Round,
    with: Round,
    /// Hit rate by row, and overall.
    hit_rates: [Option<f64>; ROWS.len()],
    hit_rate: f64,
}

/// Runs both rounds. Fails if any request did.
pub async fn run(router: Router, db: &Db, cache: &Cache, plan: Plan) -> Result<Report, String> {
    let categories = catalog::categories(db).await.map_err(|e| e.to_string())?;
    let slugs: Arc<[String]> = categories.into_iter().map(|category| category.slug).collect();
    // Both rounds get the same visits, in the same order.
    let mut random = fastrand::Rng::with_seed(7);
    let visits: Arc<[Visit]> = (0..plan.requests).map(|_| Visit::random(&mut random)).collect();

    let without = round(&router, db, &visits, &slugs, plan, false).await;
    let with = round(&router, db, &visits, &slugs, plan, true).await;
    let failures = without.failures + with.failures;
    if failures > 0 {
        return Err(format!("{failures} requests failed"));
    }

    let stats = cache.stats().functions;
    let found = |name: &str| stats.iter().find(|function| function.name == name);
    let hit_rates = ROWS.map(|(_, function)| Some(found(function?)?.hit_rate()));
    let hits: u64 = stats.iter().map(|f| f.hits + f.negative_hits).sum();
    let misses: u64 = stats.iter().map(|f| f.misses).sum();
    let hit_rate = hits as f64 / (hits + misses).max(1) as f64;
    Ok(Report { plan, without, with, hit_rates, hit_rate })
}

async fn round(
    router: &Router,
    db: &Db,
    visits: &Arc<[Visit]>,
    slugs: &Arc<[String]>,
    plan: Plan,
    cached: bool,
) -> Round {
    let (queries, start) = (db.queries(), Instant::now());
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..plan.tasks {
        let (router, visits, slugs) = (router.clone(), Arc::clone(visits), Arc::clone(slugs));
        let next = Arc::clone(&next);
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            while start.elapsed() < plan.limit
                && let Some(visit) = visits.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let asked = Instant::now();
                let fine = answered(&router, visit.request(&slugs, cached)).await;
                answers.push((visit.row(), asked.elapsed(), fine));
            }
            answers
        }));
    }
    let mut latencies: [Vec<Duration>; ROWS.len()] = Default::default();
    let mut failures = 0;
    for task in tasks {
        match task.await {
            Ok(answers) => {
                for (row, time, fine) in answers {
                    latencies[row].push(time);
                    failures += usize::from(!fine);
                }
            }
            Err(_) => failures += 1,
        }
    }
    latencies.iter_mut().for_each(|times| times.sort_unstable());
    Round { latencies, failures, queries: db.queries() - queries, time: start.elapsed() }
}

/// Whether the shop answered, with the whole body; a product that does not exist is an answer.
async fn answered(router: &Router, request: Request<Body>) -> bool {
    let Ok(response) = router.clone().oneshot(request).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await;
    body.is_ok() && (status.is_success() || status == StatusCode::NOT_FOUND)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, without, with, .. } = self;
        let percent =
            |rate: Option<f64>| rate.map_or("-".to_owned(), |r| format!("{:.1} %", r * 100.0));
        writeln!(
            f,
            "{} requests by {} tasks at a time, without the cache and with it\n",
            plan.requests, plan.tasks
        )?;
        let mut line = |cells: [&str; 7]| {
            let [name, count, rate, a, b, c, d] = cells;
            writeln!(f, "{name:<18}{count:>10}{rate:>10}{a:>12}{b:>11}{c:>12}{d:>11}")
        };
        line(["", "", "", "without", "", "with", ""])?;
        line(["", "requests", "hits", "p50", "p99", "p50", "p99"])?;
        for (row, (name, _)) in ROWS.into_iter().enumerate() {
            let (a, b) = (&without.latencies[row], &with.latencies[row]);
            line([
                name,
                &b.len().to_string(),
                &percent(self.hit_rates[row]),
                &millis(quantile(a, 0.5)),
                &millis(quantile(a, 0.99)),
                &millis(quantile(b, 0.5)),
                &millis(quantile(b, 0.99)),
            ])?;
        }
        let number = |round: &Round| round.requests().to_string();
        line(["requests done", "", "", &number(without), "", &number(with), ""])?;
        let queries = [without, with].map(|round| round.queries.to_string());
        let rate = percent(Some(self.hit_rate));
        line(["database queries", "", &rate, &queries[0], "", &queries[1], ""])?;
        let times = [without, with].map(|round| format!("{:.2} s", round.time.as_secs_f64()));
        line(["time", "", "", &times[0], "", &times[1], ""])?;
        // By request, as a round may have been cut short.
        let per_request = |round: &Round| round.queries as f64 / round.requests().max(1) as f64;
        let saved = 1.0 - per_request(with) / per_request(without);
        write!(
            f,
            "\nThe cache kept {} of the queries away from the database.",
            percent(Some(saved))
        )
    }
}

/// Of sorted times.
fn quantile(times: &[Duration], share: f64) -> Option<Duration> {
    times.get(((times.len() as f64 * share) as usize).min(times.len().checked_sub(1)?)).copied()
}

fn millis(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{:.3} ms", time.as_secs_f64() * 1000.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let plan = Plan::parse(&["--tasks", "3", "--seconds", "1"]).unwrap();
        assert_eq!((plan.requests, plan.tasks, plan.limit.as_secs()), (10_000, 3, 1));
        for wrong in [&["--tasks", "0"][..], &["--tasks"], &["--task", "1"], &["--tasks", "x"]] {
            assert!(Plan::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn quantiles_are_of_the_times_there_are() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 0.5), Some(Duration::from_millis(51)));
        assert_eq!(quantile(&times, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[tokio::test]
    async fn the_second_round_reaches_the_database_less() {
        let file = std::env::temp_dir().join(format!("storefront-test-{}.db", std::process::id()));
        let (db, _) = Db::open(&file).await.unwrap();
        let cache = Cache::memory();
        // The requests run in tasks of their own, which a `scope` would not reach.
        cache.install().unwrap();
        let plan = Plan { requests: 500, ..Plan::default() };
        let report = run(crate::web::router(db.clone()), &db, &cache, plan).await.unwrap();
        db.close().await;
        std::fs::remove_file(&file).unwrap();
        assert_eq!((report.without.requests(), report.without.queries), (500, 500));
        assert_eq!(report.with.requests(), 500);
        assert!(report.with.queries < 400, "{report}");
        assert!(report.hit_rate > 0.2, "{report}");
    }
}
