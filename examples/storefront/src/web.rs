//! Routes and handlers. Nothing here knows of the cache but one middleware.

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cached_redis::Cache;
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Category, Dashboard, NewProduct, Product, ProductChange};
use crate::db::Db;
use crate::outbox;

/// The whole shop.
pub fn router(db: Db) -> Router {
    Router::new()
        .route("/products", axum::routing::post(add))
        .route("/products/{id}", get(show).put(update))
        .route("/categories", get(categories))
        .route("/categories/{slug}/products", get(list))
        .route("/categories/{slug}/discount", axum::routing::post(discount))
        .route("/dashboard", get(dashboard))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn(no_cache))
        .with_state(db)
}

/// `Cache-Control: no-cache` is obeyed: whatever the request calls is neither read from the cache nor stored.
async fn no_cache(request: Request, next: Next) -> Response {
    if asks_for_no_cache(request.headers()) {
        cached_redis::bypass(next.run(request)).await
    } else {
        next.run(request).await
    }
}

fn asks_for_no_cache(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|word| word.trim().eq_ignore_ascii_case("no-cache"))
}

async fn show(State(db): State<Db>, Path(id): Path<i64>) -> Result<Json<Product>, Failure> {
    catalog::product(&db, id).await?.map(Json).ok_or(Failure::NotFound)
}

/// The body of a `PUT`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Update {
    /// The product's price from now on.
    pub price_cents: i64,
    /// How many there are now.
    pub stock: i64,
}

async fn update(
    State(db): State<Db>,
    Path(id): Path<i64>,
    Json(Update { price_cents, stock }): Json<Update>,
) -> Result<StatusCode, Failure> {
    let found = catalog::update_product(&db, ProductChange { id, price_cents, stock }).await?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::NotFound) }
}

async fn add(
    State(db): State<Db>,
    Json(new): Json<NewProduct>,
) -> Result<(StatusCode, Json<Product>), Failure> {
    Ok((StatusCode::CREATED, Json(catalog::add_product(&db, new).await?)))
}

async fn categories(State(db): State<Db>) -> Result<Json<Vec<Category>>, Failure> {
    Ok(Json(catalog::categories(&db).await?))
}

#[derive(Deserialize)]
struct Pages {
    #[serde(default = "first")]
    page: u32,
}

fn first() -> u32 {
    1
}

async fn list(
    State(db): State<Db>,
    Path(slug): Path<String>,
    Query(Pages { page }): Query<Pages>,
) -> Result<Json<Vec<Product>>, Failure> {
    Ok(Json(catalog::product_page(&db, &slug, page).await?))
}

/// The body of a discount.
#[derive(Debug, Deserialize)]
struct Discount {
    percent: u8,
}

async fn discount(
    State(db): State<Db>,
    Path(slug): Path<String>,
    Json(Discount { percent }): Json<Discount>,
) -> Result<Json<u64>, Failure> {
    match catalog::discount(&db, &slug, percent.min(100)).await {
        Ok(0) => Err(Failure::NotFound),
        Ok(products) => Ok(Json(products)),
        Err(outbox::Failure::Database(error)) => Err(error.into()),
        Err(error @ outbox::Failure::Row(_)) => {
            eprintln!("{error}");
            Err(Failure::Internal)
        }
    }
}

async fn dashboard(State(db): State<Db>) -> Result<Json<Dashboard>, Failure> {
    Ok(Json(catalog::dashboard(&db).await?))
}

/// For Prometheus.
async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], Cache::current().prometheus())
}

enum Failure {
    NotFound,
    Internal,
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            // A negative price, an unknown category: the database checks them.
            Self::Database(sqlx::Error::Database(error))
                if error.is_check_violation() || error.is_foreign_key_violation() =>
            {
                (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response()
            }
            Self::Database(error) => {
                eprintln!("database: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
