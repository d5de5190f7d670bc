//! A small shop: axum, SQLite, and `cached_redis` in front.
//!
//! `catalog` is the file to read: ordinary repository functions with one attribute each.

pub mod catalog;
pub mod db;
pub mod load;
pub mod outbox;
pub mod stock;
pub mod web;
